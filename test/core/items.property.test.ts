import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { endOfItem, find, nextString } from "../../firmware/core/wire/bulk";
import { decode, encode } from "../../firmware/core/wire/cbor";
import * as arbitraries from "./arbitraries";

const around = (bytes: Uint8Array) => Uint8Array.from([0x41, ...bytes, 0x58, 0x20]);

describe("an item of CBOR that is looked at in bytes", () => {
  it("ends where the decoder says, and nowhere where it is cut short", () => {
    fc.assert(
      fc.property(arbitraries.cbor, fc.nat(), (value, cut) => {
        const bytes = encode(value);
        const within = around(bytes);
        expect(endOfItem(within, 1, within.length)).toBe(1 + bytes.length);
        const end = 1 + (cut % bytes.length);
        expect(endOfItem(within, 1, end)).toBe(-1);
      }),
      { numRuns: 20 },
    );
  });

  it("is none with a tag, an open length, a length that nothing has, or more than 16 items within each other", () => {
    const nested = (depth: number) => Uint8Array.from([...Array(depth).fill(0x81), 0]);
    expect(endOfItem(nested(16), 0, 17)).toBe(17);
    for (const bytes of [
      nested(17),
      [0xc1, 0],
      [0x9f, 0xff],
      [0x5f, 0xff],
      [0x1c],
      [0x58, 2, 0],
      [0x9b, ...Array(8).fill(255), 0],
    ])
      expect(endOfItem(Uint8Array.from(bytes), 0, bytes.length)).toBe(-1);
  });

  it("shows its longer byte strings in their order, whatever lies around them", () => {
    const value = [
      [new Uint8Array(23), "a text of thirty characters at least"],
      new Uint8Array(24).fill(1),
      { float: 1 },
      [new Uint8Array(300).fill(2)],
    ];
    const bytes = encode(value);
    const seen: number[] = [];
    for (let at = nextString(bytes, 0, bytes.length, 24); at < bytes.length; ) {
      const end = endOfItem(bytes, at, bytes.length);
      seen.push((decode(bytes.slice(at, end)) as Uint8Array).length);
      at = nextString(bytes, end, bytes.length, 24);
    }
    expect(seen).toEqual([24, 300]);
  });

  it("is found by what it begins with, first where it lies first", () => {
    const bytes = Uint8Array.from([1, 1, 2, 1, 2, 3]);
    expect(find(bytes, Uint8Array.of(1, 2), 0)).toBe(1);
    expect(find(bytes, Uint8Array.of(1, 2), 2)).toBe(3);
    expect(find(bytes, Uint8Array.of(2, 3, 4), 0)).toBe(-1);
    expect(find(bytes, Uint8Array.of(3), 6)).toBe(-1);
  });
});
