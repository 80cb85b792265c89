import { ample } from "../../firmware/core/bounds";
import { attest, verifyAttestation } from "../../firmware/core/identity/attestation";
import { avatarSeed, noiseStatic } from "../../firmware/core/identity/avatar";
import { worldPsk, worldTag } from "../../firmware/core/identity/world";
import { toHex } from "../../firmware/core/wire/bytes";
import {
  alarmLink,
  closeLink,
  createLink,
  type Link,
  type LinkAction,
  type LinkIdentity,
  linkStats,
  receiveBytes,
  renewLink,
  sendMessage,
  startLink,
} from "../../firmware/link/link";
import type { Crypto, Random, Room } from "../../firmware/ports";

/** Two links and the wire between them, in virtual time. The same seed gives the same run, byte for byte. */

/** Numbers in [0, 1) by mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function seededRandom(next: () => number): Random {
  return { bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)) };
}

export const worldA = new Uint8Array(32).fill(0xa1);
export const worldB = new Uint8Array(32).fill(0xb2);

const identities = new Map<string, LinkIdentity>();

/** The identity of the participant whose seed is 32 times `who`; made once, since thousands of pairs have the same. */
export function identityOf(crypto: Crypto, who: number, worldId = worldA): LinkIdentity {
  const key = `${crypto.engine} ${who} ${worldId[0]}`;
  const identity = identities.get(key) ?? makeIdentity(crypto, who, worldId);
  identities.set(key, identity);
  return identity;
}

function makeIdentity(crypto: Crypto, who: number, worldId: Uint8Array): LinkIdentity {
  const seed = new Uint8Array(32).fill(who);
  const avatar = avatarSeed(crypto, seed, worldId);
  return {
    worldTag: worldTag(crypto, worldId),
    epoch: 0,
    psk: () => worldPsk(crypto, worldId),
    refuses: () => undefined,
    noiseSecret: noiseStatic(crypto, avatar),
    attestation: attest(crypto, seed, worldId),
    avatar: crypto.signer(avatar),
    verifyAttestation: (bytes) => verifyAttestation(crypto, worldId, bytes),
  };
}

/** What the wire does to a write on its way: the bytes that arrive, and how much later than the others. */
export interface Passing {
  readonly from: "left" | "right";
  /** Which write of all, from 0. */
  readonly count: number;
  readonly bytes: Uint8Array;
}
export type Wire = (passing: Passing) => readonly { readonly bytes: Uint8Array; readonly late?: number }[];

export interface End {
  readonly name: "left" | "right";
  link: Link;
  readonly messages: Uint8Array[];
  /** "up <avatar>", "resumed <avatar>", "down <code>", "notice <code>", in order. */
  readonly events: string[];
  readonly notices: LinkAction[];
  identity: LinkIdentity;
  /** By the key of which epoch the last session was made. */
  epoch: number;
  /** What was told last of the room for more. */
  room: Room;
  wakeAt: number;
  wakes: number;
}

export interface Pair {
  readonly left: End;
  readonly right: End;
  now: number;
  /** Bytes in each direction take this long. */
  latency: number;
  /** Bytes per ms in each direction; Infinity at first. */
  rate: number;
  wire: Wire;
  writes: number;
  plugged: boolean;
  /** Everything that was written, whether it arrived or not. */
  readonly written: Passing[];
  start(): void;
  /** Both drivers see the cable go, and come back. */
  cut(): void;
  plug(): void;
  /** A power cut: RAM is lost. The driver of the other end sees nothing. */
  restart(end: End): void;
  send(end: End, message: Uint8Array): boolean;
  /** The membership has changed for this end. */
  renew(end: End): void;
  /** Bytes from nowhere. */
  inject(to: End, bytes: Uint8Array): void;
  /** Lets this much time pass. */
  run(ms: number): void;
  /** Lets time pass until `done`, at most `ms`. */
  until(done: () => boolean, ms?: number): boolean;
  /** Does the next thing that is due; false where nothing is. */
  step(until?: number): boolean;
}

/** Bytes per ms of a wire whose bytes come in pieces of so many. */
const slowRate = 20;
const pieceBytes = 16;

const whole: Wire = ({ bytes }) => [{ bytes }];

interface Arrival {
  readonly at: number;
  readonly order: number;
  readonly to: End;
  readonly bytes: Uint8Array;
}

export function createPair(
  crypto: Crypto,
  options: { seed?: number; left?: LinkIdentity; right?: LinkIdentity; random?: Random; leads?: "left" | "right" } = {},
): Pair {
  const random = options.random ?? seededRandom(seeded(options.seed ?? 1));
  const arrivals: Arrival[] = [];
  const wireFree = { left: 0, right: 0 };
  let order = 0;

  const makeLink = (name: "left" | "right", identity: LinkIdentity, now: number) => {
    const leads = options.leads === undefined ? {} : { leads: options.leads === name };
    return createLink({ crypto, random, identity, queue: ample.queue, now, ...leads });
  };
  const makeEnd = (name: "left" | "right", identity: LinkIdentity): End => ({
    name,
    link: makeLink(name, identity, 0),
    messages: [],
    events: [],
    notices: [],
    identity,
    epoch: 0,
    room: { bytes: 0, delay: 0 },
    wakeAt: Number.POSITIVE_INFINITY,
    wakes: 0,
  });
  const left = makeEnd("left", options.left ?? identityOf(crypto, 1));
  const right = makeEnd("right", options.right ?? identityOf(crypto, 2));

  function arrive(to: End, bytes: Uint8Array, at: number): void {
    arrivals.push({ at, order: order++, to, bytes });
  }

  function write(from: End, bytes: Uint8Array): void {
    const passing = { from: from.name, count: pair.writes++, bytes };
    pair.written.push(passing);
    if (!pair.plugged) return;
    const to = from === left ? right : left;
    const sent = Math.max(pair.now, wireFree[from.name]) + bytes.length / pair.rate;
    wireFree[from.name] = sent;
    for (const part of pair.wire(passing)) {
      const at = sent + pair.latency + (part.late ?? 0);
      // A slow wire is seen to bring a frame byte by byte.
      const piece = pair.rate < slowRate ? pieceBytes : part.bytes.length;
      for (let from = 0; from < part.bytes.length; from += piece) {
        const bytes = part.bytes.subarray(from, from + piece);
        arrive(to, bytes, Math.max(pair.now, Math.floor(at - (part.bytes.length - from - bytes.length) / pair.rate)));
      }
    }
  }

  function perform(end: End, actions: readonly LinkAction[]): void {
    for (const action of actions) {
      if (action.kind === "write") write(end, action.bytes);
      else if (action.kind === "message") end.messages.push(action.bytes);
      else if (action.kind === "wake") end.wakeAt = action.at;
      else if (action.kind === "room") end.room = action.room;
      else if (action.kind === "up") {
        end.room = action.room;
        end.epoch = action.epoch;
        end.events.push(`${action.resumed ? "resumed" : "up"} ${toHex(action.avatar).slice(0, 8)}`);
      } else {
        end.events.push(`${action.kind} ${action.error.code}`);
        if (action.kind === "notice") end.notices.push(action);
      }
    }
  }

  function closeWire(): void {
    pair.plugged = false;
    arrivals.length = 0;
    wireFree.left = 0;
    wireFree.right = 0;
  }

  const pair: Pair = {
    left,
    right,
    now: 0,
    latency: 1,
    rate: Number.POSITIVE_INFINITY,
    wire: whole,
    writes: 0,
    plugged: true,
    written: [],
    start() {
      perform(left, startLink(left.link, pair.now));
      perform(right, startLink(right.link, pair.now));
    },
    cut() {
      closeWire();
      for (const end of [left, right]) {
        end.wakeAt = Number.POSITIVE_INFINITY;
        perform(end, closeLink(end.link));
      }
    },
    plug() {
      pair.plugged = true;
      pair.start();
    },
    restart(end) {
      end.link = makeLink(end.name, end.identity, pair.now);
      end.wakeAt = Number.POSITIVE_INFINITY;
      perform(end, startLink(end.link, pair.now));
    },
    send(end, message) {
      const actions = sendMessage(end.link, message, pair.now);
      if (actions) perform(end, actions);
      return actions !== undefined;
    },
    renew(end) {
      perform(end, renewLink(end.link, pair.now));
    },
    inject(to, bytes) {
      perform(to, receiveBytes(to.link, bytes, pair.now));
    },
    step(until = Number.POSITIVE_INFINITY) {
      arrivals.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = arrivals[0];
      const sleeper = left.wakeAt <= right.wakeAt ? left : right;
      const at = Math.min(next?.at ?? Number.POSITIVE_INFINITY, sleeper.wakeAt);
      if (at > until || at === Number.POSITIVE_INFINITY) return false;
      pair.now = Math.max(pair.now, at);
      if (next && next.at <= sleeper.wakeAt) {
        arrivals.shift();
        perform(next.to, receiveBytes(next.to.link, next.bytes, pair.now));
      } else {
        sleeper.wakeAt = Number.POSITIVE_INFINITY;
        sleeper.wakes++;
        perform(sleeper, alarmLink(sleeper.link, pair.now));
      }
      return true;
    },
    run(ms) {
      const end = pair.now + ms;
      while (pair.step(end));
      pair.now = end;
    },
    until(done, ms = 60_000) {
      const end = pair.now + ms;
      while (!done()) if (!pair.step(end)) return done();
      return true;
    },
  };
  return pair;
}

/** Whether both ends say that the session stands. */
export function bothUp({ left, right }: Pair): boolean {
  return linkStats(left.link).up && linkStats(right.link).up;
}

/** A message whose bytes tell which one it is and whether it is whole. */
export function message(number: number, length: number): Uint8Array {
  return Uint8Array.from(
    { length },
    (_, index) => (index < 2 ? number >> (8 * index) : number * 31 + index * 7) & 0xff,
  );
}
