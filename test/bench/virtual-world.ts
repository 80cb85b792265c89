import { ample } from "../../firmware/core/bounds";
import type { Action, Event } from "../../firmware/core/events";
import { avatarSeed } from "../../firmware/core/identity/avatar";
import { noSagas, type WorldProvision } from "../../firmware/core/identity/provision";
import { worldTag } from "../../firmware/core/identity/world";
import { createParticipant, type Participant } from "../../firmware/core/participant";
import { toHex } from "../../firmware/core/wire/bytes";
import type { AvatarId, Hash } from "../../firmware/core/wire/types";
import { CountedCrypto, type Counts } from "../../firmware/device/counted";
import type { Crypto } from "../../firmware/ports";
import { createHeap } from "./heap";
import { createRecording, finalTail, nextDigest, type Recording, timeAt } from "./recording";

/** The real core in as many participants as fit in memory: virtual time, links with one delay, everything counted. */

/** What one participant has done and sent so far. */
export interface Costs {
  signed: number;
  verified: number;
  messagesIn: number;
  messagesOut: number;
  bytesIn: number;
  bytesOut: number;
  /** Blocks that became final here: in groups of several owners a finalized batch. */
  finalized: number;
}

export interface Station {
  readonly name: string;
  readonly participant: Participant;
  readonly cryptography: Counts;
  /** Peer numbers to where they lead. */
  readonly peers: Map<number, { readonly station: Station; readonly peer: number }>;
  readonly store: Map<string, Uint8Array>;
  /** What it told a person: refusals and notices. In these worlds nobody has anything to tell. */
  readonly complaints: string[];
  readonly counts: Omit<Costs, "signed" | "verified">;
  /** Of those that are recorded. */
  readonly recording: Recording | null;
  wake: number;
}

export interface VirtualWorld {
  now: number;
  addStation(name: string, seed: Uint8Array, worlds: readonly WorldProvision[], recorded: boolean): Station;
  connect(a: Station, b: Station, worldId: Uint8Array): void;
  push(station: Station, worldId: Uint8Array, group: Hash, entry: Uint8Array): void;
  /** Calls this back when virtual time has come so far. */
  at(time: number, act: () => void): void;
  /** Runs everything that is due up to then. */
  run(until: number): void;
}

type Due =
  | { readonly kind: "message"; readonly to: Station; readonly peer: number; readonly bytes: Uint8Array }
  | { readonly kind: "alarm"; readonly station: Station }
  | { readonly kind: "act"; readonly act: () => void };

export function createVirtualWorld(crypto: Crypto, delay: number): VirtualWorld {
  const due = createHeap<Due>();
  let nextPeer = 1;
  let nextToken = 1;

  const world: VirtualWorld = {
    now: 0,
    addStation(name, seed, worlds, recorded) {
      const cryptography = { signatures: 0, verified: 0 };
      const participant = createParticipant({
        crypto: new CountedCrypto(crypto, cryptography),
        seed,
        worlds,
        bounds: { ...ample, finalTail },
        records: [],
      });
      const counts = { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0, finalized: 0 };
      const station: Station = {
        name,
        participant,
        cryptography,
        peers: new Map(),
        store: new Map(),
        complaints: [],
        counts,
        recording: recorded
          ? createRecording({ seed, worlds: worlds.map((world) => ({ ...world, sagas: noSagas })) })
          : null,
        wake: Number.POSITIVE_INFINITY,
      };
      give(station, { kind: "boot" });
      return station;
    },
    connect(a, b, worldId) {
      const [peerOfA, peerOfB] = [nextPeer++, nextPeer++];
      const tag = toHex(worldTag(crypto, worldId));
      a.peers.set(peerOfA, { station: b, peer: peerOfB });
      b.peers.set(peerOfB, { station: a, peer: peerOfA });
      const avatarOf = (station: Station): AvatarId =>
        station.participant.avatars().find((each) => each.world === tag)!.avatar;
      give(a, { kind: "connected", world: tag, peer: peerOfA, avatar: avatarOf(b) });
      give(b, { kind: "connected", world: tag, peer: peerOfB, avatar: avatarOf(a) });
    },
    push(station, worldId, group, entry) {
      const tag = toHex(worldTag(crypto, worldId));
      give(station, { kind: "push", world: tag, group, entry, id: null, token: nextToken++ });
    },
    at: (moment, act) => due.push(moment, { kind: "act", act }),
    run(until) {
      while (due.next() <= until) {
        world.now = Math.max(world.now, due.next());
        take(due.pop());
      }
      world.now = until;
    },
  };

  function take(next: Due): void {
    if (next.kind === "act") next.act();
    else if (next.kind === "alarm") ring(next.station);
    else receive(next);
  }

  function ring(station: Station): void {
    // A later wish has taken the place of this one.
    if (station.wake > world.now) return;
    station.wake = Number.POSITIVE_INFINITY;
    give(station, { kind: "alarm" });
  }

  function receive({ to, peer, bytes }: Extract<Due, { kind: "message" }>): void {
    to.counts.messagesIn++;
    to.counts.bytesIn += bytes.length;
    give(to, { kind: "message", peer, bytes });
  }

  function give(station: Station, event: Event): void {
    const actions = station.participant.handle(event, timeAt(world.now));
    const { recording } = station;
    if (recording) {
      recording.events.push({ at: world.now, event });
      recording.digest = nextDigest(crypto, recording.digest, actions);
    }
    apply(station, actions);
  }

  function apply(station: Station, actions: readonly Action[]): void {
    for (const action of actions) {
      switch (action.kind) {
        case "write":
          write(station, action.puts, action.deletes);
          break;
        case "send": {
          const { station: to, peer } = station.peers.get(action.peer)!;
          station.counts.messagesOut++;
          station.counts.bytesOut += action.bytes.length;
          due.push(world.now + delay, { kind: "message", to, peer, bytes: action.bytes });
          break;
        }
        case "read": {
          const value = station.store.get(action.key);
          give(station, { kind: "record", request: action.request, value });
          break;
        }
        case "final":
          station.counts.finalized++;
          break;
        case "refused":
          station.complaints.push(action.error.message);
          break;
        case "notice":
          station.complaints.push(action.error.message);
          break;
        case "cut":
          throw new Error(`${station.name} cut a peer off: ${action.reason.message}`);
        case "wake":
          if (action.at === station.wake) break;
          station.wake = action.at;
          due.push(Math.max(action.at, world.now), { kind: "alarm", station });
          break;
        case "sealed":
          break;
      }
    }
  }

  return world;
}

function write(station: Station, puts: ReadonlyMap<string, Uint8Array>, deletes: ReadonlySet<string>): void {
  for (const [key, value] of puts) station.store.set(key, value);
  for (const key of deletes) station.store.delete(key);
}

export function costsOf(station: Station): Costs {
  const { cryptography, counts } = station;
  return { signed: cryptography.signatures, verified: cryptography.verified, ...counts };
}

export function avatarOf(crypto: Crypto, seed: Uint8Array, worldId: Uint8Array): AvatarId {
  return crypto.signer(avatarSeed(crypto, seed, worldId)).publicKey;
}
