import { crc32c } from "../../core/wire/crc32c";

/**
 * A record as it lay in flash, all numbers little-endian and unsigned:
 * length of data (4), sequence (4), CRC-32C of these two (4), CRC-32C of these two and the data (4), data, ones up to a multiple
 * of 4, commit word (4). The first CRC tells where a record ends even when its data is damaged.
 */
const headerSize = 16;
const commitSize = 4;
const committed = 0x56744a31;
const erasedWord = 0xffffffff;

/** Bytes that a record with so much data takes. */
export function recordSize(dataLength: number): number {
  return headerSize + ((dataLength + 3) & ~3) + commitSize;
}

export type Found =
  | { readonly kind: "record"; readonly sequence: number; readonly data: Uint8Array; readonly end: number }
  /** Nothing was ever programmed from here on. */
  | { readonly kind: "end" }
  /** A cut left a part of a record that was never committed. */
  | { readonly kind: "torn" }
  /** Something that was committed can't be read. */
  | { readonly kind: "damaged" };

/**
 * What lies at `offset` of `bank`, the bytes of a whole bank. A record whose commit word is only half programmed counts when its CRC
 * holds: the cut came in the last word of all, and after it the state may be the one before or the one after.
 */
export function findRecord(bank: Uint8Array, offset: number): Found {
  if (isErased(bank, offset)) return { kind: "end" };
  const view = new DataView(bank.buffer, bank.byteOffset, bank.byteLength);
  if (offset + headerSize + commitSize > bank.length || !headerHolds(bank, view, offset))
    return headless(bank, view, offset);
  const length = view.getUint32(offset, true);
  const end = offset + recordSize(length);
  if (length > bank.length || end > bank.length) return { kind: "damaged" };
  const commit = view.getUint32(end - commitSize, true);
  // A record is written where its predecessor was committed: nothing lies behind one that was not.
  if (commit === erasedWord) return isErased(bank, end) ? { kind: "torn" } : { kind: "damaged" };
  const data = bank.slice(offset + headerSize, offset + headerSize + length);
  if (crc32c(data, view.getUint32(offset + 8, true)) !== view.getUint32(offset + 12, true)) return { kind: "damaged" };
  return { kind: "record", sequence: view.getUint32(offset + 4, true), data, end };
}

function headerHolds(bank: Uint8Array, view: DataView, offset: number): boolean {
  return crc32c(bank.subarray(offset, offset + 8)) === view.getUint32(offset + 8, true);
}

/** A header that does not hold was cut while it was programmed, unless a commit word stands at the end of what is programmed. */
function headless(bank: Uint8Array, view: DataView, offset: number): Found {
  let last = bank.length - commitSize;
  while (last >= offset && view.getUint32(last, true) === erasedWord) last -= 4;
  return last >= offset + headerSize && view.getUint32(last, true) === committed
    ? { kind: "damaged" }
    : { kind: "torn" };
}

export function isErased(bytes: Uint8Array, from: number): boolean {
  // By words where they lie aligned: a bank is read to its end at every start.
  const aligned = Math.min(bytes.length, from + (-(bytes.byteOffset + from) & 3));
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + aligned, (bytes.length - aligned) >> 2);
  for (let at = 0; at < words.length; at++) {
    if (words[at] !== erasedWord) return false;
  }
  return areOnes(bytes, from, aligned) && areOnes(bytes, aligned + 4 * words.length, bytes.length);
}

function areOnes(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    if (bytes[at] !== 0xff) return false;
  }
  return true;
}
