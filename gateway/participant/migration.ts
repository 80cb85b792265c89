import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { VertebraError } from "../../firmware/core/errors";
import { equal } from "../../firmware/core/wire/bytes";
import { crc32c } from "../../firmware/core/wire/crc32c";
import { syncDirectory } from "../world/files";
import type { Disk, Level } from "./disk";
import { createPromises, journalSize } from "./promises";
import { foreignStore, type StorePlaces } from "./store-places";

/** Where a store of before had its owner. */
const ownerKey = "!owner";
const finalKeys = { from: "final/", to: "final0" };

/**
 * Brings a store of before, which was one LevelDB for all, into the form of now: what is not final into a journal, and the LevelDB, as
 * it is, becomes the history. The new store is made beside the old one, with the history moved into it; then it takes its place. A cut
 * at any step leaves one of three states, each of which is told from the others by what is there.
 */
export async function migrateStore(disk: Disk, places: StorePlaces, owner: Uint8Array, groups: number): Promise<void> {
  const { directory } = places;
  const draft = `${directory}.draft`;
  const moved = join(draft, "history");
  if (existsSync(join(directory, "CURRENT"))) {
    const records = await recordsOf(disk, directory, owner);
    if (!existsSync(draft)) mkdirSync(draft, { mode: 0o700 });
    await createPromises(disk, join(draft, "journal"), owner, journalSize(groups), records);
    renameSync(directory, moved);
    syncDirectory(dirname(directory));
    syncDirectory(draft);
  }
  if (!existsSync(moved) || existsSync(directory)) return;
  renameSync(draft, directory);
  syncDirectory(dirname(directory));
  await dropBefore(disk, places.history);
}

/** All that is not final. Throws `store-foreign`, and `store-damaged` where LevelDB dropped something of it. */
async function recordsOf(disk: Disk, directory: string, owner: Uint8Array): Promise<Map<string, Uint8Array>> {
  checkLogs(directory);
  const level = await disk.openLevel(directory);
  try {
    const found = await level.get(ownerKey);
    if (found !== undefined && !equal(found, owner)) throw foreignStore(directory, found, owner);
    const records = new Map<string, Uint8Array>();
    for (const range of outsideHistory) {
      for (const [key, value] of await level.iterator(range).all()) records.set(key, Uint8Array.from(value));
    }
    return records;
  } finally {
    await level.close();
  }
}

const outsideHistory = [{ gt: ownerKey, lt: finalKeys.from }, { gte: finalKeys.to }] as const;

/** What the journal has now. Where a cut prevents it, it stays, and nobody looks at it. */
async function dropBefore(disk: Disk, history: string): Promise<void> {
  const level: Level = await disk.openLevel(history);
  try {
    const keys: string[] = [ownerKey];
    for (const range of outsideHistory) keys.push(...(await level.keys(range).all()));
    await level.batch(
      keys.map((key) => ({ type: "del", key }) as const),
      { sync: true },
    );
  } finally {
    await level.close();
  }
}

/** LevelDB drops what it can't read of its logs when it opens, and says so to nobody: so that is looked at before. */
function checkLogs(directory: string): void {
  for (const file of readdirSync(directory).filter((name) => name.endsWith(".log"))) {
    const path = join(directory, file);
    if (!isWholeLog(readFileSync(path))) throw damagedLog(directory, path);
  }
}

function damagedLog(directory: string, path: string): VertebraError {
  return new VertebraError(
    "store-damaged",
    `The store is damaged: a record of its log ${path} can't be read, and what was promised in it is lost`,
    `Move ${directory} away, keep it, and start again: a new one is made. What is final comes back from the other owners, and this participant stays an observer until they have told it what it signed.`,
  );
}

/** Blocks of 32 KB, in which no record's header is cut: CRC-32C, masked (4), length (2), type (1), data. Zeros were never written. */
const logBlock = 32_768;
const logHeader = 7;

export function isWholeLog(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + logHeader <= bytes.length; ) {
    const left = logBlock - (at % logBlock);
    const length = view.getUint16(at + 4, true);
    const end = at + logHeader + length;
    const type = bytes[at + 6];
    if (left < logHeader || (type === 0 && length === 0 && view.getUint32(at, true) === 0)) at += left;
    // What a cut left of the last record was never made durable.
    else if (end > bytes.length) return at + left > bytes.length;
    else if (logHeader + length > left || !crcHolds(bytes.subarray(at + 6, end), view.getUint32(at, true)))
      return false;
    else at = end;
  }
  return true;
}

function crcHolds(bytes: Uint8Array, masked: number): boolean {
  const turned = (masked - 0xa282ead8) >>> 0;
  return crc32c(bytes) === ((turned >>> 17) | (turned << 15)) >>> 0;
}
