import type { Bounds } from "../core/bounds";
import type { Board } from "../core/capability/board";
import { withSoundWall } from "../core/clock";
import { VertebraError } from "../core/errors";
import type { ProvisionedWorld } from "../core/identity/provision";
import { type AskedGroup, askedOf, boundsWithDefined, roomy } from "../core/memory";
import type { Native } from "../native/native";
import type { Clock, Crypto, Flash, Random, Time } from "../ports";
import { asVertebraError, type Wire } from "./cable";
import { nobleCrypto } from "./noble";
import type { BoardOptions } from "./options";
import { sodiumCrypto, verifiesOtherwise } from "./sodium";

/** The flash that stands in a file: 4 MB, so 2 MB a bank, in sectors as NOR flash has them. */
const fileSize = 4 * 1024 * 1024;
const fileSectorSize = 4096;
const writeSize = 4;
const baud = 115_200;

/**
 * What a board holds, by the memory that its `board.json` gives it, and what is left for groups that are defined while it runs, beside those
 * `defined` before, and so many sagas that were `deployed`. Throws `board-memory` where that does not do, or is not said of a machine that has little.
 */
export function hostBounds(
  { memory: there }: Pick<Native, "memory">,
  { memory }: Pick<Board, "memory">,
  world: ProvisionedWorld,
  defined: readonly AskedGroup[] = [],
  deployed = 0,
): { readonly bounds: Bounds; readonly spareBytes: number } {
  if (memory !== undefined && memory.size <= (there ?? memory.size))
    return boundsWithDefined(memory, askedOf(world), defined, deployed);
  if (there === undefined) return { bounds: roomy, spareBytes: Number.POSITIVE_INFINITY };
  const said = memory === undefined ? "does not say how much memory there is" : `says ${memory.size} bytes of memory`;
  throw new VertebraError(
    "board-memory",
    `The machine has ${there} bytes of memory, and board.json ${said}`,
    "Give the board the board.json that is of this machine: its 'memory' says what it has, and what the firmware takes of it.",
  );
}

export function hostClock(native: Native): Clock {
  return new HostClock(native);
}

/** This and what follows are classes, whose methods take no RAM of a board. */
class HostClock implements Clock {
  constructor(private readonly native: Native) {}

  now(): Time {
    const { clock } = this.native;
    return withSoundWall({ monotonic: clock.monotonic(), wall: clock.wall() });
  }
}

export function hostRandom(native: Native): Random {
  return new HostRandom(native);
}

class HostRandom implements Random {
  constructor(private readonly native: Native) {}

  bytes(count: number): Uint8Array {
    return this.native.random(count);
  }
}

/** libsodium where it is installed and verifies as everybody else does, noble otherwise. */
export function hostCrypto({ sodium }: Pick<Native, "sodium">, notice: (error: VertebraError) => void): Crypto {
  const refused = sodium && verifiesOtherwise(sodium);
  if (refused) notice(refused);
  return sodium && !refused ? sodiumCrypto(sodium) : nobleCrypto();
}

/**
 * Throws `flash-…`: in use by another process, of another size, not permitted. That one fails later `user` is told: what it holds then
 * nobody knows, so there is no going on but from what it holds when it works again.
 */
export function hostFlash(native: Native, path: string, user: FlashUser): Flash {
  const { size = fileSize, sectorSize = fileSectorSize } = native.flash;
  const flash = native.flash.open(path, size, sectorSize);
  return new HostFlash(native.flash, flash, { size, sectorSize }, user);
}

/** Where a board keeps who it is. Throws as `hostFlash`. */
export function identityFlash(native: Native, path: string): Flash {
  const sectorSize = native.flash.sectorSize ?? fileSectorSize;
  const flash = native.flash.open(path, sectorSize, sectorSize);
  return new HostFlash(native.flash, flash, { size: sectorSize, sectorSize }, new IdentityUser());
}

/** Nothing begins before it is read, and nothing is lost where it fails: whoever asked is told. */
class IdentityUser implements FlashUser {
  failed(error: VertebraError): never {
    throw error;
  }
}

interface FlashUser {
  failed(error: VertebraError): never;
}

class HostFlash implements Flash {
  readonly size: number;
  readonly sectorSize: number;
  readonly writeSize = writeSize;

  constructor(
    private readonly native: Native["flash"],
    private readonly file: number,
    { size, sectorSize }: Pick<Flash, "size" | "sectorSize">,
    private readonly user: FlashUser,
  ) {
    this.size = size;
    this.sectorSize = sectorSize;
  }

  read(offset: number, length: number): Uint8Array {
    try {
      return this.native.read(this.file, offset, length);
    } catch (error) {
      return this.user.failed(asVertebraError(error));
    }
  }

  program(offset: number, bytes: Uint8Array): void {
    try {
      this.native.program(this.file, offset, bytes);
    } catch (error) {
      this.user.failed(asVertebraError(error));
    }
  }

  erase(sector: number): void {
    try {
      this.native.erase(this.file, sector);
    } catch (error) {
      this.user.failed(asVertebraError(error));
    }
  }

  sync(): void {
    try {
      this.native.sync(this.file);
    } catch (error) {
      this.user.failed(asVertebraError(error));
    }
  }
}

/** What may pass while a board waits: a disk that is full, is not mounted for writing now, or fails. */
export function mayPass({ code }: VertebraError): boolean {
  return ["flash-space", "flash-readonly", "flash-io"].includes(code);
}

/** Who is told what a person should know. */
interface Told {
  notice(error: VertebraError): void;
}

/** Throws `serial-…`: missing, busy, not permitted. */
export function openWire(
  native: Native,
  where: BoardOptions["wire"],
  received: (bytes: Uint8Array) => void,
  closed: (reason: string) => void,
  told: Told,
): Wire {
  const port =
    "terminal" in where
      ? native.serial.openTerminal(where.terminal, received, closed)
      : native.serial.openPort(where.device, baud, received, closed);
  return new SerialWire(native, port, where, told);
}

class SerialWire implements Wire {
  constructor(
    private readonly native: Native,
    private readonly port: number,
    private readonly where: BoardOptions["wire"],
    private readonly told: Told,
  ) {}

  write(bytes: Uint8Array): boolean {
    const { serial } = this.native;
    if (serial.repair(this.port)) this.told.notice(settingsChanged(this.where));
    return serial.write(this.port, bytes);
  }

  close(): void {
    this.native.serial.close(this.port);
  }
}

function settingsChanged(where: BoardOptions["wire"]): VertebraError {
  const name = "terminal" in where ? where.terminal : where.device;
  return new VertebraError(
    "serial-settings",
    `Another program changed the settings of the serial line ${name}: they were set back`,
    "Keep stty, getty, ModemManager and terminal programs away from it.",
  );
}
