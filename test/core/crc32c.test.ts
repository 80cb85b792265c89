import { describe, expect, it } from "vitest";
import { crc32c } from "../../firmware/core/wire/crc32c";

const bytes = (length: number, at: (index: number) => number) => Uint8Array.from({ length }, (_, index) => at(index));

// RFC 3720, B.4 prints the CRC as it is sent, least significant byte first: aa 36 91 8a is 0x8a9136aa.
const iscsiRead = Uint8Array.from([
  0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18,
  0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
]);

describe("CRC-32C", () => {
  it("gives the five examples of RFC 3720, B.4", () => {
    expect(crc32c(bytes(32, () => 0))).toBe(0x8a9136aa);
    expect(crc32c(bytes(32, () => 0xff))).toBe(0x62a8ab43);
    expect(crc32c(bytes(32, (index) => index))).toBe(0x46dd794e);
    expect(crc32c(bytes(32, (index) => 31 - index))).toBe(0x113fdb5c);
    expect(crc32c(iscsiRead)).toBe(0xd9963a56);
  });

  it("gives the check value of the catalogue of parametrised CRC algorithms for the digits 1 to 9", () => {
    expect(crc32c(bytes(9, (index) => 0x31 + index))).toBe(0xe3069283);
  });

  it("is 0 of nothing", () => {
    expect(crc32c(new Uint8Array(0))).toBe(0);
  });

  it("is the same over pieces as over the whole, wherever it is cut", () => {
    const whole = bytes(48, (index) => index * 37);
    for (let cut = 0; cut <= whole.length; cut++) {
      expect(crc32c(whole.subarray(cut), crc32c(whole.subarray(0, cut)))).toBe(crc32c(whole));
    }
  });

  it("sees every single flipped bit", () => {
    const right = bytes(32, (index) => index);
    for (let bit = 0; bit < right.length * 8; bit++) {
      const flipped = right.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(crc32c(flipped)).not.toBe(crc32c(right));
    }
  });
});
