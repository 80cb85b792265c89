import { VertebraError } from "../core/errors";
import type { Flash } from "../ports";
import { entryFrame } from "./entries";
import { frontSize, unitOf } from "./front";
import { recordSize, type Sizes } from "./record";
import type { Table } from "./table";
import type { Wear } from "./wear";

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
export function countsOf(log: Log): Counts {
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

/** Of the free ones; -1 where there is none. */
export function leastErased(log: Log): number {
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

export function setFresh({ fresh }: Log, from: number, above: number): void {
  fresh.from = from;
  fresh.above = above;
}

/** A sector became free. */
export function noteFree(log: Log, sector: number): void {
  const { fresh, wear } = log;
  const above = wear.above[sector]!;
  if (above < fresh.above || (above === fresh.above && sector < fresh.from)) setFresh(log, 0, 0);
}

export function damaged(what: string): VertebraError {
  return new VertebraError(
    "store-damaged",
    `The store is damaged: ${what} was committed and can't be read`,
    "Keep this store away from use. Begin with a new one: what is final comes back from the others, and this participant stays an observer until they have told it what it signed.",
  );
}
