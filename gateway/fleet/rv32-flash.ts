import { existsSync, linkSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { VertebraError } from "../../firmware/core/errors";
import { decodeProvision } from "../../firmware/core/identity/provision";
import { asVertebraError } from "../system/errors";
import { syncDirectory } from "../world/files";
import { checkMemory } from "../world/layout";
import type { LocalBoard } from "./board-process";
import { flashSize } from "./rv32-image";

/** The flash of an emulated board, as a programmer lays it out in the factory: what it was provisioned with, unless it is to be given that over its line, and an erased journal. */

const sectorSize = 256 * 1024;
const journalSectors = 8;
const magic = "vertebra provision 1";
const nameSize = 24;

/**
 * Makes the flash file of a board where there is none: all of it or nothing. Throws `flash-size` for a file that is no flash of an emulated
 * board, `provision-size` for a provision that finds no room in its sector, `board-memory` for one that the board can't hold.
 */
export function layOutFlash(board: LocalBoard): void {
  const there = statSync(board.flashFile, { throwIfNoEntry: false });
  if (there !== undefined) {
    checkSize(board, there.size);
    return;
  }
  const definition = readFileSync(board.definitionFile);
  const provision = board.provisionFile === undefined ? undefined : readFileSync(board.provisionFile);
  if (provision !== undefined) {
    for (const world of decodeProvision(provision).worlds.slice(0, 1)) checkMemory(board.name, definition, world);
  }
  const sector = provisionSector([
    ...(provision ? [["provision", provision] as const] : []),
    ["board.json", definition],
  ]);
  const draft = `${board.flashFile}.${process.pid}.draft`;
  try {
    writeFileSync(draft, Buffer.concat([sector, Buffer.alloc(journalSectors * sectorSize, 0xff)]), { mode: 0o600 });
    truncateSync(draft, flashSize);
    // Not a rename: a flash that came there meanwhile stays.
    if (!existsSync(board.flashFile)) linkSync(draft, board.flashFile);
    syncDirectory(dirname(board.flashFile));
  } catch (error) {
    throw asVertebraError(error, `The flash file of ${board.name} can't be made`);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** The journal in the image of an emulated board's flash, behind what it was provisioned with; undefined where it is another image. */
export function journalIn(image: Uint8Array): Uint8Array | undefined {
  if (Buffer.from(image.subarray(0, magic.length)).toString("latin1") !== magic) return undefined;
  return image.subarray(sectorSize, (1 + journalSectors) * sectorSize);
}

function checkSize({ name, flashFile }: LocalBoard, size: number): void {
  if (size === flashSize) return;
  throw new VertebraError(
    "flash-size",
    `${flashFile} has ${size} bytes, and the flash of an emulated board ${flashSize}`,
    `Run ${name} as what it was run as before, or make a new world: its promises are in that flash alone.`,
  );
}

/** The first sector, as firmware/native/rv32/provision.c reads it. Little-endian. */
export function provisionSector(parts: readonly (readonly [name: string, bytes: Uint8Array])[]): Buffer {
  const head = Buffer.alloc(nameSize + 4);
  head.write(magic);
  head.writeUInt32LE(parts.length, nameSize);
  const all = Buffer.concat([head, ...parts.flatMap(([name, bytes]) => [partHead(name, bytes), padded(bytes)])]);
  if (all.length > sectorSize) {
    throw new VertebraError(
      "provision-size",
      `What the board is provisioned with has ${all.length} bytes, and there is room for ${sectorSize}`,
      "Make a world with fewer groups or sagas for it.",
    );
  }
  return Buffer.concat([all, Buffer.alloc(sectorSize - all.length, 0xff)]);
}

function partHead(name: string, bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(nameSize + 8);
  head.write(name);
  head.writeUInt32LE(bytes.length, nameSize);
  head.writeUInt32LE(sumOf(bytes), nameSize + 4);
  return head;
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

/** FNV-1a. */
function sumOf(bytes: Uint8Array): number {
  let sum = 0x811c9dc5;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193) >>> 0;
  return sum;
}
