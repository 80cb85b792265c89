import type { Flash } from "../../firmware/ports";

/** What is thrown at a power cut, and by all that is done after it. */
export class PowerCut extends Error {}

/** How much of the operation that is cut is done. "alone": all of it, and nothing of what was not yet made durable before it. */
export const parts = ["nothing", "a little", "half", "nearly all", "all", "alone"] as const;
export type Part = (typeof parts)[number];

/** NOR flash in memory, whose power can be cut in any program or erase. */
export interface Nor {
  readonly flash: Flash;
  /** What the flash holds now. */
  readonly bytes: Uint8Array;
  /** Programs and erases done so far. */
  operations(): number;
  erases(): number;
  /** Of each sector. */
  readonly erasesOf: readonly number[];
  /** From now on this sector does not hold any more what is put into it. */
  wearOut(sector: number): void;
  /** Cuts the power in the operation with this number, counted from 0. */
  cutAt(operation: number, part: Part): void;
  /** Power again: what is there is what the cut left. */
  restore(): void;
}

/** `writeSize` is what the part programs at once, and only where it is erased; 0 for a part that takes anything, anywhere. */
export function createNor(sectors: number, sectorSize: number, writeSize = 4): Nor {
  const bytes = new Uint8Array(sectors * sectorSize).fill(0xff);
  const durable = Uint8Array.from(bytes);
  let operations = 0;
  let erases = 0;
  let cut: { operation: number; part: Part } | undefined;
  let dark = false;
  const worn = new Set<number>();
  const erasesOf = new Array<number>(sectors).fill(0);

  /** Does as much of an operation as the power allows: `change` does the first `count` of `length` bytes, and of the next `bits`. */
  function operate(length: number, change: (count: number, bits: number) => void): void {
    if (dark) throw new PowerCut();
    const part = cut?.operation === operations ? cut.part : undefined;
    operations++;
    if (part === "alone") bytes.set(durable);
    if (part === undefined || part === "all" || part === "alone") change(length, 0);
    else if (part === "a little") change(Math.min(1, length - 1), 0x0f);
    else if (part === "half") change(length >> 1, 0x55);
    else if (part === "nearly all") change(length - 1, 0xf0);
    if (part === undefined) return;
    dark = true;
    throw new PowerCut();
  }

  function checkProgram(offset: number, length: number): void {
    if (offset % writeSize !== 0 || length % writeSize !== 0) throw new RangeError(`program of ${length} at ${offset}`);
    for (let at = offset; at < offset + length; at++)
      if (bytes[at] !== 0xff) throw new RangeError(`byte ${at} is programmed a second time`);
  }

  const flash: Flash = {
    size: bytes.length,
    sectorSize,
    writeSize: writeSize || 4,
    read(offset, length) {
      if (dark) throw new PowerCut();
      if (offset + length > bytes.length) throw new RangeError("past the flash");
      return bytes.slice(offset, offset + length);
    },
    program(offset, data) {
      if (offset + data.length > bytes.length) throw new RangeError("past the flash");
      if (writeSize > 0 && !dark) checkProgram(offset, data.length);
      operate(data.length, (count, bits) => {
        const stuck = worn.has(Math.floor(offset / sectorSize)) ? 0x10 : 0;
        for (let at = 0; at < count; at++) bytes[offset + at]! &= data[at]! | stuck;
        if (count < data.length) bytes[offset + count]! &= data[count]! | ~bits;
      });
    },
    erase(sector) {
      if ((sector + 1) * sectorSize > bytes.length) throw new RangeError("past the flash");
      erases++;
      operate(sectorSize, (count, bits) => {
        bytes.fill(0xff, sector * sectorSize, sector * sectorSize + count);
        erasesOf[sector]!++;
        if (count < sectorSize) bytes[sector * sectorSize + count]! |= bits;
      });
    },
    sync() {
      if (dark) throw new PowerCut();
      durable.set(bytes);
    },
  };

  return {
    flash,
    bytes,
    operations: () => operations,
    erases: () => erases,
    erasesOf,
    wearOut: (sector) => void worn.add(sector),
    cutAt: (operation, part) => {
      cut = { operation, part };
    },
    restore: () => {
      dark = false;
      cut = undefined;
      durable.set(bytes);
    },
  };
}
