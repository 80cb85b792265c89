import { readFileSync, writeFileSync } from "node:fs";

export const numbersFile = "docs/numbers.md";

/** Puts what a command has measured between its two marks in docs/numbers.md. */
export function writeNumbers(name: string, section: string): void {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const text = readFileSync(numbersFile, "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from === -1 || to === -1) throw new Error(`${numbersFile} has no lines ${begin} and ${end} to write between`);
  writeFileSync(numbersFile, `${text.slice(0, from)}${begin}\n\n${section}\n\n${text.slice(to)}`);
}
