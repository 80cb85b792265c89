import type { VertebraError } from "../core/errors";
import { concat, toHex } from "../core/wire/bytes";
import { hash, type Sha256 } from "../core/wire/hash";
import { merkleRoot } from "../core/wire/merkle";
import { encodeText } from "../core/wire/text";
import { decodeNumber } from "./entries";
import { damaged } from "./log";

/**
 * A value as it lies in flash where other records hold much of it already (docs/flash-format.md): 0, by which it is told from CBOR; how
 * long the value is; how many bytes of it, which stand first here, belong at its end; how many sources it has, and the key of each, high and
 * low; then, until it is whole, a number of bytes that stand here, these bytes, and a step that says what follows on them. All numbers as in
 * an entry.
 *
 * A step is the number 8 × source + kind, where it begins in that source, and how long it is. Source 0 is what was made so far: of it, how far
 * back it begins.
 */
export const packedMark = 0;

export const steps = {
  /** These bytes of the source. */
  copy: 0,
  /** The text of these 32 bytes in hex. */
  hex: 1,
  /** The hash of these bytes as a block header, as a metablock header, as a block's entries. */
  block: 2,
  metablock: 3,
  entries: 4,
  /** The root of a metablock that has this reference alone, or none. */
  leaf: 5,
  empty: 6,
} as const;

/** Longer than any value that the core writes. */
const longest = 1 << 22;
const mostSources = 16;
const half = 0x100000000;

export interface Packed {
  readonly length: number;
  /** Bytes that belong at the end. */
  readonly turned: number;
  /** Keys of the records that it takes bytes from. */
  readonly sources: readonly number[];
  readonly from: number;
}

/** What a stored value says of itself, by its first bytes; undefined where it stands as it is. */
export function packedHead(stored: Uint8Array): Packed | undefined {
  if (stored.length === 0 || stored[0] !== packedMark) return undefined;
  const cursor = { bytes: stored, at: 1 };
  const length = decodeNumber(cursor);
  const turned = decodeNumber(cursor);
  const count = decodeNumber(cursor);
  if (length > longest || turned > length || count > mostSources) throw unreadable();
  const sources: number[] = [];
  for (let each = 0; each < count; each++) sources.push(decodeNumber(cursor) * half + decodeNumber(cursor));
  if (cursor.at > stored.length) throw unreadable();
  return { length, turned, sources, from: cursor.at };
}

/** The value that was stored. `sources` are those that its head names. Throws `store-damaged` where it is no packed value. */
export function unpack(crypto: Sha256, stored: Uint8Array, head: Packed, sources: readonly Uint8Array[]): Uint8Array {
  const { length, turned, from } = head;
  const made = new Uint8Array(length);
  const cursor = { bytes: stored, at: from };
  for (let at = 0; at < length; ) {
    const literal = decodeNumber(cursor);
    if (literal > length - at || literal > stored.length - cursor.at) throw unreadable();
    made.set(stored.subarray(cursor.at, cursor.at + literal), at);
    cursor.at += literal;
    at += literal;
    if (at === length) break;
    const bytes = follow(crypto, cursor, made.subarray(0, at), sources);
    if (bytes.length === 0 || bytes.length > length - at) throw unreadable();
    made.set(bytes, at);
    at += bytes.length;
  }
  if (cursor.at !== stored.length) throw unreadable();
  return turned === 0 ? made : concat([made.subarray(turned), made.subarray(0, turned)]);
}

function follow(
  crypto: Sha256,
  cursor: { readonly bytes: Uint8Array; at: number },
  made: Uint8Array,
  sources: readonly Uint8Array[],
): Uint8Array {
  const step = decodeNumber(cursor);
  if (step === steps.empty) return madeBy(crypto, steps.empty, made.subarray(0, 0));
  const source = step < 8 ? made : sources[Math.floor(step / 8) - 1];
  const told = decodeNumber(cursor);
  const length = decodeNumber(cursor);
  const start = source === made ? made.length - told : told;
  if (source === undefined || start < 0 || start + length > source.length) throw unreadable();
  return madeBy(crypto, step % 8, source.subarray(start, start + length));
}

/** What a step of this kind makes of these bytes: a hash and a text with the head of their CBOR. */
export function madeBy(crypto: Sha256, kind: number, bytes: Uint8Array): Uint8Array {
  switch (kind) {
    case steps.copy:
      return bytes;
    case steps.hex:
      return concat([Uint8Array.of(0x78, 2 * bytes.length), encodeText(toHex(bytes))]);
    case steps.block:
      return hashed(hash(crypto, "block", bytes));
    case steps.metablock:
      return hashed(hash(crypto, "metablock", bytes));
    case steps.entries:
      return hashed(hash(crypto, "entries", bytes));
    case steps.leaf:
      return hashed(merkleRoot(crypto, [bytes]));
    case steps.empty:
      return hashed(merkleRoot(crypto, []));
    default:
      throw unreadable();
  }
}

function hashed(digest: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(0x58, digest.length), digest]);
}

function unreadable(): VertebraError {
  return damaged("a packed value, which is none");
}
