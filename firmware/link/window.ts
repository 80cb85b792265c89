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
  queueLimit,
  roomTime,
  windowSize,
} from "./limits";
import type { Pace } from "./pace";
import { createRoundTrip, type RoundTrip } from "./round-trip";
import { decodeSegment, encodeSegment, type Segment } from "./segment";
import { createAssembler, createCutter } from "./stream";

export interface Window {
  /** Takes a message, or leaves it where more than `queueLimit` bytes would wait. */
  offer(message: Uint8Array): boolean;
  /** The next segment to send now, an empty one where `forced` and nothing else; undefined where nothing is due. */
  next(now: number, heard: boolean, forced?: boolean): Uint8Array | undefined;
  /** The messages that a segment completes, and whether the peer heard us. Throws VertebraError where the peer breaks the rules. */
  receive(segment: Uint8Array, now: number): { readonly messages: Uint8Array[]; readonly heard: boolean };
  /** A damaged frame came: the next segment asks for what is missing. */
  askAgain(now: number): void;
  /** After a resumption: all that is not acknowledged is sent again. */
  restart(): void;
  /** When `next` wants to be called; Infinity where nothing waits. */
  due(): number;
  /** Bytes taken and not acknowledged. */
  queued(): number;
  /** Bytes that may wait, acknowledged or not, before what comes last waits longer than `roomTime`. */
  capacity(): number;
  /** What a message taken now is expected to take until it is acknowledged, ms. */
  delay(): number;
  retransmissions(): number;
}

/** `pace` is that of the wire: what is known of it before the first ack. */
export function createWindow(pace: Pace): Window {
  const sender = createSender(pace);
  const receiver = createReceiver();

  return {
    offer: sender.offer,
    next(now, heard, forced = false) {
      const fragment = sender.next(now);
      if (!fragment && !forced && now < receiver.ackDue()) return undefined;
      return encodeSegment({ heard, fragment, ...receiver.acknowledge(now) });
    },
    receive(bytes, now) {
      const segment = decodeSegment(bytes);
      sender.acknowledged(segment, now);
      const messages = segment.fragment ? receiver.take(segment.fragment.sequence, segment.fragment.bytes, now) : [];
      return { messages, heard: segment.heard };
    },
    askAgain: receiver.askAgain,
    restart: sender.restart,
    due: () => Math.min(sender.due(), receiver.ackDue()),
    queued: sender.queued,
    capacity: sender.capacity,
    delay: sender.delay,
    retransmissions: sender.retransmissions,
  };
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
}

function createSender(pace: Pace) {
  const cutter = createCutter();
  const roundTrip = createRoundTrip();
  const flight: Flying[] = [];
  const delivery = createDelivery(pace);
  let sequence = 0;
  let transmissions = 0;
  let newestArrived = 0;
  let flying = 0;
  let waitingSince = 0;
  let retransmissions = 0;

  /** What is on the wire needs its time, and the ack as long where the peer has as much to say. */
  const wireTime = () => leastTimeout + 2 * pace.msPerByte * (flying + fragmentOverhead * flight.length);
  const timeoutAt = () =>
    flight.length === 0 ? Number.POSITIVE_INFINITY : waitingSince + Math.max(roundTrip.timeout(), wireTime());
  const firstLost = () => flight.find((each) => each.lost);

  function transmit(each: Flying, now: number): Flying {
    each.sentAt = now;
    each.order = ++transmissions;
    each.times++;
    each.lost = false;
    return each;
  }

  return {
    due(): number {
      if (firstLost() || (flight.length < delivery.flight() && cutter.waiting() > 0)) return 0;
      return timeoutAt();
    },
    queued: () => flying + cutter.waiting(),
    capacity: () => Math.min(mostRoom, Math.max(leastRoom, Math.round(roomTime * delivery.rate()))),
    delay: () => Math.round(roundTrip.smoothed() + cutter.waiting() / delivery.rate()),
    retransmissions: () => retransmissions,
    offer(message: Uint8Array): boolean {
      if (flying + cutter.waiting() + message.length > queueLimit) return false;
      cutter.add(message);
      return true;
    },
    next(now: number): Flying | undefined {
      if (!firstLost() && now >= timeoutAt()) {
        // Nothing came back in time. The oldest goes again alone; its ack tells what became of the others.
        flight[0]!.lost = true;
        roundTrip.expired();
      }
      const again = firstLost();
      if (again) {
        waitingSince = now;
        retransmissions++;
        return transmit(again, now);
      }
      const bytes = flight.length < delivery.flight() ? cutter.cut(fragmentSize) : undefined;
      if (!bytes) return undefined;
      if (flight.length === 0) waitingSince = now;
      const state = { sentAt: now, order: 0, times: 0, arrived: false, lost: false };
      const pressed = cutter.waiting() > 0;
      const fresh = { sequence, bytes, deliveredBefore: delivery.delivered(), pressed, ...state };
      sequence = (sequence + 1) & 0xffff;
      flying += bytes.length;
      flight.push(fresh);
      return transmit(fresh, now);
    },
    acknowledged(segment: Segment, now: number): void {
      const base = flight[0]?.sequence ?? sequence;
      const count = (segment.expected - base) & 0xffff;
      // Older than what we know: it was overtaken on its way.
      if (count >= 0x8000) return;
      if (count > flight.length) throw broken(`acknowledged fragment ${segment.expected}, which was never sent`);
      for (const each of flight.splice(0, count)) {
        flying -= each.bytes.length;
        if (!each.arrived) newestArrived = Math.max(newestArrived, arrivedOrder(each, now, roundTrip));
        delivery.acknowledged(each, now);
        waitingSince = now;
      }
      for (const each of flight) {
        const bit = (each.sequence - segment.expected - 1) & 0xffff;
        if (each.arrived || bit >= windowSize || ((segment.selective >> bit) & 1) === 0) continue;
        each.arrived = true;
        each.lost = false;
        newestArrived = Math.max(newestArrived, arrivedOrder(each, now, roundTrip));
      }
      // A wire keeps its order: what was sent before something that arrived, and did not arrive itself, is lost.
      for (const each of flight) if (!each.arrived && each.order < newestArrived) each.lost = true;
      const oldest = flight.find((each) => !each.arrived);
      if (segment.again && oldest) oldest.lost = true;
    },
    restart(): void {
      for (const each of flight) each.lost = !each.arrived;
      roundTrip.renew();
    },
  };
}

/** Which transmission of `each` its ack stands for; 0 where it came too soon for the last one, and an earlier one arrived after all. */
function arrivedOrder(each: Flying, now: number, roundTrip: RoundTrip): number {
  const elapsed = now - each.sentAt;
  if (each.times === 1) roundTrip.sample(elapsed);
  return each.times === 1 || elapsed >= roundTrip.least() ? each.order : 0;
}

/** Bytes per ms of a wire of which nothing is known yet: 115200 baud. */
const usualRate = 11.5;

/** How much the wire and the peer take: what they acknowledge while more waits (as BBR reckons it), and how many fragments keep them busy. */
function createDelivery(pace: Pace) {
  let delivered = 0;
  let rate: number | undefined;
  let flight = windowSize;

  const ofPace = () => (pace.msPerByte > 0 ? 1 / pace.msPerByte : usualRate);
  const inTime = () => Math.floor((flightTime * ofPace()) / (fragmentSize + fragmentOverhead));

  return {
    delivered: () => delivered,
    rate: () => rate ?? ofPace(),
    flight: () => Math.max(leastFlight, pace.msPerByte > 0 ? Math.min(flight, inTime()) : flight),
    acknowledged({ bytes, sentAt, times, deliveredBefore, pressed }: Flying, now: number): void {
      delivered += bytes.length;
      if (times !== 1) return;
      const elapsed = Math.max(1, now - sentAt);
      flight = elapsed > flightTime ? Math.max(leastFlight, flight - 1) : Math.min(windowSize, flight + 1);
      const seen = (delivered - deliveredBefore) / elapsed;
      // Where nothing waited the wire could have taken more.
      if (pressed || (rate !== undefined && seen > rate)) rate = rate === undefined ? seen : 0.75 * rate + 0.25 * seen;
    },
  };
}

function createReceiver() {
  const assembler = createAssembler();
  /** What came too early, by sequence number modulo the window. */
  const early = new Array<Uint8Array | undefined>(windowSize).fill(undefined);
  let expected = 0;
  let unacknowledged = 0;
  let ackDue = Number.POSITIVE_INFINITY;
  let again = false;
  let askedAt = Number.NEGATIVE_INFINITY;

  return {
    ackDue: () => ackDue,
    acknowledge(now: number): { expected: number; selective: number; again: boolean } {
      let selective = 0;
      for (let bit = 0; bit < windowSize - 1; bit++) {
        if (early[(expected + 1 + bit) % windowSize]) selective |= 1 << bit;
      }
      const answer = { expected, selective, again };
      if (again) askedAt = now;
      again = false;
      unacknowledged = 0;
      ackDue = Number.POSITIVE_INFINITY;
      return answer;
    },
    take(sequence: number, bytes: Uint8Array, now: number): Uint8Array[] {
      const ahead = (sequence - expected) & 0xffff;
      if (ahead >= windowSize && ahead < 0x8000)
        throw broken(`sent fragment ${sequence} where ${expected} was expected`);
      if (ahead !== 0) {
        // A gap, or one that came before: the peer must hear at once what is missing, or that nothing is.
        if (ahead < windowSize) early[sequence % windowSize] = bytes;
        ackDue = now;
        return [];
      }
      const messages: Uint8Array[] = [];
      for (let next: Uint8Array | undefined = bytes; next; next = early[expected % windowSize]) {
        early[expected % windowSize] = undefined;
        messages.push(...assembler.take(next));
        expected = (expected + 1) & 0xffff;
        unacknowledged++;
      }
      ackDue = unacknowledged >= ackEvery ? now : Math.min(ackDue, now + ackDelay);
      return messages;
    },
    askAgain(now: number): void {
      again = true;
      // Once in a while: a flood of garbage must not make us flood the peer.
      ackDue = Math.min(ackDue, Math.max(now, askedAt + ackDelay));
    },
  };
}

function broken(what: string): VertebraError {
  return new VertebraError("link-window", `The peer ${what}`, "Bring both participants to the same release.");
}
