import type { Group } from "../chain/group";
import type { ProvenBlock } from "../chain/proof";
import type { World } from "../chain/world";
import { toHex } from "../wire/bytes";
import type { Block, Hash } from "../wire/types";
import { proofsPerPull } from "./catchup";
import { affordableAt, type Peer } from "./peer";
import { type Outgoing, send } from "./tell";

/** Positions of one group that are asked for; who finds more tells them again when these are back. */
const lostRemembered = 1_024;
/** How long a PULL may stay unanswered, and what the way takes so often besides, before the next positions are asked for. */
const answerMs = 5_000;
const waysWaited = 4;
/** What is found to be lost while an answer is waited for is asked for before that: unless the answer may just be on its way. */
const onItsWayMs = 500;
/** How long until all is asked for again, of the next peer, twice as long each time that nobody had anything of it. */
const firstRoundMs = 5_000;
const longestRoundMs = 300_000;

/** Final blocks of a group that the store can't give back any more: its owners have them, too. */
export interface LostBlocks {
  readonly group: Group;
  readonly positions: Set<number>;
  /** The PULL under way: for positions from the first up to this one, when it was sent, and how long it is waited for. */
  asked: { readonly from: number; readonly until: number; readonly at: number; readonly waits: number } | null;
  /** The position from which on the next one is looked for, and how often all were asked for in vain. */
  cursor: number;
  rounds: number;
  /** Whether one came back in this round. */
  gained: boolean;
  /** Monotonic ms before which nothing is asked for. */
  restsUntil: number;
  /** By BlockId in hex: what came before its proof, the last so many. */
  readonly blocks: Map<string, readonly Uint8Array[]>;
}

/** The store can't read what it holds at this position: from now on it is asked for. What is not final here is pulled anyway. */
export function noteLost(world: World, id: Hash, position: number): void {
  const group = world.groups.get(toHex(id));
  if (group === undefined || position >= group.position) return;
  const lost = world.lost.get(group.key) ?? newlyLost(group);
  world.lost.set(group.key, lost);
  if (lost.positions.has(position) || lost.positions.size >= lostRemembered) return;
  lost.positions.add(position);
  const { asked } = lost;
  if (asked !== null && (isIn(asked, position) || asked.at + onItsWayMs > world.now.monotonic)) return;
  lost.asked = null;
  lost.cursor = position;
  lost.restsUntil = 0;
}

function newlyLost(group: Group): LostBlocks {
  return {
    group,
    positions: new Set(),
    asked: null,
    cursor: 0,
    rounds: 0,
    gained: false,
    restsUntil: 0,
    blocks: new Map(),
  };
}

export function isLost(world: World, group: Group, position: number): boolean {
  return world.lost.get(group.key)?.positions.has(position) ?? false;
}

/** A BLOCK came that is final here: in a wide group it goes before its proof, which fills a message of its own. */
export function noteBlockOfLost(world: World, group: Group, { header, entries }: Block): void {
  const lost = world.lost.get(group.key);
  if (lost === undefined || entries === null) return;
  lost.blocks.set(toHex(header.id), entries);
  for (const [oldest] of lost.blocks) if (lost.blocks.size > proofsPerPull) lost.blocks.delete(oldest);
}

export function entriesOfLost(world: World, group: Group, block: Hash): readonly Uint8Array[] | null {
  return world.lost.get(group.key)?.blocks.get(toHex(block)) ?? null;
}

/** Asks for what is lost: one PULL of a group after the other, and in each round another peer that has it. */
export function askForLost(world: World, peers: readonly Peer[], outgoing: Outgoing[]): void {
  if (world.lost.size === 0) return;
  for (const lost of world.lost.values()) {
    if (dueAt(lost) > world.now.monotonic) continue;
    if (lost.asked !== null) lost.cursor = lost.asked.until;
    const from = nextFrom(lost);
    const able = peersWith(peers, lost, from);
    const peer = able[lost.rounds % able.length];
    if (peer === undefined || affordableAt(peer, world.now.monotonic) > world.now.monotonic) continue;
    if (from < lost.cursor) {
      rest(world, lost, able.length);
      if (lost.restsUntil > world.now.monotonic) continue;
    }
    lost.asked = {
      from,
      until: from + proofsPerPull,
      at: world.now.monotonic,
      waits: answerMs + waysWaited * peer.delay,
    };
    send(outgoing, peer, { type: "pull", group: lost.group.id, from });
  }
}

/** All were asked for: it takes a while until they are asked for again, the longer the oftener nobody had them. */
function rest(world: World, lost: LostBlocks, peers: number): void {
  lost.cursor = 0;
  lost.asked = null;
  if (lost.gained) lost.rounds = 0;
  else lost.restsUntil = world.now.monotonic + restMs(lost.rounds++, peers);
  lost.gained = false;
}

function restMs(rounds: number, peers: number): number {
  const waits = Math.floor(rounds / peers);
  return Math.min(longestRoundMs, firstRoundMs * 2 ** Math.min(waits, 10));
}

/** Monotonic ms of the next PULL; Infinity while nobody near has what is lost. */
export function lostDue(world: World, peers: readonly Peer[]): number {
  let due = Number.POSITIVE_INFINITY;
  if (world.lost.size === 0) return due;
  for (const lost of world.lost.values()) {
    const able = peersWith(peers, lost, nextFrom(lost));
    const peer = able[lost.rounds % able.length];
    if (peer === undefined) continue;
    due = Math.min(due, Math.max(dueAt(lost), affordableAt(peer, world.now.monotonic)));
  }
  return due;
}

/** A proof that holds, of a block that was final here before: delivered where it is one that was lost, passed over otherwise. */
export function takeLost(
  world: World,
  group: Group,
  { position, firstEntry, header }: ProvenBlock,
  proof: Uint8Array,
  entries: readonly Uint8Array[] | null,
): void {
  const lost = world.lost.get(group.key);
  if (lost === undefined || !lost.positions.delete(position)) return;
  lost.gained = true;
  if (lost.positions.size === 0) world.lost.delete(group.key);
  const { count } = header;
  world.delivered.push({
    kind: "recovered",
    block: { world: world.tag, group: group.id, position, firstEntry, count, proof, entries },
  });
}

function isIn({ from, until }: { readonly from: number; readonly until: number }, position: number): boolean {
  return position >= from && position < until;
}

/** The lowest position from the cursor on; where there is none, the lowest of all. */
function nextFrom({ positions, cursor }: LostBlocks): number {
  let lowest = Number.POSITIVE_INFINITY;
  let next = Number.POSITIVE_INFINITY;
  for (const position of positions) {
    lowest = Math.min(lowest, position);
    if (position >= cursor) next = Math.min(next, position);
  }
  return next === Number.POSITIVE_INFINITY ? lowest : next;
}

/** Monotonic ms at which the next is asked for: once the answer is here, or was waited for long enough. */
function dueAt({ asked, positions, restsUntil }: LostBlocks): number {
  if (asked === null) return restsUntil;
  for (const position of positions) if (isIn(asked, position)) return asked.at + asked.waits;
  return 0;
}

function peersWith(peers: readonly Peer[], { group }: LostBlocks, position: number): Peer[] {
  return peers.filter((peer) => (peer.positions.get(group.key) ?? 0) > position);
}
