import { describe, expect, it } from "vitest";
import { compare, concat, equal, fromHex, toHex } from "../../firmware/core/wire/bytes";
import { refusal } from "./refusal";

const bytes = (...values: number[]) => Uint8Array.from(values);

describe("byte strings", () => {
  it("sort by their first difference, a prefix first", () => {
    const sorted = [bytes(), bytes(0), bytes(0, 255), bytes(1), bytes(1, 0), bytes(255)];
    for (let i = 0; i < sorted.length; i++) {
      for (let j = 0; j < sorted.length; j++) {
        expect(Math.sign(compare(sorted[i]!, sorted[j]!))).toBe(Math.sign(i - j));
        expect(equal(sorted[i]!, sorted[j]!)).toBe(i === j);
      }
    }
  });

  it("join in order", () => {
    expect(concat([bytes(1), bytes(), bytes(2, 3)])).toEqual(bytes(1, 2, 3));
    expect(concat([])).toEqual(bytes());
  });

  it("go to hex and back, in either case", () => {
    expect(toHex(bytes(0, 15, 160, 255))).toBe("000fa0ff");
    expect(fromHex("000fA0Ff")).toEqual(bytes(0, 15, 160, 255));
  });

  it("are not made of half bytes or of other than hex", () => {
    expect(refusal(() => fromHex("abc"))).toMatch(/^hex: /);
    expect(refusal(() => fromHex("0g"))).toBe("hex: 'g' at 1 is not a hex digit");
    expect(refusal(() => fromHex(" 0"))).toMatch(/^hex: /);
  });
});
