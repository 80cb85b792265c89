import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { openJournal, writeRecords } from "../../../firmware/store/journal";
import { noWear } from "../../store/all-records";
import { createNor } from "../../store/nor";
import { numbersFile, writeNumbers } from "../numbers";
import { type History, linesOf, recordHistory } from "./history";

/**
 * `npm run bench:beside -- LITTLEFS NVS`: what a board's writes cost in other stores, into docs/numbers.md. LITTLEFS is a copy of
 * littlefs, NVS of `components/nvs_flash` of ESP-IDF; gcc and g++ compile both. Without them our store is counted alone, and nothing written.
 */

/** Final blocks until each store has been through its flash more than once, and those that are counted then. */
const [before, batches] = [400, 300];
/** 256 KB, of which compaction takes its share sooner than of 2 MB. */
const [sectors, sectorSize] = [64, 4096];
const here = import.meta.dirname;

interface Counted {
  readonly name: string;
  readonly programmed: number;
  readonly erased: number;
  readonly together: "yes" | "no";
}

const [littlefs, nvs] = process.argv.slice(2);
const history = recordHistory(before + batches);
const rows: Counted[] = [
  { ...ours(history, history.packing), name: "**this store**" },
  { ...ours(history, null), name: "this store, with values as they were given to it" },
];
const directory = mkdtempSync(join(tmpdir(), "vertebra-beside-"));
try {
  if (littlefs !== undefined) rows.push(...playLittlefs(resolve(littlefs), directory));
  if (nvs !== undefined) rows.push(playNvs(resolve(nvs), directory));
} finally {
  rmSync(directory, { recursive: true });
}
const section = [
  "| a final batch takes, of a flash of 256 KB | bytes programmed | sectors of 4 KB erased | several records at once |",
  "|:--|--:|--:|:--|",
  ...rows.map(row),
].join("\n");
process.stdout.write(`${section}\n`);
if (littlefs !== undefined && nvs !== undefined) {
  writeNumbers("beside", section);
  process.stdout.write(`\nWritten to ${numbersFile}.\n`);
}

function ours({ owner, steps }: History, packing: History["packing"] | null): Omit<Counted, "name"> {
  const nor = createNor(sectors, sectorSize);
  let programmed = 0;
  const flash = {
    ...nor.flash,
    program(offset: number, bytes: Uint8Array) {
      programmed += bytes.length;
      nor.flash.program(offset, bytes);
    },
  };
  const journal = openJournal(flash, owner, noWear, packing);
  let finals = 0;
  let began = { programmed, erased: 0 };
  for (const step of steps)
    if (step.kind === "write") writeRecords(journal, step.puts, step.deletes);
    else if (++finals === before) began = { programmed, erased: nor.erases() };
  const erased = nor.erases() - began.erased;
  return { programmed: programmed - began.programmed, erased, together: "yes" };
}

function playLittlefs(source: string, directory: string): Counted[] {
  const program = join(directory, "littlefs");
  const files = [join(here, "littlefs.c"), join(source, "lfs.c"), join(source, "lfs_util.c")];
  execFileSync("gcc", ["-O2", "-DLFS_NO_DEBUG", `-I${source}`, ...files, "-o", program]);
  const units = [
    { unit: 4, name: "littlefs 2.11, programmed by 4 bytes" },
    { unit: 128, name: "littlefs 2.11, by 128, as `esp_littlefs` has it" },
  ];
  return units.map(({ unit, name }) => play(name, program, [`${unit}`, `${sectors}`]));
}

function playNvs(source: string, directory: string): Counted {
  const program = join(directory, "nvs");
  const asked = ["esp_attr", "esp_err", "esp_heap_caps", "esp_log", "esp_rom_crc", "sdkconfig", "spi_flash_mmap"];
  for (const each of asked) writeFileSync(join(directory, `${each}.h`), `#include "${join(here, "nvs-host.h")}"\n`);
  const parts = ["storage", "page", "pagemanager", "item_hash_list", "types"];
  const files = [join(here, "nvs.cpp"), ...parts.map((part) => join(source, `src/nvs_${part}.cpp`))];
  const includes = [directory, ...["src", "include", "private_include"].map((each) => join(source, each))];
  const flags = ["-std=gnu++20", "-O2", "-DLINUX_TARGET=1", "-DNO_DEBUG_STORAGE"];
  execFileSync("g++", [...flags, ...includes.map((each) => `-I${each}`), ...files, "-o", program]);
  return play("NVS of ESP-IDF", program, [`${sectors}`]);
}

function play(name: string, program: string, args: readonly string[]): Counted {
  const printed = execFileSync(program, [...args, `${before}`], { input: linesOf(history), encoding: "utf8" });
  const [programmed, erased, finals] = printed.split(" ").map(Number);
  if (finals !== batches) throw new Error(`${name} saw ${finals} final blocks, and ${batches} were counted on`);
  return { name, programmed: programmed!, erased: erased!, together: "no" };
}

function row({ name, programmed, erased, together }: Counted): string {
  return `| ${name} | ${Math.round(programmed / batches).toLocaleString("en")} | ${(erased / batches).toFixed(2)} | ${together} |`;
}
