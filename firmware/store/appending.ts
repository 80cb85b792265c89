import { VertebraError } from "../core/errors";
import { type Entry, encodeEntry, entrySize } from "./entries";
import { frontSize, isBlankFrom, mostRetired, program, unitOf, writeOpened, writePrepared } from "./front";
import {
  countRetired,
  countsOf,
  isRetired,
  type Log,
  leastErased,
  noteFree,
  setFresh,
  setSequence,
  setState,
  states,
  usable,
} from "./log";
import { note, type Said } from "./places";
import { commitWord, flags, recordHeader, recordSize, sealRecord } from "./record";
import { erasesOf, noteErase } from "./wear";

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
