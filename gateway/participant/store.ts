import { existsSync, mkdirSync } from "node:fs";
import { ClassicLevel } from "classic-level";
import { assert, VertebraError } from "../../firmware/core/errors";
import { equal, toHex } from "../../firmware/core/wire/bytes";

/** The durable records of one participant, an embedded LevelDB. Keys are text, values bytes; one process at a time. */
export interface Store {
  /** Every record but the final blocks: what a participant is built from at boot. */
  records(): Promise<[string, Uint8Array][]>;
  read(key: string): Promise<Uint8Array | undefined>;
  /** The records whose keys lie in [from, to), in the order of their keys. */
  range(from: string, to: string): AsyncIterable<readonly [string, Uint8Array]>;
  /** All of it or nothing, and durable when the promise resolves. */
  write(puts: ReadonlyMap<string, Uint8Array>, deletes: ReadonlySet<string>): Promise<void>;
  close(): Promise<void>;
}

// Sorts before every key of a participant, which begins with a letter.
const ownerKey = "!owner";
const finalKeys = { from: "final/", to: "final0" };

/**
 * Opens the store in `directory`, or makes it there for `owner` (the participant's root key, 32 bytes). Errors:
 * `store-busy` where another process has it open, `store-foreign` where it belongs to another participant, `store-failed`.
 */
export async function openStore(directory: string, owner: Uint8Array): Promise<Store> {
  const level = await openLevel(directory);
  try {
    await claimFor(level, owner, directory);
  } catch (error) {
    await level.close();
    throw error;
  }
  return {
    async records() {
      const records = await level.iterator({ gt: ownerKey, lt: finalKeys.from }).all();
      records.push(...(await level.iterator({ gte: finalKeys.to }).all()));
      return records.map(([key, value]) => [key, plain(value)]);
    },
    async read(key) {
      const value = await level.get(key);
      return value && plain(value);
    },
    async *range(from, to) {
      for await (const [key, value] of level.iterator({ gte: from, lt: to })) yield [key, plain(value)];
    },
    async write(puts, deletes) {
      const batch: ({ type: "put"; key: string; value: Uint8Array } | { type: "del"; key: string })[] = [];
      for (const key of deletes) if (!puts.has(key)) batch.push({ type: "del", key });
      for (const [key, value] of puts) {
        assert(key > ownerKey, `the key of a record sorts after "${ownerKey}"`);
        batch.push({ type: "put", key, value });
      }
      // `sync`: the answer's sends wait for this promise (the order contract of core/events).
      if (batch.length > 0) await level.batch(batch, { sync: true });
    },
    close: () => level.close(),
  };
}

type Level = ClassicLevel<string, Uint8Array>;

async function openLevel(directory: string): Promise<Level> {
  const level: Level = new ClassicLevel(directory, { keyEncoding: "utf8", valueEncoding: "view" });
  try {
    // LevelDB retries for ever where it can't make its directory; this throws instead.
    if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 });
    await level.open();
    return level;
  } catch (error) {
    throw openingError(directory, (error as Error).cause ?? error);
  }
}

function openingError(directory: string, cause: unknown): VertebraError {
  if ((cause as { code?: string }).code === "LEVEL_LOCKED") {
    return new VertebraError(
      "store-busy",
      `The store ${directory} is open in another process`,
      "End that process first (`vertebra status` tells whether a gateway runs), or use a world directory of its own.",
    );
  }
  return new VertebraError(
    "store-failed",
    `The store ${directory} can't be opened: ${(cause as Error).message}`,
    "Check that the disk is mounted, writable and not full. Don't put an older copy in its place: a participant whose store is older than what it signed may not vote.",
  );
}

async function claimFor(level: Level, owner: Uint8Array, directory: string): Promise<void> {
  const found = await level.get(ownerKey);
  if (found === undefined) return level.put(ownerKey, owner, { sync: true });
  if (equal(found, owner)) return;
  throw new VertebraError(
    "store-foreign",
    `The store ${directory} belongs to participant ${toHex(found).slice(0, 16)}…, not to ${toHex(owner).slice(0, 16)}…`,
    "Point to the world directory that this store was made in, or move the store away to begin a new one.",
  );
}

/** LevelDB gives Buffers, whose `slice` shares memory; the core gets what it gets everywhere else. */
function plain(value: Uint8Array): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}
