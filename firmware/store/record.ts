import { crc32c } from "../core/wire/crc32c";
import type { Flash } from "../ports";
import { aligned, frontSize, isBlank, lastProgrammed, unitOf } from "./front";

/**
 * A record as it lies in a sector (PROTOCOL 11; docs/flash-format.md), little-endian: length of its entries (2), flags (1), the low byte of
 * the CRC-32C of these three (1), CRC-32C of the sector's sequence, these four and the entries (4), entries, ones up to what the part
 * programs at once, commit word, which the sequence of the sector is mixed with. The commit word is programmed last, when all before it is durable.
 *
 * What a write says stands in records one after the other: the first has the flag `first`, the last one `last`, and only that one a commit
 * word: in the others its place stays erased. What has no last never counts.
 */
export const flags = { first: 1, last: 2, moved: 4 } as const;
export const recordHeader = 8;
const committed = 0x56744a31;
const erasedWord = 0xffffffff;

export interface Sizes {
  /** Bytes of entries in one record, at most. */
  readonly record: number;
  /** Bytes of one value in one entry, at most: a larger one is kept in parts. */
  readonly part: number;
}

/** So that what is left over at the end of a sector is an eighth of it at most, and nothing as large as a sector is ever in RAM. */
export function sizesIn({ sectorSize }: Flash): Sizes {
  const part = Math.max(32, Math.min(2048, (sectorSize - frontSize) >> 3));
  return { part, record: 2 * part };
}

/** Bytes that a record takes with entries of so many. */
export function recordSize(flash: Flash, length: number): number {
  return aligned(flash, recordHeader + length) + unitOf(flash);
}

/** Fills in the header of a record whose entries lie behind it, and ones up to the commit word. Returns all that is to be programmed before that. */
export function sealRecord(
  flash: Flash,
  sequence: number,
  scratch: Uint8Array,
  length: number,
  marks: number,
): Uint8Array {
  const view = new DataView(scratch.buffer, scratch.byteOffset);
  view.setUint16(0, length, true);
  scratch[2] = marks;
  scratch[3] = crc32c(scratch.subarray(0, 3)) & 0xff;
  view.setUint32(4, crcOf(sequence, scratch, length), true);
  const end = aligned(flash, recordHeader + length);
  scratch.fill(0xff, recordHeader + length, end);
  return scratch.subarray(0, end);
}

export function commitWord(flash: Flash, sequence: number): Uint8Array {
  const word = new Uint8Array(unitOf(flash)).fill(0xff);
  new DataView(word.buffer).setUint32(0, commitIn(sequence), true);
  return word;
}

/** Another in each sector, so that nobody who has a say in what is kept can forge one. */
function commitIn(sequence: number): number {
  const word = (committed ^ Math.imul(sequence, 0x9e3779b1)) >>> 0;
  return word === erasedWord ? committed : word;
}

function crcOf(sequence: number, record: Uint8Array, length: number): number {
  const header = crc32c(record.subarray(0, 4), sequence);
  return crc32c(record.subarray(recordHeader, recordHeader + length), header);
}

/** A part of the flash in RAM, so that what lies side by side is read at once. */
export interface Window {
  readonly flash: Flash;
  readonly size: number;
  from: number;
  bytes: Uint8Array;
}

export function createWindow(flash: Flash): Window {
  const size = Math.min(flash.sectorSize, 2 * recordSize(flash, sizesIn(flash).record));
  return { flash, size, from: 0, bytes: new Uint8Array(0) };
}

/** The bytes at an offset in the flash, until the next call. */
function look(window: Window, offset: number, length: number): Uint8Array {
  const at = offset - window.from;
  if (at >= 0 && at + length <= window.bytes.length) return window.bytes.subarray(at, at + length);
  window.from = offset;
  window.bytes = window.flash.read(offset, Math.min(Math.max(length, window.size), window.flash.size - offset));
  return window.bytes.subarray(0, length);
}

export type Found =
  | {
      readonly kind: "record";
      readonly marks: number;
      /** Of the first entry, in the sector. */
      readonly entriesAt: number;
      /** Until the window is looked through again. */
      readonly entries: Uint8Array;
      readonly end: number;
      /** Whether its commit word stands there, as it must of the last record of a sector. */
      readonly commit: "whole" | "part" | "none";
    }
  /** Nothing was ever programmed from here on. */
  | { readonly kind: "end" }
  /** A cut left a part of a record that was never committed. */
  | { readonly kind: "torn" }
  /** Something that was committed can't be read. */
  | { readonly kind: "damaged" };

/** What lies at an offset in a sector. */
export function findRecord(window: Window, sector: number, sequence: number, offset: number): Found {
  const { flash } = window;
  const base = sector * flash.sectorSize;
  if (offset + recordSize(flash, 0) > flash.sectorSize) return remainder(flash, sector, sequence, offset);
  const header = look(window, base + offset, recordHeader);
  const length = header[0]! | (header[1]! << 8);
  const marks = header[2]!;
  const size = recordSize(flash, length);
  const sound = header[3] === (crc32c(header.subarray(0, 3)) & 0xff) && !isBlank(header);
  if (!sound || length > sizesIn(flash).record || offset + size > flash.sectorSize)
    return remainder(flash, sector, sequence, offset);
  const bytes = look(window, base + offset, size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const word = view.getUint32(size - unitOf(flash), true);
  const commit = word === commitIn(sequence) ? "whole" : word === erasedWord ? "none" : "part";
  if (crcOf(sequence, bytes, length) !== view.getUint32(4, true))
    return { kind: commit === "none" ? "torn" : "damaged" };
  const entries = bytes.subarray(recordHeader, recordHeader + length);
  return { kind: "record", marks, entriesAt: offset + recordHeader, entries, end: offset + size, commit };
}

/** Where no record begins: nothing more, or what a cut left, unless a commit word stands at the end of it. */
function remainder(flash: Flash, sector: number, sequence: number, offset: number): Found {
  const last = lastProgrammed(flash, sector, offset);
  if (last < 0) return { kind: "end" };
  const at = last - (last % unitOf(flash));
  const word = flash.read(sector * flash.sectorSize + at, 4);
  const isCommit = new DataView(word.buffer, word.byteOffset).getUint32(0, true) === commitIn(sequence);
  return { kind: isCommit && at >= offset + recordHeader ? "damaged" : "torn" };
}
