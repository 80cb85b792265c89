import { endOfItem, nextString } from "../core/wire/bulk";
import { equal } from "../core/wire/bytes";
import { argumentAt, headBytes, headSize, major } from "../core/wire/items";
import type { Hash } from "../core/wire/types";
import { encodeNumber } from "./numbers";
import {
  deepest,
  derive,
  headerArray,
  isSource,
  type Known,
  leastPacked,
  marks,
  mostNested,
  mostPacked,
  mostSources,
  noStrings,
  ruleShift,
  rules,
  type Strings,
  stringAt,
  tokens,
} from "./packed";

/** What of it a board and the host on Linux do in C (`firmware/native/packing.c`), which gives the same: this is the reference. */

/** What a token can name. */
const mostNamed = 256;

/**
 * The value as it is to be written: packed where that is shorter. Of an array, item `first` holds the entries whose hash a header in it names.
 * `lender` is the key of the record whose strings are `known.lent`.
 */
export function pack(known: Known, value: Uint8Array, first: number | null, lender: number | null): Uint8Array {
  const { length } = value;
  if (length < leastPacked || length > mostPacked || endOfItem(value, 0, length) !== length) return value;
  const bytes = new Uint8Array(2 * length);
  bytes.set(value, length);
  const packer: Packer = {
    ...{ known, bytes, begin: length, at: length, copied: length, length: 0 },
    ...{ sources: [], derived: { upTo: 0, names: [], hashes: [] } },
  };
  bytes[packer.length++] = lender === null ? marks.packed : marks.borrowing;
  if (lender !== null) packer.length = encodeNumber(lender, bytes, packer.length);
  packer.length = encodeNumber(length, bytes, packer.length);
  const won = first === null ? packTo(packer, bytes.length, 0) : packItems(packer, first);
  return won && copy(packer) ? bytes.slice(0, packer.length) : value;
}

interface Packer {
  readonly known: Known;
  /** The room that it is packed into, and from `begin` on the value, as long: what goes as it is is moved there, and nothing is made for it. */
  readonly bytes: Uint8Array;
  readonly begin: number;
  /** How far it is looked at, and how far it is packed: what lies between goes as it is. */
  at: number;
  copied: number;
  length: number;
  /** Where the structures that stood before begin and end. */
  readonly sources: number[];
  readonly derived: Derived;
}

/** The hash of the entries, and those of the sources before `upTo`, made once one is asked for: each by its name. */
interface Derived {
  upTo: number;
  readonly names: number[];
  readonly hashes: Hash[];
}

/** The entries go first, since a header before them names their hash. False where nothing is won, or it is no such array. */
function packItems(packer: Packer, first: number): boolean {
  const { bytes, begin } = packer;
  const count = bytes[begin]! - 0x80;
  if (count <= first || count > 23) return false;
  let begins = begin + 1;
  for (let item = 0; item < first; item++) begins = endOfItem(bytes, begins, bytes.length);
  const ends = endOfItem(bytes, begins, bytes.length);
  addDerived(packer, rules.entries << ruleShift, bytes.subarray(begins, ends));
  goTo(packer, begins);
  if (!packTo(packer, ends, deepest) || !copy(packer)) return false;
  goTo(packer, begin);
  packer.at++;
  if (!packTo(packer, begins, 0) || !copy(packer)) return false;
  goTo(packer, ends);
  return packTo(packer, bytes.length, 0);
}

function goTo(packer: Packer, at: number): void {
  packer.at = at;
  packer.copied = at;
}

/** Packs the items from here to `end`, which lie in so many strings; false where nothing is won. */
function packTo(packer: Packer, end: number, depth: number): boolean {
  const { bytes } = packer;
  for (;;) {
    const head = nextString(bytes, packer.at, end, leastPacked);
    packer.at = head;
    if (head === end) return true;
    const size = headSize(bytes, head, end);
    const length = argumentAt(bytes, head, size);
    packer.at += size;
    // The head is made anew: one that is longer than it need be would not come back as it was.
    if (size !== headBytes(length)) packer.at += length;
    else if (!packString(packer, head, packer.at + length, depth)) return false;
  }
}

/** The string from here to `ends`, whose head is at `head`. */
function packString(packer: Packer, head: number, ends: number, depth: number): boolean {
  const { bytes, at, sources } = packer;
  const token = tokenFor(packer, at, ends);
  if (token !== 0) {
    packer.at = head;
    if (!copy(packer) || !put(packer, token >> 8) || !put(packer, token & 0xff)) return false;
    goTo(packer, ends);
  } else if (ends - at > mostNested || depth >= deepest || !isArrayIn(bytes, at, ends)) {
    packer.at = ends;
    return true;
  } else {
    packer.at = head;
    if (!copy(packer) || !put(packer, tokens.nested)) return false;
    goTo(packer, at);
    if (!packTo(packer, ends, depth + 1)) return false;
  }
  if (isSource(bytes[at]!, depth) && sources.length < 2 * mostSources) sources.push(at, ends);
  return true;
}

/** The token and its number in the byte below it; 0 where there is none. */
function tokenFor(packer: Packer, from: number, to: number): number {
  const { known, bytes } = packer;
  const string = bytes.subarray(from, to);
  const always = numberIn(known.strings, string);
  if (always >= 0) return (tokens.known << 8) | always;
  const lent = numberIn(known.lent, string);
  if (lent >= 0) return (tokens.lent << 8) | lent;
  const name = string.length === 32 ? derivedName(packer, string) : -1;
  return name < 0 ? 0 : (tokens.derived << 8) | name;
}

/** The number of the first string of these that is the one; -1 where none is. */
function numberIn(strings: Strings, string: Uint8Array): number {
  const count = Math.min(mostNamed, strings.places.length / 2);
  for (let number = 0; number < count; number++) if (equal(stringAt(strings, number)!, string)) return number;
  return -1;
}

/** The name of a hash that follows from what stood before; -1 where none does. */
function derivedName(packer: Packer, string: Uint8Array): number {
  const { bytes, derived, sources } = packer;
  while (2 * derived.upTo < sources.length) {
    const source = bytes.subarray(sources[2 * derived.upTo]!, sources[2 * derived.upTo + 1]!);
    const isHeader = source[0] === headerArray;
    if (isHeader) addDerived(packer, (rules.block << ruleShift) | derived.upTo, source);
    addDerived(packer, ((isHeader ? rules.metablock : rules.leaf) << ruleShift) | derived.upTo, source);
    derived.upTo++;
  }
  const at = derived.hashes.findIndex((each) => equal(each, string));
  return at < 0 ? -1 : derived.names[at]!;
}

function addDerived({ known, derived }: Packer, name: number, of: Uint8Array): void {
  derived.names.push(name);
  derived.hashes.push(derive(known.crypto, name, of));
}

function put(packer: Packer, byte: number): boolean {
  packer.bytes[packer.length++] = byte;
  return packer.length < packer.begin;
}

/** Takes over what was looked at and lies as it is. */
function copy(packer: Packer): boolean {
  const { bytes, begin, at, copied, length } = packer;
  if (length + at - copied >= begin) return false;
  if (at > copied) bytes.copyWithin(length, copied, at);
  packer.length += at - copied;
  packer.copied = at;
  return true;
}

/** Byte strings of one value that another may name, and how long they are. */
const mostLent = 64;
const leastLent = 32;

/** What a value can lend: its longer byte strings, those in others too, in their order. None where it is not CBOR. */
export function stringsIn(value: Uint8Array): Strings {
  if (endOfItem(value, 0, value.length) !== value.length) return noStrings();
  const places: number[] = [];
  /** Of the strings that are looked into. */
  const outer: number[] = [];
  let at = 0;
  let end = value.length;
  while (places.length < 2 * mostLent) {
    const head = nextString(value, at, end, leastLent);
    if (head === end) {
      if (outer.length === 0) break;
      at = end;
      end = outer.pop()!;
      continue;
    }
    const size = headSize(value, head, end);
    at = head + size;
    const ends = at + argumentAt(value, head, size);
    places.push(at, ends);
    if (outer.length < deepest && isArrayIn(value, at, ends)) {
      outer.push(end);
      end = ends;
    } else at = ends;
  }
  return { bytes: value, places: Uint32Array.from(places) };
}

/** Whether a string is one item, an array, to its end. */
function isArrayIn(bytes: Uint8Array, begins: number, ends: number): boolean {
  return major(bytes[begins]!) === 4 && endOfItem(bytes, begins, ends) === ends;
}
