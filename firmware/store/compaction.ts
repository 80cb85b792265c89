import { appendMoved, erase, openNext } from "./appending";
import { decodeEntry, type Entry, type FoundEntry, freedEntry, kinds, removeEntry } from "./entries";
import { frontSize } from "./front";
import { countRetired, damaged, freeSectors, isRetired, type Log, spares, states, usable } from "./log";
import { createWindow, findRecord } from "./record";
import { addressOf } from "./table";
import { erasesOf } from "./wear";

/**
 * "Records never move but by compaction of the sector with the most that is dead, through one spare; erases spread over all sectors"
 * (PROTOCOL 11). What is live of it is appended to the log; then it is erased.
 */

/** A sector that was erased so many times, and half as often as the most, less than another is next: what never changes keeps it from wear. */
const wearSlack = 4;
/** What a removal is reckoned to take, wherever it moves. */
const removalSize = 16;
/** A compaction that frees less than this part of a sector takes the oldest instead: what was removed is forgotten there. */
const leastGain = 1 / 8;

/** Frees room until so many bytes of entries can be appended and the spares stay free. False where that can't be. */
export function makeRoom(log: Log, bytes: number): boolean {
  let level = true;
  for (let round = 0; round <= 2 * log.sequences.length; round++) {
    if (roomNow(log) >= bytes && freeSectors(log) >= spares && wornWithLive(log) < 0) return true;
    const victim = nextVictim(log, level && freeSectors(log) >= spares);
    level = false;
    if (victim < 0) return false;
    compact(log, victim);
  }
  return false;
}

/** Bytes of entries that can be appended with nothing freed, the spares apart. */
function roomNow(log: Log): number {
  const { flash, ends, head } = log;
  const rest = isRetired(log, head)
    ? 0
    : Math.max(0, flash.sectorSize - ends[head]! - (flash.sectorSize - frontSize - usable(log)));
  return rest + (freeSectors(log) - spares) * usable(log);
}

/** A worn sector with something live; -1 where there is none. */
function wornWithLive(log: Log): number {
  return countRetired(log) === 0 ? -1 : firstIn(log, (sector) => isRetired(log, sector) && log.live[sector]! > 0);
}

function firstIn(log: Log, wanted: (sector: number) => boolean): number {
  for (let sector = 0; sector < log.sequences.length; sector++)
    if (log.sequences[sector]! > 0 && wanted(sector)) return sector;
  return -1;
}

/** The sector to be freed next; -1 where there is none. */
function nextVictim(log: Log, level: boolean): number {
  const worn = wornWithLive(log);
  let victim = worn >= 0 ? worn : bestVictim(log, level);
  // What leans on the sector after it goes before that one does.
  for (let before = victim; before >= 0; ) {
    victim = before;
    const sequence = log.sequences[victim]! - 1;
    before = firstIn(
      log,
      (sector) => log.sequences[sector] === sequence && (log.states[sector]! & states.leaning) !== 0,
    );
  }
  return victim;
}

function bestVictim(log: Log, level: boolean): number {
  const { sequences, live, removals, wear } = log;
  let cheapest = -1;
  let least = -1;
  let oldest = -1;
  let most = 0;
  const may = (sector: number) =>
    sequences[sector]! > 0 && sector !== log.head && (log.states[sector]! & (states.retired | states.kept)) === 0;
  for (let sector = 0; sector < sequences.length; sector++) {
    if (!isRetired(log, sector)) most = Math.max(most, erasesOf(wear, sector));
    if (!may(sector)) continue;
    if (oldest < 0 || sequences[sector]! < sequences[oldest]!) oldest = sector;
    if (least < 0 || wear.above[sector]! < wear.above[least]!) least = sector;
  }
  if (oldest < 0) return -1;
  if (level && most > 1.5 * erasesOf(wear, least) + wearSlack) return least;
  const costOf = (sector: number) => live[sector]! + (sector === oldest ? 0 : removalSize * removals[sector]!);
  for (let sector = 0; sector < sequences.length; sector++) {
    if (may(sector) && (cheapest < 0 || costOf(sector) < costOf(cheapest))) cheapest = sector;
  }
  const gains = usable(log) - costOf(cheapest) >= usable(log) * leastGain;
  return gains || freeSectors(log) === 0 ? cheapest : oldest;
}

/** Moves what is live of a sector to where the log is written, and erases it; of a worn one nothing more is done. */
export function compact(log: Log, sector: number): void {
  log.compactions++;
  const worn = isRetired(log, sector);
  while (!appendMoved(log, stillNeeded(log, sector, worn)));
  // What the front of the next sector tells of a worn one must stand before that of the one behind it is erased.
  if (worn) while (!openNext(log));
  else erase(log, sector);
}

/** The entries of a sector that are needed, and that the rest is not. */
function* stillNeeded(log: Log, sector: number, worn: boolean): Generator<Entry> {
  const window = createWindow(log.flash);
  const base = sector * log.flash.sectorSize;
  for (let at = frontSize; at < log.ends[sector]!; ) {
    const found = findRecord(window, sector, log.sequences[sector]!, at);
    if (found.kind !== "record") throw damaged(`the record at byte ${at} of sector ${sector}`);
    for (let looked = 0; looked < found.entries.length; ) {
      const entry = decodeEntry(found.entries, looked);
      if (entry === undefined) throw damaged(`the record at byte ${at} of sector ${sector}`);
      const needed = neededOf(log, sector, entry, base + found.entriesAt + looked);
      if (needed !== undefined) yield needed;
      looked = entry.end;
    }
    at = found.end;
  }
  if (!worn) yield freedEntry(sector, log.sequences[sector]!);
}

/** The entry as it is moved; undefined where it is dead. */
function neededOf(log: Log, sector: number, entry: FoundEntry, address: number): Entry | undefined {
  const { key, kind, part, sectorsAgo } = entry;
  if (kind === kinds.freed) return undefined;
  const known = addressOf(log.table, key);
  if (kind !== kinds.remove) {
    const lies = kind === kinds.put ? known : log.parts.get(key)?.[part];
    return lies === address ? entry : undefined;
  }
  if (known !== undefined) return undefined;
  const said = log.sequences[sector]! - sectorsAgo;
  const older = firstIn(log, (each) => each !== sector && log.sequences[each]! <= said);
  return older < 0 ? undefined : removeEntry(key, log.sequence - said);
}
