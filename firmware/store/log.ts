import { VertebraError } from "../core/errors";
import { concat } from "../core/wire/bytes";
import type { Flash } from "../ports";
import { decodeEntry, decodeHead, type Entry, encodeEntry, entryFrame, entrySize, kinds } from "./entries";
import { frontSize, isBlankFrom, mostRetired, program, unitOf, writeOpened, writePrepared } from "./front";
import { commitWord, flags, recordHeader, recordSize, type Sizes, sealRecord } from "./record";
import { addressOf, dropAddress, setAddress, type Table } from "./table";
import { erasesOf, noteErase, type Wear } from "./wear";

/** What RAM holds of a store: where each record lies, and of each sector a few numbers. Records are read when they are wanted. */
export interface Log {
  readonly flash: Flash;
  readonly owner: Uint8Array;
  readonly sizes: Sizes;
  /** Where each record's entry lies in the flash; of one in parts the first. */
  readonly table: Table;
  /** Where the parts of large records lie. */
  readonly parts: Map<number, number[]>;
  /** By sector. 0 where it is not in the log. */
  readonly sequences: Uint32Array;
  /** How often it was erased. */
  wear: Wear;
  /** Where its records end. */
  readonly ends: Numbers;
  /** Bytes of its entries that are live, and how many removals of it may still be needed. */
  readonly live: Numbers;
  readonly removals: Uint8Array | Uint16Array;
  readonly states: Uint8Array;
  /** How many sectors there are of a kind; null before they were counted. */
  counts: Counts | null;
  /** No free sector is less worn than `above`, as `wear` has it, and none before `from` as little. */
  readonly fresh: { from: number; above: number };
  /** The sector that is written to, and the highest sequence. */
  head: number;
  sequence: number;
  /** Live bytes in all. */
  liveBytes: number;
  /** Since it was opened. */
  writes: number;
  compactions: number;
  /** It failed in the middle of something: what RAM says of it may not be so. */
  failed: boolean;
  readonly scratch: Uint8Array;
  readonly notice: (error: VertebraError) => void;
}

/** By sector, no wider than they need to be: a flash has a thousand sectors, and a board 40 KB for all. */
export type Numbers = Uint16Array | Uint32Array;

interface Counts {
  /** That nothing lies in. */
  free: number;
  /** That are in the log. */
  used: number;
  retired: number;
}

/**
 * What a sector is besides, as bits: what counts of it at its end is told by the sector after it, where a cut left something or a write goes
 * on there; it is worn; nothing new is put there; it is erased, and says so.
 */
export const states = { leaning: 1, retired: 2, kept: 4, prepared: 8 } as const;

/** With one of these a sector is not free, whatever lies in it. */
const taken = states.retired | states.kept;

/** Sectors that are free while nothing is written: one for a compaction, and for what it leaves over where a cut comes in it, and a second. */
export const spares = 3;

export function sectorOf({ flash }: Log, address: number): number {
  return Math.floor(address / flash.sectorSize);
}

/** Bytes of entries that a sector has room for, whatever their sizes. */
export function usable({ flash, sizes }: Log): number {
  const leftOver = recordSize(flash, sizes.part + entryFrame);
  const frames = 4 * (recordSize(flash, 0) + unitOf(flash));
  return flash.sectorSize - frontSize - leftOver - frames;
}

/** Bytes that live entries may take in all: beyond, a store is full. The rest is for what moves, and for what was removed. */
export function capacityOf(log: Log): number {
  const sectors = log.sequences.length;
  return (sectors - countRetired(log) - Math.max(spares + 2, sectors >> 3)) * usable(log);
}

/** Sectors that nothing lies in. */
export function freeSectors(log: Log): number {
  return countsOf(log).free;
}

export function countRetired(log: Log): number {
  return countsOf(log).retired;
}

/** A flash has a thousand sectors, and each write asks: so they are counted once, and then by what changes. */
function countsOf(log: Log): Counts {
  if (log.counts !== null) return log.counts;
  const counts = { free: 0, used: 0, retired: 0 };
  const sectors = log.sequences.length;
  for (let sector = 0; sector < sectors; sector++) count(counts, log, sector, 1);
  log.counts = counts;
  return counts;
}

function count(counts: Counts, { sequences, states: all }: Log, sector: number, more: 1 | -1): void {
  const state = all[sector]!;
  if (sequences[sector]! > 0) counts.used += more;
  else if ((state & taken) === 0) counts.free += more;
  if ((state & states.retired) !== 0) counts.retired += more;
}

/** The sector is, or is no more, in the log or one of these kinds. */
export function setState(log: Log, sector: number, state: number): void {
  const before = log.states[sector]!;
  if (log.counts !== null) count(log.counts, log, sector, -1);
  log.states[sector] = state;
  if (log.counts !== null) count(log.counts, log, sector, 1);
  if ((before & taken) !== 0 && (state & taken) === 0) noteFree(log, sector);
}

export function setSequence(log: Log, sector: number, sequence: number): void {
  if (log.counts !== null) count(log.counts, log, sector, -1);
  log.sequences[sector] = sequence;
  if (log.counts !== null) count(log.counts, log, sector, 1);
}

export function isRetired({ states: all }: Log, sector: number): boolean {
  return (all[sector]! & states.retired) !== 0;
}

/** One record's entry, as it lies at an address, with its value. */
export function entryAt({ flash, sizes }: Log, address: number): Entry {
  const most = Math.min(entryFrame + sizes.part, flash.size - address);
  const short = decodeEntry(flash.read(address, Math.min(64, most)), 0);
  if (short === undefined) throw damaged(`what lies at byte ${address}`);
  if (short.end <= 64) return short;
  const whole = decodeEntry(flash.read(address, Math.min(short.end, most)), 0);
  if (whole === undefined || whole.value.length !== whole.end - (short.end - whole.value.length))
    throw damaged(`what lies at byte ${address}`);
  return whole;
}

/** Where the entries of a record lie, in the order of its parts; none where there is no record. */
export function addressesOf({ table, parts }: Log, key: number): readonly number[] {
  const address = addressOf(table, key);
  return parts.get(key) ?? (address === undefined ? [] : [address]);
}

export function readValue(log: Log, key: number): Uint8Array | undefined {
  const addresses = addressesOf(log, key);
  if (addresses.length === 1) return entryAt(log, addresses[0]!).value;
  return addresses.length === 0 ? undefined : concat(addresses.map((each) => entryAt(log, each).value));
}

/** With what the value of a record begins, 24 bytes at most. */
export function beginningOf({ flash, table }: Log, key: number): Uint8Array | undefined {
  const address = addressOf(table, key);
  if (address === undefined) return undefined;
  const short = decodeEntry(flash.read(address, Math.min(2 * entryFrame, flash.size - address)), 0);
  if (short === undefined) throw damaged(`what lies at byte ${address}`);
  return short.value;
}

export function lengthOf(log: Log, key: number): number | undefined {
  const addresses = addressesOf(log, key);
  return addresses.length === 0 ? undefined : addresses.reduce((sum, each) => sum + entryAt(log, each).value.length, 0);
}

/** Bytes that the entry at an address takes. */
export function sizeAt({ flash }: Log, address: number): number {
  const head = decodeHead(flash.read(address, Math.min(entryFrame, flash.size - address)), 0);
  if (head === undefined) throw damaged(`what lies at byte ${address}`);
  return head.end;
}

/** What of an entry changes what RAM knows. */
export type Said = Pick<Entry, "key" | "kind" | "part" | "parts">;

interface Placed extends Said {
  readonly address: number;
  readonly size: number;
}

/**
 * Appends one write to the log: all of it counts or, after a cut, nothing. There is room for it. Returns false where a sector wore out,
 * which is retired then; whoever calls tries again.
 */
export function append(log: Log, entries: readonly Entry[]): boolean {
  let bytes = 0;
  for (const entry of entries) bytes += entrySize(entry);
  // What fits in one sector lies in one, unless much would be left over.
  const apart = bytes > restOf(log) && bytes < usable(log) / 2;
  return appendRecords(log, entries, { moved: false, apart });
}

/** Appends what lies elsewhere, too, until the last entry is there: each record counts by itself. Returns as `append` does. */
export function appendMoved(log: Log, entries: Iterable<Entry>): boolean {
  return appendRecords(log, entries, { moved: true, apart: false });
}

function appendRecords(
  log: Log,
  entries: Iterable<Entry>,
  { moved, apart }: { readonly moved: boolean; readonly apart: boolean },
): boolean {
  const placed: Placed[] = [];
  let length = 0;
  let begun = false;
  log.failed = true;
  const write = (last: boolean): boolean => {
    const marks = moved ? flags.first | flags.last | flags.moved : (begun ? 0 : flags.first) | (last ? flags.last : 0);
    if (!writeRecord(log, length, marks, last)) return false;
    begun = true;
    length = 0;
    if (!moved && !last) return true;
    for (let at = 0; at < placed.length; at++) note(log, placed[at]!, placed[at]!.address, placed[at]!.size);
    placed.length = 0;
    return true;
  };
  if ((apart || isRetired(log, log.head)) && !openNext(log)) return false;
  for (const entry of entries) {
    const size = entrySize(entry);
    const fits = length + size <= Math.min(log.sizes.record, restOf(log));
    if (!fits && length > 0 && !write(false)) return false;
    if (size > restOf(log)) {
      if (begun && !moved) log.states[log.head] = log.states[log.head]! | states.leaning;
      if (!openNext(log)) return false;
    }
    const at = recordHeader + length;
    encodeEntry(entry, log.scratch, at);
    const address = log.head * log.flash.sectorSize + log.ends[log.head]! + at;
    // Its value may lie in what is read next, and is not needed any more.
    const { key, kind, part, parts } = entry;
    placed.push({ key, kind, part, parts, address, size });
    length += size;
  }
  if (!write(true)) return false;
  log.failed = false;
  return true;
}

/** Bytes of entries that one more record may have in the head; negative where none fits. */
export function restOf({ flash, ends, head }: Log): number {
  return flash.sectorSize - ends[head]! - recordSize(flash, 0) - (unitOf(flash) - 1);
}

function writeRecord(log: Log, length: number, marks: number, commit: boolean): boolean {
  const { flash, head, scratch } = log;
  const sequence = log.sequences[head]!;
  const offset = head * flash.sectorSize + log.ends[head]!;
  const bytes = sealRecord(flash, sequence, scratch, length, marks);
  if (!program(flash, offset, bytes)) return retire(log, head);
  if (commit) {
    // The commit word comes when all before it is durable.
    flash.sync();
    if (!program(flash, offset + bytes.length, commitWord(flash, sequence))) return retire(log, head);
    flash.sync();
  }
  log.ends[head] = log.ends[head]! + recordSize(flash, length);
  return true;
}

/** What an entry of so many bytes changes in what RAM knows, once it counts. */
export function note(log: Log, { key, kind, part, parts }: Said, address: number, size: number): void {
  const sector = sectorOf(log, address);
  if (kind === kinds.freed) return;
  if (kind === kinds.remove) {
    forget(log, key);
    noteRemoval(log, sector);
    return;
  }
  if (kind === kinds.put) {
    forget(log, key);
    setAddress(log.table, key, address);
  } else {
    // Of an older value with as many parts none is left when the last part of this write is noted.
    if (log.parts.get(key)?.length !== parts) {
      forget(log, key);
      log.parts.set(key, new Array<number>(parts).fill(nowhere));
    }
    const addresses = log.parts.get(key)!;
    if (addresses[part] !== nowhere) release(log, addresses[part]!);
    addresses[part] = address;
    setAddress(log.table, key, addresses.find((each) => each !== nowhere)!);
  }
  log.live[sector] = log.live[sector]! + size;
  log.liveBytes += size;
}

/** Of more than it counts a sector is never worth a compaction: they take all of it, as they are reckoned. */
function noteRemoval({ removals }: Log, sector: number): void {
  const most = removals instanceof Uint8Array ? 0xff : 0xffff;
  if (removals[sector]! < most) removals[sector] = removals[sector]! + 1;
}

/** Of a part that was not met yet while the log is read. */
const nowhere = -1;

function forget(log: Log, key: number): void {
  const addresses = log.parts.get(key);
  if (addresses !== undefined) {
    for (const each of addresses) if (each !== nowhere) release(log, each);
    log.parts.delete(key);
  } else {
    const address = addressOf(log.table, key);
    if (address !== undefined) release(log, address);
  }
  dropAddress(log.table, key);
}

function release(log: Log, address: number): void {
  const size = sizeAt(log, address);
  const sector = sectorOf(log, address);
  log.live[sector] = log.live[sector]! - size;
  log.liveBytes -= size;
}

/** Has the log go on in a free sector, the one that was erased least. False where that one is worn. */
export function openNext(log: Log): boolean {
  const { flash, sequences, head } = log;
  const sector = leastErased(log);
  // There is always one, but where wear took it.
  if (sector < 0) throw worn(countRetired(log));
  if (!isReady(log, sector) && !erase(log, sector)) return false;
  const before = log.sequence === 0 ? frontSize : log.ends[head]!;
  const retired = retiredIn(log);
  let count = 1 + countsOf(log).used;
  for (const each of retired) if (sequences[each]! > 0) count--;
  const opened = { sequence: log.sequence + 1, previousEnd: before, count, retired };
  // It tells where the records of the sector before it end: they are durable first.
  flash.sync();
  if (!writeOpened(flash, sector, opened)) return retire(log, sector);
  flash.sync();
  for (const each of retired) setSequence(log, each, 0);
  log.sequence++;
  log.head = sector;
  setSequence(log, sector, log.sequence);
  log.ends[sector] = frontSize;
  setState(log, sector, 0);
  return true;
}

/** Those that hold nothing that is needed. */
function retiredIn(log: Log): number[] {
  const retired: number[] = [];
  if (countRetired(log) === 0) return retired;
  for (let sector = 0; sector < log.states.length; sector++)
    if (isRetired(log, sector) && log.live[sector] === 0) retired.push(sector);
  return retired;
}

/** Of the free ones; -1 where there is none. */
function leastErased(log: Log): number {
  const { sequences, states: all, fresh } = log;
  const { above } = log.wear;
  const sectors = sequences.length;
  // The next is most often right behind the last one that was found, so that of a thousand sectors few are looked at.
  for (let sector = fresh.from; sector < sectors; sector++) {
    if (above[sector] !== fresh.above || sequences[sector]! > 0 || (all[sector]! & taken) !== 0) continue;
    fresh.from = sector;
    return sector;
  }
  let least = -1;
  for (let sector = 0; sector < sectors; sector++) {
    if (sequences[sector]! > 0 || (all[sector]! & taken) !== 0) continue;
    if (least < 0 || above[sector]! < above[least]!) least = sector;
  }
  if (least >= 0) setFresh(log, least, above[least]!);
  return least;
}

function setFresh({ fresh }: Log, from: number, above: number): void {
  fresh.from = from;
  fresh.above = above;
}

/** A sector became free. */
function noteFree(log: Log, sector: number): void {
  const { fresh, wear } = log;
  const above = wear.above[sector]!;
  if (above < fresh.above || (above === fresh.above && sector < fresh.from)) setFresh(log, 0, 0);
}

function isReady(log: Log, sector: number): boolean {
  return (log.states[sector]! & states.prepared) !== 0 && isBlankFrom(log.flash, sector, frontSize / 2);
}

/** Makes a sector free, and says in it how often that was. False where it is worn. */
export function erase(log: Log, sector: number): boolean {
  const { flash, owner, wear } = log;
  setState(log, sector, log.states[sector]! & ~(states.prepared | states.leaning));
  flash.erase(sector);
  flash.sync();
  setSequence(log, sector, 0);
  log.live[sector] = 0;
  log.removals[sector] = 0;
  if (noteErase(wear, sector)) setFresh(log, 0, 0);
  noteFree(log, sector);
  if (!isBlankFrom(flash, sector, 0) || !writePrepared(flash, sector, erasesOf(wear, sector), owner))
    return retire(log, sector);
  flash.sync();
  log.states[sector] = log.states[sector]! | states.prepared;
  return true;
}

/** A sector that does not hold what is put into it is used no more; what is live in it can still be read. Always false. */
function retire(log: Log, sector: number): false {
  setState(log, sector, log.states[sector]! | states.retired);
  const retired = countRetired(log);
  if (retired > mostRetired) throw worn(retired);
  log.notice(
    new VertebraError(
      "store-sector-worn",
      `Sector ${sector} of the store's flash is worn after ${erasesOf(log.wear, sector)} erases: it is used no more, and nothing of it is lost`,
      `Replace the flash in good time: it has ${log.states.length} sectors, and ${retired} of them are gone.`,
    ),
  );
  return false;
}

function worn(retired: number): VertebraError {
  return new VertebraError(
    "store-worn",
    `The flash of the store is worn: ${retired} of its sectors do not hold any more what is put into them`,
    "Give this participant a new flash: copy this one while it can be read (`vertebra flash export`).",
  );
}

export function damaged(what: string): VertebraError {
  return new VertebraError(
    "store-damaged",
    `The store is damaged: ${what} was committed and can't be read`,
    "Keep this store away from use. Begin with a new one: what is final comes back from the others, and this participant stays an observer until they have told it what it signed.",
  );
}
