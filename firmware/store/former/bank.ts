import { equal } from "../../core/wire/bytes";
import type { Flash } from "../../ports";
import { damaged } from "../log";
import { foreign } from "../mount";
import { applyBatch } from "./batch";
import { findRecord, recordSize } from "./record";

/**
 * The format of before: two banks, each one half of the flash, of which the newer counts. In a bank lie its own record and the records of
 * the journal without a gap between them. The data of the first is magic (4), generation of the bank (4) and the owner's public key (32).
 */
const magic = 0x61747256;
const bankDataSize = 40;
const firstRecord = recordSize(bankDataSize);

export interface Bank {
  /** 0 or 1. */
  readonly index: 0 | 1;
  readonly generation: number;
  readonly owner: Uint8Array;
  /** Of the bank's own record; each record after it has the next one. */
  readonly sequence: number;
}

/** Sectors of one bank. */
export function sectorsOfBank({ size, sectorSize }: Flash): number {
  return Math.floor(size / sectorSize / 2);
}

/** The bank that counts, of two the newer; undefined where the flash has none. Throws `store-foreign` for another participant's. */
export function newestBank(flash: Flash, owner: Uint8Array): Bank | undefined {
  const first = findBank(flash, 0);
  const second = findBank(flash, 1);
  const newest = first && second && second.generation === next(first.generation) ? second : (first ?? second);
  if (newest !== undefined && !equal(newest.owner, owner)) throw foreign(newest.owner, owner);
  return newest;
}

function findBank(flash: Flash, index: 0 | 1): Bank | undefined {
  const found = findRecord(flash.read(bankOffset(flash, index), firstRecord), 0);
  if (found.kind !== "record" || found.data.length !== bankDataSize) return undefined;
  const view = new DataView(found.data.buffer);
  if (view.getUint32(0, true) !== magic) return undefined;
  return { index, generation: view.getUint32(4, true), owner: found.data.slice(8), sequence: found.sequence };
}

/** All records of a bank, which are read at once: only machines with the room for it ever had one. Throws `store-damaged`. */
export function readBank(flash: Flash, bank: Bank): Map<string, Uint8Array> {
  const bytes = flash.read(bankOffset(flash, bank.index), sectorsOfBank(flash) * flash.sectorSize);
  const records = new Map<string, Uint8Array>();
  let sequence = next(bank.sequence);
  for (let end = firstRecord; ; sequence = next(sequence)) {
    const found = findRecord(bytes, end);
    if (found.kind === "end" || found.kind === "torn") return records;
    if (found.kind === "damaged" || found.sequence !== sequence)
      throw damaged(`the record at byte ${end} of bank ${bank.index}`);
    applyBatch(found.data, records);
    end = found.end;
  }
}

function bankOffset(flash: Flash, index: 0 | 1): number {
  return index * sectorsOfBank(flash) * flash.sectorSize;
}

function next(sequence: number): number {
  return (sequence + 1) >>> 0;
}
