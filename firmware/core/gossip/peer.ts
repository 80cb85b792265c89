import { mayFollow } from "../chain/access";
import { isOfDefinitions } from "../chain/defining";
import type { Group } from "../chain/group";
import type { World } from "../chain/world";
import type { PeerId } from "../events";
import { isExpelled } from "../identity/membership";
import { toHex } from "../wire/bytes";
import type { AvatarId, Hash } from "../wire/types";

/** Messages that a peer may send at once, and in a second: beyond, they are dropped, and others are not kept waiting. */
const budgetBurst = 2_000;
const budgetPerSecond = 500;
/**
 * Work that a peer may cause at once, and in a second (`Work`): of 2,000 proofs of pairs it is about a quarter. Who asks for more is not
 * answered until it is paid off.
 */
const workBurst = 512_000;
const workPerSecond = 128_000;
/** Invalid messages after which a peer is cut off. */
export const invalidAllowed = 8;

/** A neighbour in one world, as long as its session stands. */
export interface Peer {
  readonly id: PeerId;
  readonly world: World;
  readonly avatar: AvatarId;
  readonly avatarKey: string;
  /** By the key of which epoch its session was made. */
  readonly epoch: number;
  /** Groups, in hex, that it owns or follows. */
  readonly interests: Set<string>;
  /** What it has, by `toldKey`: for metablocks, how many references it was shown. */
  readonly told: Map<number, number>;
  /** Groups, in hex, that it may not follow, and asked for. */
  readonly refused: Set<string>;
  /** Final blocks that it has, by group in hex. */
  readonly positions: Map<string, number>;
  /** The metablock that raised its HFG last, as it told. */
  tip: Hash | null;
  /** PULLs under way, by group in hex: up to which position, and when asked or answered last. */
  readonly pulls: Map<string, { readonly until: number; at: number }>;
  /** Certificates that are to go to it together, and when: monotonic ms, Infinity where there are none. */
  readonly certificates: { readonly waiting: Uint8Array[]; due: number };
  /** What the last frontier to it said, to send no second one like it; and when, in monotonic ms. */
  frontierTold: { readonly attempt: number; readonly positions: readonly number[] } | null;
  toldGeneration: number;
  frontierAt: number;
  /** Bytes that its link has room for, and what the way there and back takes, ms; no bound and no delay where it does not tell. */
  room: number;
  delay: number;
  /** Whether something is to be told that there was no room for. */
  behind: boolean;
  /** What it wants, by hash, and PULLs that it waits for, by group in hex: the next position and the one behind the last. */
  readonly wanted: Map<string, Hash>;
  readonly served: Map<string, { next: number; readonly end: number }>;
  /** Whether it said its HELLO. */
  greeted: boolean;
  invalid: number;
  /** Messages and work that are left, and since when they grow again. */
  budget: number;
  work: number;
  budgetAt: number;
}

export function createPeer(id: PeerId, world: World, avatar: AvatarId, epoch: number): Peer {
  const avatarKey = toHex(avatar);
  const owned = [...world.groups.values()].filter((group) => group.ownerKeys.includes(avatarKey));
  const peer: Peer = {
    id,
    world,
    avatar,
    avatarKey,
    epoch,
    interests: new Set(owned.map((group) => group.key)),
    told: new Map(),
    refused: new Set(),
    positions: new Map(),
    tip: null,
    pulls: new Map(),
    certificates: { waiting: [], due: Number.POSITIVE_INFINITY },
    frontierTold: null,
    toldGeneration: -1,
    frontierAt: 0,
    room: Number.POSITIVE_INFINITY,
    delay: 0,
    behind: false,
    wanted: new Map(),
    served: new Map(),
    greeted: false,
    invalid: 0,
    budget: budgetBurst,
    work: workBurst,
    budgetAt: world.now.monotonic,
  };
  restrict(peer);
  return peer;
}

/**
 * Whether its session is of an earlier epoch: who is behind it may have been let in by a key that somebody has who was expelled. It is told
 * definitions alone, by which a member goes on in the present epoch (PROTOCOL 10).
 */
export function isBehind({ epoch, world }: Peer): boolean {
  return epoch < world.membership.epoch;
}

/** Whether the peer is told how far the group is: as the pact says, and nothing but definitions where it is behind. */
export function follows(peer: Peer, group: Group): boolean {
  return mayFollow(peer.world, group, peer.avatarKey) && (!isBehind(peer) || isOfDefinitions(peer.world, group));
}

/** Who is behind is told nothing more of other groups, nor asked for anything; who was expelled, of none. */
export function restrict(peer: Peer): void {
  const { world, interests } = peer;
  if (!isBehind(peer)) return;
  const keeps = new Set<string>();
  if (!isExpelled(world.membership, peer.avatar)) for (const { group } of world.definitions) keeps.add(group.key);
  for (const byGroup of [interests, peer.positions, peer.pulls, peer.served]) {
    for (const key of byGroup.keys()) if (!keeps.has(key)) byGroup.delete(key);
  }
  peer.wanted.clear();
  peer.certificates.waiting.length = 0;
}

/**
 * The first 48 bits of a hash or a signature, a small number where hex took 64 characters or more. What is taken for another by it is
 * told when an attempt failed, or when it is asked for.
 */
function toldKey(hash: Uint8Array): number {
  let key = 0;
  for (let index = 0; index < 6; index++) key = key * 256 + hash[index]!;
  return key;
}

/** Notes that the peer has this, `shown` of it; returns whether that was not known. */
export function tell(peer: Peer, hash: Uint8Array, shown = 0): boolean {
  const key = toldKey(hash);
  const before = peer.told.get(key);
  if (before !== undefined && before >= shown) return false;
  peer.told.delete(key);
  peer.told.set(key, shown);
  if (peer.told.size > peer.world.bounds.told) {
    const oldest = peer.told.keys().next().value;
    if (oldest !== undefined) peer.told.delete(oldest);
  }
  return true;
}

export function wasTold(peer: Peer, hash: Uint8Array): boolean {
  return peer.told.has(toldKey(hash));
}

/** It may be told to the peer again. */
export function untell(peer: Peer, hash: Uint8Array): void {
  peer.told.delete(toldKey(hash));
}

/** Whether the peer may still send now: "each peer has bounded queues and a budget" (PROTOCOL 7). */
export function withinBudget(peer: Peer, now: number): boolean {
  refill(peer, now);
  if (peer.budget < 1 || peer.work < 0) return false;
  peer.budget--;
  return true;
}

function refill(peer: Peer, now: number): void {
  const seconds = Math.max(0, now - peer.budgetAt) / 1_000;
  peer.budget = Math.min(budgetBurst, peer.budget + seconds * budgetPerSecond);
  peer.work = Math.min(workBurst, peer.work + seconds * workPerSecond);
  peer.budgetAt = now;
}

/** What a peer made this participant do is taken from what it may still. */
export function charge(peer: Peer, units: number): void {
  peer.work -= units;
}

/** Monotonic ms from which the peer's answers to a PULL are within its budget: none is asked for that would not be taken. */
export function affordableAt(peer: Peer, now: number): number {
  refill(peer, now);
  return now + Math.max(0, Math.ceil(((workBurst / 2 - peer.work) * 1_000) / workPerSecond));
}
