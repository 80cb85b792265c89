import { renameSync, rmSync } from "node:fs";
import { basename, dirname } from "node:path";
import { VertebraError } from "../../firmware/core/errors";
import { newestBank, readBank } from "../../firmware/store/former/bank";
import { type Journal, openJournal, readRecord, recordKeys, writeRecords } from "../../firmware/store/journal";
import { damaged } from "../../firmware/store/log";
import { syncDirectory } from "../world/files";
import type { Disk } from "./disk";
import { createFlashFile, type FlashFile, openFlashFile } from "./flash-file";
import type { Patience } from "./patience";

/**
 * What a participant promised and is not final yet, in the same journal that a board has, in a file: claims, locks, blocks, counters,
 * ids. What was committed there can be read, or the journal is refused: nothing of it is ever lost without a word.
 */
export interface Promises {
  /** What is durable. */
  readonly records: ReadonlyMap<string, Uint8Array>;
  /** All of it or nothing, and durable when the promise resolves. One at a time. */
  write(puts: ReadonlyMap<string, Uint8Array>, deletes: ReadonlySet<string>): Promise<void>;
  close(): Promise<void>;
}

interface Opened {
  readonly flash: FlashFile;
  readonly journal: Journal;
}

/** Bytes of a new journal, of which the records may take the most. It grows where a world needs more. */
const firstSize = 2 << 20;
const sizePerGroup = 64 << 10;

export function journalSize(groups: number): number {
  return firstSize + groups * sizePerGroup;
}

/** Makes a journal with these records at `path`, whole or not at all. */
export async function createPromises(
  disk: Disk,
  path: string,
  owner: Uint8Array,
  size: number,
  records: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  await (await makeJournal(disk, path, owner, size, records)).flash.close();
}

/**
 * Opens the journal at `path`. Throws `store-damaged` and `store-foreign`, and then the file is as it was; and the errors of the disk.
 */
export async function openPromises(disk: Disk, patience: Patience, path: string, owner: Uint8Array): Promise<Promises> {
  let opened = await openAt(disk, path, owner);
  const records = new Map([...recordKeys(opened.journal)].sort().map((key) => [key, readRecord(opened.journal, key)!]));

  /** What does not fit moves to a file of twice the size, with the write that found no room. */
  async function grow(puts: ReadonlyMap<string, Uint8Array>, deletes: ReadonlySet<string>): Promise<void> {
    const all = new Map(records);
    for (const key of deletes) all.delete(key);
    for (const [key, value] of puts) all.set(key, value);
    const larger = await patience.insist(() => makeJournal(disk, path, owner, 2 * opened.flash.size, all));
    await opened.flash.close();
    opened = larger;
  }

  return {
    records,
    async write(puts, deletes) {
      try {
        writeRecords(opened.journal, puts, deletes);
        await patience.insist(() => opened.flash.settle());
      } catch (error) {
        if (!isFull(error)) throw error;
        await grow(puts, deletes);
      }
      for (const key of deletes) records.delete(key);
      for (const [key, value] of puts) records.set(key, value.slice());
    },
    close: () => opened.flash.close(),
  };
}

async function openAt(disk: Disk, path: string, owner: Uint8Array): Promise<Opened> {
  const flash = await openFlashFile(disk, path);
  if (flash === undefined) throw damagedAt(path, damaged("what says how large it is").message);
  try {
    const former = newestBank(flash, owner);
    if (former !== undefined) {
      // A journal of before is written anew beside it, and then that takes its place.
      const opened = await makeJournal(disk, path, owner, flash.size, readBank(flash, former));
      await flash.close();
      return opened;
    }
    const journal = openJournal(flash, owner, doesNotWear);
    await flash.settle();
    return { flash, journal };
  } catch (error) {
    await flash.close();
    const isDamaged = error instanceof VertebraError && ["store-damaged", "store-unknown"].includes(error.code);
    throw isDamaged ? damagedAt(path, error.message) : error;
  }
}

/** A file holds what is put into it, or the disk says why not. */
function doesNotWear(error: VertebraError): never {
  throw error;
}

async function makeJournal(
  disk: Disk,
  path: string,
  owner: Uint8Array,
  size: number,
  records: ReadonlyMap<string, Uint8Array>,
): Promise<Opened> {
  const draft = `${path}.draft`;
  const flash = await createFlashFile(disk, draft, size);
  try {
    const journal = openJournal(flash, owner, doesNotWear);
    writeRecords(journal, records, new Set());
    await flash.settle();
    renameSync(draft, path);
    syncDirectory(dirname(path));
    return { flash, journal };
  } catch (error) {
    await flash.close();
    rmSync(draft, { force: true });
    if (!isFull(error)) throw error;
    return makeJournal(disk, path, owner, 2 * size, records);
  }
}

function isFull(error: unknown): boolean {
  return error instanceof VertebraError && error.code === "store-full";
}

/** In whose place a person may put a new one, by giving up what was promised in it. */
function damagedAt(path: string, message: string): VertebraError {
  const way = `Rename it to ${basename(path)}.given-up and start again: a new one is made from what is final here`;
  return new VertebraError("store-damaged", `${message}, in ${path}`, `${way}. ${forgets}`);
}

export function journalGone(path: string): VertebraError {
  const way = `Or make an empty file ${path}.given-up: then a new one is made from what is final here`;
  const message = `The store is damaged: there is a history, and its journal ${path} is gone`;
  return new VertebraError("store-damaged", message, `Put it back, if it was moved. ${way}. ${forgets}`);
}

const forgets =
  "What this participant had promised besides is forgotten then: where the other owners remember what it signed, it stays an observer until they have told it.";
