import { VertebraError } from "../../../firmware/core/errors";
import { equal, toHex } from "../../../firmware/core/wire/bytes";
import type { Flash } from "../../../firmware/ports";
import { applyBatch } from "./batch";
import { findRecord, isErased, programCommit, recordSize, writeRecord } from "./record";

/**
 * A bank is one half of the flash: the record of the bank, then the records of the journal without a gap between them. The data of the
 * first is magic (4), generation of the bank (4) and the owner's public key (32). It is written last when a bank comes to be, and makes
 * the bank count.
 */
const magic = 0x61747256;
const bankDataSize = 40;
export const firstRecord = recordSize(bankDataSize);

export interface Bank {
  /** 0 or 1. */
  readonly index: 0 | 1;
  readonly generation: number;
  readonly owner: Uint8Array;
  /** Of the bank's own record; each record after it has the next one. */
  readonly sequence: number;
}

export function bankSize(flash: Flash): number {
  return Math.floor(flash.size / flash.sectorSize / 2) * flash.sectorSize;
}

export function bankOffset(flash: Flash, index: 0 | 1): number {
  return index * bankSize(flash);
}

/** Makes a bank count, with all that is programmed in it: it is durable before the commit word is. */
export function writeBank(flash: Flash, bank: Bank): void {
  const data = new Uint8Array(bankDataSize);
  const view = new DataView(data.buffer);
  view.setUint32(0, magic, true);
  view.setUint32(4, bank.generation, true);
  data.set(bank.owner, 8);
  writeRecord(flash, bankOffset(flash, bank.index), bank.sequence, data);
}

/** The bank at `index`, or undefined where none counts there. */
export function findBank(flash: Flash, index: 0 | 1): Bank | undefined {
  const found = findRecord(flash.read(bankOffset(flash, index), firstRecord), 0);
  if (found.kind !== "record" || found.data.length !== bankDataSize) return undefined;
  const view = new DataView(found.data.buffer);
  if (view.getUint32(0, true) !== magic) return undefined;
  return { index, generation: view.getUint32(4, true), owner: found.data.slice(8), sequence: found.sequence };
}

export interface Content {
  readonly records: Map<string, Uint8Array>;
  /** Of the next record. */
  readonly sequence: number;
  /** Offset in the bank of the next record. */
  readonly end: number;
  /** A part of a record lies at the end: nothing can be written behind it. */
  readonly torn: boolean;
  /** Where the last record begins whose commit word is half programmed, and how long its data is. */
  readonly unfinished: { readonly offset: number; readonly length: number } | undefined;
}

/** Reads all records of a bank; throws `store-damaged` where one that was committed can't be read. */
export function readBank(flash: Flash, bank: Bank): Content {
  const bytes = flash.read(bankOffset(flash, bank.index), bankSize(flash));
  const records = new Map<string, Uint8Array>();
  let unfinished: Content["unfinished"];
  let end = firstRecord;
  let sequence = next(bank.sequence);
  for (;;) {
    const found = findRecord(bytes, end);
    if (found.kind === "end" || found.kind === "torn") {
      return { records, sequence, end, torn: found.kind === "torn", unfinished };
    }
    if (found.kind === "damaged" || found.sequence !== sequence) {
      throw damaged(`the record at byte ${end} of bank ${bank.index}`);
    }
    applyBatch(found.data, records);
    if (!found.whole) unfinished = { offset: end, length: found.data.length };
    end = found.end;
    sequence = next(sequence);
  }
}

export function next(sequence: number): number {
  return (sequence + 1) >>> 0;
}

/** Whether nothing was ever kept here: nothing is programmed but, at most, the first bank's record or a part of it. */
export function isNew(flash: Flash): boolean {
  if (!isErased(flash.read(firstRecord, flash.sectorSize - firstRecord), 0)) return false;
  for (let offset = flash.sectorSize; offset < flash.size; offset += flash.sectorSize) {
    if (!isErased(flash.read(offset, flash.sectorSize), 0)) return false;
  }
  return true;
}

export function eraseBank(flash: Flash, index: 0 | 1): void {
  const first = bankOffset(flash, index) / flash.sectorSize;
  for (let sector = 0; sector < bankSize(flash) / flash.sectorSize; sector++) flash.erase(first + sector);
}

/**
 * Completes the commit words that a cut left half programmed: enough of them was there to be read this time, and what was read once
 * must be read for ever.
 */
export function finishBank(flash: Flash, bank: Bank, content: Content): void {
  const offset = bankOffset(flash, bank.index);
  programCommit(flash, offset, bankDataSize);
  if (content.unfinished) programCommit(flash, offset + content.unfinished.offset, content.unfinished.length);
  flash.sync();
}

/** After this the bank does not count, whatever else it holds. */
export function retireBank(flash: Flash, index: 0 | 1): void {
  flash.erase(bankOffset(flash, index) / flash.sectorSize);
  flash.sync();
}

/** Throws `store-foreign` for a bank of another participant. */
export function checkOwner(bank: Bank, owner: Uint8Array): void {
  if (equal(bank.owner, owner)) return;
  throw new VertebraError(
    "store-foreign",
    `This store belongs to another participant: to ${toHex(bank.owner)}, not to ${toHex(owner)}`,
    "Give this participant a store of its own, or provision it with the seed that the store was made with.",
  );
}

export function damaged(what: string): VertebraError {
  return new VertebraError(
    "store-damaged",
    `The store is damaged: ${what} was committed and can't be read`,
    "Keep this store away from use. Begin with a new one: what is final comes back from the others, and this participant stays an observer until they have told it what it signed.",
  );
}
