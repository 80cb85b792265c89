import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fromHex, toHex } from "../../firmware/core/wire/bytes";
import { writeWhole } from "./files";

/**
 * What was defined since the world was made, for who looks at the directory while no gateway runs: the entries of the definitions group in
 * sequence, a line of hex each. It follows from what is final, and a gateway makes it anew where it says something else.
 */
const fileName = "defined";

function pathIn(directory: string): string {
  return join(directory, fileName);
}

/** The entries, as far as they can be read: a gateway may be writing the last, or somebody changed the file. */
export function readDefined(directory: string): Uint8Array[] {
  const path = pathIn(directory);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  const end = lines.findIndex((line) => !/^(?:[0-9a-f]{2})+$/.test(line));
  return lines.slice(0, end < 0 ? lines.length : end).map(fromHex);
}

export function writeDefined(directory: string, entries: readonly Uint8Array[]): void {
  writeWhole(pathIn(directory), textOf(entries), 0o644);
}

/** Adds what became final since. A cut amid this leaves a line that is not read, and the next start writes it whole. */
export function appendDefined(directory: string, entries: readonly Uint8Array[]): void {
  appendFileSync(pathIn(directory), textOf(entries), { mode: 0o644 });
}

function textOf(entries: readonly Uint8Array[]): string {
  return entries.map((entry) => `${toHex(entry)}\n`).join("");
}
