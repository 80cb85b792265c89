import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { ClassicLevel } from "classic-level";
import { VertebraError } from "../../firmware/core/errors";
import { asVertebraError, errnoOf } from "../system/errors";
import type { Disk, Level } from "./disk";
import type { Patience } from "./patience";

/**
 * The final blocks of all groups, in a LevelDB of their own: they are the most by far, and what is damaged of them can be had again.
 * LevelDB does not look at its checksums when it reads, and drops what it can't read when it opens, so each record lies here with a
 * check of its own, and who reads asks for each by its key.
 */
export interface FinalHistory {
  /** In the order of the keys; undefined where nothing is, or what is there is not what was written. Throws what the system refuses. */
  read(keys: readonly string[]): Promise<(HistoryRecord | undefined)[]>;
  /** Durable when the promise resolves. One at a time. */
  write(puts: ReadonlyMap<string, Uint8Array>): Promise<void>;
  isEmpty(): Promise<boolean>;
  close(): Promise<void>;
}

export interface HistoryRecord {
  readonly value: Uint8Array;
  /** False for one that was written before there were checks. */
  readonly checked: boolean;
}

/** The first byte of a checked record; then the CRC-32 of the key and the value, and the value. No record of before begins so. */
const checkedMark = 1;
const checkSize = 5;
/** Bytes for what LevelDB writes of itself when it opens. */
const roomBeside = 256 << 10;

interface Put {
  readonly type: "put";
  readonly key: string;
  readonly value: Uint8Array;
}

/** Errors: `store-busy` where another process has it open, what the system refuses, `store-failed`. */
export async function openFinalHistory(
  disk: Disk,
  patience: Patience,
  directory: string,
  notice: (error: VertebraError) => void,
): Promise<FinalHistory> {
  let level: Level | undefined = await openOrRepair(disk, directory, notice);
  /** A write failed: what LevelDB has of it may stand in the way of the next, so it is opened anew before that. */
  let failed = false;
  let opening: Promise<void> = Promise.resolve();

  function openAnew(how: typeof openOrRepair): Promise<void> {
    opening = (async () => {
      await level?.close();
      level = undefined;
      level = await how(disk, directory, notice);
    })();
    return opening;
  }

  async function batch(puts: readonly Put[]): Promise<void> {
    if (failed) {
      // As long as there is no room, what is there can be read.
      await probe(disk, directory, puts);
      await openAnew(openOrRepair);
    }
    failed = true;
    try {
      await level!.batch([...puts], { sync: true });
    } catch (error) {
      // It came upon a damaged table when it put tables together, and takes nothing more before that is mended.
      if ((error as { code?: string }).code !== "LEVEL_CORRUPTION") throw error;
      await openAnew(repair);
      await level!.batch([...puts], { sync: true });
    }
    failed = false;
  }

  async function open(): Promise<Level> {
    await opening.catch(() => {});
    if (level === undefined) throw patience.trouble() ?? closed(directory);
    return level;
  }

  return {
    async read(keys) {
      const values = await readAll(await open(), keys, directory);
      return values.map((stored, index) => stored && unseal(keys[index]!, stored));
    },
    write(puts) {
      const all = [...puts].map(([key, value]): Put => ({ type: "put", key, value: seal(key, value) }));
      return patience.insist(() => batch(all));
    },
    async isEmpty() {
      return (await (await open()).keys({ limit: 1 }).all()).length === 0;
    },
    async close() {
      await opening.catch(() => {});
      await level?.close();
    },
  };
}

function seal(key: string, value: Uint8Array): Uint8Array {
  const stored = new Uint8Array(checkSize + value.length);
  stored[0] = checkedMark;
  new DataView(stored.buffer).setUint32(1, checkOf(key, value), true);
  stored.set(value, checkSize);
  return stored;
}

function unseal(key: string, stored: Uint8Array): HistoryRecord | undefined {
  if (stored[0] !== checkedMark) return { value: plain(stored), checked: false };
  if (stored.length < checkSize) return undefined;
  const value = plain(stored.subarray(checkSize));
  const check = new DataView(stored.buffer, stored.byteOffset).getUint32(1, true);
  return check === checkOf(key, value) ? { value, checked: true } : undefined;
}

function checkOf(key: string, value: Uint8Array): number {
  return crc32(value, crc32(key));
}

/** LevelDB gives Buffers, whose `slice` shares memory; the core gets what it gets everywhere else. */
function plain(value: Uint8Array): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

async function readAll(level: Level, keys: readonly string[], directory: string): Promise<(Uint8Array | undefined)[]> {
  try {
    return await level.getMany([...keys]);
  } catch {
    // One that can't be read makes all fail.
    const values: (Uint8Array | undefined)[] = [];
    for (const key of keys) values.push(await readOne(level, key, directory));
    return values;
  }
}

async function readOne(level: Level, key: string, directory: string): Promise<Uint8Array | undefined> {
  try {
    return await level.get(key);
  } catch (error) {
    const errno = errnoOf(error);
    // A file that is gone and a place of the disk that can't be read are damage; all else that the system refuses may pass.
    if (errno === "EIO" || errno === "ENOENT") return undefined;
    if (errno === undefined && (error as { code?: string }).code === "LEVEL_CORRUPTION") return undefined;
    throw asVertebraError(error, `The history ${directory} can't be read`);
  }
}

async function openOrRepair(disk: Disk, directory: string, notice: (error: VertebraError) => void): Promise<Level> {
  try {
    // LevelDB retries for ever where it can't make its directory; this throws instead.
    if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 });
    // Without its first file LevelDB takes a history for a new one, and deletes what is there.
    if (!lacksCurrent(directory)) return await disk.openLevel(directory);
  } catch (error) {
    const refused = openingError(directory, error);
    if (refused !== undefined) throw refused;
  }
  return repair(disk, directory, notice);
}

async function repair(disk: Disk, directory: string, notice: (error: VertebraError) => void): Promise<Level> {
  try {
    await ClassicLevel.repair(directory);
    const level = await disk.openLevel(directory);
    notice(repaired(directory));
    return level;
  } catch (error) {
    throw openingError(directory, error) ?? failedToOpen(directory, error);
  }
}

/** Throws the disk's error where there is no room to open it anew, by which its logs become tables, and to write this. */
async function probe(disk: Disk, directory: string, puts: readonly Put[]): Promise<void> {
  let room = roomBeside;
  for (const { value } of puts) room += value.length;
  for (const file of readdirSync(directory)) if (file.endsWith(".log")) room += statSync(join(directory, file)).size;
  const path = join(directory, "room");
  const file = await disk.open(path, "w+");
  try {
    const zeros = new Uint8Array(Math.min(room, 1 << 20));
    for (let at = 0; at < room; )
      at += (await file.write(zeros, 0, Math.min(zeros.length, room - at), at)).bytesWritten;
    await file.datasync();
  } finally {
    await file.close();
    rmSync(path, { force: true });
  }
}

function lacksCurrent(directory: string): boolean {
  const files = readdirSync(directory);
  return !files.includes("CURRENT") && files.some((file) => /\.(ldb|sst|log)$/.test(file));
}

/** Why it is not opened and not to be repaired; undefined where it is damaged. */
function openingError(directory: string, error: unknown): VertebraError | undefined {
  const { cause } = error as { cause?: { code?: string } };
  if (cause?.code === "LEVEL_LOCKED") {
    return new VertebraError(
      "store-busy",
      `The store ${directory} is open in another process`,
      "End that process first (`vertebra status` tells whether a gateway runs), or use a world directory of its own.",
    );
  }
  const errno = errnoOf(error);
  if (errno === undefined || errno === "ENOENT") return undefined;
  return asVertebraError(error, `The store ${directory} can't be opened`);
}

function failedToOpen(directory: string, error: unknown): VertebraError {
  const { message, cause } = error as Error;
  return new VertebraError(
    "store-failed",
    `The store ${directory} can't be opened: ${(cause as Error | undefined)?.message ?? message}`,
    `See that it is a directory of this user's. Without ${directory} the gateway makes an empty one, and asks the other owners for what is final.`,
  );
}

function repaired(directory: string): VertebraError {
  return new VertebraError(
    "history-repaired",
    `The history ${directory} was damaged, and was put together again from what could be read`,
    "What is missing is asked of the other owners when it is found; look at the disk.",
  );
}

function closed(directory: string): VertebraError {
  return new VertebraError("history-closed", `The history ${directory} is not open now`, "Try again.");
}
