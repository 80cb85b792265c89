import { assert, VertebraError } from "../core/errors";
import { encodeText } from "../core/wire/text";
import type { Flash } from "../ports";
import { append } from "./appending";
import { makeRoom } from "./compaction";
import { type Entry, entriesOf, entrySize, removeEntry } from "./entries";
import { newestBank } from "./former/bank";
import { giveUpBank, migrate } from "./former/migrate";
import { isBlankFrom, sectorsIn, unitOf } from "./front";
import { borrowersLeft, givenValue, isLent, type Journal, lenderFor, lentIn } from "./lending";
import { capacityOf, countRetired, isRetired, type Log } from "./log";
import { createLog, leastSectors, mount, settle, type Unsettled } from "./mount";
import { dropName, lowOf, nameGoneWith, namesFor, namesIn, noNames, numberOf, takeName, textOf } from "./names";
import { lenderOf } from "./packed";
import { isFinal } from "./participant-keys";
import { addressesOf, beginningOf, lengthOf, sizeAt } from "./places";
import { recordSize } from "./record";
import { addressOf, createTable, dropAddress, keysIn, setAddress } from "./table";
import { givenLength, type Packing, toStore } from "./values";
import { erasesOf } from "./wear";

export type { Journal } from "./lending";

export interface JournalStats {
  readonly sectors: number;
  readonly sectorSize: number;
  /** Sectors that are worn, and used no more. */
  readonly retired: number;
  /** How often the sectors in use were erased, over the life of the flash. */
  readonly leastErases: number;
  readonly mostErases: number;
  /** Bytes of all records, each its value and some bytes more; and what they may be: beyond, `store-full`. */
  readonly live: number;
  readonly room: number;
  readonly records: number;
  /** Since the journal was opened: writes, and sectors that were freed. */
  readonly writes: number;
  readonly compactions: number;
}

/**
 * Opens the journal in `flash` for the participant whose public key is `owner` (32 bytes), and makes it in a flash that is erased. Throws
 * `store-foreign`, `store-newer`, `store-size`, `store-small`, `store-damaged` where something that was committed can't be read, and
 * `store-unknown` where something else lies there; then the flash is as it was. `notice` hears of sectors that wear out. Values that were packed
 * are read by the same `packing` alone.
 */
export function openJournal(
  flash: Flash,
  owner: Uint8Array,
  notice: (error: VertebraError) => void,
  packing: Packing | null = null,
): Journal {
  assert(owner.length === 32, "the owner of a journal is a public key of 32 bytes");
  if (sectorsIn(flash) < leastSectors) throw tooSmall(flash);
  const begin = () => createLog(flash, owner, notice);
  const bank = newestBank(flash, owner);
  let log = begin();
  let unsettled = bank === undefined ? mount(log) : mountWhole(log);
  if (unsettled === undefined && bank === undefined && !isNew(flash)) throw unknown();
  if (bank !== undefined && unsettled === undefined) {
    log = begin();
    migrate(log, bank, (records) =>
      writeRecords({ log, names: noNames(), packing, lent: createTable() }, records, new Set()),
    );
    log = begin();
    unsettled = mount(log);
  } else if (bank !== undefined) giveUpBank(log, bank);
  unsettled ??= { freed: new Map(), suspects: [], confirmed: true, movedOnly: true };
  while (!settle(log, unsettled)) {
    log = begin();
    unsettled = mount(log)!;
  }
  const names = namesIn(log);
  return { log, names, packing, lent: lentIn(log, names) };
}

/** Reads the log that a migration wrote, where it is whole: its records are all there, or none. */
function mountWhole(log: Log): Unsettled | undefined {
  try {
    const unsettled = mount(log);
    return log.table.size > 0 ? unsettled : undefined;
  } catch (error) {
    if (!(error instanceof VertebraError) || error.code !== "store-damaged") throw error;
    return undefined;
  }
}

/** The value of a record, a copy; undefined where there is none. Throws `store-damaged` where it can't be read any more. */
export function readRecord(journal: Journal, key: string): Uint8Array | undefined {
  const number = numberOf(journal.names, key);
  return number === undefined || isLent(journal, number) ? undefined : givenValue(journal, number);
}

/** How long the value of a record is. */
export function recordLength(journal: Journal, key: string): number | undefined {
  const number = numberOf(journal.names, key);
  const stored = number === undefined || isLent(journal, number) ? undefined : beginningOf(journal.log, number);
  return stored && givenLength(stored, lengthOf(journal.log, number!)!);
}

/** The keys of all records that begin so, in no order. */
export function* recordKeys(journal: Journal, beginning = ""): Generator<string> {
  for (const number of keysIn(journal.log.table)) {
    const key = isLent(journal, number) ? undefined : textOf(journal.names, number);
    if (key?.startsWith(beginning)) yield key;
  }
}

/** What a write changes. */
interface Change {
  readonly entries: Entry[];
  /** Bytes that are live more than before. */
  more: number;
  /** Names that go, and the records that lend from now on, or no more. */
  readonly gone: number[];
  readonly lent: Map<number, number>;
  readonly returned: number[];
}

/**
 * Does the deletes, then the puts: all of them or, after a cut, none. Durable on return. Throws `store-full` before anything is
 * written; what frees room is never refused.
 */
export function writeRecords(
  journal: Journal,
  puts: ReadonlyMap<string, Uint8Array>,
  deletes: ReadonlySet<string>,
): void {
  const { log, names, lent } = journal;
  assert(!log.failed, "a journal is not used again after its flash failed in a write; it is opened anew");
  const fresh = namesFor(names, puts.keys());
  const change: Change = { entries: [], more: 0, gone: [], lent: new Map(), returned: [] };
  const stored = new Map<string, Uint8Array>();
  for (const [key, value] of borrowersLeft(journal, puts, deletes))
    stored.set(key, toStore(journal.packing, key, value, undefined));
  for (const [key, value] of puts) {
    const lender = lenderFor(journal, key, value, puts, deletes, fresh, change.lent);
    stored.set(key, toStore(journal.packing, key, value, lender));
    if (isFinal(key) && lenderOf(stored.get(key)!) !== undefined)
      change.lent.set(lender!.key, lowOf(numberOf(names, key, fresh)!));
  }
  // First what goes, since something else may come in its place.
  for (const key of stored.keys()) giveBack(journal, change, key);
  for (const key of deletes) if (!puts.has(key)) addRemoval(journal, change, key);
  for (const [name, number] of fresh) add(journal, change, number, encodeText(name));
  for (const [key, bytes] of stored) add(journal, change, numberOf(names, key, fresh)!, bytes);
  const { entries, more } = change;
  if (entries.length === 0) return;
  let bytes = 0;
  for (const entry of entries) bytes += entrySize(entry);
  if (more > 0 && log.liveBytes + more > capacityOf(log)) throw full(log, more);
  do {
    if (!makeRoom(log, withFrames(log, bytes))) throw full(log, more);
  } while (!append(log, entries));
  for (const [name, number] of fresh) takeName(names, name, number);
  for (const name of change.gone) dropName(names, name);
  for (const number of change.returned) dropAddress(lent, number);
  for (const [number, borrower] of change.lent) setAddress(lent, number, borrower);
  log.writes++;
}

function add({ log }: Journal, change: Change, number: number, stored: Uint8Array): void {
  if (!change.returned.includes(number)) change.more -= bytesOf(log, number);
  for (const entry of entriesOf(number, stored, log.sizes.part)) {
    change.entries.push(entry);
    change.more += entrySize(entry);
  }
}

function addRemoval(journal: Journal, change: Change, key: string): void {
  const { log, names } = journal;
  const number = numberOf(names, key);
  if (number === undefined || addressOf(log.table, number) === undefined) return;
  // What was deleted, or is now, and lends stays.
  if (isLent(journal, number) || change.lent.has(number)) return;
  giveBack(journal, change, key);
  remove(journal, change, number);
  const name = nameGoneWith(names, key);
  if (name === undefined) return;
  change.gone.push(name);
  remove(journal, change, name);
}

function remove({ log }: Journal, change: Change, number: number): void {
  change.more -= bytesOf(log, number);
  change.entries.push(removeEntry(number, 0));
}

/** A final record that goes, or is written anew, needs the record no more that it borrowed from; unless another takes its place. */
function giveBack(journal: Journal, change: Change, key: string): void {
  const number = isFinal(key) ? numberOf(journal.names, key) : undefined;
  const stored = number === undefined ? undefined : beginningOf(journal.log, number);
  const lender = stored === undefined ? undefined : lenderOf(stored);
  if (lender === undefined || !isLent(journal, lender)) return;
  change.returned.push(lender);
  remove(journal, change, lender);
}

/** What entries of so many bytes take in records, at most. */
function withFrames({ flash, sizes }: Log, bytes: number): number {
  const records = 2 + Math.ceil(bytes / sizes.part);
  return bytes + records * (recordSize(flash, 0) + unitOf(flash));
}

function bytesOf(log: Log, key: number): number {
  return addressesOf(log, key).reduce((sum, each) => sum + sizeAt(log, each), 0);
}

/** What of `journalStats` is asked each second: bytes of all records. The rest looks at every sector. */
export function liveBytes({ log }: Journal): number {
  return log.liveBytes;
}

export function journalStats({ log }: Journal): JournalStats {
  const { flash, wear, liveBytes, table, writes, compactions } = log;
  const sectors = log.sequences.length;
  // One after the other: given as arguments, as many as there are sectors, they would not fit a board's stack.
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let sector = 0; sector < sectors; sector++) {
    if (isRetired(log, sector)) continue;
    const erases = erasesOf(wear, sector);
    least = Math.min(least, erases);
    most = Math.max(most, erases);
  }
  return {
    sectors,
    sectorSize: flash.sectorSize,
    retired: countRetired(log),
    leastErases: least,
    mostErases: most,
    live: liveBytes,
    room: capacityOf(log),
    records: table.size,
    ...{ writes, compactions },
  };
}

/** Whether nothing was ever kept here: nothing is programmed but, at most, a part of the first sector's front. */
function isNew(flash: Flash): boolean {
  for (let sector = 0; sector < sectorsIn(flash); sector++)
    if (!isBlankFrom(flash, sector, sector === 0 ? 64 : 0)) return false;
  return true;
}

function full(log: Log, more: number): VertebraError {
  const { liveBytes } = log;
  return new VertebraError(
    "store-full",
    `The store is full: its records would take ${liveBytes + more} bytes, and it has room for ${capacityOf(log)}`,
    "Give the participant a larger flash, or fewer groups.",
  );
}

function tooSmall(flash: Flash): VertebraError {
  return new VertebraError(
    "store-small",
    `The flash has ${sectorsIn(flash)} sectors of ${flash.sectorSize} bytes, and a store needs ${leastSectors}`,
    "Give it a larger flash, or one with smaller sectors.",
  );
}

function unknown(): VertebraError {
  return new VertebraError(
    "store-unknown",
    "The flash holds something that is no store, and nothing of it was changed",
    "Point to the store's own flash or area, or erase this one where what it holds is not needed.",
  );
}
