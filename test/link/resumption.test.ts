import { describe, expect, it } from "vitest";
import { toHex } from "../../firmware/core/wire/bytes";
import { nobleCrypto } from "../../firmware/device/noble";
import { createFrameReader, encodeFrame, kinds, readFrames } from "../../firmware/link/frames";
import { linkStats } from "../../firmware/link/link";
import { answer, ask, checkProof, createAsking, proveAnswer } from "../../firmware/link/resuming";
import { decodeResume1, resume } from "../../firmware/link/resumption";
import { bothUp, createPair, message, type Pair, type Passing, seeded, seededRandom } from "./pair";
import { toyCurves } from "./toy-curves";

const crypto = toyCurves();

function frameOf({ bytes }: Passing): { kind: number; payload: Uint8Array } {
  return readFrames(createFrameReader(), bytes)[0]!;
}

/** A session that stood, with a message on its way in each direction when the cable was pulled. */
function cutPair(seed = 1): Pair {
  const pair = createPair(crypto, { seed });
  pair.start();
  expect(pair.until(() => bothUp(pair), 1000)).toBe(true);
  pair.run(500);
  pair.send(pair.left, message(1, 700));
  pair.send(pair.right, message(2, 700));
  pair.cut();
  return pair;
}

/** The same session, and each message once. */
function expectResumed(pair: Pair): void {
  expect(bothUp(pair)).toBe(true);
  expect(pair.right.messages).toEqual([message(1, 700)]);
  expect(pair.left.messages).toEqual([message(2, 700)]);
  for (const { link } of [pair.left, pair.right]) expect(linkStats(link)).toMatchObject({ handshakes: 1, queued: 0 });
}

/** How many frames a resumption takes, both directions, until all is acknowledged. */
const steps = 24;

describe("a session that is resumed", () => {
  it("goes on with real cryptography, under new keys: nothing recorded before is taken", () => {
    const pair = createPair(nobleCrypto());
    pair.start();
    pair.until(() => bothUp(pair));
    pair.send(pair.left, message(1, 50));
    pair.run(1000);
    const recorded = [...pair.written];
    pair.cut();
    pair.plug();
    pair.run(1000);
    expect(bothUp(pair)).toBe(true);
    for (const { from, bytes } of recorded) pair.inject(from === "left" ? pair.right : pair.left, bytes);
    pair.send(pair.left, message(2, 50));
    pair.run(1000);
    expect(pair.right.messages).toEqual([message(1, 50), message(2, 50)]);
    expect(linkStats(pair.left.link)).toMatchObject({ handshakes: 1, resumed: 1 });
  });

  it("goes on wherever the cable is pulled again while it is being resumed, and once more after that", () => {
    for (let first = 0; first < steps; first++) {
      for (let second = first % 8; second < steps; second += 8) {
        const pair = cutPair(first + 1);
        for (const step of [first, second]) {
          pair.plug();
          for (let done = 0; done < step; done++) pair.step(pair.now + 100);
          pair.cut();
          pair.run(50);
        }
        pair.plug();
        pair.run(5000);
        expectResumed(pair);
      }
    }
  });

  it("goes on whichever frame is lost, doubled or damaged while it is being resumed", () => {
    const damages: readonly ((bytes: Uint8Array) => Uint8Array[])[] = [
      () => [],
      (bytes) => [bytes, bytes],
      (bytes) => [bytes.map((byte, index) => (index === 5 ? byte ^ 0x10 : byte))],
    ];
    for (const damage of damages) {
      for (let which = 0; which < steps; which++) {
        const pair = cutPair(which + 1);
        const from = pair.writes;
        pair.wire = ({ bytes, count }) =>
          (count - from === which ? damage(bytes) : [bytes]).map((each) => ({ bytes: each }));
        pair.plug();
        pair.run(8000);
        expectResumed(pair);
      }
    }
  });

  for (const [name, kind] of Object.entries({
    "[id, nonceA]": kinds.resume1,
    "[nonceB, mac]": kinds.resume2,
    "[mac]": kinds.resume3,
  })) {
    it(`is not had by who flips a bit in any byte of ${name}: it is asked again`, () => {
      const reference = cutPair();
      const before = reference.written.length;
      reference.plug();
      reference.run(1000);
      const sent = reference.written.slice(before).find((passing) => frameOf(passing).kind === kind)!;
      const { length } = frameOf(sent).payload;
      // Two bytes in two frames in a row: more of them, and the full handshake follows, as it should.
      for (let from = 0; from < length; from += 2) {
        const pair = cutPair();
        let flipped = 0;
        pair.wire = (passing) => {
          const { kind: passed, payload } = frameOf(passing);
          if (flipped === 2 || passed !== kind) return [{ bytes: passing.bytes }];
          const at = (from + flipped++) % length;
          return [
            {
              bytes: encodeFrame(
                kind,
                payload.map((byte, i) => (i === at ? byte ^ (1 << (at & 7)) : byte)),
              ),
            },
          ];
        };
        pair.plug();
        pair.run(8000);
        expect(flipped).toBe(2);
        expectResumed(pair);
      }
    });
  }

  it("is proved by both macs: who has not the secret is told so, and gets no answer", () => {
    const random = { bytes: (count: number) => new Uint8Array(count).fill(3) };
    const secret = { id: new Uint8Array(8).fill(1), secret: new Uint8Array(32).fill(2) };
    const asking = createAsking(random, secret);
    const question = ask(asking)[0]!.payload;
    const { frame, answering } = answer(crypto, random, [secret], question, undefined, 0);
    const stranger = { ...secret, secret: new Uint8Array(32).fill(9) };
    const forged = answer(crypto, random, [stranger], question, undefined, 0);
    expect(() => proveAnswer(crypto, asking, forged.frame.payload)).toThrow(/does not verify/);
    expect(() =>
      checkProof(
        answering!,
        proveAnswer(crypto, createAsking(random, stranger), forged.frame.payload).proved!.frame.payload,
      ),
    ).toThrow(/does not verify/);
    const { proved } = proveAnswer(crypto, asking, frame.payload);
    checkProof(answering!, proved!.frame.payload);
    expect(answering!.resumed.next).toEqual(proved!.next);
    expect(answer(crypto, random, [], question, undefined, 0)).toEqual({
      frame: { kind: kinds.unknown, payload: secret.id },
    });
  });

  it("is resumed each time by another secret, under another id, and under other keys", () => {
    const pair = cutPair();
    const questions: string[] = [];
    for (let times = 1; times <= 4; times++) {
      const from = pair.written.length;
      pair.plug();
      pair.run(2_000);
      expect(bothUp(pair)).toBe(true);
      const asked = pair.written
        .slice(from)
        .map(frameOf)
        .filter(({ kind }) => kind === kinds.resume1);
      questions.push(...new Set(asked.map(({ payload }) => toHex(decodeResume1(payload).id))));
      pair.cut();
      pair.run(500);
    }
    expect(questions).toHaveLength(4);
    expect(new Set(questions).size).toBe(4);
    const random = seededRandom(seeded(9));
    const old = { id: random.bytes(8), secret: random.bytes(32) };
    const [nonceA, nonceB] = [random.bytes(16), random.bytes(16)];
    const { next, keyOfA, keyOfB } = resume(crypto, old, nonceA, nonceB);
    const after = resume(crypto, next, nonceA, nonceB);
    const all = [old.secret, next.secret, after.next.secret, keyOfA, keyOfB, after.keyOfA, after.keyOfB];
    expect(new Set(all.map(toHex)).size).toBe(all.length);
  });

  it("is not resumed by who plays a resumption again", () => {
    const pair = cutPair();
    pair.plug();
    pair.run(1000);
    const recorded = [...pair.written];
    pair.cut();
    pair.plugged = false;
    pair.start();
    for (let times = 0; times < 10; times++) {
      for (const { from, bytes } of recorded) pair.inject(from === "left" ? pair.right : pair.left, bytes);
      pair.run(400);
    }
    for (const { link } of [pair.left, pair.right]) expect(linkStats(link)).toMatchObject({ up: false, resumed: 1 });
    pair.plug();
    pair.run(5000);
    expectResumed(pair);
  });

  it("is made anew where one end was restarted, quickly, and nothing of the old one is delivered", () => {
    for (let seed = 1; seed <= 8; seed++) {
      for (const name of ["left", "right"] as const) {
        const pair = cutPair(seed);
        pair.run(1000);
        pair.restart(pair[name]);
        pair.plug();
        const pluggedAt = pair.now;
        expect(pair.until(() => bothUp(pair), 5000)).toBe(true);
        expect(pair.now - pluggedAt).toBeLessThan(2500);
        pair.run(2000);
        expect([...pair.left.messages, ...pair.right.messages]).toHaveLength(0);
        pair.send(pair.left, message(5, 20));
        pair.run(1000);
        expect(pair.right.messages).toEqual([message(5, 20)]);
      }
    }
  });
});
