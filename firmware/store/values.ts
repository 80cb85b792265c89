import { concat } from "../core/wire/bytes";
import type { Sha256 } from "../core/wire/hash";
import {
  headOf,
  isMarked,
  isPacked,
  type Known,
  leastPacked,
  lenderOf,
  marks,
  noStrings,
  type Strings,
} from "./packed";
import { pack, stringsIn } from "./packing";
import { contentsOf, isParticipants } from "./participant-keys";
import { unpack } from "./unpacking";

/** Of a store: which groups its records are of, by the hex of their ids, and what all who know a group know of it. */
export interface Packing {
  readonly crypto: Sha256;
  readonly groups: Map<string, Strings>;
  /** Of records of no group. */
  readonly always: Strings;
}

/** A record of which another names strings: its key as a number, and its value as it was given. */
export interface Lender {
  readonly key: number;
  readonly value: Uint8Array;
}

/** How a key's value is packed; undefined where it is not, as all that is no record of a participant or of a group that is not known. */
function howOf({ crypto, groups, always }: Packing, key: string, lender: Uint8Array | undefined) {
  if (!isParticipants(key)) return undefined;
  const { group, entries } = contentsOf(key);
  const strings = group === undefined ? always : groups.get(group);
  if (strings === undefined) return undefined;
  const known: Known = { crypto, strings, lent: lender === undefined ? noStrings() : stringsIn(lender) };
  return { known, entries };
}

/** The value of a record as it is to be written: borrowing, where that is shorter. */
export function toStore(
  packing: Packing | null,
  key: string,
  value: Uint8Array,
  lender: Lender | undefined,
): Uint8Array {
  const how = packing === null || value.length < leastPacked ? undefined : howOf(packing, key, lender?.value);
  const stored = how === undefined ? value : pack(how.known, value, how.entries, lender?.key ?? null);
  return stored === value && isMarked(value) ? concat([Uint8Array.of(marks.whole), value]) : stored;
}

/**
 * The value of a record as it was given; `another` gives that of another. One of a group that is not known here any more, or that borrows from
 * such a one, stays as it lies. Throws `store-packed` where it can't be read.
 */
export function fromStore(
  packing: Packing | null,
  key: string,
  stored: Uint8Array,
  another: (key: number) => Uint8Array | undefined,
): Uint8Array {
  if (stored[0] === marks.whole) return stored.subarray(1);
  if (packing === null || !isPacked(stored)) return stored;
  const lender = lenderOf(stored);
  const lent = lender === undefined ? undefined : another(lender);
  if (lender !== undefined && (lent === undefined || isPacked(lent))) return stored;
  const how = howOf(packing, key, lent);
  return how === undefined ? stored : unpack(how.known, stored, how.entries);
}

/** How long the value was that begins so where it is stored, in so many bytes. */
export function givenLength(beginning: Uint8Array, length: number): number {
  if (beginning[0] === marks.whole) return length - 1;
  return isPacked(beginning) ? headOf(beginning).length : length;
}
