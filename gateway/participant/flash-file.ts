import { readSync } from "node:fs";
import { assert } from "../../firmware/core/errors";
import { crc32c } from "../../firmware/core/wire/crc32c";
import type { Flash } from "../../firmware/ports";
import type { Disk, DiskFile } from "./disk";

/**
 * NOR flash in a plain file, for the firmware's journal. In front of it lies a sector with a magic, the flash's size and a CRC-32C of
 * both: a file that was cut short or made longer would put the second bank elsewhere, and could read as one with less in it.
 *
 * What is programmed and erased waits in memory until `settle`, so that nobody waits for the disk in a call; the journal reads its
 * flash at the opening alone. A program is written as it is: the journal programs only what is erased, and a commit word again, over
 * a part of the same.
 */
export interface FlashFile extends Flash {
  /**
   * Resolves when all is durable that was done before. Rejects with the error of the disk, and can then be called again: all since the
   * last sync that succeeded is written anew, since a sync that fails says nothing of what it had to make durable.
   */
  settle(): Promise<void>;
  close(): Promise<void>;
}

type Operation = { readonly at: number; readonly bytes: Uint8Array } | "sync";

export const sectorSize = 4096;
const writeSize = 4;
const magic = "vertebra journal";
const magicSize = magic.length;
/** Bytes of a new file that are written at once. */
const filledAtOnce = 1 << 20;

/** Makes a file whose flash is erased, over whatever is at `path`. It is durable when its first `settle` has resolved. */
export async function createFlashFile(disk: Disk, path: string, size: number): Promise<FlashFile> {
  assert(size % (2 * sectorSize) === 0, "a flash has whole sectors in each of its halves");
  const file = await disk.open(path, "w+");
  try {
    await writeAll(file, 0, frontSector(size));
    const ones = new Uint8Array(Math.min(size, filledAtOnce)).fill(0xff);
    for (let at = 0; at < size; at += ones.length) {
      await writeAll(file, sectorSize + at, ones.subarray(0, Math.min(ones.length, size - at)));
    }
    return flashIn(file, size);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The flash in the file at `path`, or undefined where it is none, or not whole any more. */
export async function openFlashFile(disk: Disk, path: string): Promise<FlashFile | undefined> {
  const file = await disk.open(path, "r+");
  try {
    const { size } = await file.stat();
    const front = new Uint8Array(sectorSize);
    const length = await file.read(front, 0, sectorSize, 0).then(({ bytesRead }) => bytesRead);
    const flashSize = size - sectorSize;
    if (length === sectorSize && flashSize > 0 && sameBytes(front, frontSector(flashSize)))
      return flashIn(file, flashSize);
    await file.close();
    return undefined;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Whether these are the bytes of a whole flash file: a flash behind its front. */
export function isFlashFile(bytes: Uint8Array): boolean {
  return bytes.length > sectorSize && sameBytes(bytes.subarray(0, sectorSize), frontSector(bytes.length - sectorSize));
}

function frontSector(size: number): Uint8Array {
  const bytes = new Uint8Array(sectorSize);
  for (let at = 0; at < magicSize; at++) bytes[at] = magic.charCodeAt(at);
  const view = new DataView(bytes.buffer);
  view.setUint32(magicSize, size, true);
  view.setUint32(magicSize + 4, crc32c(bytes.subarray(0, magicSize + 4)), true);
  return bytes;
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function flashIn(file: DiskFile, size: number): FlashFile {
  /** In order; what is behind the last "sync" is not asked to be durable yet. */
  let waiting: Operation[] = [];
  return {
    size,
    sectorSize,
    writeSize,
    read(offset, length) {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; ) {
        const count = readSync(file.fd, bytes, at, length - at, sectorSize + offset + at);
        assert(count > 0, "a flash file is as long as it was when it was opened");
        at += count;
      }
      overlay(bytes, offset, waiting);
      return bytes;
    },
    program: (offset, bytes) => void waiting.push({ at: offset, bytes: bytes.slice() }),
    erase: (sector) => void waiting.push({ at: sector * sectorSize, bytes: new Uint8Array(sectorSize).fill(0xff) }),
    sync: () => void waiting.push("sync"),
    async settle() {
      while (waiting.length > 0) {
        const end = waiting.indexOf("sync") + 1;
        assert(end > 0, "what is written to a flash is made durable");
        for (const operation of waiting.slice(0, end)) {
          if (operation === "sync") await file.datasync();
          else await writeAll(file, sectorSize + operation.at, operation.bytes);
        }
        waiting = waiting.slice(end);
      }
    },
    close: () => file.close(),
  };
}

/** What waits to be written lies over what the file holds. */
function overlay(bytes: Uint8Array, offset: number, waiting: readonly Operation[]): void {
  for (const operation of waiting) {
    if (operation === "sync") continue;
    const from = Math.max(offset, operation.at);
    const to = Math.min(offset + bytes.length, operation.at + operation.bytes.length);
    if (from < to) bytes.set(operation.bytes.subarray(from - operation.at, to - operation.at), from - offset);
  }
}

/** A disk that has little room left writes a part, and says so in the next call. */
async function writeAll(file: DiskFile, at: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}
