import { existsSync, mkdirSync, renameSync } from "node:fs";
import { finalKey } from "../../firmware/core/block/final-record";
import { groupKey, isReadAlone } from "../../firmware/core/block/records";
import { readStanding } from "../../firmware/core/chain/records";
import { assert, VertebraError } from "../../firmware/core/errors";
import { equal } from "../../firmware/core/wire/bytes";
import type { Hash } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";
import { asVertebraError, errnoOf } from "../system/errors";
import { type ContentFiles, openContentFiles } from "./content-files";
import type { Disk } from "./disk";
import { type HistoricBlock, readFinalBlock } from "./final-block";
import { type FinalHistory, type HistoryRecord, openFinalHistory } from "./final-history";
import { migrateStore } from "./migration";
import { createPatience } from "./patience";
import { createPromises, journalGone, journalSize, openPromises, type Promises } from "./promises";
import { type RebuiltWorld, rebuildRecords } from "./rebuilding";
import { placesIn, type StorePlaces } from "./store-places";

/**
 * The durable records of one participant. What it promised and is not final yet lies in a journal, as on a board; what is final in a
 * LevelDB, each block of which is checked when it is read; pieces of content in files. One process at a time.
 */
export interface Store extends BlockReader {
  /** Every record but those that are read alone (`core/block/records`): what a participant is built from at boot. */
  records(): Iterable<readonly [string, Uint8Array]>;
  /** One record, durable; undefined for a final block that can't be read. */
  read(key: string): Promise<Uint8Array | undefined>;
  /** Durable when the promise resolves; what is not final all of it or nothing, and never before what is final with it. */
  write(puts: ReadonlyMap<string, Uint8Array>, deletes: ReadonlySet<string>): Promise<void>;
  /** Why nothing can be written at the moment, and is waited for. */
  trouble(): VertebraError | undefined;
  /** No disk is waited for any more: what waits is rejected. */
  giveUp(): void;
  close(): Promise<void>;
}

/** What reads of a store to tell people. */
export interface BlockReader {
  /** How many blocks and entries of a group are final here, durably. Ids in hex, as in all keys. */
  final(tag: string, group: string): Standing;
  /** At most `count` final blocks from a position on; undefined where one is not there any more, or not as it was written. */
  blocks(tag: string, group: string, from: number, count: number): Promise<(HistoricBlock | undefined)[]>;
  /** Whether the block of this position, which was lost, is here again: waits a little, where somebody can be asked for it. */
  mended(tag: string, group: string, position: number): Promise<boolean>;
  /** Records that are not final, by the beginning of their keys. */
  startingWith(prefix: string): readonly (readonly [string, Uint8Array])[];
}

export interface Standing {
  readonly blocks: number;
  readonly entries: number;
  /** The last block. */
  readonly lastFinal: Hash | null;
}

export interface StoreOptions {
  readonly disk: Disk;
  readonly directory: string;
  /** The participant's root key, 32 bytes. */
  readonly owner: Uint8Array;
  readonly crypto: Crypto;
  readonly world: RebuiltWorld;
  notice(error: VertebraError): void;
}

/**
 * Opens the store, or makes it; one of before is brought into the form of now. Errors: `store-busy` where another process has it open,
 * `store-foreign` where it belongs to another participant, `store-damaged`, `store-failed`, and what the system refuses (`system-…`).
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { disk, directory, owner, world, notice } = options;
  const places = placesIn(directory);
  try {
    await migrateStore(disk, places, owner, world.groups.length);
    if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 });
    const patience = createPatience(directory, notice);
    const history = await openFinalHistory(disk, patience, places.history, notice);
    try {
      if (!existsSync(places.journal)) await beginJournal(options, places, history);
      const promises = await openPromises(disk, patience, places.journal, owner);
      const content = openContentFiles(patience, places.content);
      return { ...partsOf(options, promises, history, content), trouble: patience.trouble, giveUp: patience.giveUp };
    } catch (error) {
      await history.close();
      throw error;
    }
  } catch (error) {
    throw openingError(directory, error);
  }
}

/** A new one, or one that begins from the history where a person gave up the one before. */
async function beginJournal(options: StoreOptions, places: StorePlaces, history: FinalHistory): Promise<void> {
  const { disk, owner, world, crypto, notice } = options;
  const givenUp = existsSync(places.givenUp);
  if (!givenUp && !(await history.isEmpty())) throw journalGone(places.journal);
  const records = givenUp ? await rebuildRecords(crypto, history, world) : new Map();
  await createPromises(disk, places.journal, owner, journalSize(world.groups.length), records);
  if (givenUp) notice(begunFromHistory(places.journal, keep(places)));
}

/** Once it was given up, it is not given up a second time. Returns where it is kept. */
function keep({ journal, givenUp }: StorePlaces): string {
  let number = 1;
  while (existsSync(`${journal}.kept-${number}`)) number++;
  renameSync(givenUp, `${journal}.kept-${number}`);
  return `${journal}.kept-${number}`;
}

function begunFromHistory(journal: string, kept: string): VertebraError {
  return new VertebraError(
    "store-begun-from-history",
    `The journal was given up: ${journal} is a new one, made from what is final. What this participant had promised besides is forgotten`,
    `Keep the one before, which is ${kept} now. Where the other owners hold what it had sealed, that still becomes final.`,
  );
}

function openingError(directory: string, error: unknown): unknown {
  if (error instanceof VertebraError) return error;
  if (errnoOf(error) !== undefined) return asVertebraError(error, `The store ${directory} can't be opened`);
  if ((error as { code?: unknown }).code === undefined) return error;
  return new VertebraError(
    "store-failed",
    `The store ${directory} can't be opened: ${(error as Error).message}`,
    "Check that the disk is mounted and works. Don't put an older copy in its place: a participant whose store is older than what it signed may not vote.",
  );
}

export function isFinalKey(key: string): boolean {
  return key.startsWith("final/");
}

function partsOf(
  options: StoreOptions,
  promises: Promises,
  history: FinalHistory,
  content: ContentFiles,
): Omit<Store, "trouble" | "giveUp"> {
  const { crypto } = options;
  /** Writes in the order in which they were asked for. */
  let last: Promise<void> = Promise.resolve();
  /** The code of the trouble that reading had last, to tell it once. */
  let unread: string | undefined;

  function inOrder(write: () => Promise<void>): Promise<void> {
    const done = last.then(write);
    last = done.catch(() => {});
    return done;
  }

  function final(tag: string, group: string): Standing {
    const record = promises.records.get(groupKey(tag, group));
    if (record === undefined) return { blocks: 0, entries: 0, lastFinal: null };
    const { position, entries, lastFinal } = readStanding(record);
    return { blocks: position, entries, lastFinal };
  }

  /** As far as the journal says what is final: its last block is the one that the journal names. */
  function check(standing: Standing, group: string, position: number, record: HistoryRecord | undefined) {
    const block = record && readFinalBlock(crypto, group, position, record);
    if (block === undefined || position + 1 !== standing.blocks) return block;
    const ends = block.firstEntry + block.header.count === standing.entries;
    return ends && standing.lastFinal !== null && equal(block.block, standing.lastFinal) ? block : undefined;
  }

  async function blocks(tag: string, group: string, from: number, count: number) {
    const standing = final(tag, group);
    const end = Math.min(from + count, standing.blocks);
    const positions = Array.from({ length: Math.max(0, end - from) }, (_, index) => from + index);
    const records = await history.read(positions.map((position) => finalKey(tag, group, position)));
    return records.map((record, index) => check(standing, group, from + index, record));
  }

  async function readFinal(key: string): Promise<Uint8Array | undefined> {
    const { tag, group, position } = placeOf(key);
    const [record] = await history.read([key]);
    return check(final(tag, group), group, position, record) && record!.value;
  }

  /** What the participant asks for, it can do without for a while: a disk that can't be read now is told, and ends nothing. */
  async function readForParticipant(key: string): Promise<Uint8Array | undefined> {
    try {
      const value = await readFinal(key);
      unread = undefined;
      return value;
    } catch (error) {
      if (!(error instanceof VertebraError)) throw error;
      if (unread !== error.code) options.notice(error);
      unread = error.code;
      return undefined;
    }
  }

  return {
    records: () => promises.records,
    async read(key) {
      if (isFinalKey(key)) return readForParticipant(key);
      return isReadAlone(key) ? content.read(key) : promises.records.get(key);
    },
    final,
    blocks,
    mended: async () => false,
    startingWith: (prefix) => [...promises.records].filter(([key]) => key.startsWith(prefix)),
    write(puts, deletes) {
      const finals = new Map([...puts].filter(([key]) => isFinalKey(key)));
      const pieces = new Map([...puts].filter(([key]) => isReadAlone(key) && !isFinalKey(key)));
      const others = new Map([...puts].filter(([key]) => !isReadAlone(key)));
      const dropped = new Set([...deletes].filter((key) => !puts.has(key)));
      assert(![...dropped].some(isFinalKey), "a gateway keeps all that is final");
      const forgotten = [...dropped].filter(isReadAlone);
      for (const key of forgotten) dropped.delete(key);
      return inOrder(async () => {
        // What is final lies behind what the journal says is final, whatever cuts it here: then it is not read, and written anew.
        if (finals.size > 0) await history.write(finals);
        if (pieces.size > 0) await content.write(pieces);
        // Before the journal forgets what they are pieces of: else a cut here would leave them for good.
        if (forgotten.length > 0) await content.remove(forgotten);
        if (others.size + dropped.size > 0) await promises.write(others, dropped);
      });
    },
    async close() {
      await last;
      await promises.close();
      await history.close();
    },
  };
}

/** Of a final block's key. */
export function placeOf(key: string): { readonly tag: string; readonly group: string; readonly position: number } {
  const [, tag = "", group = "", position] = key.split("/");
  return { tag, group, position: Number(position) };
}
