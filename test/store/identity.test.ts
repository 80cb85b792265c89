import { describe, expect, it } from "vitest";
import { isUnused, readIdentity, writeIdentity } from "../../firmware/store/identity";
import { refusal } from "../core/refusal";
import { createNor, PowerCut, parts } from "./nor";

const identity = Uint8Array.from({ length: 301 }, (_, index) => index % 251);

describe("who a board is", () => {
  it("is kept, and read as it was written, on parts of every write size", () => {
    for (const writeSize of [1, 2, 4, 8, 16, 32]) {
      const { flash } = createNor(2, 512, writeSize);
      expect(readIdentity(flash)).toBeUndefined();
      writeIdentity(flash, identity);
      expect(readIdentity(flash)).toEqual(identity);
    }
  });

  it("is there whole or not at all, wherever the power is cut, and can be given again", () => {
    let cases = 0;
    for (let operation = 0; operation < 3; operation++) {
      for (const part of parts) {
        const nor = createNor(2, 512);
        nor.cutAt(operation, part);
        try {
          writeIdentity(nor.flash, identity);
        } catch (error) {
          expect(error instanceof PowerCut).toBe(true);
        }
        nor.restore();
        const there = readIdentity(nor.flash);
        if (there !== undefined) expect(there).toEqual(identity);
        writeIdentity(nor.flash, identity);
        expect(readIdentity(nor.flash)).toEqual(identity);
        cases++;
      }
    }
    expect(cases).toBe(3 * parts.length);
  });

  it("is none with any bit of it changed", () => {
    const nor = createNor(1, 512, 0);
    writeIdentity(nor.flash, identity);
    for (let at = 0; at < 12 + identity.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        nor.bytes[at]! ^= 1 << bit;
        expect(readIdentity(nor.flash)).toBeUndefined();
        nor.bytes[at]! ^= 1 << bit;
      }
    }
    expect(readIdentity(nor.flash)).toEqual(identity);
  });

  it("is refused where it finds no room, and where the flash does not hold it", () => {
    expect(refusal(() => writeIdentity(createNor(1, 256).flash, identity))).toMatch(/^identity-room/);
    const worn = createNor(1, 512);
    worn.wearOut(0);
    expect(refusal(() => writeIdentity(worn.flash, identity))).toMatch(/^identity-flash/);
    expect(readIdentity(worn.flash)).toBeUndefined();
  });

  it("is given to a board alone whose flash was never used since it was erased", () => {
    const nor = createNor(4, 512);
    expect(isUnused(nor.flash)).toBe(true);
    nor.flash.program(3 * 512, new Uint8Array(4));
    expect(isUnused(nor.flash)).toBe(false);
  });
});
