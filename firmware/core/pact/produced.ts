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
export function readProduced(bytes: Uint8Array): Produced {
  if (bytes.length < idBytes || mapOfOneId.some((byte, index) => bytes[index] !== byte)) {
    return { id: null, entry: bytes };
  }
  return { id: bytes.subarray(mapOfOneId.length, idBytes), entry: bytes.subarray(idBytes) };
}
