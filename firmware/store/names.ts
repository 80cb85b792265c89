import { numberAtEnd } from "../core/wire/bulk";
import { decodeText } from "../core/wire/text";
import type { Log } from "./log";
import { readValue } from "./places";
import { keysIn } from "./table";

/**
 * Keys as small numbers (PROTOCOL 11). A key is its name and, where it ends in a number, that number: of `w/…/slot/…/7` the name is
 * `w/…/slot/…/#`. Each name is written once, in a record of its own, and is a number from then on. So a key is the number of its name, high,
 * and its own, low; that of the name's record is 0, high, and the name's number, low.
 */
export interface Names {
  readonly numbers: Map<string, number>;
  readonly texts: Map<number, string>;
}

const half = 0x100000000;
/** Digits of a number that is padded with zeros, so that keys sort; its name says so. */
const padded = 12;
const marks = { plain: "#", padded: "#12" } as const;

/** The names that a log knows. */
export function namesIn(log: Log): Names {
  const names = noNames();
  for (const key of keysIn(log.table)) if (key < half) takeName(names, decodeText(readValue(log, key)!), key);
  return names;
}

export function noNames(): Names {
  return { numbers: new Map(), texts: new Map() };
}

/** The key of the record of a name that no record has any more when this one is gone; undefined where others may. */
export function nameGoneWith(names: Names, key: string): number | undefined {
  // What ends in a number has a name that no key is.
  return names.numbers.get(key);
}

export function dropName({ numbers, texts }: Names, number: number): void {
  numbers.delete(texts.get(number)!);
  texts.delete(number);
}

export function takeName({ numbers, texts }: Names, name: string, number: number): void {
  numbers.set(name, number);
  texts.set(number, name);
}

/** The names in these keys that have no number yet, with the number that each is to have. */
export function namesFor(names: Names, keys: Iterable<string>): Map<string, number> {
  const fresh = new Map<string, number>();
  let next = 1;
  for (const key of keys) {
    const { name } = splitKey(key);
    if (names.numbers.has(name) || fresh.has(name)) continue;
    while (names.texts.has(next)) next++;
    fresh.set(name, next++);
  }
  return fresh;
}

/** The key as a number; undefined where nothing has its name. */
export function numberOf(names: Names, key: string, fresh?: ReadonlyMap<string, number>): number | undefined {
  const { name, low } = splitKey(key);
  const high = names.numbers.get(name) ?? fresh?.get(name);
  return high === undefined ? undefined : high * half + low;
}

/** The name in a key; undefined for the record of a name. */
export function nameIn({ texts }: Names, key: number): string | undefined {
  return texts.get(Math.floor(key / half));
}

/** The number that a key ends in; 0 where it ends in none. */
export function lowOf(key: number): number {
  return key % half;
}

/** The key of a record; undefined for the record of a name. */
export function textOf(names: Names, key: number): string | undefined {
  const name = nameIn(names, key);
  if (name === undefined) return undefined;
  const low = String(lowOf(key));
  if (name.endsWith(`/${marks.padded}`)) return name.slice(0, -marks.padded.length) + low.padStart(padded, "0");
  return name.endsWith(`/${marks.plain}`) ? name.slice(0, -marks.plain.length) + low : name;
}

function splitKey(key: string): { readonly name: string; readonly low: number } {
  const low = numberAtEnd(key);
  if (low < 0) return { name: key, low: 0 };
  const from = key.lastIndexOf("/") + 1;
  return { name: key.slice(0, from) + (key.length - from === padded ? marks.padded : marks.plain), low };
}
