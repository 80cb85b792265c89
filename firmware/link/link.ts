/**
 * One link over one serial wire: bytes and time in, ordered actions out. Frames, under them the session, under it the window
 * (docs/link.md says why in this order). Over MQTT or TCP only the frames differ.
 */

import { VertebraError } from "../core/errors";
import { messageLimit } from "../core/wire/limits";
import type { AvatarId } from "../core/wire/types";
import type { Crypto, Random, Room } from "../ports";
import { createFrameReader, encodeFrame, type Frame } from "./frames";
import type { LinkIdentity } from "./introduction";
import { keepaliveAfter, noticeSpacing, silenceLimit } from "./limits";
import { createPace, noteArrival } from "./pace";
import { createSession, type SessionEvent } from "./session";
import { createWindow, type Window } from "./window";

export type { LinkIdentity } from "./introduction";

/** What a link asks of its driver, to be done in order. */
export type LinkAction =
  /** To the wire. */
  | { readonly kind: "write"; readonly bytes: Uint8Array }
  /** A session stands. `resumed`: it is the one that was down, and what was taken before is still delivered, once. */
  | { readonly kind: "up"; readonly avatar: AvatarId; readonly resumed: boolean; readonly room: Room }
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
  readonly up: boolean;
  /** Sessions resumed, and full handshakes done. */
  readonly resumed: number;
  readonly handshakes: number;
}

/** `now` is monotonic time in ms and never goes back. */
export interface Link {
  /** The wire is open: the first time, and again whenever it was reopened. */
  start(now: number): LinkAction[];
  /** The wire is gone. The session is kept, in RAM, for resuming. */
  closed(now: number): LinkAction[];
  /** Bytes from the wire, cut anywhere. */
  receive(bytes: Uint8Array, now: number): LinkAction[];
  /**
   * Takes a message for the peer; it must not be written to afterwards. Undefined where it is not taken: no session was ever
   * there, or the queue is full. Throws `link-message` where it is empty or above `messageLimit`.
   */
  send(message: Uint8Array, now: number): LinkAction[] | undefined;
  /** The time of the last `wake` has come. Earlier or once too often does no harm. */
  alarm(now: number): LinkAction[];
  /** When the peer was last heard, by a genuine record, keepalives counted: monotonic ms, -Infinity before the first. */
  heardAt(): number;
  stats(): LinkStats;
}

export function createLink(options: { crypto: Crypto; random: Random; identity: LinkIdentity; now: number }): Link {
  const reader = createFrameReader();
  const pace = createPace();
  const session = createSession(options.crypto, options.random, options.identity, pace);
  const notices = createNotices();
  let window: Window | undefined;
  let open = false;
  /** What the driver was told last, `up` or `down`. */
  let up = false;
  let sentAt = options.now;
  let heardAt = Number.NEGATIVE_INFINITY;
  let wakeAt = Number.POSITIVE_INFINITY;
  /** The room that was told last, less what was sent since, and the delay. */
  let told = { bytes: 0, delay: 0 };
  const counts = { bytesIn: 0, bytesOut: 0, retransmissions: 0, resumed: 0, handshakes: 0 };

  function write(frame: { kind: Parameters<typeof encodeFrame>[0]; payload: Uint8Array }, out: LinkAction[]): void {
    const bytes = encodeFrame(frame.kind, frame.payload);
    counts.bytesOut += bytes.length;
    out.push({ kind: "write", bytes });
  }

  function goDown(error: VertebraError, out: LinkAction[]): void {
    if (up) out.push({ kind: "down", error });
    up = false;
  }

  function dropWindow(): void {
    counts.retransmissions += window?.retransmissions() ?? 0;
    window = undefined;
  }

  function stand(avatar: AvatarId, fresh: boolean, now: number, out: LinkAction[]): void {
    if (fresh) {
      goDown(replaced(), out);
      counts.handshakes++;
      dropWindow();
      window = createWindow(pace);
    } else {
      counts.resumed++;
      window!.restart();
    }
    heardAt = now;
    if (!up) out.push({ kind: "up", avatar, resumed: !fresh, room: roomNow(window!) });
    up = true;
    transmit(now, out, true);
  }

  function roomNow(window: Window): Room {
    const room = { bytes: window.capacity() - window.queued(), delay: window.delay() };
    told = { ...room };
    return room;
  }

  /** Once half of it has become free again, not for every ack; and where a wire that was slow for what waited is so no more. */
  function tellChangedRoom(out: LinkAction[]): void {
    if (!up || !window) return;
    const freed = window.capacity() - window.queued() - told.bytes;
    const faster = window.queued() === 0 && told.delay > 2 * window.delay() + staleDelay;
    if (freed >= window.capacity() / 2 || faster) out.push({ kind: "room", room: roomNow(window) });
  }

  /** All that may go now; a record even where there is nothing to say, if `forced`. */
  function transmit(now: number, out: LinkAction[], forced = false): void {
    if (!window || !session.stands()) return;
    let force = forced || now >= sentAt + keepaliveAfter;
    for (;;) {
      const segment = window.next(now, session.heard(), force);
      if (!segment) return;
      write(session.seal(segment), out);
      sentAt = now;
      force = false;
    }
  }

  function takeRecord(plaintext: Uint8Array, now: number, out: LinkAction[]): void {
    heardAt = now;
    try {
      const { messages, heard } = window!.receive(plaintext, now);
      if (heard) session.peerHeard();
      for (const bytes of messages) out.push({ kind: "message", bytes });
    } catch (error) {
      if (!(error instanceof VertebraError)) throw error;
      goDown(error, out);
      dropWindow();
      take(session.forget(now), now, out);
    }
  }

  function take(events: readonly SessionEvent[], now: number, out: LinkAction[]): void {
    for (const event of events) {
      if (event.kind === "frame") write(event.frame, out);
      else if (event.kind === "stands") stand(event.avatar, event.fresh, now, out);
      else if (event.kind === "record") takeRecord(event.plaintext, now, out);
      else if (event.kind === "answer") transmit(now, out, true);
      else notices.tell(event.error, now, out);
    }
  }

  /** Everything that is due by now, and when to come again. */
  function settle(now: number, out: LinkAction[]): LinkAction[] {
    if (!open) return out;
    if (session.stands() && now >= heardAt + silenceLimit) {
      goDown(silent(), out);
      take(session.lost(now), now, out);
    }
    take(session.alarm(now), now, out);
    transmit(now, out);
    tellChangedRoom(out);
    const standing = session.stands()
      ? Math.min(window!.due(), sentAt + keepaliveAfter, heardAt + silenceLimit)
      : Number.POSITIVE_INFINITY;
    const at = Math.min(session.due(), standing);
    // A later wish can wait for the earlier wake: a timer is set again once in a while, not for every ack.
    if (at < wakeAt) {
      wakeAt = at;
      out.push({ kind: "wake", at });
    }
    return out;
  }

  function close(out: LinkAction[]): void {
    open = false;
    goDown(cut(), out);
    session.close();
    reader.reset();
  }

  return {
    start(now) {
      const out: LinkAction[] = [];
      close(out);
      open = true;
      wakeAt = Number.POSITIVE_INFINITY;
      take(session.open(now), now, out);
      return settle(now, out);
    },
    closed() {
      const out: LinkAction[] = [];
      close(out);
      return out;
    },
    receive(bytes, now) {
      const out: LinkAction[] = [];
      if (!open) return out;
      counts.bytesIn += bytes.length;
      const before = reader.damaged();
      const frames: Frame[] = reader.read(bytes);
      noteArrival(pace, bytes.length, frames.length > 0, reader.begun(), now);
      if (reader.damaged() > before) {
        window?.askAgain(now);
        notices.tell(damaged(reader.damaged()), now, out);
      }
      for (const frame of frames) take(session.receive(frame, now), now, out);
      return settle(now, out);
    },
    send(message, now) {
      if (message.length === 0 || message.length > messageLimit) throw unfit(message.length);
      if (!window?.offer(message)) return undefined;
      told.bytes -= message.length;
      return settle(now, []);
    },
    alarm(now) {
      wakeAt = Number.POSITIVE_INFINITY;
      return settle(now, []);
    },
    heardAt: () => heardAt,
    stats: () => ({
      bytesIn: counts.bytesIn,
      bytesOut: counts.bytesOut,
      framesDamaged: reader.damaged(),
      retransmissions: counts.retransmissions + (window?.retransmissions() ?? 0),
      queued: window?.queued() ?? 0,
      up,
      resumed: counts.resumed,
      handshakes: counts.handshakes,
    }),
  };
}

/** A delay is told anew when it is half of what was told, and so many ms less. */
const staleDelay = 100;

/** Tells each kind of notice at most once in `noticeSpacing`: a stranger must not fill a log. */
function createNotices() {
  const told = new Map<string, number>();
  return {
    tell(error: VertebraError, now: number, out: LinkAction[]): void {
      const before = told.get(error.code);
      if (before !== undefined && now - before < noticeSpacing) return;
      told.set(error.code, now);
      out.push({ kind: "notice", error });
    },
  };
}

function replaced(): VertebraError {
  return new VertebraError(
    "link-replaced",
    "The peer began a new session",
    "It was restarted, or another participant is on the wire; what was not acknowledged is sent anew.",
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
