import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { worldTag } from "../../firmware/core/identity/world";
import { encode } from "../../firmware/core/wire/cbor";
import { createFrameReader, encodeFrame, type Frame, kinds, readFrames } from "../../firmware/link/frames";
import { linkStats } from "../../firmware/link/link";
import { createPreamble } from "../../firmware/link/preamble";
import { decodeResume1, encodeResume1, encodeResume2, encodeResume3 } from "../../firmware/link/resumption";
import { bothUp, createPair, type End, message, type Pair, seeded, seededRandom, worldA } from "./pair";
import { toyCurves } from "./toy-curves";

const crypto = toyCurves();

/** What a stranger inserts: it reads all that passes, and has neither secret. */
type Insertion = (stranger: { pair: Pair; to: End; random: (count: number) => Uint8Array }) => Uint8Array | undefined;

const framesOf = (pair: Pair): Frame[] =>
  readFrames(createFrameReader(), Uint8Array.from(pair.written.flatMap(({ bytes }) => [...bytes])));

/** The ids of questions that were asked, which name sessions in the clear. */
const idsAsked = (pair: Pair): Uint8Array[] =>
  framesOf(pair).flatMap(({ kind, payload }) => (kind === kinds.resume1 ? [decodeResume1(payload).id] : []));

const insertions: Readonly<Record<string, Insertion>> = {
  "a preamble": ({ random }) =>
    encodeFrame(kinds.preamble, createPreamble({ bytes: random }, worldTag(crypto, worldA), 0)),
  "a preamble of another epoch": ({ random }) =>
    encodeFrame(kinds.preamble, createPreamble({ bytes: random }, worldTag(crypto, worldA), 1 + random(1)[0]!)),
  "that there is nothing to resume": ({ pair, random }) =>
    encodeFrame(kinds.unknown, idsAsked(pair).at(-1) ?? random(8)),
  "the question of a session that it saw, with a nonce of its own": ({ pair, random }) =>
    encodeFrame(kinds.resume1, encodeResume1(idsAsked(pair).at(-1) ?? random(8), random(16))),
  "an answer": ({ random }) => encodeFrame(kinds.resume2, encodeResume2(random(16), random(32))),
  "a proof": ({ random }) => encodeFrame(kinds.resume3, encodeResume3(random(32))),
  "a handshake message": ({ random }) =>
    encodeFrame([kinds.message1, kinds.message2, kinds.message3][random(1)[0]! % 3]!, random(64)),
  "what passed before": ({ pair, random }) =>
    pair.written[Math.floor((random(1)[0]! / 256) * pair.written.length)]?.bytes,
  "a frame of any kind": ({ random }) =>
    encodeFrame(((random(1)[0]! % 9) + 1) as never, encode([random(8), random(16)])),
  "half a frame": ({ pair }) => pair.written.at(-1)?.bytes.slice(0, 20),
};

const insertion = fc.record({
  what: fc.constantFrom(...Object.keys(insertions)),
  to: fc.constantFrom("left", "right"),
  after: fc.integer({ min: 0, max: 1_500 }),
});

function play(pair: Pair, seed: number, script: readonly { what: string; to: string; after: number }[]): void {
  const draw = seededRandom(seeded(seed));
  for (const { what, to, after } of script) {
    pair.run(after);
    const end = to === "left" ? pair.left : pair.right;
    const bytes = insertions[what]!({ pair, to: end, random: (count) => draw.bytes(count) });
    if (bytes !== undefined) pair.inject(end, bytes);
  }
}

describe("a stranger who only inserts bytes", () => {
  it("takes no message of a session, whatever it inserts while the session stands, while its cable is out, and while it resumes", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.array(insertion, { maxLength: 8 }),
        fc.array(insertion, { maxLength: 16 }),
        fc.array(insertion, { maxLength: 6 }),
        fc.boolean(),
        (seed, standing, out, resuming, told) => {
          const pair = createPair(crypto, { seed });
          pair.start();
          expect(pair.until(() => bothUp(pair), 1_000)).toBe(true);
          play(pair, seed, standing);
          // The cable goes with messages on their way; the stranger's stays in, where the drivers see nothing.
          pair.plugged = false;
          if (told) {
            pair.cut();
            pair.start();
          }
          pair.send(pair.left, message(1, 700));
          pair.send(pair.right, message(2, 700));
          pair.run(told ? 0 : 14_000);
          play(pair, seed + 1, out);
          pair.plugged = true;
          play(pair, seed + 2, resuming);
          pair.run(30_000);
          expect(bothUp(pair)).toBe(true);
          expect([pair.right.messages.length, pair.left.messages.length]).toEqual([1, 1]);

          for (const { link } of [pair.left, pair.right]) expect(linkStats(link).handshakes).toBe(1);
        },
      ),
      { numRuns: 150 },
    );
  });
});
