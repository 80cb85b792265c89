/**
 * One link over one wire, serial or TCP: bytes and time in, ordered actions out. Frames, under them the session, under it the window
 * (docs/link.md says why in this order). Over MQTT only the frames differ.
 */

import { VertebraError } from "../core/errors";
import { messageLimit } from "../core/wire/limits";
import type { AvatarId } from "../core/wire/types";
import type { Crypto, Random, Room } from "../ports";
import { createFrameReader, encodeFrame, type FrameReader, forgetBegun, hasBegun, readFrames } from "./frames";
import type { OutgoingFrame } from "./handshake";
import type { LinkIdentity } from "./introduction";
import { keepaliveAfter, knockSpacing, noticeSpacing, silenceLimit } from "./limits";
import { createPace, noteArrival, type Pace } from "./pace";
import {
  alarmSession,
  beginInEpoch,
  closeSession,
  createSession,
  forgetSession,
  heardPeer,
  isAhead,
  loseSession,
  notePeerAhead,
  notePeerHeard,
  openSession,
  receiveFrame,
  refusedNow,
  renewalDue,
  renewSession,
  type Session,
  type SessionEvent,
  sealInSession,
  sessionDue,
  sessionStands,
} from "./session";
import {
  askAgain,
  capacityOf,
  createWindow,
  delayOf,
  dueAt,
  nextSegment,
  offerMessage,
  queuedBytes,
  receiveSegment,
  restartWindow,
  type Window,
} from "./window";

export type { LinkIdentity } from "./introduction";

/** What a link asks of its driver, to be done in order. */
export type LinkAction =
  /** To the wire. */
  | { readonly kind: "write"; readonly bytes: Uint8Array }
  /** A session stands. `resumed`: it is the one that was down, and what was taken before is still delivered, once. */
  | {
      readonly kind: "up";
      readonly avatar: AvatarId;
      /** By the key of which epoch it was made: in an earlier one than its own a participant gives the peer definitions alone. */
      readonly epoch: number;
      readonly resumed: boolean;
      readonly room: Room;
    }
  /** A message of the peer, each once and in order. */
  | { readonly kind: "message"; readonly bytes: Uint8Array }
  /**
   * Much of what was sent has left: what there is room for now. What is sent all the same is taken too, up to the queue's limit.
   */
  | { readonly kind: "room"; readonly room: Room }
  /** The session is not to be reached. The link goes on trying. */
  | { readonly kind: "down"; readonly error: VertebraError }
  /** Something a person should know. The same is told once in a while only. */
  | { readonly kind: "notice"; readonly error: VertebraError }
  /** Call `alarm` at this monotonic time (ms), in place of any earlier wish. */
  | { readonly kind: "wake"; readonly at: number };

export interface LinkStats {
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Dropped for their form or their CRC; lines of a log don't count. */
  readonly framesDamaged: number;
  /** Fragments sent again. */
  readonly retransmissions: number;
  /** Bytes taken by `send` and not acknowledged yet. */
  readonly queued: number;
  /** What an acknowledgement takes on average, ms; undefined before the first. */
  readonly roundTrip: number | undefined;
  readonly up: boolean;
  /** Sessions resumed, and full handshakes done. */
  readonly resumed: number;
  readonly handshakes: number;
}

export interface Link {
  readonly reader: FrameReader;
  readonly pace: Pace;
  readonly queue: number;
  readonly session: Session;
  window: Window | undefined;
  /** Whether the wire is. */
  open: boolean;
  /** What the driver was told last, `up` or `down`. */
  up: boolean;
  /** That by whose key the last session was made. */
  epoch: number;
  sentAt: number;
  /** When the peer was last heard, by a genuine record, keepalives counted: monotonic ms, -Infinity before the first. */
  heardAt: number;
  wakeAt: number;
  /** The room that was told last, less what was sent since, and the delay. */
  toldRoom: number;
  toldDelay: number;
  /** When each kind of notice was told last, by its code. */
  readonly noticed: Map<string, number>;
  bytesIn: number;
  bytesOut: number;
  /** By windows that are gone. */
  retransmissions: number;
  resumed: number;
  handshakes: number;
}

/** `now` is here and below monotonic time in ms, and never goes back. `queue` bytes are taken by `send` and not acknowledged yet, at most. */
export function createLink(options: {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly identity: LinkIdentity;
  readonly queue: number;
  readonly now: number;
  /** On a wire that one end dials: whether this is the one. */
  readonly leads?: boolean;
}): Link {
  const pace = createPace();
  return {
    reader: createFrameReader(),
    pace,
    queue: options.queue,
    session: createSession(options.crypto, options.random, options.identity, options.leads, pace),
    window: undefined,
    open: false,
    up: false,
    epoch: 0,
    sentAt: options.now,
    heardAt: Number.NEGATIVE_INFINITY,
    wakeAt: Number.POSITIVE_INFINITY,
    toldRoom: 0,
    toldDelay: 0,
    noticed: new Map(),
    bytesIn: 0,
    bytesOut: 0,
    retransmissions: 0,
    resumed: 0,
    handshakes: 0,
  };
}

/** The wire is open: the first time, and again whenever it was reopened. */
export function startLink(link: Link, now: number): LinkAction[] {
  const out = closeLink(link);
  link.open = true;
  link.wakeAt = Number.POSITIVE_INFINITY;
  take(link, openSession(link.session, now), now, out);
  return settle(link, now, out);
}

/** The wire is gone. The session is kept, in RAM, for resuming. */
export function closeLink(link: Link): LinkAction[] {
  const out: LinkAction[] = [];
  link.open = false;
  goDown(link, cut(), out);
  closeSession(link.session);
  forgetBegun(link.reader);
  return out;
}

/** Bytes from the wire, cut anywhere. */
export function receiveBytes(link: Link, bytes: Uint8Array, now: number): LinkAction[] {
  const out: LinkAction[] = [];
  if (!link.open) return out;
  const { reader } = link;
  link.bytesIn += bytes.length;
  const before = reader.damaged;
  const frames = readFrames(reader, bytes);
  noteArrival(link.pace, bytes.length, frames.length > 0, hasBegun(reader), now);
  if (reader.damaged > before) {
    if (link.window) askAgain(link.window, now);
    notice(link, damaged(reader.damaged), now, out);
  }
  for (const frame of frames) take(link, receiveFrame(link.session, frame, now), now, out);
  return settle(link, now, out);
}

/**
 * Takes a message for the peer; it must not be written to afterwards. Undefined where it is not taken: no session was ever
 * there, or the queue is full. Throws `link-message` where it is empty or above `messageLimit`.
 */
export function sendMessage(link: Link, message: Uint8Array, now: number): LinkAction[] | undefined {
  if (message.length === 0 || message.length > messageLimit) throw unfit(message.length);
  if (!link.window || !offerMessage(link.window, message)) return undefined;
  link.toldRoom -= message.length;
  return settle(link, now, []);
}

/**
 * The membership has changed: who is let in no more is left at once, and with others the link goes on in the new epoch, as soon as both
 * are in it.
 */
export function renewLink(link: Link, now: number): LinkAction[] {
  const out: LinkAction[] = [];
  const { session } = link;
  const refusal = refusedNow(session);
  if (refusal) leave(link, refusal, now, out);
  if (!link.open) return out;
  take(link, beginInEpoch(session, now), now, out);
  transmit(link, now, out, true);
  return settle(link, now, out);
}

/** The time of the last `wake` has come. Earlier or once too often does no harm. */
export function alarmLink(link: Link, now: number): LinkAction[] {
  link.wakeAt = Number.POSITIVE_INFINITY;
  return settle(link, now, []);
}

export function linkStats(link: Link): LinkStats {
  const { reader, window, bytesIn, bytesOut, up, resumed, handshakes } = link;
  return {
    bytesIn,
    bytesOut,
    framesDamaged: reader.damaged,
    retransmissions: link.retransmissions + (window?.sender.retransmissions ?? 0),
    queued: window ? queuedBytes(window) : 0,
    roundTrip: window?.sender.roundTrip.smoothed,
    up,
    resumed,
    handshakes,
  };
}

/** Everything that is due by now, and when to come again. */
function settle(link: Link, now: number, out: LinkAction[]): LinkAction[] {
  if (!link.open) return out;
  const { session } = link;
  if (sessionStands(session) && now >= link.heardAt + silenceLimit) {
    goDown(link, silent(), out);
    take(link, loseSession(session, now), now, out);
  }
  take(link, alarmSession(session, now), now, out);
  take(link, renewSession(session, now), now, out);
  transmit(link, now, out);
  tellChangedRoom(link, now, out);
  const standing = sessionStands(session)
    ? Math.min(dueAt(link.window!), link.sentAt + keepaliveAfter, link.heardAt + silenceLimit)
    : Number.POSITIVE_INFINITY;
  const at = Math.min(sessionDue(session), renewalDue(session), standing);
  // A later wish can wait for the earlier wake: a timer is set again once in a while, not for every ack.
  if (at < link.wakeAt) {
    link.wakeAt = at;
    out.push({ kind: "wake", at });
  }
  return out;
}

function take(link: Link, events: readonly SessionEvent[], now: number, out: LinkAction[]): void {
  for (let at = 0; at < events.length; at++) {
    const event = events[at]!;
    if (event.kind === "frame") write(link, event.frame, out);
    else if (event.kind === "stands") stand(link, event, now, out);
    else if (event.kind === "record") takeRecord(link, event.plaintext, now, out);
    else if (event.kind === "answer") transmit(link, now, out, true);
    else notice(link, event.error, now, out);
  }
}

function write(link: Link, frame: OutgoingFrame, out: LinkAction[]): void {
  const bytes = encodeFrame(frame.kind, frame.payload);
  link.bytesOut += bytes.length;
  out.push({ kind: "write", bytes });
}

function goDown(link: Link, error: VertebraError, out: LinkAction[]): void {
  if (link.up) out.push({ kind: "down", error });
  link.up = false;
}

function dropWindow(link: Link): void {
  link.retransmissions += link.window?.sender.retransmissions ?? 0;
  link.window = undefined;
}

function stand(
  link: Link,
  { avatar, epoch, fresh }: Extract<SessionEvent, { kind: "stands" }>,
  now: number,
  out: LinkAction[],
): void {
  if (fresh) {
    goDown(link, epoch > link.epoch ? wentOn(epoch) : replaced(), out);
    link.handshakes++;
    dropWindow(link);
    link.window = createWindow(link.pace, link.queue);
  } else {
    link.resumed++;
    restartWindow(link.window!);
  }
  link.heardAt = now;
  link.epoch = epoch;
  if (!link.up) out.push({ kind: "up", avatar, epoch, resumed: !fresh, room: roomNow(link, link.window!, now) });
  link.up = true;
  transmit(link, now, out, true);
}

function roomNow(link: Link, window: Window, now: number): Room {
  link.toldRoom = capacityOf(window, now) - queuedBytes(window);
  link.toldDelay = delayOf(window);
  return { bytes: link.toldRoom, delay: link.toldDelay };
}

/** A delay is told anew when it is half of what was told, and so many ms less. */
const staleDelay = 100;

/**
 * Once half of it has become free again, not for every ack; where a wire that was slow for what waited is so no more; and where one
 * that was fast takes so little now that what was told before would wait far too long.
 */
function tellChangedRoom(link: Link, now: number, out: LinkAction[]): void {
  const { window } = link;
  if (!link.up || !window) return;
  const capacity = capacityOf(window, now);
  const queued = queuedBytes(window);
  const faster = queued === 0 && link.toldDelay > 2 * delayOf(window) + staleDelay;
  const freed = capacity - queued - link.toldRoom;
  const shrunk = link.toldRoom > 0 && freed <= -capacity / 2;
  if (freed >= capacity / 2 || faster || shrunk) {
    out.push({ kind: "room", room: roomNow(link, window, now) });
  }
}

/** All that may go now; a record even where there is nothing to say, if `forced`. */
function transmit(link: Link, now: number, out: LinkAction[], forced = false): void {
  const { session, window } = link;
  if (!window || !sessionStands(session)) return;
  let force = forced || now >= link.sentAt + keepaliveAfter;
  for (;;) {
    const segment = nextSegment(window, now, heardPeer(session), force, isAhead(session));
    if (!segment) return;
    write(link, sealInSession(session, segment), out);
    link.sentAt = now;
    force = false;
  }
}

function takeRecord(link: Link, plaintext: Uint8Array, now: number, out: LinkAction[]): void {
  link.heardAt = now;
  try {
    const { messages, heard, ahead } = receiveSegment(link.window!, plaintext, now);
    if (heard) notePeerHeard(link.session);
    if (ahead) notePeerAhead(link.session);
    for (const bytes of messages) out.push({ kind: "message", bytes });
  } catch (error) {
    if (!(error instanceof VertebraError)) throw error;
    leave(link, error, now, out);
  }
}

/** Ends the session for good, and looks for another where the wire is open. */
function leave(link: Link, reason: VertebraError, now: number, out: LinkAction[]): void {
  goDown(link, reason, out);
  dropWindow(link);
  const events = forgetSession(link.session, now);
  if (link.open) take(link, events, now, out);
  else closeSession(link.session);
}

/** Told of whom the membership keeps out. */
const knocks = ["link-expelled", "link-stranger", "link-epoch"];

/** Tells each kind of notice at most once in a while: a stranger must not fill a log. */
function notice({ noticed }: Link, error: VertebraError, now: number, out: LinkAction[]): void {
  const before = noticed.get(error.code);
  const spacing = knocks.includes(error.code) ? knockSpacing : noticeSpacing;
  if (before !== undefined && now - before < spacing) return;
  noticed.set(error.code, now);
  out.push({ kind: "notice", error });
}

function replaced(): VertebraError {
  return new VertebraError(
    "link-replaced",
    "The peer began a new session",
    "It was restarted, or another participant is on the wire; what was not acknowledged is sent anew.",
  );
}

function wentOn(epoch: number): VertebraError {
  return new VertebraError(
    "link-renewed",
    `Both ends went on in epoch ${epoch} of the membership`,
    "Somebody was expelled, and all others get new keys: nothing is to be done.",
  );
}

function silent(): VertebraError {
  return new VertebraError(
    "link-silent",
    `Nothing was heard of the peer for ${silenceLimit / 1000} s`,
    "Look for a pulled cable or a peer without power; the link goes on when it is back.",
  );
}

function cut(): VertebraError {
  return new VertebraError("link-closed", "The wire is gone", "Put the cable back; the link goes on where it stopped.");
}

function damaged(count: number): VertebraError {
  return new VertebraError(
    "link-damaged",
    `${count} frames came damaged so far, were dropped and asked for again`,
    "If it goes on, check that both ends have the same baud rate, and the cable, its length and its ground.",
  );
}

function unfit(length: number): VertebraError {
  return new VertebraError(
    "link-message",
    `A message of ${length} bytes can't be sent; the least is 1 and the most ${messageLimit}`,
    "Split it before it is sent.",
  );
}
