/**
 * The sliding window of a session (PROTOCOL 12): messages go in, segments for records come out; fragments that don't arrive
 * are sent again, in new records. It outlives the keys, so that a resumed session goes on where it stopped.
 */

import { VertebraError } from "../core/errors";
import {
  ackDelay,
  ackEvery,
  flightTime,
  fragmentOverhead,
  fragmentSize,
  leastFlight,
  leastRoom,
  leastTimeout,
  mostRoom,
  roomTime,
  windowSize,
} from "./limits";
import type { Pace } from "./pace";
import { createRoundTrip, lengthenTimeout, type RoundTrip, renewTimeout, sampleRoundTrip } from "./round-trip";
import { decodeSegment, encodeSegment, type Segment } from "./segment";
import { type Assembler, addMessage, assemble, type Cutter, createAssembler, createCutter, cutNext } from "./stream";

export interface Window {
  /** Bytes that wait at most, but for a single message. */
  readonly queue: number;
  readonly sender: Sender;
  readonly receiver: Receiver;
}

interface Sender {
  readonly cutter: Cutter;
  readonly roundTrip: RoundTrip;
  readonly delivery: Delivery;
  /** Fragments that are not acknowledged, in their order, and their bytes. */
  readonly flight: Flying[];
  flying: number;
  sequence: number;
  transmissions: number;
  newestArrived: number;
  /** One that was sent again was acknowledged, and nothing since that was sent once: what lies between may be lost, or be on its way. */
  inDoubt: boolean;
  waitingSince: number;
  /** Since when something is on its way and none of it was acknowledged. */
  stillSince: number;
  retransmissions: number;
}

/** What is known of how much the wire and the peer take. */
interface Delivery {
  /** That of the wire: what is known of it before the first ack. */
  readonly pace: Pace;
  /** Bytes acknowledged so far. */
  delivered: number;
  /** Bytes per ms; undefined before the first ack that tells it. */
  rate: number | undefined;
  flight: number;
}

interface Receiver {
  readonly assembler: Assembler;
  /** What came too early, by sequence number modulo the window. */
  readonly early: (Uint8Array | undefined)[];
  expected: number;
  unacknowledged: number;
  ackDue: number;
  again: boolean;
  askedAt: number;
}

interface Flying {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  sentAt: number;
  /** Bytes of all that were acknowledged when it was sent, and whether more waited behind it. */
  readonly deliveredBefore: number;
  readonly pressed: boolean;
  /** Which transmission of all it was, the last time. */
  order: number;
  times: number;
  /** It arrived, though one before it did not. */
  arrived: boolean;
  /** To be sent again. */
  lost: boolean;
  /** Sent again to learn by its ack what became of those before it. */
  asked: boolean;
}

/** `pace` is that of the wire. Of `queue` bytes no more wait than that, but a single message that is larger. */
export function createWindow(pace: Pace, queue: number): Window {
  return {
    queue,
    sender: {
      cutter: createCutter(),
      roundTrip: createRoundTrip(),
      delivery: { pace, delivered: 0, rate: undefined, flight: windowSize },
      flight: [],
      flying: 0,
      sequence: 0,
      transmissions: 0,
      newestArrived: 0,
      inDoubt: false,
      waitingSince: 0,
      stillSince: 0,
      retransmissions: 0,
    },
    receiver: {
      assembler: createAssembler(),
      early: new Array<Uint8Array | undefined>(windowSize).fill(undefined),
      expected: 0,
      unacknowledged: 0,
      ackDue: Number.POSITIVE_INFINITY,
      again: false,
      askedAt: Number.NEGATIVE_INFINITY,
    },
  };
}

/** Takes a message, or leaves it where it would have to wait behind others in a queue that is too small for all of them. */
export function offerMessage(window: Window, message: Uint8Array): boolean {
  const queued = queuedBytes(window);
  if (queued > 0 && queued + message.length > window.queue) return false;
  addMessage(window.sender.cutter, message);
  return true;
}

/** The next segment to send now, an empty one where `forced` and nothing else; undefined where nothing is due. */
export function nextSegment(
  window: Window,
  now: number,
  heard: boolean,
  forced = false,
  ahead = false,
): Uint8Array | undefined {
  const fragment = nextFragment(window.sender, now);
  if (!fragment && !forced && now < window.receiver.ackDue) return undefined;
  return encodeSegment({ heard, ahead, fragment, ...acknowledge(window.receiver, now) });
}

/** The messages that a segment completes, whether the peer heard us, and whether it is ahead of the session's epoch. Throws VertebraError where the peer breaks the rules. */
export function receiveSegment(
  { sender, receiver }: Window,
  bytes: Uint8Array,
  now: number,
): { readonly messages: Uint8Array[]; readonly heard: boolean; readonly ahead: boolean } {
  const segment = decodeSegment(bytes);
  takeAck(sender, segment, now);
  const { fragment, heard, ahead } = segment;
  return { messages: fragment ? takeFragment(receiver, fragment.sequence, fragment.bytes, now) : [], heard, ahead };
}

/** A damaged frame came: the next segment asks for what is missing. */
export function askAgain({ receiver }: Window, now: number): void {
  receiver.again = true;
  // Once in a while: a flood of garbage must not make us flood the peer.
  receiver.ackDue = Math.min(receiver.ackDue, Math.max(now, receiver.askedAt + ackDelay));
}

/** After a resumption: all that is not acknowledged is sent again. */
export function restartWindow({ sender }: Window): void {
  for (const each of sender.flight) each.lost = !each.arrived;
  renewTimeout(sender.roundTrip);
}

/** When `nextSegment` wants to be called; Infinity where nothing waits. */
export function dueAt({ sender, receiver }: Window): number {
  const { flight, cutter, delivery } = sender;
  const ready = firstLost(sender) !== undefined || (flight.length < mostFlying(delivery) && cutter.waiting > 0);
  return Math.min(ready ? 0 : timeoutAt(sender), receiver.ackDue);
}

/** Bytes taken and not acknowledged. */
export function queuedBytes({ sender }: Window): number {
  return sender.flying + sender.cutter.waiting;
}

/**
 * Bytes that may wait, acknowledged or not, before what comes last waits longer than `roomTime`. Where nothing was acknowledged for so
 * long, what was learned of the wire and the peer holds no more.
 */
export function capacityOf({ sender }: Window, now: number): number {
  if (sender.flight.length > 0 && now >= sender.stillSince + roomTime) return leastRoom;
  return Math.min(mostRoom, Math.max(leastRoom, Math.round(roomTime * rateOf(sender.delivery))));
}

/** What a message taken now is expected to take until it is acknowledged, ms. */
export function delayOf({ sender }: Window): number {
  return Math.round((sender.roundTrip.smoothed ?? 0) + sender.cutter.waiting / rateOf(sender.delivery));
}

function firstLost({ flight }: Sender): Flying | undefined {
  for (let at = 0; at < flight.length; at++) if (flight[at]!.lost) return flight[at];
  return undefined;
}

/** What is on the wire needs its time, and the ack as long where the peer has as much to say. */
function timeoutAt({ flight, flying, roundTrip, delivery, waitingSince }: Sender): number {
  if (flight.length === 0) return Number.POSITIVE_INFINITY;
  const wireTime = leastTimeout + 2 * delivery.pace.msPerByte * (flying + fragmentOverhead * flight.length);
  return waitingSince + Math.max(roundTrip.timeout, wireTime);
}

function nextFragment(sender: Sender, now: number): Flying | undefined {
  const { flight, cutter, delivery } = sender;
  if (!firstLost(sender) && now >= timeoutAt(sender)) {
    // Nothing came back in time. The oldest goes again alone; its ack tells what became of the others.
    flight[0]!.lost = true;
    lengthenTimeout(sender.roundTrip);
  }
  const again = firstLost(sender);
  if (again) {
    sender.waitingSince = now;
    sender.retransmissions++;
    return transmit(sender, again, now);
  }
  const bytes = flight.length < mostFlying(delivery) ? cutNext(cutter, fragmentSize) : undefined;
  if (!bytes) return undefined;
  if (flight.length === 0) {
    sender.waitingSince = now;
    sender.stillSince = now;
  }
  const state = { sentAt: now, order: 0, times: 0, arrived: false, lost: false, asked: false };
  const pressed = cutter.waiting > 0;
  const fresh = { sequence: sender.sequence, bytes, deliveredBefore: delivery.delivered, pressed, ...state };
  sender.sequence = (sender.sequence + 1) & 0xffff;
  sender.flying += bytes.length;
  flight.push(fresh);
  return transmit(sender, fresh, now);
}

function transmit(sender: Sender, each: Flying, now: number): Flying {
  each.sentAt = now;
  each.order = ++sender.transmissions;
  each.times++;
  each.lost = false;
  return each;
}

function takeAck(sender: Sender, segment: Segment, now: number): void {
  const { flight } = sender;
  const base = flight[0]?.sequence ?? sender.sequence;
  const count = (segment.expected - base) & 0xffff;
  // Older than what we know: it was overtaken on its way.
  if (count >= 0x8000) return;
  if (count > flight.length) throw broken(`acknowledged fragment ${segment.expected}, which was never sent`);
  const arrived: Flying[] = [];
  const gone = count > 0 ? flight.splice(0, count) : arrived;
  for (let at = 0; at < count; at++) {
    const each = gone[at]!;
    sender.flying -= each.bytes.length;
    if (!each.arrived) arrived.push(each);
    noteDelivered(sender.delivery, each, now);
    sender.waitingSince = now;
    sender.stillSince = now;
  }
  for (let at = 0; at < flight.length; at++) {
    const each = flight[at]!;
    const bit = (each.sequence - segment.expected - 1) & 0xffff;
    if (each.arrived || bit >= windowSize || ((segment.selective >> bit) & 1) === 0) continue;
    each.arrived = true;
    each.lost = false;
    arrived.push(each);
  }
  judgeOrder(sender, arrived, now);
  let oldest: Flying | undefined;
  for (let at = 0; at < flight.length; at++) {
    const each = flight[at]!;
    if (each.arrived) continue;
    if (each.order < sender.newestArrived) each.lost = true;
    oldest ??= each;
  }
  if (segment.again && oldest) oldest.lost = true;
}

/**
 * What an ack tells of those before it: a wire keeps its order, so that what was sent before something that arrived, and did not
 * arrive itself, is lost. But the ack of what was sent again may be that of its first transmission, on a wire that became slow: then
 * all that followed is on its way, too, and to send it again would fill the wire with it. So as in F-RTO (RFC 5682) it is asked once
 * more, by the last one that is under way: where that one's ack comes before any of those between, they are lost.
 */
function judgeOrder(sender: Sender, arrived: readonly Flying[], now: number): void {
  let once = 0;
  let again: Flying | undefined;
  for (let at = 0; at < arrived.length; at++) {
    const each = arrived[at]!;
    const elapsed = now - each.sentAt;
    if (each.times === 1) {
      sampleRoundTrip(sender.roundTrip, elapsed);
      once = Math.max(once, each.order);
    } else if (elapsed >= sender.roundTrip.least) again = each;
  }
  sender.newestArrived = Math.max(sender.newestArrived, once);
  if (once > 0) sender.inDoubt = false;
  else if (again === undefined) return;
  else if (sender.inDoubt) sender.newestArrived = Math.max(sender.newestArrived, again.order);
  else if (!again.asked) askByLast(sender);
}

function askByLast(sender: Sender): void {
  const { flight } = sender;
  sender.inDoubt = true;
  for (let at = flight.length - 1; at >= 0; at--) {
    const each = flight[at]!;
    if (each.arrived) continue;
    each.lost = true;
    each.asked = true;
    return;
  }
}

/** Bytes per ms of a wire of which nothing is known yet: 115200 baud. */
const usualRate = 11.5;

function rateOfPace({ msPerByte }: Pace): number {
  return msPerByte > 0 ? 1 / msPerByte : usualRate;
}

/** Bytes per ms that are acknowledged while more waits, as BBR reckons it. */
function rateOf({ rate, pace }: Delivery): number {
  return rate ?? rateOfPace(pace);
}

/** How many fragments keep the wire and the peer busy. */
function mostFlying({ flight, pace }: Delivery): number {
  if (pace.msPerByte === 0) return Math.max(leastFlight, flight);
  const inTime = Math.floor((flightTime * rateOfPace(pace)) / (fragmentSize + fragmentOverhead));
  return Math.max(leastFlight, Math.min(flight, inTime));
}

/** Times the last that was seen, which the rate is believed to be at most. */
const mostAboveSeen = 4;

function noteDelivered(delivery: Delivery, each: Flying, now: number): void {
  const { bytes, sentAt, times, deliveredBefore, pressed } = each;
  delivery.delivered += bytes.length;
  if (times !== 1) return;
  const { flight, rate } = delivery;
  const elapsed = Math.max(1, now - sentAt);
  delivery.flight = elapsed > flightTime ? Math.max(leastFlight, flight - 1) : Math.min(windowSize, flight + 1);
  const seen = (delivery.delivered - deliveredBefore) / elapsed;
  // Where nothing waited the wire could have taken more.
  if (pressed || (rate !== undefined && seen > rate)) {
    // A wire that became slow is believed to be by the first that tells it: until then it is given what it can't carry.
    delivery.rate = rate === undefined ? seen : Math.min(0.75 * rate + 0.25 * seen, mostAboveSeen * seen);
  }
}

function acknowledge(receiver: Receiver, now: number): Pick<Segment, "expected" | "selective" | "again"> {
  const { early, expected, again } = receiver;
  let selective = 0;
  for (let bit = 0; bit < windowSize - 1; bit++) {
    if (early[(expected + 1 + bit) % windowSize]) selective |= 1 << bit;
  }
  if (again) receiver.askedAt = now;
  receiver.again = false;
  receiver.unacknowledged = 0;
  receiver.ackDue = Number.POSITIVE_INFINITY;
  return { expected, selective, again };
}

function takeFragment(receiver: Receiver, sequence: number, bytes: Uint8Array, now: number): Uint8Array[] {
  const { early, expected } = receiver;
  const ahead = (sequence - expected) & 0xffff;
  if (ahead >= windowSize && ahead < 0x8000) throw broken(`sent fragment ${sequence} where ${expected} was expected`);
  if (ahead !== 0) {
    // A gap, or one that came before: the peer must hear at once what is missing, or that nothing is.
    if (ahead < windowSize) early[sequence % windowSize] = bytes;
    receiver.ackDue = now;
    return [];
  }
  const messages: Uint8Array[] = [];
  for (let next: Uint8Array | undefined = bytes; next; next = early[receiver.expected % windowSize]) {
    early[receiver.expected % windowSize] = undefined;
    messages.push(...assemble(receiver.assembler, next));
    receiver.expected = (receiver.expected + 1) & 0xffff;
    receiver.unacknowledged++;
  }
  receiver.ackDue = receiver.unacknowledged >= ackEvery ? now : Math.min(receiver.ackDue, now + ackDelay);
  return messages;
}

function broken(what: string): VertebraError {
  return new VertebraError("link-window", `The peer ${what}`, "Bring both participants to the same release.");
}
