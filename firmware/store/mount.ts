import { VertebraError } from "../core/errors";
import { equal, toHex } from "../core/wire/bytes";
import type { Flash } from "../ports";
import { append, erase, openNext, restOf } from "./appending";
import { decodeHead, type Kind, kinds } from "./entries";
import {
  type Front,
  formatVersion,
  frontSize,
  isBlankFrom,
  type Opened,
  type Prepared,
  readFront,
  sectorsIn,
  unitOf,
} from "./front";
import { damaged, freeSectors, type Log, type Numbers, sectorOf, setSequence, setState, states } from "./log";
import { createPass, leftNumbers, type Pass, passed } from "./pass";
import { countLive, noteRemovals, place, type Said } from "./places";
import { notePlainWrites } from "./plain-writes";
import { createWindow, findRecord, flags, recordSize, sizesIn, type Window } from "./record";
import { createTable } from "./table";
import { createWear } from "./wear";

/** Of the flash of a store: less has no room for anything beside what the log needs to go on. */
export const leastSectors = 8;

export function createLog(flash: Flash, owner: Uint8Array, notice: (error: VertebraError) => void): Log {
  const sectors = sectorsIn(flash);
  const sizes = sizesIn(flash);
  return {
    ...{ flash, owner, notice, sizes, table: createTable(), parts: new Map() },
    sequences: new Uint32Array(sectors),
    wear: createWear(new Uint32Array(sectors)),
    ends: numbersFor(flash),
    live: numbersFor(flash),
    removals: flash.sectorSize <= 0x1000 ? new Uint8Array(sectors) : new Uint16Array(sectors),
    states: new Uint8Array(sectors),
    counts: null,
    fresh: { from: 0, above: 0 },
    ...{ head: 0, sequence: 0, liveBytes: 0, writes: 0, compactions: 0, failed: false },
    scratch: new Uint8Array(recordSize(flash, sizes.record)),
  };
}

/** One of each sector, up to the bytes that it has. */
function numbersFor(flash: Flash): Numbers {
  const sectors = sectorsIn(flash);
  return flash.sectorSize < 0x10000 ? new Uint16Array(sectors) : new Uint32Array(sectors);
}

/**
 * Reads the log of a flash in one pass, in the order in which it was written, and no more than a record of it at a time. Throws
 * `store-…` where it is not this participant's, of a newer version, of another flash, or where something that was committed can't be
 * read. Changes nothing. Undefined where there is none; else what is to be done before it is written to (`settle`).
 */
export function mount(log: Log): Unsettled | undefined {
  const erases = new Uint32Array(log.sequences.length);
  const fronts: Fronts = { opened: new Map(), suspects: [], prepared: 0, erases };
  for (let sector = 0; sector < log.sequences.length; sector++) {
    takeFront(log, sector, readFront(log.flash, sector), fronts);
  }
  const { opened, suspects, prepared } = fronts;
  if (prepared === 0 && opened.size === 0) return undefined;
  const newest = newestOf(opened);
  reckonErases(erases);
  log.wear = createWear(erases);
  const unsettled: Unsettled = { freed: new Map(), suspects, confirmed: true, movedOnly: true };
  if (newest !== undefined) {
    log.head = newest;
    log.sequence = opened.get(newest)!.sequence;
    for (const sector of opened.get(newest)!.retired) {
      setState(log, sector, log.states[sector]! | states.retired);
      setSequence(log, sector, 0);
    }
    readAll(log, opened, unsettled);
  }
  const { freed } = unsettled;
  for (const sector of suspects) if (!freed.has(sector)) throw damaged(`the front of sector ${sector}`);
  if (newest !== undefined) checkCount(log, opened.get(newest)!.count, freed);
  return unsettled;
}

export interface Unsettled {
  /** What newest of the log says that it was moved elsewhere: sectors, and the sequences that they had. */
  readonly freed: Map<number, number>;
  /** Sectors with a front that is neither whole nor erased: a cut in their erase left that. */
  readonly suspects: readonly number[];
  /** Whether what was written last is followed by what would not be there without it. */
  confirmed: boolean;
  /** Whether the newest sector has nothing but what lies elsewhere, too. */
  movedOnly: boolean;
}

interface Fronts {
  /** Of sectors of the log. */
  readonly opened: Map<number, Opened>;
  readonly suspects: number[];
  prepared: number;
  readonly erases: Uint32Array;
}

function takeFront(log: Log, sector: number, { prepared, opened }: Front, fronts: Fronts): void {
  if (typeof prepared !== "string") {
    checkPrepared(log, prepared);
    fronts.erases[sector] = prepared.erases;
    fronts.prepared++;
  }
  if (typeof prepared !== "string" && typeof opened !== "string") {
    setSequence(log, sector, opened.sequence);
    fronts.opened.set(sector, opened);
  } else if (typeof opened !== "string") fronts.suspects.push(sector);
  else if (typeof prepared !== "string") {
    // A cut may have come while it joined the log: then nothing lies in it.
    if (opened === "torn" && !isBlankFrom(log.flash, sector, frontSize)) fronts.suspects.push(sector);
    else setState(log, sector, states.prepared);
  }
}

function checkPrepared({ flash, owner }: Log, prepared: Prepared): void {
  if (prepared.version > formatVersion) {
    throw new VertebraError(
      "store-newer",
      `The store was written by a newer version: its format is ${prepared.version}, and this program knows ${formatVersion}`,
      "Update Vertebra, or give this participant a store of its own.",
    );
  }
  if (!equal(prepared.owner, owner)) throw foreign(prepared.owner, owner);
  const { sectorSize, sectors, unit } = prepared;
  if (sectorSize !== flash.sectorSize || sectors !== sectorsIn(flash) || unit !== unitOf(flash)) {
    throw new VertebraError(
      "store-size",
      `The store was made in a flash of ${sectors} sectors of ${sectorSize} bytes that is programmed by ${unit}, and this one has ${sectorsIn(flash)} of ${flash.sectorSize}, by ${unitOf(flash)}`,
      "Give it the flash that it was made in.",
    );
  }
}

/** Throws `store-foreign` for one of another participant. */
export function foreign(found: Uint8Array, owner: Uint8Array): VertebraError {
  return new VertebraError(
    "store-foreign",
    `This store belongs to another participant: to ${toHex(found)}, not to ${toHex(owner)}`,
    "Give this participant a store of its own, or provision it with the seed that the store was made with.",
  );
}

function newestOf(opened: ReadonlyMap<number, Opened>): number | undefined {
  let newest: number | undefined;
  for (const [sector, { sequence }] of opened)
    if (newest === undefined || sequence > opened.get(newest)!.sequence) newest = sector;
  return newest;
}

/** A cut in an erase loses how often a sector was erased: no less than any other, then. */
function reckonErases(erases: Uint32Array): void {
  let least = Number.POSITIVE_INFINITY;
  for (const each of erases) if (each > 0) least = Math.min(least, each);
  if (least === Number.POSITIVE_INFINITY) return;
  for (let sector = 0; sector < erases.length; sector++) if (erases[sector] === 0) erases[sector] = least;
}

/** An entry of a write that may go on. */
interface Waiting {
  readonly said: Said;
  readonly address: number;
}

/** The log while it is read. */
interface Reading {
  readonly log: Log;
  readonly window: Window;
  readonly pass: Pass;
  readonly unsettled: Unsettled;
}

function readAll(log: Log, opened: ReadonlyMap<number, Opened>, unsettled: Unsettled): void {
  const reading: Reading = { log, window: createWindow(log.flash), pass: passFor(log), unsettled };
  const order = [...opened.keys()]
    .filter((sector) => log.sequences[sector]! > 0)
    .sort((a, b) => log.sequences[a]! - log.sequences[b]!);
  const ends = new Map([...opened.values()].map(({ sequence, previousEnd }) => [sequence - 1, previousEnd]));
  let waiting: Waiting[] = [];
  let before = 0;
  for (const sector of order) {
    // What a write says goes on in the next sector of the log, or it never counted.
    if (log.sequences[sector] !== before + 1) waiting = [];
    before = log.sequences[sector]!;
    waiting = readSector(reading, sector, ends.get(log.sequences[sector]!), waiting);
  }
  countLive(log);
}

function passFor({ flash, sizes, table }: Log): Pass {
  const pass = createPass(table);
  pass.numbers[passed.unit] = unitOf(flash);
  pass.numbers[passed.longest] = sizes.record;
  return pass;
}

/** Bytes that are looked through at once. */
const aheadAtOnce = 4096;

/**
 * Notes the writes from `at` on that need no second look, in a sector whose records end where the next one says; returns where the first
 * begins that does.
 */
function noteAhead({ log, pass }: Reading, sector: number, at: number, knownEnd: number): number {
  const { flash, parts } = log;
  const { numbers } = pass;
  if (parts.size > 0 || pass.apart.length > 0) pass.apart = Float64Array.from(parts.keys());
  numbers[passed.sequence] = log.sequences[sector]!;
  const address = sector * flash.sectorSize + at;
  const taken = notePlainWrites(pass, flash, address, Math.min(knownEnd - at, aheadAtOnce));
  if (taken === 0) return at;
  noteRemovals(log, sector, numbers[passed.removals]!);
  noteLeft(log, pass);
  return at + taken;
}

function noteLeft(log: Log, { left, numbers }: Pass): void {
  const end = numbers[passed.left]! * leftNumbers.all;
  for (let at = 0; at < end; at += leftNumbers.all) {
    const kind = left[at + leftNumbers.kind] as Kind;
    const part = left[at + leftNumbers.part]!;
    const parts = left[at + leftNumbers.parts]!;
    place(log, { key: left[at + leftNumbers.key]!, kind, part, parts }, left[at + leftNumbers.address]!, notCounted);
  }
}

/** What is replaced was not counted yet. */
function notCounted(): void {}

/** Applies the writes of a sector that count; returns what a write said so far that goes on in the next. */
function readSector(reading: Reading, sector: number, knownEnd: number | undefined, before: Waiting[]): Waiting[] {
  const { log, window, unsettled, pass } = reading;
  const sequence = log.sequences[sector]!;
  let waiting = before;
  let at = frontSize;
  let sound = true;
  for (;;) {
    if (waiting.length === 0 && knownEnd !== undefined && sector !== log.head) {
      const ahead = noteAhead(reading, sector, at, knownEnd);
      if (ahead > at) sound = pass.numbers[passed.committed] !== 0;
      at = ahead;
    }
    log.ends[sector] = at;
    if (at === knownEnd) {
      if (!sound || !isBlankFrom(log.flash, sector, at)) lean(log, sector);
      return waiting;
    }
    const found = findRecord(window, sector, sequence, at);
    if (found.kind !== "record" || !counts(window, sector, sequence, found, knownEnd, sector === log.head)) {
      endSector(log, sector, found.kind, knownEnd, at);
      return waiting;
    }
    if ((found.marks & flags.first) !== 0) waiting = [];
    if (sector === log.head) {
      const said = found.entries.length > 0 || found.commit !== "whole";
      unsettled.confirmed = !said || ((found.marks & flags.moved) !== 0 && unsettled.freed.size === 0);
      if (found.entries.length > 0 && (found.marks & flags.moved) === 0) unsettled.movedOnly = false;
    }
    const base = sector * log.flash.sectorSize + found.entriesAt;
    for (let looked = 0; looked < found.entries.length; ) {
      // Its value is not needed, and lies in what is read next.
      const said = decodeHead(found.entries, looked);
      if (said === undefined || said.end > found.entries.length)
        throw damaged(`the record at byte ${at} of sector ${sector}`);
      waiting.push({ said, address: base + looked });
      looked = said.end;
    }
    at = found.end;
    sound = found.commit === "whole" || (found.marks & flags.last) === 0;
    if ((found.marks & flags.last) === 0) continue;
    for (const { address } of waiting) if (sectorOf(log, address) !== sector) lean(log, sectorOf(log, address));
    for (const each of waiting) apply(log, each, sector, unsettled.freed);
    waiting = [];
  }
}

function apply(log: Log, { said, address }: Waiting, sector: number, freed: Map<number, number>): void {
  place(log, said, address, notCounted);
  if (said.kind !== kinds.freed || sector !== log.head) return;
  freed.set(Math.floor(said.key / 0x100000000), said.key % 0x100000000);
}

/**
 * Whether a record is one: the last of a write has its commit word or, where a cut may have come in the middle of that word, a record that
 * follows it, since none is written where what is before it does not count.
 */
function counts(
  window: Window,
  sector: number,
  sequence: number,
  { marks, commit, end }: { readonly marks: number; readonly commit: string; readonly end: number },
  knownEnd: number | undefined,
  newest: boolean,
): boolean {
  if (commit !== "none" || (marks & flags.last) === 0 || (knownEnd !== undefined && end <= knownEnd)) return true;
  // What was moved has none where more was moved after it: all of it was durable before the next sector joined the log.
  if ((marks & flags.moved) !== 0 && !newest) return true;
  return findRecord(window, sector, sequence, end).kind === "record";
}

function endSector(log: Log, sector: number, kind: string, knownEnd: number | undefined, at: number): void {
  const torn = kind === "torn" || kind === "record";
  if (kind === "damaged" || knownEnd !== undefined || (torn && sector !== log.head))
    throw damaged(`the record at byte ${at} of sector ${sector}`);
  if (torn) lean(log, sector);
}

function lean(log: Log, sector: number): void {
  log.states[sector] = log.states[sector]! | states.leaning;
}

/** Each sector says how many the log had when it joined: that none of them is missed. */
function checkCount(log: Log, count: number, freed: ReadonlyMap<number, number>): void {
  let found = 0;
  for (let sector = 0; sector < log.sequences.length; sector++)
    if (log.sequences[sector]! > 0 && !isFreed(log, sector, freed)) found++;
  if (found !== count - freed.size) throw damaged(`of the sectors of its log ${count - freed.size - found}`);
}

function isFreed(log: Log, sector: number, freed: ReadonlyMap<number, number>): boolean {
  return log.sequences[sector]! > 0 && freed.get(sector) === log.sequences[sector];
}

/**
 * Does what a cut left undone, so that what was read once is read for ever, and the log can be written to. Returns false where it is to be
 * read once more.
 */
export function settle(log: Log, { freed, suspects, confirmed, movedOnly }: Unsettled): boolean {
  if (log.sequence === 0) {
    while (!openNext(log));
    return true;
  }
  const torn = (log.states[log.head]! & states.leaning) !== 0;
  const fits = restOf(log) >= 0;
  if (!torn && !confirmed && fits) while (!append(log, []));
  for (let sector = 0; sector < log.sequences.length; sector++)
    if (isFreed(log, sector, freed) || suspects.includes(sector)) erase(log, sector);
  if (torn && freeSectors(log) === 0 && movedOnly) {
    erase(log, log.head);
    return false;
  }
  if (torn || (!confirmed && !fits)) {
    lean(log, log.head);
    while (!openNext(log));
  }
  return true;
}
