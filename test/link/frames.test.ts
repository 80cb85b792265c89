import { describe, expect, it } from "vitest";
import { concat, equal, fromHex, toHex } from "../../firmware/core/wire/bytes";
import { encodeText } from "../../firmware/core/wire/text";
import { createFrameReader, encodeFrame, forgetBegun, kinds, readFrames } from "../../firmware/link/frames";
import { frameLimit } from "../../firmware/link/limits";

const payload = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 5) & 0xff);
const frame = (length: number) => encodeFrame(kinds.record, payload(length));

describe("frames", () => {
  it("look as docs/link.md says: kind, payload and CRC-32C, stuffed, between zeros", () => {
    // The CRC of 09 31 is 0xbd5fe6af, computed bit by bit by a program that shares nothing with ours.
    expect(toHex(encodeFrame(kinds.record, fromHex("31")))).toBe("00070931afe65fbd00");
  });

  it("come out as they went in, at every length", () => {
    const reader = createFrameReader();
    for (let length = 0; length <= frameLimit - 5; length++) {
      const [read, ...more] = readFrames(reader, frame(length));
      expect(read?.kind === kinds.record && equal(read.payload, payload(length)) && more.length === 0).toBe(true);
    }
    expect(reader.damaged).toBe(0);
  });

  it("come out whole wherever the bytes are cut on their way", () => {
    const bytes = concat([frame(30), frame(0), frame(3)]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const reader = createFrameReader();
      const frames = [...readFrames(reader, bytes.subarray(0, cut)), ...readFrames(reader, bytes.subarray(cut))];
      expect(frames.map(({ payload: { length } }) => length)).toEqual([30, 0, 3]);
    }
    const reader = createFrameReader();
    const oneByOne = [...bytes].flatMap((byte) => readFrames(reader, Uint8Array.of(byte)));
    expect(oneByOne).toHaveLength(3);
  });

  it("are refused when any single bit is flipped, and the next one is read", () => {
    const bytes = frame(40);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const reader = createFrameReader();
      // A flipped delimiter joins the frame to the next, so two follow.
      const frames = readFrames(reader, concat([flipped, frame(1), frame(2)]));
      expect(frames.some((each) => each.payload.length > 2)).toBe(false);
      expect(frames[frames.length - 1]!.payload).toHaveLength(2);
    }
  });

  it("are refused when the wire breaks off anywhere in them", () => {
    const bytes = frame(40);
    for (let length = 2; length < bytes.length - 1; length++) {
      const reader = createFrameReader();
      const frames = readFrames(reader, concat([bytes.subarray(0, length), frame(2)]));
      expect(frames).toEqual([{ kind: kinds.record, payload: payload(2) }]);
    }
  });

  it("are found again behind garbage of any length", () => {
    const reader = createFrameReader();
    for (let length = 1; length < 3 * frameLimit; length += 101) {
      const garbage = Uint8Array.from({ length }, (_, index) => 1 + ((index * 89) % 255));
      expect(readFrames(reader, concat([garbage, frame(9)]))).toHaveLength(1);
    }
    expect(reader.damaged).toBeGreaterThan(20);
  });

  it("pass by lines of a log without counting them as damage", () => {
    const log = encodeText("\u001b[32mI (312) boot: ESP-IDF v6.0, 2nd stage bootloader\u001b[0m\r\n\tsensor é ready\n");
    const reader = createFrameReader();
    expect(readFrames(reader, concat([log, frame(4), log, log, frame(5), log]))).toHaveLength(2);
    expect(reader.damaged).toBe(0);
  });

  it("above the limit are dropped, whatever their length, and counted once", () => {
    const reader = createFrameReader();
    const long = new Uint8Array(50 * frameLimit).fill(1);
    expect(readFrames(reader, concat([long, Uint8Array.of(0), frame(1)]))).toHaveLength(1);
    for (let index = 0; index < 50; index++) readFrames(reader, long.subarray(0, frameLimit));
    expect(readFrames(reader, concat([Uint8Array.of(0), frame(2)]))).toHaveLength(1);
    expect(reader.damaged).toBe(2);
  });

  it("that had begun when the wire was cut are forgotten", () => {
    const reader = createFrameReader();
    readFrames(reader, frame(40).subarray(0, 20));
    forgetBegun(reader);
    expect(readFrames(reader, frame(3).subarray(1))).toHaveLength(1);
    expect(reader.damaged).toBe(0);
  });
});
