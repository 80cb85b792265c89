import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../firmware/core/wire/bytes";
import { type Cbor, decode, encode } from "../../firmware/core/wire/cbor";
import { refusal } from "./refusal";

const float = (value: number) => ({ float: value });
const bytes = (...values: number[]) => Uint8Array.from(values);

/** RFC 8949, appendix A: what deterministic CBOR without tags takes, in the order of the table. */
const accepted: readonly (readonly [string, Cbor])[] = [
  ["00", 0],
  ["01", 1],
  ["0a", 10],
  ["17", 23],
  ["1818", 24],
  ["1819", 25],
  ["1864", 100],
  ["1903e8", 1000],
  ["1a000f4240", 1_000_000],
  ["1b000000e8d4a51000", 1_000_000_000_000],
  ["1bffffffffffffffff", 18_446_744_073_709_551_615n],
  ["3bffffffffffffffff", -18_446_744_073_709_551_616n],
  ["20", -1],
  ["29", -10],
  ["3863", -100],
  ["3903e7", -1000],
  ["f90000", float(0)],
  ["f98000", float(-0)],
  ["f93c00", float(1)],
  ["fb3ff199999999999a", float(1.1)],
  ["f93e00", float(1.5)],
  ["f97bff", float(65504)],
  ["fa47c35000", float(100_000)],
  ["fa7f7fffff", float(3.4028234663852886e38)],
  ["fb7e37e43c8800759c", float(1e300)],
  ["f90001", float(2 ** -24)],
  ["f90400", float(0.00006103515625)],
  ["f9c400", float(-4)],
  ["fbc010666666666666", float(-4.1)],
  ["f97c00", float(Number.POSITIVE_INFINITY)],
  ["f97e00", float(Number.NaN)],
  ["f9fc00", float(Number.NEGATIVE_INFINITY)],
  ["f4", false],
  ["f5", true],
  ["f6", null],
  ["40", bytes()],
  ["4401020304", bytes(1, 2, 3, 4)],
  ["60", ""],
  ["6161", "a"],
  ["6449455446", "IETF"],
  ["62225c", '"\\'],
  ["62c3bc", "\u00fc"],
  ["63e6b0b4", "\u6c34"],
  ["64f0908591", "\ud800\udd51"],
  ["80", []],
  ["83010203", [1, 2, 3]],
  ["8301820203820405", [1, [2, 3], [4, 5]]],
  ["98190102030405060708090a0b0c0d0e0f101112131415161718181819", Array.from({ length: 25 }, (_, index) => index + 1)],
  ["a0", new Map()],
  [
    "a201020304",
    new Map([
      [1, 2],
      [3, 4],
    ]),
  ],
  [
    "a26161016162820203",
    new Map<Cbor, Cbor>([
      ["a", 1],
      ["b", [2, 3]],
    ]),
  ],
  ["826161a161626163", ["a", new Map([["b", "c"]])]],
  [
    "a56161614161626142616361436164614461656145",
    new Map([
      ["a", "A"],
      ["b", "B"],
      ["c", "C"],
      ["d", "D"],
      ["e", "E"],
    ]),
  ],
];

/** The rest of appendix A: valid CBOR that is not in our form, with the code of its refusal. */
const refused: readonly (readonly [string, string])[] = [
  ["c249010000000000000000", "cbor-tag"],
  ["c349010000000000000000", "cbor-tag"],
  ["fa7f800000", "cbor-not-shortest"],
  ["fa7fc00000", "cbor-not-shortest"],
  ["faff800000", "cbor-not-shortest"],
  ["fb7ff0000000000000", "cbor-not-shortest"],
  ["fb7ff8000000000000", "cbor-not-shortest"],
  ["fbfff0000000000000", "cbor-not-shortest"],
  ["f7", "cbor-simple"],
  ["f0", "cbor-simple"],
  ["f818", "cbor-simple"],
  ["f8ff", "cbor-simple"],
  ["c074323031332d30332d32315432303a30343a30305a", "cbor-tag"],
  ["c11a514b67b0", "cbor-tag"],
  ["c1fb41d452d9ec200000", "cbor-tag"],
  ["d74401020304", "cbor-tag"],
  ["d818456449455446", "cbor-tag"],
  ["d82076687474703a2f2f7777772e6578616d706c652e636f6d", "cbor-tag"],
  ["5f42010243030405ff", "cbor-indefinite"],
  ["7f657374726561646d696e67ff", "cbor-indefinite"],
  ["9fff", "cbor-indefinite"],
  ["9f018202039f0405ffff", "cbor-indefinite"],
  ["9f01820203820405ff", "cbor-indefinite"],
  ["83018202039f0405ff", "cbor-indefinite"],
  ["83019f0203ff820405", "cbor-indefinite"],
  ["9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff", "cbor-indefinite"],
  ["bf61610161629f0203ffff", "cbor-indefinite"],
  ["826161bf61626163ff", "cbor-indefinite"],
  ["bf6346756ef563416d7421ff", "cbor-indefinite"],
];

const codeOf = (hex: string) => refusal(() => decode(fromHex(hex))).split(":")[0];

describe("deterministic CBOR", () => {
  it("has all of RFC 8949, appendix A, in one of its two tables", () => {
    expect(accepted.length + refused.length).toBe(82);
  });

  for (const [hex, value] of accepted) {
    it(`reads and writes ${hex} of appendix A`, () => {
      expect(decode(fromHex(hex))).toEqual(value);
      expect(toHex(encode(value))).toBe(hex);
    });
  }

  for (const [hex, code] of refused) {
    it(`refuses ${hex} of appendix A with ${code}`, () => {
      expect(codeOf(hex)).toBe(code);
    });
  }

  it("takes -0 as another float than 0", () => {
    expect(Object.is((decode(fromHex("f98000")) as { float: number }).float, -0)).toBe(true);
  });

  it("refuses integers and lengths that fewer bytes would hold", () => {
    for (const hex of ["1817", "190017", "1900ff", "1a0000ffff", "1b00000000ffffffff", "3817", "580161", "7801ff61"]) {
      expect([hex, codeOf(hex)]).toEqual([hex, "cbor-not-shortest"]);
    }
  });

  it("refuses floats that fewer bytes would hold, subnormal halves and other NaNs too", () => {
    for (const hex of ["fa3f800000", "fa33800000", "fb3ff0000000000000", "fb47efffffe0000000", "f97e01", "f9fe00"]) {
      expect([hex, codeOf(hex)]).toEqual([hex, "cbor-not-shortest"]);
    }
  });

  it("keeps floats next to what 16 and 32 bits hold in the width that they need", () => {
    expect(toHex(encode(float(65505)))).toBe("fa477fe100");
    expect(toHex(encode(float(2 ** -24)))).toBe("f90001");
    expect(toHex(encode(float(2 ** -25)))).toBe("fa33000000");
    expect(toHex(encode(float(1023 * 2 ** -24)))).toBe("f903ff");
    expect(toHex(encode(float(1 + 2 ** -11)))).toBe("fa3f801000");
    expect(toHex(encode(float(2 ** -149)))).toBe("fa00000001");
    expect(toHex(encode(float(2 ** -150)))).toBe("fb3690000000000000");
    expect(toHex(encode(float(5e-324)))).toBe("fb0000000000000001");
  });

  it("gives a number within 2^53 and a bigint beyond, and writes both alike", () => {
    expect(decode(fromHex("1b001fffffffffffff"))).toBe(9_007_199_254_740_991);
    expect(decode(fromHex("1b0020000000000000"))).toBe(9_007_199_254_740_992n);
    expect(decode(fromHex("3b001ffffffffffffe"))).toBe(-9_007_199_254_740_991);
    expect(decode(fromHex("3b001fffffffffffff"))).toBe(-9_007_199_254_740_992n);
    expect(toHex(encode(1000n))).toBe("1903e8");
    expect(toHex(encode(-1000n))).toBe("3903e7");
    expect(toHex(encode(-9_007_199_254_740_992n))).toBe("3b001fffffffffffff");
  });

  it("sorts map keys by their encodings, whatever order they were set in", () => {
    const map = new Map<Cbor, Cbor>([
      [false, 1],
      ["aa", 2],
      [[100], 3],
      ["z", 4],
      [-1, 5],
      [100, 6],
      [10, 7],
    ]);
    // The order of the example in RFC 8949, 4.2.1.
    expect(toHex(encode(map))).toBe("a70a071864062005617a046261610281186403f401");
  });

  it("refuses map keys out of order, and keys that are there twice", () => {
    expect(codeOf("a202000100")).toBe("cbor-keys");
    expect(codeOf("a201000100")).toBe("cbor-keys");
    expect(codeOf("a2616200616100")).toBe("cbor-keys");
    expect(
      refusal(() =>
        encode(
          new Map<Cbor, Cbor>([
            [1, 0],
            [1n, 0],
          ]),
        ),
      ),
    ).toMatch(/^cbor-value: .* same key twice/);
  });

  it("refuses what is cut off at any byte", () => {
    const whole = encode([1000, "text", bytes(1, 2, 3), new Map<Cbor, Cbor>([["key", float(1.1)]]), -70_000]);
    for (let length = 0; length < whole.length; length++) {
      expect(refusal(() => decode(whole.subarray(0, length)))).toMatch(/^cbor-truncated/);
    }
  });

  it("refuses trailing bytes, reserved heads and the lone end of an indefinite length", () => {
    expect(refusal(() => decode(fromHex("0000")))).toBe(
      "cbor-trailing: CBOR at byte 1: 1 bytes follow the end of the value",
    );
    expect(codeOf("1c")).toBe("cbor-reserved");
    expect(codeOf("5e")).toBe("cbor-reserved");
    expect(codeOf("ff")).toBe("cbor-indefinite");
    expect(codeOf("")).toBe("cbor-truncated");
  });

  it("refuses text that is not UTF-8, and text with half of a surrogate pair", () => {
    for (const hex of ["61ff", "62c328", "63eda080", "62c080", "64f4908080", "61c3"]) {
      expect([hex, codeOf(hex)]).toEqual([hex, "cbor-text"]);
    }
    expect(refusal(() => encode("\ud800"))).toMatch(/^text-surrogate/);
  });

  it("says at which byte it refuses", () => {
    expect(refusal(() => decode(fromHex("8301021803")))).toMatch(/^cbor-not-shortest: CBOR at byte 3: /);
  });

  it("makes nothing of an announced length before the bytes for it are there", () => {
    expect(codeOf("9bffffffffffffffff")).toBe("cbor-truncated");
    expect(codeOf("5bffffffffffffffff")).toBe("cbor-truncated");
    expect(codeOf("ba7fffffff")).toBe("cbor-truncated");
  });

  it("keeps to its limits of depth, items and length, and gives what is just within", () => {
    const limits = { depth: 2, items: 5, length: 8 };
    expect(decode(fromHex("8181820102"), { ...limits, depth: 3 })).toEqual([[[1, 2]]]);
    expect(refusal(() => decode(fromHex("8181820102"), limits))).toMatch(/^cbor-depth: .* at byte 2: more than 2/);
    expect(refusal(() => decode(fromHex("818180"), limits))).toMatch(/^cbor-depth/);
    expect(decode(fromHex("8401020304"), limits)).toEqual([1, 2, 3, 4]);
    expect(refusal(() => decode(fromHex("850102030405"), limits))).toMatch(/^cbor-items: .* more than 5/);
    expect(refusal(() => decode(fromHex("480102030405060708"), limits))).toMatch(/^cbor-length: .* 9 bytes/);
  });

  it("refuses to write what it would not read", () => {
    let nested: Cbor = 0;
    for (let depth = 0; depth < 17; depth++) nested = [nested];
    expect(refusal(() => encode(nested))).toMatch(/^cbor-depth/);
    for (const value of [1.5, 2 ** 53, Number.NaN, 1n << 64n, -(1n << 64n) - 1n, undefined, {}, () => 1]) {
      expect(refusal(() => encode(value as Cbor))).toMatch(/^cbor-value/);
    }
  });

  it("gives byte strings as views into what it was given, not as copies", () => {
    const encoded = fromHex("4401020304");
    const value = decode(encoded) as Uint8Array;
    expect(value.buffer === encoded.buffer).toBe(true);
    expect(value.byteOffset).toBe(1);
  });

  it("reads a view into a larger buffer from its own first byte", () => {
    expect(decode(fromHex("ffff1903e8ff").subarray(2, 5))).toBe(1000);
  });
});
