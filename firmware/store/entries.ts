import { decodeNumber, encodeNumber, sizeOfNumber } from "./numbers";

/**
 * What a record says, entry after entry: a number that holds the kind of entry in its two low bits and the high part of the key above
 * them, the low 32 bits of the key, and then, by its kind,
 * - put: length of the value, and the value;
 * - part: which part of the value it is, of how many, length, and these bytes of the value;
 * - remove: how many sectors of the log ago it was first said, 0 where it is here;
 * - freed: nothing; the key is a sector, high, and the sequence that it had in the log, low: what was live of it lies elsewhere now.
 * Numbers in groups of seven bits, the lowest first, the eighth set in all but the last.
 */
export const kinds = { put: 0, part: 1, remove: 2, freed: 3 } as const;
export type Kind = (typeof kinds)[keyof typeof kinds];

/** Bytes of an entry beside its value, at most. */
export const entryFrame = 24;

export interface Entry {
  readonly kind: Kind;
  readonly key: number;
  readonly part: number;
  readonly parts: number;
  /** Of a removal. */
  readonly sectorsAgo: number;
  readonly value: Uint8Array;
}

/** An entry as it lies in bytes: `at` it begins, its value at `from`, `end` is behind it. */
export interface FoundEntry extends Entry {
  readonly at: number;
  readonly end: number;
}

const half = 0x100000000;
export function putEntry(key: number, value: Uint8Array): Entry {
  return { kind: kinds.put, key, part: 0, parts: 1, sectorsAgo: 0, value };
}

export function removeEntry(key: number, sectorsAgo: number): Entry {
  return { kind: kinds.remove, key, part: 0, parts: 0, sectorsAgo, value: new Uint8Array(0) };
}

export function freedEntry(sector: number, sequence: number): Entry {
  return {
    kind: kinds.freed,
    key: sector * half + sequence,
    part: 0,
    parts: 0,
    sectorsAgo: 0,
    value: new Uint8Array(0),
  };
}

/** A value in parts of at most so many bytes; one that fits is whole. */
export function entriesOf(key: number, value: Uint8Array, most: number): Entry[] {
  if (value.length <= most) return [putEntry(key, value)];
  const parts = Math.ceil(value.length / most);
  return Array.from({ length: parts }, (_, part) => {
    const bytes = value.subarray(part * most, (part + 1) * most);
    return { kind: kinds.part, key, part, parts, sectorsAgo: 0, value: bytes };
  });
}

/** The bytes that it takes. */
export function entrySize({ kind, key, part, parts, sectorsAgo, value }: Entry): number {
  const head = sizeOfNumber(Math.floor(key / half) * 4 + kind) + sizeOfNumber(key % half);
  if (kind === kinds.freed) return head;
  if (kind === kinds.remove) return head + sizeOfNumber(sectorsAgo);
  const ofPart = kind === kinds.part ? sizeOfNumber(part) + sizeOfNumber(parts) : 0;
  return head + ofPart + sizeOfNumber(value.length) + value.length;
}

/** Writes the entry; returns where it ends. */
export function encodeEntry(entry: Entry, into: Uint8Array, from: number): number {
  const { kind, key, part, parts, sectorsAgo, value } = entry;
  let at = encodeNumber(Math.floor(key / half) * 4 + kind, into, from);
  at = encodeNumber(key % half, into, at);
  if (kind === kinds.freed) return at;
  if (kind === kinds.remove) return encodeNumber(sectorsAgo, into, at);
  if (kind === kinds.part) {
    at = encodeNumber(part, into, at);
    at = encodeNumber(parts, into, at);
  }
  at = encodeNumber(value.length, into, at);
  into.set(value, at);
  return at + value.length;
}

/** What an entry says beside its value, and where that lies. */
export interface EntryHead extends Omit<Entry, "value"> {
  readonly valueAt: number;
  readonly end: number;
}

/** The head of the entry at `at`; undefined where these bytes are none. Nothing is made of its value, which may be cut short where `bytes` are. */
export function decodeHead(bytes: Uint8Array, at: number): EntryHead | undefined {
  const cursor = { bytes, at };
  const first = decodeNumber(cursor);
  const low = decodeNumber(cursor);
  const kind = (first % 4) as Kind;
  let part = 0;
  let parts = 1;
  let sectorsAgo = 0;
  let length = 0;
  if (kind === kinds.remove) sectorsAgo = decodeNumber(cursor);
  if (kind === kinds.part) {
    part = decodeNumber(cursor);
    parts = decodeNumber(cursor);
  }
  if (kind === kinds.put || kind === kinds.part) length = decodeNumber(cursor);
  const key = Math.floor(first / 4) * half + low;
  const sound = cursor.at <= bytes.length && low < half && part < parts && key <= Number.MAX_SAFE_INTEGER;
  return sound ? { kind, key, part, parts, sectorsAgo, valueAt: cursor.at, end: cursor.at + length } : undefined;
}

/** The entry at `at`; undefined where these bytes are none. Its value shares their memory, and may be cut short where `bytes` are. */
export function decodeEntry(bytes: Uint8Array, at: number): FoundEntry | undefined {
  const head = decodeHead(bytes, at);
  if (head === undefined) return undefined;
  const { kind, key, part, parts, sectorsAgo, valueAt, end } = head;
  return { kind, key, part, parts, sectorsAgo, value: bytes.subarray(valueAt, end), at, end };
}
