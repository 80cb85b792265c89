import { hear } from "../chain/attempt";
import type { Group } from "../chain/group";
import { adoptLock } from "../chain/lock";
import type { Metablock } from "../chain/metablock";
import { poolOf } from "../chain/metablock-room";
import { reportMissing } from "../chain/missing";
import { parentsOf } from "../chain/predicates";
import { referencesOf } from "../chain/references";
import { hasOpenBlocks } from "../chain/retired";
import { timing } from "../chain/timing";
import { compareViews } from "../chain/view";
import type { World } from "../chain/world";
import { toHex } from "../wire/bytes";
import { maxGroups, maxLockProofBytes } from "../wire/limits";
import { decodeLockProof } from "../wire/proofs";
import type { Frontier, LockProof } from "../wire/types";
import { pullIfBehind } from "./catchup";
import { follows, type Peer, untell, wasTold } from "./peer";
import { hasRoom } from "./room";
import { type Outgoing, send, tellBlock, tellMetablock } from "./tell";

/** Locks told at once, the lowest slots of each group first. */
const locksTold = 8;
/** Bytes that a frontier's positions and locks may have together, and of one position at most. */
const frontierBytes = maxLockProofBytes;
const positionBytes = 44;
/** What is told by a timer is not told again before the way there and back was taken so often. */
const waysBetween = 4;

/** The groups that the peer owns or follows, in one order on every participant. */
function sharedGroups(peer: Peer): Group[] {
  return [...peer.interests].flatMap((key) => peer.world.groups.get(key) ?? []).slice(0, maxGroups);
}

function frontierOf(peer: Peer): Frontier {
  const { world } = peer;
  return {
    highestFinalizableGeneration: world.highestFinalizableGeneration,
    tip: world.tip === null ? null : world.tip.header.id,
    attempt: world.attempt,
    positions: sharedGroups(peer).map((group) => [group.id, group.position] as const),
    locks: [],
  };
}

/** Proofs of the locks in shared groups, encoded, as far as there is room for them. */
function locksOf(peer: Peer): Uint8Array[] {
  const locks: Uint8Array[] = [];
  let { room } = peer;
  for (const { slots } of sharedGroups(peer)) {
    for (const position of [...slots.keys()].sort((a, b) => a - b)) {
      const proof = slots.get(position)?.lock?.proof;
      if (!proof || locks.length === locksTold || room <= 0) continue;
      locks.push(proof);
      room -= proof.length;
    }
  }
  return locks;
}

/** Sends where this participant stands: on connecting, when a peer turns out to be behind, and when an attempt failed. */
export function sendFrontier(peer: Peer, withLocks: boolean, outgoing: Outgoing[]): void {
  const frontier = frontierOf(peer);
  peer.frontierTold = { attempt: frontier.attempt, positions: frontier.positions.map(([, position]) => position) };
  peer.toldGeneration = frontier.highestFinalizableGeneration;
  peer.frontierAt = peer.world.now.monotonic;
  const locks = withLocks ? locksOf(peer) : [];
  const [first = [], ...others] = inParts(locks, frontierBytes - positionBytes * frontier.positions.length);
  send(outgoing, peer, { type: "frontier", frontier: { ...frontier, locks: first } });
  // They say of positions nothing new: one lock's proof alone can nearly fill a message.
  for (const part of others) {
    send(outgoing, peer, { type: "frontier", frontier: { ...frontier, positions: [], locks: part } });
  }
}

/** Locks as messages carry them, the first of which has so much room. */
function inParts(locks: readonly Uint8Array[], roomInFirst: number): LockProof[][] {
  const parts: LockProof[][] = [[]];
  let room = roomInFirst;
  for (const lock of locks) {
    if (lock.length > room) {
      parts.push([]);
      room = frontierBytes;
    }
    room -= lock.length;
    parts[parts.length - 1]!.push(decodeLockProof(lock));
  }
  return parts;
}

/** Whether the last frontier still says how it is; of the generation that is judged by `wasLeftBehind`. */
function saysHowItIs({ frontierTold, interests, world }: Peer): boolean {
  if (frontierTold === null || frontierTold.attempt !== world.attempt) return false;
  const { positions } = frontierTold;
  let shared = 0;
  for (const key of interests) {
    const group = world.groups.get(key);
    if (group === undefined || shared === maxGroups) continue;
    if (positions[shared] !== group.position) return false;
    shared++;
  }
  return shared === positions.length;
}

/**
 * Whether this participant is ahead of the peer, and the peer was told of nothing above what it reported itself. How far ahead
 * is not told again, or a hub would tell every board of every other board's generations.
 */
function wasLeftBehind({ world, avatarKey, toldGeneration }: Peer): boolean {
  const reported = world.reports.get(avatarKey)?.highestFinalizableGeneration ?? -1;
  return world.highestFinalizableGeneration > reported && toldGeneration <= reported;
}

/** "Frontiers are exchanged on connecting and now and then": where something changed since the last, and not too often. */
export function sendChangedFrontiers(peers: readonly Peer[], outgoing: Outgoing[]): void {
  for (let at = 0; at < peers.length; at++) {
    const peer = peers[at]!;
    if (frontierDue(peer) <= peer.world.now.monotonic) sendFrontier(peer, false, outgoing);
  }
}

/** Monotonic ms at which the peer wants a frontier; Infinity while the last one still says how it is, or there is no room. */
export function frontierDue(peer: Peer): number {
  if (!hasRoom(peer)) return Number.POSITIVE_INFINITY;
  return saysHowItIs(peer) && !wasLeftBehind(peer)
    ? Number.POSITIVE_INFINITY
    : peer.frontierAt + Math.max(timing.frontier, waysBetween * peer.delay);
}

/** Takes a peer's frontier: its generation and attempt, what it has final, and its locks. */
export function takeFrontier(peer: Peer, frontier: Frontier, outgoing: Outgoing[]): void {
  const { world } = peer;
  const { tip } = frontier;
  hear(world, peer.avatarKey, frontier);
  peer.tip = tip;
  for (const [id, position] of frontier.positions) {
    const group = world.groups.get(toHex(id));
    if (group === undefined || !follows(peer, group)) continue;
    if (!peer.interests.has(group.key)) world.linesChanged = true;
    peer.interests.add(group.key);
    peer.positions.set(group.key, position);
    pullIfBehind(peer, group, outgoing);
  }
  for (const lock of frontier.locks) adoptLock(world, lock);
  wantTip(peer);
}

/**
 * Where blocks wait in a shared group and the peer is ahead, its tip is asked for: only on it can this participant propose in
 * the peer's generation.
 */
function wantTip(peer: Peer): void {
  const { world, tip } = peer;
  const reported = world.reports.get(peer.avatarKey)?.highestFinalizableGeneration ?? -1;
  if (tip === null || reported <= world.highestFinalizableGeneration || world.metablocks.has(toHex(tip))) return;
  const waits = [...peer.interests].some((key) => {
    const group = world.groups.get(key);
    return group !== undefined && hasOpenBlocks(world, group);
  });
  if (waits) reportMissing(world, toHex(tip), tip, poolOf(world, peer.avatarKey), peer.id);
}

/** The first words to a neighbour, and again when a group was defined that it shares: who this is, and all that it may lack. */
export function greet(peer: Peer, outgoing: Outgoing[]): void {
  const { world } = peer;
  const groups = [...world.groups.values()]
    .filter((group) => follows(peer, group))
    .slice(0, maxGroups)
    .map((group) => group.id);
  send(outgoing, peer, { type: "hello", capabilities: [], groups, epoch: world.epoch });
  resynchronize(peer, outgoing);
}

/** Everything of the peer's groups that is not final. */
export function resynchronize(peer: Peer, outgoing: Outgoing[]): void {
  sendFrontier(peer, true, outgoing);
  for (const group of sharedGroups(peer)) remind(peer, group.highestSeen.get(peer.avatarKey), outgoing);
  tellAll(peer, outgoing);
}

/** There is room again: what there was none for is told as it is now, and what was overtaken meanwhile is not told any more. */
export function tellWhoWasBehind(peers: readonly Peer[], outgoing: Outgoing[]): void {
  for (let at = 0; at < peers.length; at++) {
    const peer = peers[at]!;
    if (peer.behind && hasRoom(peer)) tellAll(peer, outgoing);
  }
}

/** What is under way first: who has it can vote on it. Then the blocks that wait. */
function tellAll(peer: Peer, outgoing: Outgoing[]): void {
  const { world } = peer;
  peer.behind = false;
  const metablocks = [...world.metablocks.values()].filter((metablock) => !wasTriedAgain(world, metablock));
  for (const metablock of metablocks.sort((a, b) => compareViews(a.view, b.view))) {
    for (const { groupKey, blockKey } of metablock.references.values()) {
      const group = world.groups.get(groupKey);
      const block = group?.blocks.get(blockKey);
      if (group !== undefined && block !== undefined) tellBlock(peer, group, block, outgoing);
    }
    tellMetablock(peer, metablock, outgoing);
  }
  for (const group of sharedGroups(peer)) {
    for (const block of group.blocks.values()) tellBlock(peer, group, block, outgoing);
  }
}

/** Whether it came to nothing, and its issuer issued another in a later attempt of its generation. */
function wasTriedAgain(world: World, { standing, issuerKey, view }: Metablock): boolean {
  if (standing) return false;
  for (const other of world.metablocks.values()) {
    if (other.issuerKey !== issuerKey || other.view.sequence !== view.sequence) continue;
    if (other.view.attempt > view.attempt) return true;
  }
  return false;
}

/**
 * After a failed attempt, in which something may have been lost on the way: where this participant stands; and where a second
 * one failed, what its groups wait for, once more. Links repeat what they lose themselves, so most often it is only slow.
 */
export function repeat(peer: Peer, outgoing: Outgoing[]): void {
  const { world } = peer;
  // Nothing is repeated that has not left.
  if (!hasRoom(peer) || world.now.monotonic < peer.frontierAt + waysBetween * peer.delay) return;
  sendFrontier(peer, world.attemptsFailed > 1, outgoing);
  wantTip(peer);
  if (world.attemptsFailed === 1) return;
  const stuck = sharedGroups(peer).filter((group) => hasOpenBlocks(world, group));
  for (const group of stuck) {
    for (const block of group.blocks.values()) {
      if (!isRepeated(peer, group, toHex(block.header.value.issuer))) continue;
      untell(peer, block.header.id);
      tellBlock(peer, group, block, outgoing);
    }
  }
  for (const metablock of latestAbout(world, stuck)) {
    for (const each of [metablock, ...(parentsOf(world, metablock) ?? [])]) forgetTold(peer, each);
    tellMetablock(peer, metablock, outgoing);
  }
}

/**
 * Each repeats its own blocks, and who relays a group those of others, too: an owner who lacks another's asks for it when a metablock
 * names it. (Owners who repeated all that they held kept slow boards busy with it for longer than an attempt takes.)
 */
function isRepeated({ world, avatarKey }: Peer, group: Group, issuer: string): boolean {
  return issuer === world.avatarKey || (!group.mine && issuer !== avatarKey);
}

/** Of each issuer the metablock of the highest view above HFG that holds one of the groups: what came before it failed. */
function latestAbout(world: World, groups: readonly Group[]): Metablock[] {
  const latest = new Map<string, Metablock>();
  for (const metablock of world.metablocks.values()) {
    if (metablock.view.sequence <= world.highestFinalizableGeneration) continue;
    if (!groups.some((group) => referencesOf(metablock, group.key).length > 0)) continue;
    const other = latest.get(metablock.issuerKey);
    if (other === undefined || compareViews(other.view, metablock.view) < 0) latest.set(metablock.issuerKey, metablock);
  }
  return [...latest.values()];
}

/** Lets the metablock and its certificates be told to the peer again. */
export function forgetTold(peer: Peer, metablock: Metablock): void {
  untell(peer, metablock.header.id);
  for (const certificates of metablock.certificates.values()) {
    for (const { signature } of certificates) untell(peer, signature);
  }
}

/** "Peers remember the highest counter that they saw of an owner" (PROTOCOL 6, Amnesia): its own signature tells it. */
function remind(
  peer: Peer,
  seen: { readonly id: Uint8Array; readonly bytes: Uint8Array; readonly signature: Uint8Array } | undefined,
  outgoing: Outgoing[],
): void {
  if (seen === undefined || wasTold(peer, seen.id)) return;
  send(outgoing, peer, { type: "header", header: seen.bytes, signature: seen.signature });
}
