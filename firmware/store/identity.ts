import { VertebraError } from "../core/errors";
import { equal } from "../core/wire/bytes";
import { crc32c } from "../core/wire/crc32c";
import type { Flash } from "../ports";

/**
 * Who a board is, in an area of its flash of its own: written once, whole or not at all, since its check is right only where all of it is
 * there. Magic (4 bytes), length (4), CRC-32C of both and the bytes (4), and the bytes; little-endian.
 */

const magic = 0x31444956;
const headSize = 12;

/** Undefined where the area holds none, or one whose writing was cut. */
export function readIdentity(flash: Flash): Uint8Array | undefined {
  const head = flash.read(0, headSize);
  const length = wordAt(head, 4);
  if (wordAt(head, 0) !== magic || length > roomIn(flash)) return undefined;
  const bytes = flash.read(headSize, length);
  return checkOf(head, bytes) === wordAt(head, 8) ? bytes : undefined;
}

/** Durable when it returns. Throws `identity-room`, and `identity-flash` where the flash holds something else than what was written. */
export function writeIdentity(flash: Flash, bytes: Uint8Array): void {
  if (bytes.length > roomIn(flash)) {
    throw new VertebraError(
      "identity-room",
      `What the board is given has ${bytes.length} bytes, and its flash has room for ${roomIn(flash)}`,
      "Give it a larger area for its identity in board.json, or a world with fewer stewards.",
    );
  }
  for (let sector = 0; sector < flash.size / flash.sectorSize; sector++) flash.erase(sector);
  const padded = new Uint8Array(Math.ceil((headSize + bytes.length) / flash.writeSize) * flash.writeSize).fill(0xff);
  const head = new DataView(padded.buffer);
  head.setUint32(0, magic, true);
  head.setUint32(4, bytes.length, true);
  head.setUint32(8, checkOf(padded, bytes), true);
  padded.set(bytes, headSize);
  flash.program(0, padded);
  flash.sync();
  const kept = readIdentity(flash);
  if (kept !== undefined && equal(kept, bytes)) return;
  throw new VertebraError(
    "identity-flash",
    "The flash does not hold the identity that was written into it",
    "Try again; if it stays so, give the board another flash.",
  );
}

/** Whether nothing was ever written into a flash since it was erased: by the beginning of each of its sectors, where whatever is written begins. */
export function isUnused(flash: Flash): boolean {
  for (let at = 0; at < flash.size; at += flash.sectorSize) {
    if (flash.read(at, headSize).some((byte) => byte !== 0xff)) return false;
  }
  return true;
}

function roomIn({ size }: Flash): number {
  return size - headSize;
}

function checkOf(head: Uint8Array, bytes: Uint8Array): number {
  return crc32c(bytes, crc32c(head.subarray(0, 8)));
}

function wordAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
}
