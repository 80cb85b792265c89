import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { worldPsk } from "../../firmware/core/identity/world";
import { equal } from "../../firmware/core/wire/bytes";
import type { AvatarId } from "../../firmware/core/wire/types";
import { createFrameReader, encodeFrame, kinds, readFrames } from "../../firmware/link/frames";
import type { LinkIdentity } from "../../firmware/link/introduction";
import { linkStats } from "../../firmware/link/link";
import { createPreamble } from "../../firmware/link/preamble";
import { bothUp, createPair, type End, identityOf, message, type Pair, seeded, seededRandom, worldA } from "./pair";
import { toyCurves } from "./toy-curves";

/** “From then the psk is `HKDF(worldId || secret)`; the preamble names the epoch” (PROTOCOL 10). */

const crypto = toyCurves();

/** In an epoch that can be raised; it keeps the keys of the last three. */
interface Member extends LinkIdentity {
  epoch: number;
  /** Whom it lets in no more. */
  readonly out: AvatarId[];
  /** Whether it lets in those only whom it knows, where they come by an earlier key. */
  knowsNobody: boolean;
}

function member(who: number, epoch: number): Member {
  const its: Member = {
    ...identityOf(crypto, who),
    epoch,
    out: [],
    knowsNobody: false,
    psk: (of) => (of > its.epoch - 3 && of <= its.epoch ? worldPsk(crypto, worldA, Uint8Array.of(of)) : undefined),
    refuses: (avatar, of) => {
      const what = its.out.some((each) => equal(each, avatar)) ? "link-expelled" : undefined;
      const code = what ?? (its.knowsNobody && of < its.epoch ? "link-stranger" : undefined);
      return code === undefined ? undefined : new VertebraError(code, "It is not let in", "Leave it out.");
    },
  };
  return its;
}

function meeting(left: number, right: number): { pair: Pair; left: Member; right: Member } {
  const members = { left: member(1, left), right: member(2, right) };
  return { pair: createPair(crypto, members), ...members };
}

function raise(pair: Pair, end: End, its: Member, epoch: number): void {
  its.epoch = epoch;
  pair.renew(end);
}

function kindsOf(pair: Pair, from: "left" | "right"): number[] {
  const written = pair.written.filter((each) => each.from === from);
  return written.flatMap(({ bytes }) => readFrames(createFrameReader(), bytes).map(({ kind }) => kind));
}

function handshakes(pair: Pair): number[] {
  return [pair.left, pair.right].map(({ link }) => linkStats(link).handshakes);
}

describe("two who meet", () => {
  it("take the earlier of their epochs, whoever is ahead", () => {
    for (const [one, other] of [
      [3, 2],
      [2, 3],
      [1, 0],
      [5, 5],
    ] as const) {
      const { pair } = meeting(one, other);
      pair.start();
      expect(pair.until(() => bothUp(pair), 1_000)).toBe(true);
      expect([pair.left.epoch, pair.right.epoch]).toEqual([Math.min(one, other), Math.min(one, other)]);
    }
  });

  it("never meet in an earlier one, whatever preambles the wire shows them in place of their own", () => {
    for (let seed = 1; seed < 40; seed++) {
      const { left, right } = meeting(5, 5);
      const pair = createPair(crypto, { seed, left, right });
      const draw = seeded(seed);
      const stranger = seededRandom(draw);
      pair.wire = ({ bytes }) => {
        const [frame] = readFrames(createFrameReader(), bytes);
        if (frame?.kind !== kinds.preamble || draw() < 0.2) return [{ bytes }];
        const epoch = 3 + Math.floor(3 * draw());
        // Its own, or with the random that was there.
        const random = draw() < 0.5 ? stranger : { bytes: () => frame.payload.slice(-8) };
        const shown = encodeFrame(kinds.preamble, createPreamble(random, left.worldTag, epoch));
        return draw() < 0.5 ? [{ bytes: shown }] : [{ bytes }, { bytes: shown }];
      };
      pair.start();
      pair.run(30_000);
      for (const end of [pair.left, pair.right]) {
        if (end.events.some((event) => event.startsWith("up"))) expect([seed, end.epoch]).toEqual([seed, 5]);
      }
      pair.wire = ({ bytes }) => [{ bytes }];
      pair.run(30_000);
      expect([seed, bothUp(pair), pair.left.epoch, pair.right.epoch]).toEqual([seed, true, 5, 5]);
    }
  });

  it("tell a person where one was away for longer than keys are kept, and go on asking", () => {
    const { pair } = meeting(9, 2);
    pair.start();
    pair.run(60_000);
    expect(pair.left.events).toEqual(["notice link-epoch"]);
    expect([pair.right.events, bothUp(pair)]).toEqual([[], false]);
  });
});

describe("who comes by an earlier key and is not let in", () => {
  it("hears neither who is there, nor anything else", () => {
    for (let seed = 1; seed < 30; seed++) {
      const { left, right } = meeting(4, 3);
      left.out.push(right.avatar.publicKey);
      const pair = createPair(crypto, { seed, left, right });
      pair.start();
      pair.run(30_000);
      expect(new Set(kindsOf(pair, "left"))).toEqual(new Set([kinds.preamble, kinds.message1]));
      expect([pair.left.events, pair.right.events]).toEqual([["notice link-expelled"], []]);
    }
  });

  it("is told once in ten minutes, however it knocks", () => {
    const { pair, left, right } = meeting(4, 3);
    left.out.push(right.avatar.publicKey);
    pair.start();
    pair.run(550_000);
    expect(pair.left.events).toEqual(["notice link-expelled"]);
    pair.run(100_000);
    expect(pair.left.events).toEqual(["notice link-expelled", "notice link-expelled"]);
  });

  it("costs no more work than strangers may, however fast it comes", () => {
    let agreements = 0;
    const counted = {
      ...crypto,
      x25519: (secret: Uint8Array, publicKey: Uint8Array) => {
        agreements++;
        return crypto.x25519(secret, publicKey);
      },
    };
    const { left, right } = meeting(4, 3);
    left.knowsNobody = true;
    const pair = createPair(counted, { left, right });
    const stranger = seededRandom(seeded(7));
    pair.start();
    for (let moment = 0; moment < 3_000; moment += 3) {
      const preamble = createPreamble(stranger, left.worldTag, 2 + (moment % 3));
      pair.inject(pair.left, encodeFrame(kinds.preamble, preamble));
      pair.inject(pair.left, encodeFrame(kinds.message2, stranger.bytes(300)));
      pair.run(3);
    }
    // Three agreements for each of six tries in 0.3 s, on both sides.
    expect(agreements).toBeLessThan(2 * 3 * 6 * 10);
    expect(bothUp(pair)).toBe(false);
  });
});

describe("a session", () => {
  it("goes on in the next epoch once both ends are in it, by one handshake, and what is sent then arrives once", () => {
    const { pair, left, right } = meeting(1, 1);
    pair.start();
    pair.until(() => bothUp(pair));
    raise(pair, pair.left, left, 2);
    pair.send(pair.right, message(1, 300));
    pair.run(60_000);
    expect(handshakes(pair)).toEqual([1, 1]);
    raise(pair, pair.right, right, 2);
    pair.run(5_000);
    expect(handshakes(pair)).toEqual([2, 2]);
    expect([pair.left.epoch, pair.right.epoch]).toEqual([2, 2]);
    for (const end of [pair.left, pair.right]) expect(end.events.slice(1, 2)).toEqual(["down link-renewed"]);
    pair.send(pair.left, message(2, 300));
    pair.run(100_000);
    expect([pair.left.messages.length, pair.right.messages.length]).toEqual([1, 1]);
    expect(handshakes(pair)).toEqual([2, 2]);
  });

  it("is made in the last epoch by one who waited alone for longer than keys are kept", () => {
    const { pair, left, right } = meeting(1, 7);
    pair.plugged = false;
    pair.start();
    for (let epoch = 2; epoch < 8; epoch++) {
      pair.run(20_000);
      raise(pair, pair.left, left, epoch);
    }
    pair.plugged = true;
    pair.run(20_000);
    expect([right.epoch, bothUp(pair), pair.left.epoch, handshakes(pair)]).toEqual([7, true, 7, [1, 1]]);
  });

  it("whose cable is out while the epoch begins is resumed, and goes on then", () => {
    const { pair, left, right } = meeting(1, 1);
    pair.start();
    pair.until(() => bothUp(pair));
    pair.cut();
    raise(pair, pair.left, left, 2);
    raise(pair, pair.right, right, 2);
    pair.plug();
    pair.run(10_000);
    expect([bothUp(pair), pair.left.epoch, pair.right.epoch]).toEqual([true, 2, 2]);
    expect(handshakes(pair)).toEqual([2, 2]);
    expect(pair.left.events.map((event) => event.split(" ")[0])).toEqual(["up", "down", "resumed", "down", "up"]);
  });

  it("ends at once with who is expelled, standing or not, and is not resumed", () => {
    for (const out of [false, true]) {
      const { pair, left, right } = meeting(1, 1);
      pair.start();
      pair.until(() => bothUp(pair));
      pair.send(pair.left, message(1, 3_000));
      if (out) pair.cut();
      const before = pair.written.filter(({ from }) => from === "left").length;
      left.out.push(right.avatar.publicKey);
      raise(pair, pair.left, left, 2);
      if (out) pair.plug();
      pair.run(60_000);
      const said = pair.written.filter(({ from }) => from === "left").slice(before);
      const kindsSaid = new Set(
        said.flatMap(({ bytes }) => readFrames(createFrameReader(), bytes).map(({ kind }) => kind)),
      );
      // That there is nothing to resume is no secret.
      for (const kind of [kinds.record, kinds.message2, kinds.message3, kinds.resume1, kinds.resume2, kinds.resume3]) {
        expect([out, kind, kindsSaid.has(kind)]).toEqual([out, kind, false]);
      }
      expect(linkStats(pair.left.link).up).toBe(false);
      expect(pair.left.events[1]).toBe(out ? "down link-closed" : "down link-expelled");
    }
  });

  it("that a stranger had made by the old key ends, too", () => {
    const { pair, left } = meeting(1, 1);
    pair.start();
    pair.until(() => bothUp(pair));
    left.knowsNobody = true;
    raise(pair, pair.left, left, 2);
    pair.run(60_000);
    expect(pair.left.events).toEqual([pair.left.events[0], "down link-stranger", "notice link-stranger"]);
  });

  it("is in the last epoch that both are in, after any order of epochs, cuts and restarts", () => {
    const step = fc.record({
      what: fc.constantFrom("raise", "cut", "plug", "restart", "send", "stranger"),
      left: fc.boolean(),
      after: fc.integer({ min: 0, max: 3_000 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.array(step, { maxLength: 14 }), (seed, steps) => {
        const { left, right } = meeting(2, 2);
        const pair = createPair(crypto, { seed, left, right });
        const stranger = seededRandom(seeded(seed));
        pair.start();
        for (const { what, left: first, after } of steps) {
          const [end, its] = first ? [pair.left, left] : [pair.right, right];
          if (what === "raise" && its.epoch < 4) raise(pair, end, its, its.epoch + 1);
          else if (what === "cut" && pair.plugged) pair.cut();
          else if (what === "plug" && !pair.plugged) pair.plug();
          else if (what === "restart" && pair.plugged) pair.restart(end);
          else if (what === "send") pair.send(end, message(1, 400));
          else if (what === "stranger" && pair.plugged) {
            const preamble = createPreamble(stranger, left.worldTag, its.epoch - 1);
            pair.inject(end, encodeFrame(kinds.preamble, preamble));
          }
          pair.run(after);
        }
        if (!pair.plugged) pair.plug();
        for (const [end, its] of [
          [pair.left, left],
          [pair.right, right],
        ] as const)
          if (its.epoch < 4) raise(pair, end, its, 4);
        pair.run(40_000);
        expect([bothUp(pair), pair.left.epoch, pair.right.epoch]).toEqual([true, 4, 4]);
        const before = pair.right.messages.length;
        pair.send(pair.left, message(9, 100));
        pair.run(5_000);
        expect(pair.right.messages.length).toBe(before + 1);
      }),
      { numRuns: 150 },
    );
  });
});
