import { existsSync, mkdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import { decodeText } from "../../firmware/core/wire/text";
import { usualBaudRate } from "../avatars/address";
import { controlClient } from "../channels/control-client";
import type { ProvisionAsked, ProvisionedJson } from "../channels/provisioning";
import type { LocalBoard } from "../fleet/board-process";
import { paint } from "../system/text";
import { writeWhole } from "../world/files";
import { readDefinition } from "../world/world";
import { showDefined } from "./defined";
import { atDirectory, collect, type WorldOptions, wholeNumber, worldCommand } from "./options";
import { print, printJson } from "./output";

interface ProvisionOptions extends WorldOptions {
  readonly port: string;
  readonly baud: number;
  readonly name?: string;
  readonly kind?: string;
  readonly label: readonly string[];
  readonly dryRun?: boolean;
}

export function provisionCommand(): Command {
  return worldCommand("provision", "give a board that has no identity yet one of this world, over its cable", [
    "vertebra board provision --port /dev/ttyACM0 --name porch",
    "vertebra board provision --port /dev/ttyUSB0 --label roof",
    "vertebra board provision --port /dev/ttyACM0 --dry-run",
  ])
    .requiredOption("--port <path>", "the serial port that it is on")
    .option("--baud <rate>", "its baud rate", wholeNumber(300, 4_000_000), usualBaudRate)
    .option("--name <name>", "what the world is to call it; otherwise its kind and a number")
    .option("--kind <kind>", "what it is: one of boards/, or a board.json; otherwise as it says itself")
    .option("--label <label>", "by which it can be chosen; given once for each", collect, [])
    .option("--dry-run", "say which board is there, and leave it as it is")
    .addHelpText(
      "after",
      "\nThe board makes its keys itself, and its seed never leaves it. It is a member once it is heard; ended in between, by a\ncable or a power cut, the same command goes on. The gateway keeps the port as a link.",
    )
    .action(async (options: ProvisionOptions) => {
      const asked: ProvisionAsked = {
        port: resolve(options.port),
        baudRate: options.baud,
        name: options.name ?? "",
        board: options.kind === undefined ? "" : decodeText(readDefinition(options.kind)),
        labels: options.label,
        dry: options.dryRun === true,
      };
      const done = await controlClient(options.dir).post<ProvisionedJson>("/boards/provisioned", asked);
      if (options.json) return printJson(done);
      if (done.dry)
        return print(`${asked.port} has a blank ${done.kind}, which would be called `, paint("bold", done.name));
      showDefined(done);
      print(paint("green", done.name), `, a ${done.kind}, is a member on ${asked.port}`);
      print("Next: ", paint("bold", `vertebra tail machine@${done.name}${atDirectory(options)}`));
    });
}

/** The files of a board that is run here and is of no world yet; its board.json is made where there is none. Throws what the system refuses. */
export function blankBoard(directory: string, kind: string): LocalBoard {
  const place = resolve(directory);
  const definitionFile = join(place, "board.json");
  mkdirSync(dirname(definitionFile), { recursive: true, mode: 0o700 });
  if (!existsSync(definitionFile)) writeWhole(definitionFile, new Uint8Array(readDefinition(kind)), 0o644);
  return {
    ...{ name: basename(place), definitionFile, provisionFile: undefined },
    ...{ flashFile: join(place, "flash"), terminal: join(place, "terminal") },
  };
}
