import { describe, expect, it } from "vitest";
import { equal, fromHex, toHex } from "../../firmware/core/wire/bytes";
import { decodeCobs, encodeCobs } from "../../firmware/link/cobs";

const run = (from: number, to: number) => Uint8Array.from({ length: to - from + 1 }, (_, index) => from + index);
const hexRun = (from: number, to: number) => toHex(run(from, to));

// The table of encoding examples in Wikipedia, "Consistent Overhead Byte Stuffing", which has the delimiter at the end.
const examples: readonly (readonly [string, string])[] = [
  ["00", "0101"],
  ["0000", "010101"],
  ["001100", "01021101"],
  ["11220033", "0311220233"],
  ["11223344", "0511223344"],
  ["11000000", "0211010101"],
  [hexRun(0x01, 0xfe), `ff${hexRun(0x01, 0xfe)}`],
  [`00${hexRun(0x01, 0xfe)}`, `01ff${hexRun(0x01, 0xfe)}`],
  [hexRun(0x01, 0xff), `ff${hexRun(0x01, 0xfe)}02ff`],
  [`${hexRun(0x02, 0xff)}00`, `ff${hexRun(0x02, 0xff)}0101`],
  [`${hexRun(0x03, 0xff)}0001`, `fe${hexRun(0x03, 0xff)}0201`],
];

describe("COBS", () => {
  it("stuffs the examples that are published, between two zeros", () => {
    for (const [plain, stuffed] of examples) expect(toHex(encodeCobs(fromHex(plain)))).toBe(`00${stuffed}00`);
  });

  it("gives back what was stuffed in them", () => {
    for (const [plain, stuffed] of examples) expect(toHex(decodeCobs(fromHex(stuffed))!)).toBe(plain);
  });

  it("stuffs nothing into one byte", () => {
    expect(toHex(encodeCobs(new Uint8Array(0)))).toBe("000100");
    expect(decodeCobs(fromHex("01"))).toEqual(new Uint8Array(0));
  });

  it("costs one byte and one more for each 254, whatever the bytes, at every length up to two full runs", () => {
    for (let length = 0; length <= 2 * 254 + 2; length++) {
      const plain = new Uint8Array(length).fill(7);
      const stuffed = encodeCobs(plain).subarray(1, -1);
      expect(stuffed.length - length).toBe(Math.max(1, Math.ceil(length / 254)));
      expect(equal(decodeCobs(stuffed)!, plain)).toBe(true);
    }
  });

  it("refuses a run that goes beyond the end, and a zero where a run begins", () => {
    for (const wrong of ["02", "05112233", "ff01", "0011", "020500"]) {
      expect(decodeCobs(fromHex(wrong))).toBeUndefined();
    }
  });
});
