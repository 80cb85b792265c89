import { withSoundWall } from "../core/clock";
import type { VertebraError } from "../core/errors";
import type { Native } from "../native/native";
import type { Clock, Crypto, Flash, Random } from "../ports";
import type { Wire } from "./cable";
import { nobleCrypto } from "./noble";
import type { BoardOptions } from "./options";
import { sodiumCrypto, verifiesOtherwise } from "./sodium";

/** The flash that stands in a file: 4 MB, so 2 MB a bank, in sectors as NOR flash has them. */
const flashSize = 4 * 1024 * 1024;
const sectorSize = 4096;
const baud = 115_200;

export function hostClock(native: Native): Clock {
  return { now: () => withSoundWall({ monotonic: native.clock.monotonic(), wall: native.clock.wall() }) };
}

export function hostRandom(native: Native): Random {
  return { bytes: (count) => native.random(count) };
}

/** libsodium where it is installed and verifies as everybody else does, noble otherwise. */
export function hostCrypto({ sodium }: Pick<Native, "sodium">, notice: (error: VertebraError) => void): Crypto {
  const refused = sodium && verifiesOtherwise(sodium);
  if (refused) notice(refused);
  return sodium && !refused ? sodiumCrypto(sodium) : nobleCrypto();
}

/** Throws `flash-…`: in use by another process, or of another size. */
export function hostFlash(native: Native, path: string): Flash {
  const flash = native.flash.open(path, flashSize, sectorSize);
  return {
    size: flashSize,
    sectorSize,
    read: (offset, length) => native.flash.read(flash, offset, length),
    program: (offset, bytes) => native.flash.program(flash, offset, bytes),
    erase: (sector) => native.flash.erase(flash, sector),
    sync: () => native.flash.sync(flash),
  };
}

/** Throws `serial-…`: missing, busy, not permitted. */
export function openWire(
  native: Native,
  where: BoardOptions["wire"],
  received: (bytes: Uint8Array) => void,
  closed: (reason: string) => void,
): Wire {
  const port =
    "terminal" in where
      ? native.serial.openTerminal(where.terminal, received, closed)
      : native.serial.openPort(where.device, baud, received, closed);
  return {
    write: (bytes) => native.serial.write(port, bytes),
    close: () => native.serial.close(port),
  };
}
