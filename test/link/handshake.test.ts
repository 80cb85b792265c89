import { describe, expect, it } from "vitest";
import { attest } from "../../firmware/core/identity/attestation";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import { nobleCrypto } from "../../firmware/device/noble";
import { createFrameReader, encodeFrame, type Kind, kinds, readFrames } from "../../firmware/link/frames";
import { alarmLink, createLink, type LinkIdentity, linkStats, receiveBytes, startLink } from "../../firmware/link/link";
import { createPreamble } from "../../firmware/link/preamble";
import { decodeResume1 } from "../../firmware/link/resumption";
import { isAskedBy } from "../../firmware/link/session";
import {
  bothUp,
  createPair,
  type End,
  identityOf,
  message,
  type Pair,
  type Passing,
  seeded,
  seededRandom,
  worldA,
  worldB,
} from "./pair";
import { toyCurves } from "./toy-curves";

const crypto = toyCurves();

function frameOf({ bytes }: Passing): { kind: number; payload: Uint8Array } {
  return readFrames(createFrameReader(), bytes)[0]!;
}

function kindsOf(pair: Pair): number[] {
  return pair.written.map((passing) => frameOf(passing).kind);
}

/** Both ends stand within this time, agree on who they are, and hear each other. */
function expectMeeting(pair: Pair, within = 20_000): void {
  expect(pair.until(() => bothUp(pair), within)).toBe(true);
  // One may still be in a session that the other is just replacing.
  pair.run(1000);
  expect(bothUp(pair)).toBe(true);
  const before = pair.left.messages.length;
  expect(pair.send(pair.right, message(77, 50))).toBe(true);
  expect(pair.until(() => pair.left.messages.length > before, 5000)).toBe(true);
  for (const [end, other] of [
    [pair.left, pair.right],
    [pair.right, pair.left],
  ] as const) {
    const told = end.events.filter((event) => event.startsWith("up ") || event.startsWith("resumed "));
    const expected = toHex(other.identity.avatar.publicKey).slice(0, 8);
    for (const event of told) expect(event.split(" ")[1]).toBe(expected);
  }
}

describe("two participants of a world", () => {
  it("meet, with real curves, and each learns the other's avatar", () => {
    const pair = createPair(nobleCrypto());
    pair.start();
    expectMeeting(pair);
    expect(linkStats(pair.left.link).handshakes).toBe(1);
    expect(pair.written.length).toBeLessThan(15);
  });

  it("have the one initiate that leads, whatever they draw, and ask when the wire is back", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const pair = createPair(crypto, { seed, leads: seed % 2 === 0 ? "left" : "right" });
      const [leading, led] = seed % 2 === 0 ? [pair.left, pair.right] : [pair.right, pair.left];
      pair.start();
      expect(pair.until(() => bothUp(pair), 1_000)).toBe(true);
      const first = pair.written.find((passing) => frameOf(passing).kind === kinds.message1);
      expect(first?.from).toBe(leading.name);
      pair.cut();
      const from = pair.written.length;
      pair.plug();
      expect(pair.until(() => bothUp(pair), 1_000)).toBe(true);
      const [question] = pair.written.slice(from).filter(({ from: name }) => name === leading.name);
      const { id } = decodeResume1(frameOf(question!).payload);
      expect(frameOf(question!).kind).toBe(kinds.resume1);
      // By its first frame alone the other knows whose session it is; nobody does by an id that was never given.
      expect([isAskedBy(leading.link.session, id), isAskedBy(led.link.session, new Uint8Array(8))]).toEqual([
        false,
        false,
      ]);
      expect(isAskedBy(led.link.session, id)).toBe(true);
    }
  });

  it("sign for nobody who has not shown that it holds the world's key", () => {
    let signed = 0;
    const identity = identityOf(crypto, 1);
    const sign = (bytes: Uint8Array) => {
      signed++;
      return identity.avatar.sign(bytes);
    };
    const link = createLink({
      ...{ crypto, random: seededRandom(seeded(5)), queue: 1_000, now: 0 },
      identity: { ...identity, avatar: { ...identity.avatar, sign } },
    });
    startLink(link, 0);
    const random = seededRandom(seeded(6));
    for (let now = 0; now < 20_000; now += 100) {
      receiveBytes(
        link,
        encodeFrame(kinds.preamble, createPreamble(random, identity.worldTag, 0, now % 200 === 0)),
        now,
      );
      for (const kind of [kinds.message1, kinds.message2, kinds.message3, kinds.resume1, kinds.resume3]) {
        receiveBytes(link, encodeFrame(kind, random.bytes(48)), now);
      }
      alarmLink(link, now);
    }
    expect(signed).toBe(0);
  });

  it("let the greater random initiate, whichever end has it", () => {
    const initiators = new Set<string>();
    for (let seed = 1; seed <= 8; seed++) {
      const pair = createPair(crypto, { seed });
      pair.start();
      expectMeeting(pair);
      const preambles = pair.written.filter((passing) => frameOf(passing).kind === kinds.preamble);
      const greater = preambles.reduce((a, b) => (compare(frameOf(a).payload, frameOf(b).payload) > 0 ? a : b));
      const first = pair.written.find((passing) => frameOf(passing).kind === kinds.message1)!;
      expect(first.from).toBe(greater.from);
      initiators.add(first.from);
    }
    expect(initiators.size).toBe(2);
  });

  it("say in the clear what the protocol says, and nothing else", () => {
    const pair = createPair(crypto);
    pair.start();
    const { payload } = frameOf(pair.written[0]!);
    expect(toHex(payload)).toMatch(new RegExp(`^830150${toHex(pair.left.identity.worldTag)}48[0-9a-f]{16}$`));
    expectMeeting(pair);
    const clear = toHex(Uint8Array.from(pair.written.flatMap(({ bytes }) => [...bytes])));
    expect(clear.includes(toHex(pair.left.identity.attestation))).toBe(false);
    expect(clear.includes(toHex(crypto.x25519Public(pair.right.identity.noiseSecret)))).toBe(false);
  });

  it("meet also when they come hours apart", () => {
    const pair = createPair(crypto);
    pair.plugged = false;
    pair.start();
    pair.run(3 * 3600_000);
    pair.plugged = true;
    pair.restart(pair.right);
    expectMeeting(pair, 100);
  });

  it("meet whichever frame is lost, whichever comes twice, and whichever comes damaged", () => {
    const damages: readonly ((bytes: Uint8Array) => Uint8Array[])[] = [
      () => [],
      (bytes) => [bytes, bytes],
      (bytes) => [bytes.map((byte, index) => (index === 5 ? byte ^ 0x10 : byte))],
      (bytes) => [bytes.subarray(0, bytes.length >> 1)],
    ];
    for (const damage of damages) {
      for (let which = 0; which < 12; which++) {
        const pair = createPair(crypto, { seed: which + 1 });
        pair.wire = ({ bytes, count }) => (count === which ? damage(bytes) : [bytes]).map((each) => ({ bytes: each }));
        pair.start();
        expectMeeting(pair);
      }
    }
  });

  it("meet when either end is restarted at any step, or both are", () => {
    const who: readonly ((pair: Pair) => End[])[] = [
      ({ left }) => [left],
      ({ right }) => [right],
      ({ left, right }) => [left, right],
    ];
    for (const restarted of who) {
      for (let step = 0; step < 14; step++) {
        const pair = createPair(crypto, { seed: step + 1 });
        pair.start();
        for (let done = 0; done < step; done++) pair.step(pair.now + 2000);
        for (const end of restarted(pair)) pair.restart(end);
        pair.run(1);
        expectMeeting(pair);
        expect([...pair.left.notices, ...pair.right.notices]).toHaveLength(0);
      }
    }
  });

  it("meet when one is restarted long after, and the other tells what became of the old session", () => {
    const pair = createPair(crypto);
    pair.start();
    expectMeeting(pair);
    for (const end of [pair.left, pair.right]) {
      pair.run(60_000);
      pair.restart(end);
      pair.run(3000);
      expectMeeting(pair);
    }
    expect(pair.left.events.filter((event) => event === "down link-replaced")).toHaveLength(1);
    expect(pair.right.events.filter((event) => event === "down link-replaced")).toHaveLength(1);
  });

  it("draw again when both drew the same random", () => {
    const random = seededRandom(seeded(5));
    let preambles = 0;
    const same = {
      bytes: (count: number) => (count === 8 && preambles++ < 2 ? new Uint8Array(8) : random.bytes(count)),
    };
    const pair = createPair(crypto, { random: same });
    pair.start();
    expectMeeting(pair);
    expect(preambles).toBeGreaterThan(2);
  });
});

/** Other payloads in place of those of the first `times` frames of a kind; the CRC is right, as a man in the middle would have it. */
function inTheMiddle(
  pair: Pair,
  kind: Kind,
  times: number,
  change: (payload: Uint8Array, time: number) => Uint8Array,
): { changed: number } {
  const done = { changed: 0 };
  pair.wire = (passing) => {
    const frame = frameOf(passing);
    if (done.changed === times || frame.kind !== kind) return [{ bytes: passing.bytes }];
    return [{ bytes: encodeFrame(kind, change(frame.payload, done.changed++)) }];
  };
  return done;
}

describe("a man in the middle", () => {
  for (const [name, kind] of Object.entries({
    preamble: kinds.preamble,
    "message 1": kinds.message1,
    "message 2": kinds.message2,
    "message 3": kinds.message3,
  })) {
    it(`who flips a bit in any byte of ${name} brings no session about that is not theirs`, () => {
      const reference = createPair(crypto);
      reference.start();
      expectMeeting(reference);
      const { length } = frameOf(reference.written.find((passing) => frameOf(passing).kind === kind)!).payload;
      // Three bytes in a row in three frames in a row: all of them, by a third of the handshakes.
      for (let from = 0; from < length; from += 3) {
        const pair = createPair(crypto);
        const middle = inTheMiddle(pair, kind, 3, (payload, time) =>
          payload.map((byte, index) => (index === (from + time) % length ? byte ^ (1 << (index & 7)) : byte)),
        );
        pair.start();
        expectMeeting(pair, 30_000);
        expect(middle.changed).toBe(3);
      }
    });

    it(`who cuts ${name} short anywhere brings no session about that is not theirs`, () => {
      for (let length = 0; length < 400; length += 23) {
        const pair = createPair(crypto);
        inTheMiddle(pair, kind, 1, (payload) => payload.subarray(0, Math.min(length, payload.length - 1)));
        pair.start();
        expectMeeting(pair);
      }
    });
  }
});

describe("a stranger", () => {
  it("who forges a preamble at any step, towards either end, delays the session, and does not prevent it", () => {
    for (const name of ["left", "right"] as const) {
      for (let step = 0; step < 12; step++) {
        const pair = createPair(crypto, { seed: step + 1 });
        const stranger = seededRandom(seeded(1000 + step));
        pair.start();
        for (let done = 0; done < step; done++) pair.step(pair.now + 200);
        pair.inject(pair[name], encodeFrame(kinds.preamble, createPreamble(stranger, pair.left.identity.worldTag, 0)));
        expectMeeting(pair, 5000);
        expect(pair.now).toBeLessThan(10_000);
      }
    }
  });
});

describe("a link refuses", () => {
  function refusal(right: Partial<LinkIdentity>, left: Partial<LinkIdentity> = {}): Pair {
    const pair = createPair(crypto, {
      left: { ...identityOf(crypto, 1), ...left },
      right: { ...identityOf(crypto, 2), ...right },
    });
    pair.start();
    pair.run(60_000);
    expect([...pair.left.events, ...pair.right.events].some((event) => event.startsWith("up"))).toBe(false);
    // It goes on trying, and not in a hurry.
    expect(pair.written.filter(({ from }) => from === "left").length).toBeLessThan(70);
    return pair;
  }

  it("a peer of another world, and names both", () => {
    const pair = createPair(crypto, { right: identityOf(crypto, 2, worldB) });
    pair.start();
    pair.run(5000);
    const tags = [pair.left, pair.right].map((end) => toHex(end.identity.worldTag));
    for (const end of [pair.left, pair.right]) {
      expect(end.events).toEqual(["notice link-other-world"]);
      const [notice] = end.notices;
      const text = notice?.kind === "notice" ? notice.error.message : "";
      for (const tag of tags) expect(text).toContain(tag);
    }
    expect(bothUp(pair)).toBe(false);
  });

  it("a peer with the tag of the world, and not its id", () => {
    const pair = refusal({ psk: () => new Uint8Array(32).fill(9) });
    expect([...pair.left.events, ...pair.right.events]).toContain("notice noise-refused");
  });

  it("an attestation that another participant made, or that was made for another world", () => {
    const stolen = refusal({ attestation: attest(crypto, new Uint8Array(32).fill(3), worldA) });
    expect(stolen.left.events).toContain("notice link-static-key");
    const foreign = refusal({ attestation: attest(crypto, new Uint8Array(32).fill(2), worldB) });
    expect(foreign.left.events).toContain("notice attestation-world");
    const forged = identityOf(crypto, 2).attestation.slice();
    forged[forged.length - 1]! ^= 1;
    // The toy curves sign without a secret, but they do sign the bytes.
    expect(refusal({ attestation: forged }).left.events).toContain("notice attestation-signature");
  });

  it("a static key that its avatar did not sign", () => {
    const avatar = identityOf(crypto, 2).avatar;
    const lying = { publicKey: avatar.publicKey, sign: () => new Uint8Array(64) };
    expect(refusal({ avatar: lying }).left.events).toContain("notice link-static-key");
  });

  it("its own avatar at the other end", () => {
    const pair = refusal(identityOf(crypto, 1));
    expect(pair.left.events).toContain("notice link-own-avatar");
  });

  it("its own bytes, which a loop-back plug brings back, and says so once in a while", () => {
    const pair = createPair(crypto);
    pair.right.link = pair.left.link;
    pair.right.messages.length = 0;
    const { left } = pair;
    let writes = 0;
    pair.wire = ({ bytes }) => {
      writes++;
      pair.inject(left, bytes);
      return [];
    };
    pair.right.wakeAt = Number.POSITIVE_INFINITY;
    const start = startLink(left.link, 0);
    for (const action of start) {
      if (action.kind === "write") pair.inject(left, action.bytes);
      else if (action.kind === "wake") left.wakeAt = action.at;
    }
    pair.run(60_000);
    expect(writes).toBeLessThan(30);
    expect(left.events.filter((event) => event === "notice link-echo").length).toBeLessThanOrEqual(6);
    expect(left.events).toContain("notice link-echo");
    expect(linkStats(left.link).up).toBe(false);
  });

  it("no peer for an echo on the wire", () => {
    const pair = createPair(crypto);
    pair.wire = ({ bytes, from }) => {
      pair.inject(from === "left" ? pair.left : pair.right, bytes);
      return [{ bytes }];
    };
    pair.start();
    expectMeeting(pair);
  });

  it("a recorded handshake that is played to it, with all its records", () => {
    const recorded = createPair(crypto, { seed: 3 });
    recorded.start();
    expectMeeting(recorded);
    for (const victim of ["left", "right"] as const) {
      const pair = createPair(crypto, { seed: 4 });
      pair.plugged = false;
      pair.start();
      for (let times = 0; times < 20; times++) {
        for (const { from, bytes } of recorded.written) if (from !== victim) pair.inject(pair[victim], bytes);
        pair.run(400);
      }
      expect(linkStats(pair[victim].link)).toMatchObject({ up: false, handshakes: 0 });
      expect(pair[victim].messages).toHaveLength(0);
    }
  });
});

describe("the kinds of frames", () => {
  it("that a handshake takes are four, and each goes once where nothing is lost", () => {
    const pair = createPair(crypto);
    pair.start();
    pair.run(1000);
    const count = (kind: Kind) => kindsOf(pair).filter((each) => each === kind).length;
    expect([kinds.message1, kinds.message2, kinds.message3].map(count)).toEqual([1, 1, 1]);
    expect(count(kinds.preamble)).toBeLessThanOrEqual(4);
    expect(count(kinds.record)).toBeLessThanOrEqual(3);
  });
});
