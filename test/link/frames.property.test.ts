import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat } from "../../firmware/core/wire/bytes";
import { decodeCobs, encodeCobs } from "../../firmware/link/cobs";
import { createFrameReader, encodeFrame, kinds, readFrames } from "../../firmware/link/frames";

/** Bytes with many zeros and long runs without, which is what COBS is about. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 600 }),
  fc.array(fc.constantFrom(0, 0, 1, 255), { maxLength: 600 }).map((each) => Uint8Array.from(each)),
  fc.nat({ max: 800 }).map((length) => new Uint8Array(length).fill(3)),
);

describe("COBS, for any bytes,", () => {
  it("has no zero within, and gives them back", () => {
    fc.assert(
      fc.property(bytes, (plain) => {
        const stuffed = encodeCobs(plain).subarray(1, -1);
        expect(stuffed.includes(0)).toBe(false);
        expect(decodeCobs(stuffed)).toEqual(plain);
      }),
      { numRuns: 200 },
    );
  });

  it("decodes to no more bytes than came, or to nothing", () => {
    fc.assert(
      fc.property(bytes, (stuffed) => {
        const decoded = decodeCobs(stuffed);
        expect(decoded === undefined || decoded.length <= stuffed.length).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe("a frame reader", () => {
  it("never throws, and makes no frame of any bytes", () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 8 }), (chunks) => {
        const reader = createFrameReader();
        for (const chunk of chunks) expect(readFrames(reader, chunk)).toHaveLength(0);
      }),
      { numRuns: 100 },
    );
  });

  it("reads all frames between any garbage that ends before them, cut anywhere", () => {
    const frame = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(fc.array(fc.tuple(frame, bytes), { maxLength: 5 }), fc.nat(), (parts, seed) => {
        const wire = concat(parts.flatMap(([payload, garbage]) => [garbage, encodeFrame(kinds.record, payload)]));
        const reader = createFrameReader();
        const read: Uint8Array[] = [];
        for (let at = 0, step = 1 + (seed % 97); at < wire.length; at += step) {
          read.push(...readFrames(reader, wire.subarray(at, at + step)).map(({ payload }) => payload));
        }
        expect(read).toEqual(parts.map(([payload]) => payload));
      }),
      { numRuns: 100 },
    );
  });
});
