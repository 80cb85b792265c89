import { VertebraError } from "../core/errors";
import type { PeerId } from "../core/events";
import {
  alarmLink,
  closeLink,
  createLink,
  type Link,
  type LinkAction,
  type LinkIdentity,
  receiveBytes,
  renewLink,
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
  /** Bytes that wait in the link at most, and as many beyond it: a participant that heeds its room needs none of these. */
  readonly queue: number;
  /** Throws an error with `code`, `message` and `remedy` where the line can't be opened now. */
  open(received: (bytes: Uint8Array) => void, closed: (reason: string) => void): Wire;
  /** Monotonic ms; replaces the time asked for before. */
  wake(at: number): void;
  up(peer: PeerId, up: Extract<LinkAction, { kind: "up" }>): void;
  /** What the link has room for now. */
  room(peer: PeerId, room: Room): void;
  message(peer: PeerId, bytes: Uint8Array): void;
  down(peer: PeerId, reason: VertebraError): void;
  notice(error: VertebraError): void;
}

/** A link over a serial line that may come and go. */
export interface Cable {
  readonly options: CableOptions;
  readonly link: Link;
  wire: Wire | undefined;
  /** The number of the present peer, and how many there were. */
  peer: PeerId | undefined;
  peers: number;
  /** Messages that found the link's queue full, and their bytes. */
  waiting: Uint8Array[];
  waitingBytes: number;
  /** The code of what kept the line from being opened, as it was told. */
  told: string | undefined;
  /** When the link is to be woken, and when the line is to be opened again. */
  linkAt: number;
  openAt: number;
}

const retryMs = 1000;
/** How long one who was cut off is left alone. */
const cutMs = 30_000;

export function createCable(options: CableOptions): Cable {
  const { crypto, random, identity, clock, queue } = options;
  return {
    options,
    link: createLink({ crypto, random, identity, queue, now: clock.now().monotonic }),
    wire: undefined,
    peer: undefined,
    peers: 0,
    waiting: [],
    waitingBytes: 0,
    told: undefined,
    linkAt: Number.POSITIVE_INFINITY,
    openAt: Number.POSITIVE_INFINITY,
  };
}

/** Opens the line, and goes on trying where it can't be. */
export function openCable(cable: Cable): void {
  cable.openAt = Number.POSITIVE_INFINITY;
  try {
    cable.wire = cable.options.open(
      (bytes) => perform(cable, receiveBytes(cable.link, bytes, nowOf(cable))),
      () => closed(cable),
    );
  } catch (error) {
    cable.openAt = nowOf(cable) + retryMs;
    tellOnce(cable, asVertebraError(error));
    wake(cable);
    return;
  }
  cable.told = undefined;
  perform(cable, startLink(cable.link, nowOf(cable)));
}

/** A message that finds the link's queue full waits; beyond as much again it is dropped, and frontiers make up for it. */
export function sendByCable(cable: Cable, to: PeerId, message: Uint8Array): void {
  if (to !== cable.peer) return;
  const taken = cable.waiting.length > 0 ? undefined : sendMessage(cable.link, message, nowOf(cable));
  if (taken) perform(cable, taken);
  else if (cable.waiting.length === 0 || cable.waitingBytes + message.length <= cable.options.queue) {
    cable.waiting.push(message);
    cable.waitingBytes += message.length;
  }
}

/** Ends the session with this peer, and tries again after a while. */
export function cutOffByCable(cable: Cable, which: PeerId, reason: VertebraError): void {
  if (which !== cable.peer) return;
  cable.options.notice(reason);
  cable.wire?.close();
  closed(cable);
  cable.openAt = nowOf(cable) + cutMs;
  cable.options.wake(cable.openAt);
}

/** Somebody was expelled: the session with it ends, and others go on in the epoch that began. */
export function renewCable(cable: Cable): void {
  perform(cable, renewLink(cable.link, nowOf(cable)));
}

/** The time of the last `wake` has come. */
export function alarmCable(cable: Cable): void {
  if (cable.openAt <= nowOf(cable)) openCable(cable);
  if (cable.linkAt > nowOf(cable)) return;
  cable.linkAt = Number.POSITIVE_INFINITY;
  perform(cable, alarmLink(cable.link, nowOf(cable)));
}

function nowOf({ options }: Cable): number {
  return options.clock.now().monotonic;
}

function wake({ options, linkAt, openAt }: Cable): void {
  options.wake(Math.min(linkAt, openAt));
}

function perform(cable: Cable, actions: readonly LinkAction[]): void {
  const { options } = cable;
  for (const action of actions) {
    const { peer } = cable;
    // What the wire does not take is lost, as on a wire, and the link sends it again.
    if (action.kind === "write") cable.wire?.write(action.bytes);
    else if (action.kind === "wake") cable.linkAt = action.at;
    else if (action.kind === "notice") options.notice(action.error);
    else if (action.kind === "room" && peer !== undefined) options.room(peer, action.room);
    else if (action.kind === "message" && peer !== undefined) options.message(peer, action.bytes);
    else if (action.kind === "down") goDown(cable, action.error);
    else if (action.kind === "up") {
      cable.peer = ++cable.peers;
      options.up(cable.peer, action);
    }
  }
  drain(cable);
  wake(cable);
}

function goDown(cable: Cable, reason: VertebraError): void {
  const gone = cable.peer;
  cable.peer = undefined;
  // What waits was meant for the peer as it was; a new session begins with its frontier.
  cable.waiting = [];
  cable.waitingBytes = 0;
  if (gone !== undefined) cable.options.down(gone, reason);
}

/** Gives the link what waits for room in it. */
function drain(cable: Cable): void {
  while (cable.waiting.length > 0) {
    const taken = sendMessage(cable.link, cable.waiting[0]!, nowOf(cable));
    if (!taken) return;
    cable.waitingBytes -= cable.waiting.shift()!.length;
    perform(cable, taken);
  }
}

function closed(cable: Cable): void {
  cable.wire = undefined;
  cable.linkAt = Number.POSITIVE_INFINITY;
  cable.openAt = nowOf(cable) + retryMs;
  perform(cable, closeLink(cable.link));
}

/** A line that is missing is tried again every second, and told once. */
function tellOnce(cable: Cable, error: VertebraError): void {
  if (error.code !== cable.told) cable.options.notice(error);
  cable.told = error.code;
}

/** Errors of the host have `code` and `remedy` as ours have; others are bugs, and go on. */
export function asVertebraError(error: unknown): VertebraError {
  if (error instanceof VertebraError) return error;
  const { code, message, remedy } = error as { code?: unknown; message?: unknown; remedy?: unknown };
  if (typeof code !== "string" || typeof message !== "string" || typeof remedy !== "string") throw error;
  return new VertebraError(code, message, remedy);
}
