import type { VertebraError } from "../core/errors";
import { hash, type Sha256 } from "../core/wire/hash";
import type { Flash } from "../ports";
import { type Journal, openJournal } from "./journal";
import { type Place, placeOf } from "./kinds";
import { damaged, lengthOf, readValue } from "./log";
import { numberOf, textOf } from "./names";
import { packedHead, unpack } from "./packed";
import { contentAt, firstOf, lengthAt } from "./packing";
import { addressOf, keysIn } from "./table";
import { fromTemplate, likeHead } from "./template";

/**
 * The records of a participant in a journal, each without what others hold already (PROTOCOL 11, "little is written"). What was written is
 * read again byte for byte, and how it lies in the flash nobody else knows. No record goes before one that takes bytes from it:
 * - a final block keeps the records of its block and of its slot, which are given up in the same write, and takes them with it;
 * - what else takes bytes from a record that goes or changes is written without them in the same write.
 */
export interface Records {
  readonly journal: Journal;
  readonly crypto: Sha256;
  /** Blocks that are not final: by key, the first bytes of their ids. Other blocks in the journal are kept by a final record. */
  readonly waiting: Map<number, number>;
  /** Records that are not final and take bytes from others than what is known of their group, and from which. */
  readonly borrowers: Map<number, readonly number[]>;
  /** Bytes of what is known of groups, and of templates. */
  known: number;
}

/** The most of these: a group that comes later is written at greater length. */
export const mostKnown = 8 * 1024;

/** Opens a journal with all that `openJournal` says, and what its records take from each other. */
export function openRecords(
  flash: Flash,
  owner: Uint8Array,
  notice: (error: VertebraError) => void,
  crypto: Sha256,
): Records {
  const records: Records = {
    journal: openJournal(flash, owner, notice),
    crypto,
    waiting: new Map(),
    borrowers: new Map(),
    known: 0,
  };
  const { log } = records.journal;
  const kept = new Set<number>();
  const blocks: number[] = [];
  for (const number of keysIn(log.table)) {
    const place = placeOfNumber(records, number);
    if (place === undefined) continue;
    if (place.kind === "block") blocks.push(number);
    if (place.kind === "known") records.known += lengthOf(log, number)!;
    if (place.kind === "block" || place.kind === "known") continue;
    const sources = borrowedBy(records, number);
    if (place.kind !== "final") noteBorrower(records, number, sources);
    else for (const source of sources) kept.add(source);
  }
  for (const number of kept) records.borrowers.delete(number);
  for (const number of blocks) {
    if (!kept.has(number)) records.waiting.set(number, firstOfId(crypto, readPlain(records, number)!));
  }
  return records;
}

export function placeOfNumber({ journal }: Pick<Records, "journal">, number: number): Place | undefined {
  const key = textOf(journal.names, number);
  return key === undefined ? undefined : placeOf(key);
}

/** What lies in the flash of a record, without its likeness to another: packed, or as it is. */
function storedAt({ journal }: Pick<Records, "journal">, number: number): Uint8Array | undefined {
  const stored = readValue(journal.log, number);
  const like = stored && likeHead(stored);
  if (stored === undefined || like === undefined) return stored;
  const template = readValue(journal.log, like.template);
  if (template === undefined) throw dangling(journal, like.template, number);
  return fromTemplate(stored, like, template);
}

function dangling({ names }: Journal, source: number, of: number): VertebraError {
  const [what, whose] = [source, of].map((key) => textOf(names, key) ?? `number ${key}`);
  return damaged(`record "${what}", which record "${whose}" takes bytes from,`);
}

/** What a record takes bytes from, but for what is known of its group, which stays. */
export function borrowedBy(records: Pick<Records, "journal">, number: number): number[] {
  const stored = storedAt(records, number);
  const sources = stored === undefined ? [] : (packedHead(stored)?.sources ?? []);
  return sources.filter((source) => !isKnown(records, source));
}

/** Whether it stays for ever, as what is known of a group does. */
export function isKnown({ journal }: Pick<Records, "journal">, number: number): boolean {
  return journal.names.texts.get(Math.floor(number / half))?.startsWith("known/") === true;
}

const half = 0x100000000;

export function noteBorrower({ borrowers }: Records, number: number, sources: readonly number[]): void {
  if (sources.length > 0) borrowers.set(number, sources);
  else borrowers.delete(number);
}

/** A final record takes from that of its slot, that from its block's, and that from what is known: so far, and what is written of the tip. */
const deepest = 6;

/** The value of a record. Throws `store-damaged` where it, or what it takes bytes from, can't be read. */
export function readPlain(
  records: Pick<Records, "journal" | "crypto">,
  number: number,
  depth = 0,
): Uint8Array | undefined {
  const { journal, crypto } = records;
  const place = placeOfNumber(records, number);
  if (place === undefined || place.kind === "known") return readValue(journal.log, number);
  const stored = storedAt(records, number);
  const head = stored && packedHead(stored);
  if (stored === undefined || head === undefined) return stored;
  const sources = head.sources.map((source) => {
    const value = depth < deepest ? readPlain(records, source, depth + 1) : undefined;
    if (value === undefined) throw dangling(journal, source, number);
    return value;
  });
  return unpack(crypto, stored, head, sources);
}

/** The value of a record, a copy; undefined where there is none. Throws `store-damaged` where it can't be read any more. */
export function readRecord(records: Records, key: string): Uint8Array | undefined {
  const { journal } = records;
  const number = numberOf(journal.names, key);
  if (number === undefined || !isVisible(records, key, number)) return undefined;
  return readPlain(records, number);
}

/** How long the value of a record is. */
export function recordLength(records: Records, key: string): number | undefined {
  const { journal } = records;
  const number = numberOf(journal.names, key);
  if (number === undefined || !isVisible(records, key, number)) return undefined;
  if (placeOf(key) === undefined) return lengthOf(journal.log, number);
  const stored = storedAt(records, number);
  return (stored && packedHead(stored)?.length) ?? stored?.length;
}

/** The keys of all records that begin so, in no order. */
export function* recordKeys(records: Records, beginning = ""): Generator<string> {
  const { log, names } = records.journal;
  for (const number of keysIn(log.table)) {
    const key = textOf(names, number);
    if (key?.startsWith(beginning) && isVisible(records, key, number)) yield key;
  }
}

/** Whether this is a record of its own, and not one that only a final one needs any more, or all of its group. */
export function isVisible(records: Records, key: string, number: number): boolean {
  const place = placeOf(key);
  const { log, names } = records.journal;
  if (addressOf(log.table, number) === undefined || place?.kind === "known") return false;
  if (place?.kind === "block") return records.waiting.has(number);
  if (place?.kind !== "slot") return true;
  const final = numberOf(names, place.final);
  return final === undefined || !borrowedBy(records, final).includes(number);
}

/** The first bytes of the id of a block, as a number; of what is no block's record, of nothing's. */
export function firstOfId(crypto: Sha256, block: Uint8Array): number {
  return firstOf(hash(crypto, "block", headerIn(block)), 0);
}

function headerIn(block: Uint8Array): Uint8Array {
  const from = contentAt(block, 1);
  return from === undefined ? block : block.subarray(from, from + lengthAt(block, 1));
}
