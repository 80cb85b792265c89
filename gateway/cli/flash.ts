import { Command } from "commander";
import { toHex } from "../../firmware/core/wire/bytes";
import { textOf } from "../../firmware/store/names";
import { lengthOf, readValue } from "../../firmware/store/places";
import { keysIn } from "../../firmware/store/table";
import { inspectImage } from "../participant/flash-image";
import type { Inspected } from "../participant/inspect";
import { print, printJson, printTable } from "./output";

interface Options {
  readonly json?: true;
}

export function flashCommand(): Command {
  return new Command("flash")
    .description("what the flash of a board holds, or a gateway's store/journal: it is read, and never changed")
    .addCommand(of("inspect", "show its sectors, its wear, and its records by kind", show))
    .addCommand(of("check", "read all of it, and fail where something that was committed can't be read", check))
    .addCommand(of("export", "print every record, a line each: its key, and its value in hex", exportAll));
}

function of(name: string, what: string, act: (image: Inspected, options: Options, file: string) => void): Command {
  return new Command(name)
    .description(what)
    .argument("<file>", "the image of a flash")
    .option("--json", "print JSON")
    .action((file: string, options: Options) => act(inspectImage(file), options, file));
}

interface Kind {
  readonly name: string;
  readonly records: number;
  readonly bytes: number;
}

function show(image: Inspected, options: Options): void {
  const { prepared, sectors, log, room } = image;
  const erases = sectors.filter(({ state }) => state !== "retired").map((sector) => sector.erases);
  const counts = (state: string) => sectors.filter((sector) => sector.state === state).length;
  const wear = { least: Math.min(...erases), most: Math.max(...erases) };
  const kinds = kindsOf(image);
  const owner = toHex(prepared.owner);
  if (options.json) {
    printJson({
      format: prepared.version,
      owner,
      sectorSize: prepared.sectorSize,
      sectors,
      wear,
      live: log.liveBytes,
      room,
      kinds,
    });
    return;
  }
  print(`A store of format ${prepared.version}, of participant ${owner}`);
  print(
    `${sectors.length} sectors of ${prepared.sectorSize} bytes: ${counts("log")} in the log, ${counts("free")} free, ${counts("retired")} worn`,
  );
  print(`erased ${wear.least} to ${wear.most} times; ${log.liveBytes} of ${room} bytes are live`);
  print();
  printTable([["records", "bytes", "of"], ...kinds.map((kind) => [`${kind.records}`, `${kind.bytes}`, kind.name])]);
}

/** By what their keys begin with, and the kind of a world's. */
function kindsOf(image: Inspected): Kind[] {
  const kinds = new Map<string, Kind>();
  for (const [key, length] of recordsOf(image)) {
    const [first = "", , kind] = key.split("/");
    const name = first === "w" ? (kind ?? "w") : first;
    const { records, bytes } = kinds.get(name) ?? { records: 0, bytes: 0 };
    kinds.set(name, { name, records: records + 1, bytes: bytes + length });
  }
  return [...kinds.values()].sort((one, other) => other.bytes - one.bytes);
}

function recordsOf({ log, names }: Inspected): [key: string, length: number, number: number][] {
  return [...keysIn(log.table)]
    .flatMap((number): [string, number, number][] => {
      const key = textOf(names, number);
      return key === undefined ? [] : [[key, lengthOf(log, number)!, number]];
    })
    .sort(([one], [other]) => (one < other ? -1 : 1));
}

function check(image: Inspected, options: Options, file: string): void {
  const records = recordsOf(image);
  for (const [, , number] of records) readValue(image.log, number);
  if (options.json) printJson({ file, records: records.length, sound: true });
  else print(`${file}: all of its ${records.length} records can be read`);
}

function exportAll(image: Inspected, options: Options): void {
  for (const [key, , number] of recordsOf(image)) {
    const value = toHex(readValue(image.log, number)!);
    if (options.json) printJson({ key, value });
    else print(`${key} ${value}`);
  }
}
