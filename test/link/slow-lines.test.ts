import { describe, expect, it } from "vitest";
import { longestAnswer, silenceLimit } from "../../firmware/link/limits";
import { linkStats } from "../../firmware/link/link";
import { bothUp, createPair, type End, message, type Pair } from "./pair";
import { toyCurves } from "./toy-curves";

const crypto = toyCurves();

/** Bauds of 8N1: ten bits a byte. */
const bauds = [1_200, 2_400, 4_800, 9_600, 19_200, 115_200];

function linesOf(baud: number): Pair {
  const pair = createPair(crypto, { seed: baud });
  pair.rate = baud / 10_000;
  pair.start();
  return pair;
}

/** Bytes of the wire that one end has written. */
function writtenBy(pair: Pair, { name }: End): number {
  return pair.written.filter(({ from }) => from === name).reduce((sum, { bytes }) => sum + bytes.length, 0);
}

describe.each(bauds)("at %i baud", (baud) => {
  it("two ends meet in little more than the wire needs for what they say, and say most of it once", () => {
    const pair = linesOf(baud);
    const wireTime = (2 * longestAnswer + 300) / pair.rate;
    expect(pair.until(() => bothUp(pair), 60_000)).toBe(true);
    expect(pair.now).toBeLessThan(1_500 + 1.5 * wireTime);
    expect(pair.written.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThan(2_000);
  });

  it("the wire is full both ways, nothing goes twice, and nobody is given up", () => {
    const pair = linesOf(baud);
    pair.until(() => bothUp(pair), 60_000);
    for (let count = 0; count < 40; count++) {
      for (const end of [pair.left, pair.right]) while (pair.send(end, message(count, 400))) {}
      pair.run(1_000);
    }
    for (const end of [pair.left, pair.right]) {
      const carried = 400 * (end === pair.left ? pair.right : pair.left).messages.length;
      expect(linkStats(end.link).retransmissions, `${end.name} sent again`).toBe(0);
      expect(carried / (40_000 * pair.rate), `${end.name}'s share of the wire`).toBeGreaterThan(0.7);
      expect(end.events.filter((event) => event.startsWith("down"))).toEqual([]);
    }
  });

  it("what is sent within the room that was told arrives in seconds, and room is told again", () => {
    const pair = linesOf(baud);
    pair.until(() => bothUp(pair), 60_000);
    const sentAt: number[] = [];
    const delays: number[] = [];
    let room = pair.left.room;
    let left = room.bytes;
    const until = pair.now + 60_000;
    for (let arrived = 0; pair.now < until; ) {
      if (pair.left.room !== room) {
        room = pair.left.room;
        left = room.bytes;
      }
      for (; left > 0; left -= 300) {
        pair.send(pair.left, message(sentAt.length, 300));
        sentAt.push(pair.now);
      }
      pair.run(20);
      for (; arrived < pair.right.messages.length; arrived++) delays.push(pair.now - sentAt[arrived]!);
    }
    const least = 2_200 / pair.rate;
    expect(Math.max(...delays.slice(Math.floor(delays.length / 4)))).toBeLessThan(3_000 + least);
    expect((300 * delays.length) / (60_000 * pair.rate)).toBeGreaterThan(0.7);
  });

  it("a cable that is put back resumes, though the wire needs seconds for it", () => {
    const pair = linesOf(baud);
    pair.until(() => bothUp(pair), 60_000);
    pair.send(pair.left, message(1, 2_000));
    pair.run(Math.min(500, 400 / pair.rate));
    pair.cut();
    pair.run(2_000);
    pair.plug();
    expect(pair.until(() => pair.right.messages.length === 1, 60_000)).toBe(true);
    expect(pair.left.events.some((event) => event.startsWith("resumed"))).toBe(true);
  });

  it("an idle link stays up", () => {
    const pair = linesOf(baud);
    pair.until(() => bothUp(pair), 60_000);
    const before = writtenBy(pair, pair.left);
    pair.run(10 * silenceLimit);
    expect(bothUp(pair)).toBe(true);
    expect(writtenBy(pair, pair.left) - before).toBeLessThan(1_200);
  });
});

describe("a wire that was fast and becomes slow", () => {
  it("takes back the room that it had told, so that what is said then does not wait for a minute", () => {
    const pair = createPair(crypto, { seed: 5 });
    pair.start();
    pair.until(() => bothUp(pair), 10_000);
    const sentAt: number[] = [];
    const delays: number[] = [];
    const sayFor = (ms: number) => {
      let { room } = pair.left;
      let left = room.bytes;
      for (const until = pair.now + ms; pair.now < until; pair.run(100)) {
        if (pair.left.room !== room) {
          room = pair.left.room;
          left = room.bytes;
        }
        for (let count = 0; count < 2 && left > 0; count++, left -= 300) {
          pair.send(pair.left, message(sentAt.length, 300));
          sentAt.push(pair.now);
        }
        while (delays.length < pair.right.messages.length) delays.push(pair.now - sentAt[delays.length]!);
      }
    };
    sayFor(5_000);
    expect(pair.left.room.bytes).toBeGreaterThan(16_000);
    pair.rate = 0.5;
    sayFor(120_000);
    expect(Math.max(...delays)).toBeLessThan(25_000);
    expect(Math.max(...delays.slice(-40))).toBeLessThan(5_000);
    expect((300 * delays.length) / (120_000 * pair.rate)).toBeGreaterThan(0.6);
    expect(linkStats(pair.left.link).retransmissions, "what was only late is not sent again").toBeLessThan(5);
  });
});
