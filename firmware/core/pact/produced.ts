import { encode } from "../wire/cbor";
import { argumentAt, headSize, major } from "../wire/items";
import { maxCount } from "../wire/limits";
import type { Hash } from "../wire/types";

/**
 * An entry that a saga produced stands in its block with its id beside it (PROTOCOL 9, "Effects only after commitment"): as a CBOR
 * map of one pair, the id to the entry, so that it is neither an array, as other entries are, nor an integer, as a gap entry is.
 */
export interface Produced {
  /** null for an entry that no saga produced. */
  readonly id: Hash | null;
  /** The entry alone. */
  readonly entry: Uint8Array;
}

/** A map of one pair, whose key is a byte string of 32. */
const mapOfOneId = [0xa1, 0x58, 0x20] as const;
/** Bytes that an id takes beside its entry. */
export const idBytes = mapOfOneId.length + 32;

export function withId({ id, entry }: Produced): Uint8Array {
  if (id === null) return entry;
  const bytes = new Uint8Array(idBytes + entry.length);
  bytes.set(mapOfOneId);
  bytes.set(id, mapOfOneId.length);
  bytes.set(entry, idBytes);
  return bytes;
}

/** The entry of a block, and its id where it has one; what the entry is has to be decoded. Views into `bytes`. */
export function readProduced(encoded: Uint8Array): Produced {
  const bytes = readMoved(encoded)?.entry ?? encoded;
  if (bytes.length < idBytes || mapOfOneId.some((byte, index) => bytes[index] !== byte)) {
    return { id: null, entry: bytes };
  }
  return { id: bytes.subarray(mapOfOneId.length, idBytes), entry: bytes.subarray(idBytes) };
}

/**
 * The first entry of a block that was sealed in a group before another succeeded that (PROTOCOL 10, "Succession"): the block goes into the
 * successor as it was, and this says by its counter which it was. As a CBOR map of one pair, an array of counters to the entry.
 */
export interface Moved {
  /** In the group before, and where it had been moved there from the one before that, in that one, and so on; 0 where it never was. */
  readonly counters: readonly number[];
  /** With its id where it has one. */
  readonly entry: Uint8Array;
}

const mapOfOne = 0xa1;
const arrays = 4;
/** What was moved more often is only told to have been moved so often. */
const mostMoves = 8;

export function withMoved({ counters, entry }: Moved): Uint8Array {
  const key = encode(counters.slice(0, mostMoves));
  const bytes = new Uint8Array(1 + key.length + entry.length);
  bytes[0] = mapOfOne;
  bytes.set(key, 1);
  bytes.set(entry, 1 + key.length);
  return bytes;
}

/** Undefined where the entry was not moved. A view into `bytes`. */
export function readMoved(bytes: Uint8Array): Moved | undefined {
  const count = bytes[1]! & 31;
  if (bytes[0] !== mapOfOne || major(bytes[1] ?? 0) !== arrays || count === 0 || count > mostMoves) return undefined;
  const counters: number[] = [];
  let at = 2;
  while (counters.length < count) {
    const size = headSize(bytes, at, bytes.length);
    if (size < 0 || major(bytes[at]!) !== 0) return undefined;
    const counter = argumentAt(bytes, at, size);
    if (counter > maxCount) return undefined;
    counters.push(counter);
    at += size;
  }
  return { counters, entry: bytes.subarray(at) };
}
