import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { concat, equal } from "../../firmware/core/wire/bytes";
import { encode } from "../../firmware/core/wire/cbor";
import { createPreamble, readPreamble } from "../../firmware/link/preamble";
import {
  decodeResume1,
  decodeResume2,
  decodeResume3,
  encodeResume1,
  encodeResume2,
  encodeResume3,
} from "../../firmware/link/resumption";
import { decodeSegment, encodeSegment } from "../../firmware/link/segment";
import { addMessage, assemble, createAssembler, createCutter, cutNext } from "../../firmware/link/stream";

const tag = new Uint8Array(16).fill(7);
const u16 = fc.nat({ max: 0xffff });
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

const decoders: readonly (readonly [string, (bytes: Uint8Array) => unknown])[] = [
  ["a preamble", (bytes) => readPreamble(tag, bytes)],
  ["a segment", decodeSegment],
  ["resumption 1", decodeResume1],
  ["resumption 2", decodeResume2],
  ["resumption 3", decodeResume3],
  ["a stream of messages", (bytes) => assemble(createAssembler(), bytes)],
];

describe("a decoder of the link", () => {
  for (const [what, decode] of decoders) {
    it(`takes any bytes for ${what}, or refuses them with an error for a person`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
          try {
            decode(bytes);
          } catch (error) {
            expect(error instanceof VertebraError && error.remedy.length > 0).toBe(true);
          }
        }),
        { numRuns: 300 },
      );
    });
  }

  it("reads the segment that was written, and no other bytes for it", () => {
    const fragment = fc.option(fc.record({ sequence: u16, bytes: fc.uint8Array({ minLength: 1, maxLength: 240 }) }), {
      nil: undefined,
    });
    const segment = fc.record({
      heard: fc.boolean(),
      again: fc.boolean(),
      ahead: fc.boolean(),
      expected: u16,
      selective: u16,
      fragment,
    });
    fc.assert(
      fc.property(segment, (written) => {
        expect(decodeSegment(encodeSegment(written))).toEqual(written);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
        try {
          expect(encodeSegment(decodeSegment(bytes))).toEqual(bytes);
        } catch (error) {
          if (!(error instanceof VertebraError)) throw error;
        }
      }),
    );
  });

  it("reads the resumption messages that were written", () => {
    fc.assert(
      fc.property(bytesOf(8), bytesOf(16), bytesOf(32), (id, nonce, mac) => {
        expect(decodeResume1(encodeResume1(id, nonce))).toEqual({ id, nonceA: nonce });
        expect(decodeResume2(encodeResume2(nonce, mac))).toEqual({ nonceB: nonce, mac });
        expect(decodeResume3(encodeResume3(mac))).toEqual(mac);
      }),
    );
  });

  it("refuses a preamble of another form, version or world, each by its own name", () => {
    const refusal = (bytes: Uint8Array) => {
      try {
        readPreamble(tag, bytes);
        return "taken";
      } catch (error) {
        return (error as VertebraError).code;
      }
    };
    const random = new Uint8Array(8);
    expect(refusal(createPreamble({ bytes: (count) => new Uint8Array(count) }, tag, 0))).toBe("taken");
    expect(refusal(createPreamble({ bytes: (count) => new Uint8Array(count) }, tag, 7))).toBe("taken");
    expect(refusal(encode([1, tag, 0, random]))).toBe("structure-field");
    expect(refusal(encode([2, tag, random]))).toBe("link-version");
    expect(refusal(encode([1, new Uint8Array(16), random]))).toBe("link-other-world");
    expect(refusal(encode([1, tag, random.subarray(1)]))).toBe("structure-field");
    expect(refusal(encode([1, tag]))).toBe("structure-shape");
  });

  it("gives back any messages of a stream, wherever it was cut", () => {
    const messages = fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(messages, fc.integer({ min: 1, max: 230 }), (given, most) => {
        const cutter = createCutter();
        for (const message of given) addMessage(cutter, message);
        const assembler = createAssembler();
        const taken: Uint8Array[] = [];
        for (let fragment = cutNext(cutter, most); fragment; fragment = cutNext(cutter, most)) {
          expect(fragment.length).toBeLessThanOrEqual(most);
          taken.push(...assemble(assembler, fragment));
        }
        expect(taken.length).toBe(given.length);
        expect(equal(concat(taken), concat(given))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});
