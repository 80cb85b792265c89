import { VertebraError } from "../core/errors";
import type { PeerId } from "../core/events";
import type { AvatarId } from "../core/wire/types";
import {
  alarmLink,
  closeLink,
  createLink,
  type LinkAction,
  type LinkIdentity,
  type LinkStats,
  linkStats,
  receiveBytes,
  sendMessage,
  startLink,
} from "../link/link";
import type { Clock, Crypto, Random, Room } from "../ports";

/** An open serial line. */
export interface Wire {
  /** False where it is not taken, as too much waits already. */
  write(bytes: Uint8Array): boolean;
  close(): void;
}

export interface CableOptions {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly clock: Clock;
  readonly identity: LinkIdentity;
  /** Throws an error with `code`, `message` and `remedy` where the line can't be opened now. */
  open(received: (bytes: Uint8Array) => void, closed: (reason: string) => void): Wire;
  /** Monotonic ms; replaces the time asked for before. */
  wake(at: number): void;
  up(peer: PeerId, avatar: AvatarId, resumed: boolean, room: Room): void;
  /** What the link has room for now. */
  room(peer: PeerId, room: Room): void;
  message(peer: PeerId, bytes: Uint8Array): void;
  down(peer: PeerId, reason: VertebraError): void;
  notice(error: VertebraError): void;
}

export interface Cable {
  start(): void;
  /** A message that finds the link's queue full waits; beyond `mostWaiting` it is dropped, and frontiers make up for it. */
  send(peer: PeerId, message: Uint8Array): void;
  /** Ends the session with this peer, and tries again after a while. */
  cut(peer: PeerId, reason: VertebraError): void;
  /** The time of the last `wake` has come. */
  alarm(): void;
  /** When the peer was last heard; -Infinity before the first time. */
  heardAt(): number;
  stats(): LinkStats;
}

const retryMs = 1000;
/** How long one who was cut off is left alone. */
const cutMs = 30_000;
/** Bytes that wait for room in the link, beyond what the link itself queues: a participant that heeds its room needs none. */
const mostWaiting = 64 * 1024;

/** A link over a serial line that may come and go. */
export function createCable(options: CableOptions): Cable {
  const now = () => options.clock.now().monotonic;
  const link = createLink({ crypto: options.crypto, random: options.random, identity: options.identity, now: now() });
  let wire: Wire | undefined;
  let peer: PeerId | undefined;
  let peers = 0;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let told: string | undefined;
  let linkAt = Number.POSITIVE_INFINITY;
  let openAt = Number.POSITIVE_INFINITY;

  function perform(actions: readonly LinkAction[]): void {
    for (const action of actions) {
      // What the wire does not take is lost, as on a wire, and the link sends it again.
      if (action.kind === "write") wire?.write(action.bytes);
      else if (action.kind === "wake") linkAt = action.at;
      else if (action.kind === "notice") options.notice(action.error);
      else if (action.kind === "room" && peer !== undefined) options.room(peer, action.room);
      else if (action.kind === "message" && peer !== undefined) options.message(peer, action.bytes);
      else if (action.kind === "down") goDown(action.error);
      else if (action.kind === "up") {
        peer = ++peers;
        options.up(peer, action.avatar, action.resumed, action.room);
      }
    }
    drain();
    options.wake(Math.min(linkAt, openAt));
  }

  function goDown(reason: VertebraError): void {
    const gone = peer;
    peer = undefined;
    // What waits was meant for the peer as it was; a new session begins with its frontier.
    waiting = [];
    waitingBytes = 0;
    if (gone !== undefined) options.down(gone, reason);
  }

  /** Gives the link what waits for room in it. */
  function drain(): void {
    while (waiting.length > 0) {
      const taken = sendMessage(link, waiting[0]!, now());
      if (!taken) return;
      waitingBytes -= waiting.shift()!.length;
      perform(taken);
    }
  }

  /** A line that is missing is tried again every second, and told once. */
  function tellOnce(error: VertebraError): void {
    if (error.code !== told) options.notice(error);
    told = error.code;
  }

  function open(): void {
    openAt = Number.POSITIVE_INFINITY;
    try {
      wire = options.open((bytes) => perform(receiveBytes(link, bytes, now())), closed);
    } catch (error) {
      openAt = now() + retryMs;
      tellOnce(asVertebraError(error));
      options.wake(Math.min(linkAt, openAt));
      return;
    }
    told = undefined;
    perform(startLink(link, now()));
  }

  function closed(): void {
    wire = undefined;
    linkAt = Number.POSITIVE_INFINITY;
    openAt = now() + retryMs;
    perform(closeLink(link));
  }

  return {
    start: open,
    send(to, message) {
      if (to !== peer) return;
      const taken = waiting.length > 0 ? undefined : sendMessage(link, message, now());
      if (taken) perform(taken);
      else if (waitingBytes + message.length <= mostWaiting) {
        waiting.push(message);
        waitingBytes += message.length;
      }
    },
    cut(which, reason) {
      if (which !== peer) return;
      options.notice(reason);
      wire?.close();
      closed();
      openAt = now() + cutMs;
      options.wake(openAt);
    },
    alarm() {
      if (openAt <= now()) open();
      if (linkAt > now()) return;
      linkAt = Number.POSITIVE_INFINITY;
      perform(alarmLink(link, now()));
    },
    heardAt: () => link.heardAt,
    stats: () => linkStats(link),
  };
}

/** Errors of the host have `code` and `remedy` as ours have; others are bugs, and go on. */
export function asVertebraError(error: unknown): VertebraError {
  if (error instanceof VertebraError) return error;
  const { code, message, remedy } = error as { code?: unknown; message?: unknown; remedy?: unknown };
  if (typeof code !== "string" || typeof message !== "string" || typeof remedy !== "string") throw error;
  return new VertebraError(code, message, remedy);
}
