import type { Room } from "../../ports";
import type { Group } from "../chain/group";
import type { World } from "../chain/world";
import type { Peer } from "./peer";

/**
 * What a link has room for. It carries all that it was given, in order and once; but what is put behind much else comes too late, and
 * what is said again before it has left makes that worse, until the line carries nothing else. So nothing is given to a peer that has
 * no room: it is told of what is newest once it has.
 */

/** Delays above this are not waited for: a peer that takes nothing in must not slow down others for ever. ms. */
const longestDelay = 30_000;

export function hasRoom({ room }: Peer): boolean {
  return room > 0;
}

/** Whether there is room to tell it something; where not it is noted that something is to be told. */
export function mayTell(peer: Peer): boolean {
  if (!hasRoom(peer)) peer.behind = true;
  return hasRoom(peer);
}

/** Its link told how full it is. */
export function takeRoom(peer: Peer, { bytes, delay }: Room): void {
  peer.room = bytes;
  peer.delay = Math.min(delay, longestDelay);
  peer.world.linesChanged = true;
}

/** So many bytes were given to its link. */
export function useRoom(peer: Peer, bytes: number): void {
  const before = hasRoom(peer);
  peer.room -= bytes;
  if (before !== hasRoom(peer)) peer.world.linesChanged = true;
}

/**
 * What the lines to a group's owners mean for it: whether all of them are full, so that a new block would only wait; and how long the
 * way is to as many as its quorum needs, those first that are near.
 */
export function noteLines(world: World, peers: readonly Peer[]): void {
  if (!world.linesChanged) return;
  world.linesChanged = false;
  for (const group of world.groups.values()) {
    const lines = peers.filter(({ interests }) => interests.has(group.key));
    group.full = lines.length > 0 && !lines.some(hasRoom);
    group.delay = delayOf(group, lines);
  }
}

function delayOf({ quorum }: Group, lines: readonly Peer[]): number {
  const delays = lines.map(({ delay }) => delay).sort((a, b) => a - b);
  return delays[Math.max(0, Math.min(quorum - 1, delays.length) - 1)] ?? 0;
}
