import { describe, expect, it } from "vitest";
import {
  createEntryBuffer,
  dueAt,
  type EntryBuffer,
  expire,
  expiresAt,
  offer,
  take,
  waitMs,
  withdraw,
} from "../../firmware/core/block/buffer";
import { gapCount } from "../../firmware/core/pact/entry";
import { idBytes } from "../../firmware/core/pact/produced";
import { maxBlockBytes, maxEntries, maxEntryBytes } from "../../firmware/core/wire/limits";
import type { WhenFull } from "../../firmware/core/wire/types";

const options = { capacityEntries: 4, capacityBytes: 100, sealCount: 3, sealBytes: 60, sealAgeMs: 50 };
const bufferOf = (whenFull: WhenFull, changes = {}) => createEntryBuffer({ ...options, ...changes, whenFull });
const entry = (length = 10) => new Uint8Array(length).fill(0x81);

/** Offers entries of 10 bytes under these tokens, one a millisecond from `now`; the tokens that were refused at once. */
function offerAll(buffer: EntryBuffer, tokens: readonly number[], now = 0): number[] {
  return tokens.filter((token, index) => !offer(buffer, entry(), token, now + index).accepted);
}

const held = (buffer: EntryBuffer) => buffer.held.entries.map(({ token }) => token);

describe("an entry buffer", () => {
  it("gives its entries in the order of their offers, with their tokens, once", () => {
    const buffer = bufferOf("wait");
    const entries = [entry(3), entry(5)];
    for (const [token, each] of entries.entries()) offer(buffer, each, token, 0);
    expect(take(buffer)).toEqual({ entries, tokens: [0, 1] });
    expect(take(buffer)).toEqual({ entries: [], tokens: [] });
  });

  it("wants sealing when its oldest entry is old enough, and at once at a count or a fill level", () => {
    const buffer = bufferOf("wait");
    expect(dueAt(buffer)).toBeUndefined();
    offerAll(buffer, [1, 2], 1000);
    expect(dueAt(buffer)).toBe(1050);
    offerAll(buffer, [3], 1010);
    expect(dueAt(buffer)).toBeLessThanOrEqual(1010);
    take(buffer);
    expect(dueAt(buffer)).toBeUndefined();
    offer(buffer, entry(60), 4, 2000);
    expect(dueAt(buffer)).toBeLessThanOrEqual(2000);
  });

  it("refuses at once what is larger than itself or than any entry", () => {
    for (const whenFull of ["wait", "replace-oldest", "keep-latest"] as const) {
      const buffer = bufferOf(whenFull);
      offerAll(buffer, [1]);
      expect(offer(buffer, entry(101), 2, 0)).toEqual({ accepted: false, dropped: [] });
      expect(held(buffer)).toEqual([1]);
      const roomy = bufferOf(whenFull, { capacityBytes: 1_000_000 });
      expect(offer(roomy, entry(maxEntryBytes + idBytes), 1, 0).accepted).toBe(true);
      expect(offer(roomy, entry(maxEntryBytes + idBytes + 1), 2, 0).accepted).toBe(false);
    }
  });

  it("gives no more at once than one block may hold, and the rest next", () => {
    const many = bufferOf("wait", { capacityEntries: 3000, capacityBytes: 100_000 });
    offerAll(
      many,
      Array.from({ length: maxEntries + 5 }, (_, index) => index),
    );
    expect(take(many).entries.length).toBe(maxEntries);
    expect(take(many).tokens).toEqual([0, 1, 2, 3, 4].map((index) => maxEntries + index));
    const large = bufferOf("wait", { capacityBytes: 100_000 });
    for (const token of [1, 2, 3]) offer(large, entry(maxBlockBytes / 2), token, 0);
    expect(take(large).tokens).toEqual([1, 2]);
    expect(take(large).tokens).toEqual([3]);
  });
});

describe("a full buffer where the writer waits", () => {
  it("lets as many wait as it holds, refuses who comes after them, and drops nothing", () => {
    const buffer = bufferOf("wait");
    expect(offerAll(buffer, [1, 2, 3, 4, 5, 6, 7, 8, 9])).toEqual([9]);
    expect(held(buffer)).toEqual([1, 2, 3, 4]);
    const first = take(buffer);
    expect(first.tokens).toEqual([1, 2, 3, 4]);
    expect(first.entries.map(gapCount)).toEqual([undefined, undefined, undefined, undefined]);
    expect(take(buffer).tokens).toEqual([5, 6, 7, 8]);
  });

  it("is full by bytes as well as by count", () => {
    const buffer = bufferOf("wait");
    expect(offer(buffer, entry(95), 1, 0).accepted).toBe(true);
    expect(offer(buffer, entry(10), 2, 0).accepted).toBe(true);
    expect(held(buffer)).toEqual([1]);
    expect(take(buffer).tokens).toEqual([1]);
    expect(take(buffer).tokens).toEqual([2]);
  });

  it("lets nobody pass who came later, though it would fit", () => {
    const buffer = bufferOf("wait");
    offer(buffer, entry(60), 1, 0);
    offer(buffer, entry(60), 2, 0);
    offer(buffer, entry(10), 3, 0);
    expect(held(buffer)).toEqual([1]);
    expect(take(buffer).tokens).toEqual([1]);
    expect(take(buffer).tokens).toEqual([2, 3]);
  });

  it("refuses who waited too long, each at its own time, and serves the others", () => {
    const buffer = bufferOf("wait");
    offerAll(buffer, [1, 2, 3, 4], 0);
    expect(expiresAt(buffer)).toBeUndefined();
    offer(buffer, entry(), 5, 100);
    offer(buffer, entry(), 6, 200);
    expect(expiresAt(buffer)).toBe(100 + waitMs);
    expect(expire(buffer, 99 + waitMs)).toEqual([]);
    expect(expire(buffer, 100 + waitMs)).toEqual([5]);
    expect(expiresAt(buffer)).toBe(200 + waitMs);
    take(buffer);
    expect(expire(buffer, 10 * waitMs)).toEqual([]);
    expect(take(buffer).tokens).toEqual([6]);
  });

  it("wants sealing at once while somebody waits", () => {
    const buffer = bufferOf("wait", { sealCount: 100, sealBytes: 1000 });
    offerAll(buffer, [1, 2, 3, 4], 1000);
    expect(dueAt(buffer)).toBe(1050);
    offerAll(buffer, [5], 1010);
    expect(dueAt(buffer)).toBeLessThanOrEqual(1010);
  });
});

describe("an entry whose writer gives it up", () => {
  it("is in no block, and makes room for who waited first", () => {
    const buffer = bufferOf("wait");
    offerAll(buffer, [1, 2, 3, 4, 5, 6]);
    expect(withdraw(buffer, 2)).toBe(true);
    expect(held(buffer)).toEqual([1, 3, 4, 5]);
    expect(take(buffer).tokens).toEqual([1, 3, 4, 5]);
    expect(take(buffer).tokens).toEqual([6]);
  });

  it("is withdrawn while it waits for room, without anyone passing another", () => {
    const buffer = bufferOf("wait");
    offerAll(buffer, [1, 2, 3, 4, 5, 6]);
    expect(withdraw(buffer, 5)).toBe(true);
    expect(held(buffer)).toEqual([1, 2, 3, 4]);
    take(buffer);
    expect(take(buffer).tokens).toEqual([6]);
  });

  it("stays in the block that it is in, and is withdrawn once", () => {
    const buffer = bufferOf("wait");
    offerAll(buffer, [1, 2]);
    expect(withdraw(buffer, 1)).toBe(true);
    expect(withdraw(buffer, 1)).toBe(false);
    expect(take(buffer).tokens).toEqual([2]);
    expect(withdraw(buffer, 2)).toBe(false);
  });
});

describe("a full buffer that replaces the oldest", () => {
  it("drops as many of the oldest as make room, says which, and counts them in a gap entry first in the block", () => {
    const buffer = bufferOf("replace-oldest");
    offerAll(buffer, [1, 2, 3, 4]);
    expect(offer(buffer, entry(), 5, 4)).toEqual({ accepted: true, dropped: [1] });
    expect(offer(buffer, entry(75), 6, 5)).toEqual({ accepted: true, dropped: [2, 3] });
    const { entries, tokens } = take(buffer);
    expect(tokens).toEqual([4, 5, 6]);
    expect(entries.map(gapCount)).toEqual([3, undefined, undefined, undefined]);
    offerAll(buffer, [7]);
    expect(take(buffer).entries.map(gapCount)).toEqual([undefined]);
  });
});

describe("a full buffer that keeps the latest", () => {
  it("drops all but the new entry, says which, and counts them in a gap entry", () => {
    const buffer = bufferOf("keep-latest");
    offerAll(buffer, [1, 2, 3, 4]);
    expect(offer(buffer, entry(), 5, 4)).toEqual({ accepted: true, dropped: [1, 2, 3, 4] });
    expect(held(buffer)).toEqual([5]);
    const { entries, tokens } = take(buffer);
    expect(tokens).toEqual([5]);
    expect(entries.map(gapCount)).toEqual([4, undefined]);
  });
});
