import { describe, expect, it } from "vitest";
import { ample } from "../../firmware/core/bounds";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { messageLimit } from "../../firmware/core/wire/limits";
import { encodeText } from "../../firmware/core/wire/text";
import { encodeFrame, kinds } from "../../firmware/link/frames";
import { firstRepeat, keepaliveAfter, silenceLimit, strangerBudget } from "../../firmware/link/limits";
import { linkStats, sendMessage } from "../../firmware/link/link";
import { createPreamble } from "../../firmware/link/preamble";
import { bothUp, createPair, type End, identityOf, message, type Pair, seeded, seededRandom, type Wire } from "./pair";
import { toyCurves } from "./toy-curves";

const crypto = toyCurves();

function upPair(seed = 1): Pair {
  const pair = createPair(crypto, { seed });
  pair.start();
  expect(pair.until(() => bothUp(pair), 1000)).toBe(true);
  pair.run(200);
  return pair;
}

/** Messages of many lengths, some longer than several fragments. */
const lengths = [1, 30, 219, 220, 221, 900, 2, 5000, 100, 100, 100, 440];

function expectAll(end: End, from: number, count = lengths.length): void {
  expect(end.messages.length).toBe(count);
  for (const [index, bytes] of end.messages.entries()) {
    expect(equal(bytes, message(from + index, lengths[index % lengths.length]!))).toBe(true);
  }
}

function sendAll(pair: Pair, end: End, from: number): void {
  for (const [index, length] of lengths.entries()) expect(pair.send(end, message(from + index, length))).toBe(true);
}

/** A wire that loses, doubles, damages and breaks off, each so often of a hundred writes. */
function badWire(
  seed: number,
  percent: { lost?: number; doubled?: number; damaged?: number; short?: number; late?: number },
): Wire {
  const next = seeded(seed);
  const happens = (of = 0) => next() * 100 < of;
  return ({ bytes }) => {
    if (happens(percent.lost)) return [];
    if (happens(percent.doubled)) return [{ bytes }, { bytes, late: 1 }];
    if (happens(percent.late)) return [{ bytes, late: Math.floor(next() * 40) }];
    if (happens(percent.short)) return [{ bytes: bytes.subarray(0, Math.floor(next() * bytes.length)) }];
    if (!happens(percent.damaged)) return [{ bytes }];
    const damaged = bytes.slice();
    damaged[Math.floor(next() * bytes.length)]! ^= 1 << Math.floor(next() * 8);
    return [{ bytes: damaged }];
  };
}

describe("messages over a link", () => {
  it("arrive in both directions, each once, in order and whole", () => {
    const pair = upPair();
    sendAll(pair, pair.left, 100);
    sendAll(pair, pair.right, 200);
    pair.run(1000);
    expectAll(pair.right, 100);
    expectAll(pair.left, 200);
    expect(linkStats(pair.left.link)).toMatchObject({ queued: 0, retransmissions: 0, framesDamaged: 0 });
  });

  it("of the largest length arrive", () => {
    const pair = upPair();
    expect(pair.send(pair.left, message(1, messageLimit))).toBe(true);
    pair.run(2000);
    expect(equal(pair.right.messages[0]!, message(1, messageLimit))).toBe(true);
  });

  const wires: readonly (readonly [string, Parameters<typeof badWire>[1]])[] = [
    ["loses every fifth frame", { lost: 20 }],
    ["brings every fourth frame twice", { doubled: 25 }],
    ["flips a bit in every fifth frame", { damaged: 20 }],
    ["breaks off in every fifth frame", { short: 20 }],
    ["does not keep the order", { late: 30 }],
    ["does all of that", { lost: 8, doubled: 8, damaged: 8, short: 8, late: 8 }],
  ];
  for (const [what, percent] of wires) {
    it(`arrive once, in order and whole, over a wire that ${what}`, () => {
      for (let seed = 1; seed <= 4; seed++) {
        const pair = upPair(seed);
        pair.wire = badWire(seed, percent);
        sendAll(pair, pair.left, 100);
        sendAll(pair, pair.right, 200);
        const done = () => pair.right.messages.length >= lengths.length && pair.left.messages.length >= lengths.length;
        expect(pair.until(done, 120_000)).toBe(true);
        pair.run(5000);
        expectAll(pair.right, 100);
        expectAll(pair.left, 200);
        expect(linkStats(pair.left.link).handshakes).toBe(1);
      }
    });
  }

  it("come again within a round trip when their frame was damaged, though nothing follows it", () => {
    const pair = upPair();
    pair.latency = 5;
    let damage = true;
    pair.wire = ({ bytes, from }) => {
      if (from === "right" || !damage) return [{ bytes }];
      damage = false;
      return [{ bytes: bytes.map((byte, index) => (index === 4 ? byte ^ 128 : byte)) }];
    };
    const sentAt = pair.now;
    pair.send(pair.left, message(1, 50));
    expect(pair.until(() => pair.right.messages.length === 1, 1000)).toBe(true);
    expect(pair.now - sentAt).toBe(15);
    expect(linkStats(pair.right.link).framesDamaged).toBe(1);
    expect(pair.right.events).toContain("notice link-damaged");
  });

  it("pass between the lines of a log on the same wire", () => {
    const pair = upPair();
    const log = encodeText("\u001b[33mW (1033) wifi: beacon timeout\u001b[0m\r\n");
    pair.wire = ({ bytes }) => [{ bytes: log }, { bytes }, { bytes: log.subarray(0, 9) }];
    sendAll(pair, pair.left, 100);
    pair.run(1000);
    expectAll(pair.right, 100);
    expect(linkStats(pair.right.link)).toMatchObject({ framesDamaged: 0, retransmissions: 0 });
  });

  it("are not taken before there ever was a session, nor when too many wait, nor empty, nor too long", () => {
    const fresh = createPair(crypto);
    expect(fresh.send(fresh.left, message(1, 10))).toBe(false);
    const pair = upPair();
    pair.plugged = false;
    let taken = 0;
    while (pair.send(pair.left, message(taken, 1000))) taken++;
    expect(taken * 1000).toBeLessThanOrEqual(ample.queue);
    expect(taken * 1000).toBeGreaterThan(ample.queue - 3000);
    expect(linkStats(pair.left.link).queued).toBeLessThanOrEqual(ample.queue);
    expect(() => sendMessage(pair.left.link, new Uint8Array(0), 0)).toThrow(/0 bytes/);
    expect(() => sendMessage(pair.left.link, new Uint8Array(messageLimit + 1), 0)).toThrow(/65537 bytes/);
  });
});

describe("a cable that is pulled", () => {
  it("and put back, wherever that was in a transfer, goes on where it stopped: nothing lost, nothing twice", () => {
    const sendBoth = (pair: Pair) => {
      for (const [index, length] of [30, 219, 700].entries()) {
        pair.send(pair.left, message(100 + index, length));
        pair.send(pair.right, message(200 + index, length));
      }
    };
    const reference = upPair();
    const before = reference.writes;
    sendBoth(reference);
    reference.run(1000);
    const [atRight, atLeft] = [reference.right.messages, reference.left.messages];
    expect([atRight.length, atLeft.length]).toEqual([3, 3]);
    for (let step = 0; step <= reference.writes - before + 4; step++) {
      const pair = upPair(step + 1);
      sendBoth(pair);
      for (let done = 0; done < step; done++) pair.step();
      pair.cut();
      pair.run(5000);
      pair.plug();
      pair.run(3000);
      expect(pair.right.messages).toEqual(atRight);
      expect(pair.left.messages).toEqual(atLeft);
      for (const { link, events } of [pair.left, pair.right]) {
        expect(linkStats(link)).toMatchObject({ handshakes: 1, resumed: 1, queued: 0, up: true });
        expect(events.map((event) => event.split(" ")[0])).toEqual(["up", "down", "resumed"]);
      }
    }
  });

  it("for an hour, unseen by the drivers, is told after 13 s, and what was sent meanwhile arrives when it is back", () => {
    const pair = upPair();
    const pulledAt = pair.now;
    pair.plugged = false;
    pair.until(() => !linkStats(pair.left.link).up);
    expect(pair.left.events).toContain("down link-silent");
    expect(pair.now - pulledAt).toBeLessThanOrEqual(silenceLimit);
    sendAll(pair, pair.left, 100);
    pair.run(3600_000);
    pair.plugged = true;
    pair.run(5000);
    expectAll(pair.right, 100);
    expect(linkStats(pair.left.link)).toMatchObject({ handshakes: 1, resumed: 1, up: true });
    for (const { notices } of [pair.left, pair.right]) expect(notices).toHaveLength(0);
  });

  it("and put into another participant makes a session with that one, which gets nothing that was meant for the first", () => {
    const pair = upPair();
    pair.cut();
    sendAll(pair, pair.left, 100);
    pair.right.identity = identityOf(crypto, 3);
    pair.restart(pair.right);
    pair.plug();
    pair.run(5000);
    expect(bothUp(pair)).toBe(true);
    const third = toHex(pair.right.identity.avatar.publicKey).slice(0, 8);
    expect(pair.left.events.at(-1)).toBe(`up ${third}`);
    expect(pair.right.messages).toHaveLength(0);
    expect(linkStats(pair.left.link).queued).toBe(0);
  });
});

describe("a stranger on the wire", () => {
  const next = seeded(77);
  const random = seededRandom(next);

  /** Frames that a stranger can make who knows all that was ever said in the clear. */
  function forgeries(pair: Pair): Uint8Array[] {
    const kind = () => [1, 2, 3, 4, 5, 6, 7, 8, 9, 200][Math.floor(next() * 10)] as typeof kinds.record;
    const heard = pair.written[Math.floor(next() * pair.written.length)]!.bytes;
    return [
      encodeFrame(kinds.preamble, createPreamble(random, pair.left.identity.worldTag, 0)),
      encodeFrame(kind(), random.bytes(Math.floor(next() * 400))),
      random.bytes(Math.floor(next() * 300)),
      heard,
      heard.slice(0, heard.length >> 1),
    ];
  }

  it("who floods both ends neither ends a session for good nor gets a message through", () => {
    const pair = upPair();
    sendAll(pair, pair.left, 100);
    sendAll(pair, pair.right, 200);
    for (let times = 0; times < 400; times++) {
      for (const bytes of forgeries(pair)) pair.inject(times % 2 ? pair.left : pair.right, bytes);
      pair.run(25);
    }
    pair.run(20_000);
    for (const { link } of [pair.left, pair.right]) expect(linkStats(link).up).toBe(true);
    pair.send(pair.left, message(1, 10));
    pair.run(2000);
    expect(pair.right.messages.at(-1)).toEqual(message(1, 10));
    const known = [...lengths.map((length, index) => message(100 + index, length)), message(1, 10)];
    for (const bytes of pair.right.messages) expect(known.some((each) => equal(each, bytes))).toBe(true);
  });

  it("is not taken for the peer, of whom both ends know when it was last heard", () => {
    expect(createPair(crypto).left.link.heardAt).toBe(Number.NEGATIVE_INFINITY);
    const pair = upPair();
    pair.run(60_000);
    const ago = () => pair.now - pair.left.link.heardAt;
    expect(ago()).toBeLessThanOrEqual(keepaliveAfter + 10);
    const known = Array.from({ length: 100 }, () => forgeries(pair));
    pair.plugged = false;
    const before = pair.left.link.heardAt;
    for (const some of known) {
      for (const bytes of some) pair.inject(pair.left, bytes);
      pair.run(200);
    }
    expect(pair.left.link.heardAt).toBe(before);
  });

  it("who forges a preamble each second costs a resumption each time, and no message", () => {
    const pair = upPair();
    for (let second = 0; second < 30; second++) {
      pair.inject(second % 2 ? pair.left : pair.right, forgeries(pair)[0]!);
      pair.send(pair.left, message(100 + second, 300));
      pair.run(1100);
    }
    expect(pair.right.messages).toHaveLength(30);
    expect(pair.left.events).toHaveLength(1);
    expect(linkStats(pair.left.link)).toMatchObject({ handshakes: 1, up: true });
    expect(linkStats(pair.left.link).resumed).toBeLessThanOrEqual(30);
  });

  it("who forges preambles to one who waits alone makes it compute so much and no more", () => {
    let computed = 0;
    const counting = {
      ...crypto,
      x25519Public: (secret: Uint8Array) => {
        computed++;
        return crypto.x25519Public(secret);
      },
    };
    const pair = createPair(counting);
    pair.plugged = false;
    pair.start();
    computed = 0;
    for (let ms = 0; ms < 3000; ms++) {
      pair.inject(pair.left, forgeries(pair)[0]!);
      pair.run(1);
    }
    expect(computed).toBeGreaterThan(0);
    expect(computed).toBeLessThanOrEqual(2 * strangerBudget * (3000 / firstRepeat));
  });

  it("who repeats the preamble that made the session gets no answer", () => {
    const pair = upPair();
    pair.run(10_000);
    const before = pair.written.length;
    for (const { from, bytes } of pair.written.slice(0, 3))
      pair.inject(from === "left" ? pair.right : pair.left, bytes);
    expect(pair.written.length).toBe(before);
  });

  it("who floods gets few answers, and few notices are told", () => {
    const pair = upPair();
    const before = linkStats(pair.left.link).bytesOut;
    let flooded = 0;
    for (let ms = 0; ms < 2000; ms++) {
      const bytes = forgeries(pair)[ms % 2]!;
      flooded += bytes.length;
      pair.inject(pair.left, bytes);
      pair.run(1);
    }
    expect(linkStats(pair.left.link).bytesOut - before).toBeLessThan(flooded / 10);
    const told = pair.left.events.filter((event) => event.startsWith("notice"));
    expect(told.length).toBeGreaterThan(0);
    expect(new Set(told).size).toBe(told.length);
  });

  it("who plays records again gets nothing delivered", () => {
    const pair = upPair();
    sendAll(pair, pair.left, 100);
    pair.run(1000);
    for (const { from, bytes } of [...pair.written]) pair.inject(from === "left" ? pair.right : pair.left, bytes);
    pair.run(1000);
    expectAll(pair.right, 100);
    expect(pair.left.messages).toHaveLength(0);
    expect(bothUp(pair)).toBe(true);
  });
});

describe("what a link costs", () => {
  it("for one small message each way: 31 bytes around each, and one ack of 28", () => {
    const pair = upPair();
    const before = [pair.left, pair.right].map(({ link }) => linkStats(link).bytesOut);
    pair.send(pair.left, message(1, 100));
    pair.until(() => pair.right.messages.length === 1);
    pair.send(pair.right, message(2, 100));
    pair.run(1000);
    const [left, right] = [pair.left, pair.right].map(({ link }, index) => linkStats(link).bytesOut - before[index]!);
    expect([left, right]).toEqual([131 + 28, 131]);
  });

  it("for a long message: an eighth of it", () => {
    const pair = upPair();
    const before = [pair.left, pair.right].map(({ link }) => linkStats(link).bytesOut);
    pair.send(pair.left, message(1, 60_000));
    pair.run(3000);
    const spent = [pair.left, pair.right].map(({ link }, index) => linkStats(link).bytesOut - before[index]!);
    expect(spent[0]! / 60_000).toBeLessThan(1.15);
    expect(spent[1]! / 60_000).toBeLessThan(0.04);
  });

  it("in time at 115200 baud: the wire is full, and nothing goes twice", () => {
    const pair = upPair();
    pair.rate = 11.52;
    const sentAt = pair.now;
    for (let part = 0; part < 4; part++) pair.send(pair.left, message(part, 10_000));
    expect(pair.until(() => pair.right.messages.length === 4, 20_000)).toBe(true);
    expect((pair.now - sentAt) / ((40_000 * 1.15) / 11.52)).toBeLessThan(1.05);
    expect(linkStats(pair.left.link).retransmissions).toBe(0);
  });

  it("when idle: a keepalive of 29 bytes in 4 s, and two wakes at most", () => {
    const pair = upPair();
    pair.run(60_000);
    const before = linkStats(pair.left.link).bytesOut;
    const wakes = pair.left.wakes;
    pair.run(600_000);
    expect((linkStats(pair.left.link).bytesOut - before) / 150).toBeLessThanOrEqual(29);
    expect((pair.left.wakes - wakes) / 150).toBeLessThanOrEqual(2);
    expect(bothUp(pair)).toBe(true);
  });

  it("for a handshake: about a kilobyte in all; for a resumption: half of that, without public-key work", () => {
    let agreements = 0;
    const counting = {
      ...crypto,
      x25519: (secret: Uint8Array, key: Uint8Array) => {
        agreements++;
        return crypto.x25519(secret, key);
      },
    };
    const pair = createPair(counting);
    pair.start();
    pair.until(() => bothUp(pair));
    pair.run(1);
    const bytes = () => linkStats(pair.left.link).bytesOut + linkStats(pair.right.link).bytesOut;
    const handshake = bytes();
    expect(handshake).toBeLessThan(1050);
    expect(agreements).toBe(6);
    pair.cut();
    pair.plug();
    pair.until(() => bothUp(pair));
    pair.run(1);
    expect(bytes() - handshake).toBeLessThan(500);
    expect(agreements).toBe(6);
  });
});
