import { isFilled } from "../core/wire/bulk";
import { equal } from "../core/wire/bytes";
import { crc32c } from "../core/wire/crc32c";
import type { Flash } from "../ports";

/**
 * The front of a sector, two parts that are programmed at two times (PROTOCOL 11; docs/flash-format.md). The first, when the sector was
 * erased: magic (4), version (2), unit (2), bytes of a sector (4), sectors (4), how often it was erased (4), the owner's public key (32),
 * CRC-32C of all before (4). It keeps its place and form in all versions to come. The second, when the sector joins the log: sequence (4),
 * where the records of the sector before it end (4), sectors in the log with this one (2), how many are retired (1), which (2 each),
 * CRC-32C of all before (4). Little-endian.
 */
export const frontSize = 128;
/** 2 since values may lie packed; a store of 1 is read, and goes on as one of 2. */
export const formatVersion = 2;
/** Where the second part begins. */
export const openedAt = 64;
const magic = 0x676f6c76;
const preparedSize = 56;
const openedFrame = 15;
/** Sectors that may wear out before the flash is to be replaced. */
export const mostRetired = 24;

export interface Prepared {
  readonly version: number;
  /** What is programmed at once, bytes. */
  readonly unit: number;
  readonly sectorSize: number;
  readonly sectors: number;
  readonly erases: number;
  readonly owner: Uint8Array;
}

export interface Opened {
  readonly sequence: number;
  readonly previousEnd: number;
  readonly count: number;
  readonly retired: readonly number[];
}

/** "blank" where nothing was programmed. */
export interface Front {
  readonly prepared: Prepared | "blank" | "torn";
  readonly opened: Opened | "blank" | "torn";
}

export function readFront(flash: Flash, sector: number): Front {
  const bytes = flash.read(sector * flash.sectorSize, frontSize);
  return { prepared: readPrepared(bytes.subarray(0, openedAt)), opened: readOpened(bytes.subarray(openedAt)) };
}

/** The first part, of its bytes. */
export function readPrepared(bytes: Uint8Array): Front["prepared"] {
  if (isBlank(bytes)) return "blank";
  const view = viewOf(bytes);
  const check = crc32c(bytes.subarray(0, preparedSize - 4));
  if (view.getUint32(0, true) !== magic || view.getUint32(preparedSize - 4, true) !== check) return "torn";
  return {
    version: view.getUint16(4, true),
    unit: view.getUint16(6, true),
    sectorSize: view.getUint32(8, true),
    sectors: view.getUint32(12, true),
    erases: view.getUint32(16, true),
    owner: bytes.slice(20, 52),
  };
}

function readOpened(bytes: Uint8Array): Front["opened"] {
  if (isBlank(bytes)) return "blank";
  const view = viewOf(bytes);
  const many = bytes[10]!;
  if (many > mostRetired) return "torn";
  const end = 11 + 2 * many;
  if (view.getUint32(end, true) !== crc32c(bytes.subarray(0, end))) return "torn";
  return {
    sequence: view.getUint32(0, true),
    previousEnd: view.getUint32(4, true),
    count: view.getUint16(8, true),
    retired: Array.from({ length: many }, (_, index) => view.getUint16(11 + 2 * index, true)),
  };
}

/** Returns whether it can be read back. */
export function writePrepared(flash: Flash, sector: number, erases: number, owner: Uint8Array): boolean {
  const bytes = new Uint8Array(openedAt).fill(0xff);
  const view = viewOf(bytes);
  view.setUint32(0, magic, true);
  view.setUint16(4, formatVersion, true);
  view.setUint16(6, unitOf(flash), true);
  view.setUint32(8, flash.sectorSize, true);
  view.setUint32(12, sectorsIn(flash), true);
  view.setUint32(16, erases, true);
  bytes.set(owner, 20);
  view.setUint32(preparedSize - 4, crc32c(bytes.subarray(0, preparedSize - 4)), true);
  return program(flash, sector * flash.sectorSize, bytes);
}

/** Returns whether it can be read back. */
export function writeOpened(flash: Flash, sector: number, opened: Opened): boolean {
  const { sequence, previousEnd, count, retired } = opened;
  const end = openedFrame - 4 + 2 * retired.length;
  const bytes = new Uint8Array(aligned(flash, end + 4)).fill(0xff);
  const view = viewOf(bytes);
  view.setUint32(0, sequence, true);
  view.setUint32(4, previousEnd, true);
  view.setUint16(8, count, true);
  bytes[10] = retired.length;
  for (const [index, each] of retired.entries()) view.setUint16(11 + 2 * index, each, true);
  view.setUint32(end, crc32c(bytes.subarray(0, end)), true);
  return program(flash, sector * flash.sectorSize + openedAt, bytes);
}

/** Returns whether what was programmed can be read back: else the sector is worn. */
export function program(flash: Flash, offset: number, bytes: Uint8Array): boolean {
  flash.program(offset, bytes);
  return equal(flash.read(offset, bytes.length), bytes);
}

export function sectorsIn(flash: Flash): number {
  return Math.floor(flash.size / flash.sectorSize);
}

/** The next multiple of what the part programs at once, and of 4. */
export function aligned(flash: Flash, length: number): number {
  const unit = unitOf(flash);
  return Math.ceil(length / unit) * unit;
}

export function unitOf({ writeSize }: Flash): number {
  return Math.max(4, writeSize);
}

/** Most of a flash is erased, and looking is done in C on a board. */
export function isBlank(bytes: Uint8Array): boolean {
  return isFilled(bytes, 0xff);
}

const readAtOnce = 512;

/** Whether nothing is programmed in a sector from this offset on. */
export function isBlankFrom(flash: Flash, sector: number, from: number): boolean {
  return lastProgrammed(flash, sector, from) < 0;
}

/** The offset in the sector of the last byte that is not erased, from `from` on; -1 where there is none. */
export function lastProgrammed(flash: Flash, sector: number, from: number): number {
  for (let end = flash.sectorSize; end > from; ) {
    const begin = Math.max(from, end - readAtOnce);
    const bytes = flash.read(sector * flash.sectorSize + begin, end - begin);
    for (let at = isBlank(bytes) ? -1 : bytes.length - 1; at >= 0; at--) if (bytes[at] !== 0xff) return begin + at;
    end = begin;
  }
  return -1;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
