import { describe, expect, it } from "vitest";
import { nobleCrypto } from "../../firmware/device/noble";
import { recordsPerKey, replayWindow } from "../../firmware/link/limits";
import { createRecords, openRecord, sealRecord } from "../../firmware/link/records";

const crypto = nobleCrypto();
const [one, other] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
const number = (value: number) => Uint8Array.of(value >> 8, value);

function both() {
  return { left: createRecords(crypto, one, other), right: createRecords(crypto, other, one) };
}

describe("records", () => {
  it("are opened by the peer, in both directions, and by nobody else", () => {
    const { left, right } = both();
    expect(openRecord(right, sealRecord(left, number(5)))).toEqual(number(5));
    expect(openRecord(left, sealRecord(right, number(6)))).toEqual(number(6));
    const echoed = sealRecord(left, number(7));
    expect(openRecord(left, echoed)).toBeUndefined();
  });

  it("are accepted once", () => {
    const { left, right } = both();
    const records = Array.from({ length: 300 }, (_, index) => sealRecord(left, number(index)));
    for (const record of records) expect(openRecord(right, record)).toBeDefined();
    for (const record of records) expect(openRecord(right, record)).toBeUndefined();
  });

  it("are accepted in any order within a window of 128, and not beyond it", () => {
    const { left, right } = both();
    const records = Array.from({ length: replayWindow + 1 }, (_, index) => sealRecord(left, number(index)));
    expect(openRecord(right, records[replayWindow]!)).toEqual(number(replayWindow));
    expect(openRecord(right, records[0]!)).toBeUndefined();
    for (let index = replayWindow - 1; index > 0; index--)
      expect(openRecord(right, records[index]!)).toEqual(number(index));
    for (const record of records) expect(openRecord(right, record)).toBeUndefined();
  });

  it("are accepted after a gap that is wider than the window, and the window moves with them", () => {
    const { left, right } = both();
    const records = Array.from({ length: 5 * replayWindow }, (_, index) => sealRecord(left, number(index)));
    for (const index of [3, 4 * replayWindow + 3, 4 * replayWindow + 1]) {
      expect(openRecord(right, records[index]!)).toEqual(number(index));
    }
    for (const index of [3, 5, 3 * replayWindow + 3, 4 * replayWindow + 1]) {
      expect(openRecord(right, records[index]!)).toBeUndefined();
    }
    expect(openRecord(right, records[3 * replayWindow + 4]!)).toBeDefined();
  });

  it("are refused when any bit is flipped or they are cut short, and the right one is taken after that", () => {
    const { left, right } = both();
    for (let index = 0; index < 200; index++) sealRecord(left, number(index));
    const record = sealRecord(left, number(200));
    for (let bit = 0; bit < record.length * 8; bit++) {
      const flipped = record.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(openRecord(right, flipped)).toBeUndefined();
    }
    for (let length = 0; length < record.length; length++) {
      expect(openRecord(right, record.subarray(0, length))).toBeUndefined();
    }
    expect(openRecord(right, record)).toEqual(number(200));
  });

  it("carry a counter of any length up to 2^53, and none beyond", () => {
    const { right } = both();
    for (let length = 0; length <= 12; length++) {
      expect(openRecord(right, new Uint8Array(length + 20).fill(255, 0, length))).toBeUndefined();
    }
  });

  it("go on under a new key after 1024 of them, without a word, also where some were lost or come late", () => {
    const { left, right } = both();
    const late: Uint8Array[] = [];
    for (let index = 0; index < 2 * recordsPerKey + 10; index++) {
      const record = sealRecord(left, number(index));
      if (index % recordsPerKey === recordsPerKey - 2) late.push(record);
      else if (index % recordsPerKey > 5 && index % 50 === 0) expect(openRecord(right, record)).toEqual(number(index));
      else if (index % recordsPerKey === 8) {
        expect(openRecord(right, record)).toEqual(number(index));
        for (const before of late.splice(0)) expect(openRecord(right, before)).toBeDefined();
      }
    }
    expect(late).toHaveLength(0);
  });

  it("do not open under the key before, nor after a whole key's worth was lost", () => {
    const { left, right } = both();
    const first = sealRecord(left, number(0));
    for (let index = 1; index < 2 * recordsPerKey; index++) sealRecord(left, number(index));
    expect(openRecord(right, sealRecord(left, number(1)))).toBeUndefined();
    expect(openRecord(right, first)).toEqual(number(0));
    const renewed = createRecords(crypto, one, other);
    for (let index = 0; index < recordsPerKey; index++) sealRecord(renewed, number(index));
    const record = sealRecord(renewed, number(9));
    const sameKey = crypto.open(
      one,
      Uint8Array.of(0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0),
      new Uint8Array(0),
      record.subarray(2),
    );
    expect(sameKey).toBeUndefined();
    expect(openRecord(right, record)).toEqual(number(9));
  });
});
