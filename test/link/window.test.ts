import { describe, expect, it } from "vitest";
import { ample } from "../../firmware/core/bounds";
import { equal } from "../../firmware/core/wire/bytes";
import { messageLimit } from "../../firmware/core/wire/limits";
import {
  ackDelay,
  ackEvery,
  firstTimeout,
  fragmentSize,
  leastTimeout,
  mostTimeout,
  windowSize,
} from "../../firmware/link/limits";
import { createPace } from "../../firmware/link/pace";
import { decodeSegment, encodeSegment } from "../../firmware/link/segment";
import {
  askAgain,
  createWindow,
  dueAt,
  nextSegment,
  offerMessage,
  queuedBytes,
  receiveSegment,
  restartWindow,
  type Window,
} from "../../firmware/link/window";
import { message } from "./pair";

/** All that a window wants to send now. */
function all(window: Window, now: number): Uint8Array[] {
  const segments: Uint8Array[] = [];
  for (let next = nextSegment(window, now, true); next; next = nextSegment(window, now, true)) segments.push(next);
  return segments;
}

function sequences(segments: readonly Uint8Array[]): (number | undefined)[] {
  return segments.map((segment) => decodeSegment(segment).fragment?.sequence);
}

/** A sender with `count` fragments on their way, sent at 0, and who they are for. */
function sent(count: number) {
  const [sender, receiver] = [createWindow(createPace(), ample.queue), createWindow(createPace(), ample.queue)];
  // Two bytes of length in front of the message.
  offerMessage(sender, message(1, count * fragmentSize - 2));
  const segments = all(sender, 0);
  return { sender, receiver, segments };
}

function ack(expected: number, selective = 0, again = false): Uint8Array {
  return encodeSegment({ heard: true, again, ahead: false, expected, selective, fragment: undefined });
}

describe("the window", () => {
  it("sends at most its size before it hears an ack, and goes on as acks come", () => {
    const { sender, segments } = sent(40);
    expect(sequences(segments)).toEqual(Array.from({ length: windowSize }, (_, index) => index));
    receiveSegment(sender, ack(3), 10);
    expect(sequences(all(sender, 10))).toEqual([windowSize, windowSize + 1, windowSize + 2]);
  });

  it("delivers a message when its last fragment came, in whatever order they came", () => {
    const { receiver, segments } = sent(5);
    for (const index of [4, 2, 1, 3]) expect(receiveSegment(receiver, segments[index]!, 0).messages).toHaveLength(0);
    const { messages } = receiveSegment(receiver, segments[0]!, 0);
    expect(equal(messages[0]!, message(1, 5 * fragmentSize - 2))).toBe(true);
  });

  it("delivers nothing twice, and tells at once what it has when something comes again", () => {
    const { receiver, segments } = sent(1);
    receiveSegment(receiver, segments[0]!, 0);
    all(receiver, ackDelay);
    expect(receiveSegment(receiver, segments[0]!, 100).messages).toHaveLength(0);
    expect(dueAt(receiver)).toBe(100);
  });

  it("packs small messages that wait into one fragment", () => {
    const { sender } = sent(windowSize);
    for (let index = 0; index < 20; index++) offerMessage(sender, message(index, 10));
    receiveSegment(sender, ack(windowSize), 5);
    const segments = all(sender, 5);
    expect(segments).toHaveLength(1);
  });

  it("keeps an ack back until something goes that carries it, or for 50 ms, or for four fragments", () => {
    const { receiver, segments } = sent(ackEvery);
    receiveSegment(receiver, segments[0]!, 0);
    expect(dueAt(receiver)).toBe(ackDelay);
    expect(all(receiver, ackDelay - 1)).toHaveLength(0);
    offerMessage(receiver, message(9, 4));
    expect(decodeSegment(all(receiver, 20)[0]!).expected).toBe(1);
    expect(all(receiver, ackDelay)).toHaveLength(0);
    for (const segment of segments.slice(1)) receiveSegment(receiver, segment, 60);
    expect(dueAt(receiver)).toBe(60 + ackDelay);
    const longer = sent(ackEvery);
    for (const segment of longer.segments) receiveSegment(longer.receiver, segment, 60);
    expect(dueAt(longer.receiver)).toBe(60);
  });

  it("sends a lost fragment again as soon as a later one is known to have arrived, and no other", () => {
    const { sender, receiver, segments } = sent(6);
    for (const index of [0, 1, 3, 4]) receiveSegment(receiver, segments[index]!, 5);
    for (const segment of all(receiver, 5)) receiveSegment(sender, segment, 10);
    expect(sequences(all(sender, 10))).toEqual([2]);
    expect(sender.sender.retransmissions).toBe(1);
  });

  it("sends again what was lost a second time", () => {
    const { sender, receiver, segments } = sent(6);
    for (const index of [0, 1, 3]) receiveSegment(receiver, segments[index]!, 5);
    for (const segment of all(receiver, 5)) receiveSegment(sender, segment, 10);
    expect(sequences(all(sender, 10))).toEqual([2]);
    offerMessage(sender, message(2, 50));
    const later = all(sender, 20);
    for (const segment of [...segments.slice(4), ...later]) receiveSegment(receiver, segment, 30);
    for (const segment of all(receiver, 30)) receiveSegment(sender, segment, 40);
    expect(sequences(all(sender, 40))).toEqual([2]);
  });

  it("sends the oldest again when no ack comes in time, waits twice as long each time, and no longer than 8 s", () => {
    const { sender } = sent(3);
    let now = 0;
    for (const wait of [firstTimeout, 2000, 4000, mostTimeout, mostTimeout]) {
      expect(dueAt(sender)).toBe(now + wait);
      expect(all(sender, now + wait - 1)).toHaveLength(0);
      now += wait;
      expect(sequences(all(sender, now))).toEqual([0]);
    }
  });

  it("learns how long acks take, and waits no shorter than its least", () => {
    const { sender } = sent(3);
    receiveSegment(sender, ack(1), 10);
    receiveSegment(sender, ack(2), 20);
    expect(dueAt(sender)).toBe(20 + leastTimeout);
  });

  it("sends the oldest again when the peer says that a damaged frame came", () => {
    const { sender, receiver } = sent(2);
    askAgain(receiver, 7);
    const asked = all(receiver, 7);
    expect(asked).toHaveLength(1);
    receiveSegment(sender, asked[0]!, 8);
    expect(sequences(all(sender, 8))).toEqual([0]);
  });

  it("asks again once in 50 ms, however much garbage comes", () => {
    const receiver = createWindow(createPace(), ample.queue);
    let asked = 0;
    for (let now = 0; now < 1000; now++) {
      askAgain(receiver, now);
      asked += all(receiver, now).length;
    }
    expect(asked).toBe(1000 / ackDelay);
  });

  it("does not take an ack that was overtaken for news", () => {
    const { sender } = sent(8);
    receiveSegment(sender, ack(5), 10);
    receiveSegment(sender, ack(2), 11);
    expect(queuedBytes(sender)).toBe(3 * fragmentSize);
    expect(all(sender, 11)).toHaveLength(0);
  });

  it("after a resumption sends again all that is not acknowledged, in order", () => {
    const { sender } = sent(6);
    receiveSegment(sender, ack(1, 0b10), 10);
    restartWindow(sender);
    expect(sequences(all(sender, 20))).toEqual([1, 2, 4, 5]);
  });

  it("takes messages up to its limit, and again when acks made room", () => {
    const sender = createWindow(createPace(), ample.queue);
    expect(offerMessage(sender, message(1, messageLimit))).toBe(true);
    expect(offerMessage(sender, message(2, messageLimit))).toBe(false);
    expect(offerMessage(sender, message(3, ample.queue - messageLimit - 10))).toBe(true);
    expect(queuedBytes(sender)).toBeLessThanOrEqual(ample.queue);
    all(sender, 0);
    expect(offerMessage(sender, message(4, fragmentSize))).toBe(false);
    receiveSegment(sender, ack(2), 10);
    expect(offerMessage(sender, message(4, fragmentSize))).toBe(true);
  });

  it("takes any message of a peer's where nothing waits, however small its queue is", () => {
    const sender = createWindow(createPace(), 100);
    expect(offerMessage(sender, message(1, messageLimit))).toBe(true);
    expect(offerMessage(sender, message(2, 1))).toBe(false);
  });

  it("goes on when the sequence numbers have gone round", () => {
    const [sender, receiver] = [createWindow(createPace(), ample.queue), createWindow(createPace(), ample.queue)];
    let delivered = 0;
    for (let number = 0; number < 0x10000 + 40; number++) {
      offerMessage(sender, Uint8Array.of(number, number >> 8));
      for (const segment of all(sender, number)) delivered += receiveSegment(receiver, segment, number).messages.length;
      if (number % 8 === 7) for (const segment of all(receiver, number)) receiveSegment(sender, segment, number);
    }
    expect(delivered).toBe(0x10000 + 40);
  });

  it("refuses acks of what was never sent, fragments beyond the window, and lengths that no sender gives", () => {
    const fragment = (sequence: number, bytes: Uint8Array) =>
      encodeSegment({
        heard: true,
        again: false,
        ahead: false,
        expected: 0,
        selective: 0,
        fragment: { sequence, bytes },
      });
    const { sender } = sent(2);
    expect(() => receiveSegment(sender, ack(3), 1)).toThrow(/never sent/);
    expect(() =>
      receiveSegment(createWindow(createPace(), ample.queue), fragment(windowSize, Uint8Array.of(1, 1)), 1),
    ).toThrow(/was expected/);
    for (const length of [[0], [0x81, 0x80, 0x04], [0x80, 0x80, 0x80, 0x01], [0xff, 0xff, 0x7f]]) {
      expect(() =>
        receiveSegment(createWindow(createPace(), ample.queue), fragment(0, Uint8Array.from(length)), 1),
      ).toThrow(/announced/);
    }
  });
});
