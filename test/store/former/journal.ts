import { assert, VertebraError } from "../../../firmware/core/errors";
import type { Flash } from "../../../firmware/ports";
import {
  type Bank,
  bankOffset,
  bankSize,
  checkOwner,
  damaged,
  eraseBank,
  findBank,
  finishBank,
  firstRecord,
  isNew,
  next,
  readBank,
  retireBank,
  writeBank,
} from "./bank";
import { applyBatch, encodeBatch, growth, putSize } from "./batch";
import { programCommit, programRecord, recordSize, writeRecord } from "./record";

/** Named records that survive a power cut at any moment (PROTOCOL 11). */
export interface Journal {
  readonly records: ReadonlyMap<string, Uint8Array>;
  /**
   * Does the deletes, then the puts: all of them or, after a cut, none. Durable on return. Throws `store-full` before anything is
   * written.
   */
  write(puts: ReadonlyMap<string, Uint8Array>, deletes: ReadonlySet<string>): void;
  stats(): JournalStats;
}

export interface JournalStats {
  /** Bytes of one bank. */
  readonly bankSize: number;
  /** Bytes of the bank that are written. */
  readonly written: number;
  /** The most bytes that a compaction now would write. */
  readonly live: number;
  /** Bytes that records may take in all, each its key, its value and 7 more (`putSize`): beyond, `store-full`. */
  readonly room: number;
  /** How often the live records moved to the other bank, over the life of the flash. */
  readonly compactions: number;
  /** Records written since the journal was opened. */
  readonly writes: number;
}

/** Bytes of live records that a compaction puts into one record: bounds the memory that it takes. */
const compactedBatch = 4096;
/** What a record takes beside its data, at most. */
const batchFrame = recordSize(0) + 3;
/** A bank is full when a compaction could leave less than an eighth of it free: else every write would compact. */
const roomKept = 1 / 8;

/**
 * Opens the journal in `flash` for the participant whose public key is `owner` (32 bytes), and makes it in a flash that is erased.
 * Throws `store-foreign` for one of another participant, `store-damaged` where something that was committed can't be read; neither
 * changes the flash.
 */
export function openJournal(flash: Flash, owner: Uint8Array): Journal {
  assert(owner.length === 32, "the owner of a journal is a public key of 32 bytes");
  assert(bankSize(flash) >= 2 * flash.sectorSize, "the flash of a journal has at least four sectors");
  let bank = newestBank(flash) ?? firstBank(flash, owner);
  checkOwner(bank, owner);
  const content = readBank(flash, bank);
  const { records } = content;
  let { sequence, end } = content;
  let payload = 0;
  for (const [key, value] of records) payload += putSize(key, value);
  let writes = 0;
  let failed = false;
  finishBank(flash, bank, content);
  // A compaction was cut before it retired the older bank.
  if (findBank(flash, other(bank.index))) retireBank(flash, other(bank.index));
  if (content.torn) moveTo(records);

  /** Writes `all` into the other bank: this one stays whole until that one counts, and then that one alone does. */
  function moveTo(all: ReadonlyMap<string, Uint8Array>): void {
    const target: Bank = { index: other(bank.index), generation: next(bank.generation), owner, sequence };
    eraseBank(flash, target.index);
    end = firstRecord;
    for (const data of batches(all)) {
      sequence = next(sequence);
      programRecord(flash, bankOffset(flash, target.index) + end, sequence, data);
      programCommit(flash, bankOffset(flash, target.index) + end, data.length);
      end += recordSize(data.length);
    }
    writeBank(flash, target);
    retireBank(flash, bank.index);
    bank = target;
    sequence = next(sequence);
  }

  function append(data: Uint8Array): void {
    writeRecord(flash, bankOffset(flash, bank.index) + end, sequence, data);
    sequence = next(sequence);
    end += recordSize(data.length);
  }

  return {
    records,
    write(puts, deletes) {
      assert(!failed, "a journal is not used again after its flash failed in a write; it is opened anew");
      if (puts.size === 0 && deletes.size === 0) return;
      const more = growth(records, puts, deletes);
      // What frees room is never refused.
      if (more > 0) checkRoom(flash, payload + more);
      const data = encodeBatch(puts, deletes);
      failed = true;
      if (end + recordSize(data.length) <= bankSize(flash)) append(data);
      else moveTo(applyBatch(data, new Map(records)));
      failed = false;
      applyBatch(data, records);
      payload += more;
      writes++;
    },
    stats: () => ({
      bankSize: bankSize(flash),
      written: end,
      live: compactedSize(payload),
      room: roomIn(flash),
      compactions: bank.generation,
      writes,
    }),
  };
}

function other(index: 0 | 1): 0 | 1 {
  return index === 0 ? 1 : 0;
}

/** The bank that counts; of two the newer. */
function newestBank(flash: Flash): Bank | undefined {
  const first = findBank(flash, 0);
  const second = findBank(flash, 1);
  if (!first || !second) return first ?? second;
  return second.generation === next(first.generation) ? second : first;
}

function firstBank(flash: Flash, owner: Uint8Array): Bank {
  if (!isNew(flash)) throw damaged("the record that says which bank counts");
  const bank: Bank = { index: 0, generation: 0, owner, sequence: 0 };
  retireBank(flash, 0);
  writeBank(flash, bank);
  return bank;
}

function checkRoom(flash: Flash, payload: number): void {
  if (payload <= roomIn(flash)) return;
  throw new VertebraError(
    "store-full",
    `The store is full: its records would take ${payload} bytes, and it has room for ${roomIn(flash)}`,
    "Give the participant a larger flash, or fewer groups.",
  );
}

/** Of which payload a compaction leaves an eighth of a bank free. */
function roomIn(flash: Flash): number {
  const most = bankSize(flash) * (1 - roomKept) - compactedSize(0);
  return Math.floor(most / (1 + (2 * batchFrame) / compactedBatch));
}

/** The records in batches of at most `compactedBatch` bytes, or of one record that is larger. */
function* batches(records: ReadonlyMap<string, Uint8Array>): Generator<Uint8Array> {
  let waiting: (readonly [string, Uint8Array])[] = [];
  let size = 0;
  for (const [key, value] of records) {
    const more = putSize(key, value);
    if (size > 0 && size + more > compactedBatch) {
      yield encodeBatch(waiting, []);
      waiting = [];
      size = 0;
    }
    waiting.push([key, value]);
    size += more;
  }
  if (waiting.length > 0) yield encodeBatch(waiting, []);
}

/** The most bytes of a bank that puts of `payload` bytes take in `batches`, of which any two neighbours exceed `compactedBatch`. */
function compactedSize(payload: number): number {
  const most = 2 * Math.floor(payload / compactedBatch) + 2;
  return firstRecord + payload + most * batchFrame;
}
