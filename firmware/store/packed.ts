import { concat } from "../core/wire/bytes";
import { hash, type Sha256 } from "../core/wire/hash";
import { merkleRoot } from "../core/wire/merkle";
import type { Hash } from "../core/wire/types";
import { decodeNumber } from "./numbers";

/**
 * Values as they lie in the flash (docs/flash-format.md, “Packed values”): without what follows from the rest of the value, or from the group
 * that it is of. A signed structure names its group, its owners and hashes of what stands beside it, 32 bytes each: half of a finality proof. What
 * comes out is what went in, byte for byte.
 */

/** What a value may leave out: byte strings that are known wherever it is read again, always the same in the same order; 256 at most of each. */
export interface Known {
  readonly crypto: Sha256;
  readonly strings: Strings;
  /** Of another value (`stringsIn` of `packing`). */
  readonly lent: Strings;
}

/** Byte strings as they lie in bytes, one behind the other or in others: of each where it begins, and then where it ends. */
export interface Strings {
  readonly bytes: Uint8Array;
  readonly places: Uint32Array;
}

export function noStrings(): Strings {
  return { bytes: new Uint8Array(0), places: new Uint32Array(0) };
}

export function stringsOf(each: readonly Uint8Array[]): Strings {
  const places: number[] = [];
  let at = 0;
  for (const { length } of each) {
    places.push(at, at + length);
    at += length;
  }
  return { bytes: concat([...each]), places: Uint32Array.from(places) };
}

/** The string of this number; undefined where there is none. */
export function stringAt({ bytes, places }: Strings, number: number): Uint8Array | undefined {
  return 2 * number < places.length ? bytes.subarray(places[2 * number]!, places[2 * number + 1]!) : undefined;
}

/**
 * With what a value begins that does not lie as it was given: one that begins with such a mark itself, behind the first; one that is packed;
 * and one that borrows, after the key of the record that lends to it. No CBOR without tags begins so.
 */
export const marks = { whole: 0xc5, packed: 0xc6, borrowing: 0xc7 } as const;
/** In place of a byte string: the number of one that is known, or lent; the name of a hash; or, where it holds one item, that item. */
export const tokens = { known: 0xc0, derived: 0xc1, nested: 0xc2, lent: 0xc3 } as const;

/** What a hash is of: a header, as a block's or a metablock's; a reference that is alone in its tree; the entries. */
export const rules = { block: 0, metablock: 1, leaf: 2, entries: 3 } as const;
/** A name is a rule, above, and the number of the structure among those that stood before. */
export const ruleShift = 6;
export const mostSources = 1 << ruleShift;
/** Arrays of so many items: headers, and references. */
export const headerArray = 0x87;
const referenceArray = 0x85;

/** Byte strings within byte strings that are looked into, and how long they are. */
export const deepest = 5;
/** A value of fewer bytes lies as it was given. */
export const leastPacked = 24;
export const mostNested = 0xffff;
export const mostPacked = 1 << 20;

export function derive(crypto: Sha256, name: number, of: Uint8Array): Hash {
  switch (name >> ruleShift) {
    case rules.block:
      return hash(crypto, "block", of);
    case rules.metablock:
      return hash(crypto, "metablock", of);
    case rules.leaf:
      return merkleRoot(crypto, [of]);
    default:
      return hash(crypto, "entries", of);
  }
}

/** Whether a string that begins with this byte is one; entries are looked into last of all, and name nothing. */
export function isSource(first: number, depth: number): boolean {
  return depth < deepest && (first === headerArray || first === referenceArray);
}

export function isMarked(stored: Uint8Array): boolean {
  return stored[0] === marks.whole || isPacked(stored);
}

export function isPacked(stored: Uint8Array): boolean {
  return stored[0] === marks.packed || stored[0] === marks.borrowing;
}

/** What stands before the items of a packed value. */
export interface Head {
  /** The key of the record that lends to it; undefined where none does. */
  readonly lender: number | undefined;
  /** Bytes of the value that was packed. */
  readonly length: number;
  /** Where its items begin. */
  readonly end: number;
}

export function headOf(stored: Uint8Array): Head {
  const cursor = { bytes: stored, at: 1 };
  const lender = stored[0] === marks.borrowing ? decodeNumber(cursor) : undefined;
  const length = decodeNumber(cursor);
  return { lender, length, end: cursor.at };
}

/** The key of the record that lends to a value that is stored so; undefined where none does. */
export function lenderOf(stored: Uint8Array): number | undefined {
  return stored[0] === marks.borrowing ? headOf(stored).lender : undefined;
}
