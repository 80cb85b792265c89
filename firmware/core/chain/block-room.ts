import { equal, toHex } from "../wire/bytes";
import { maxBlockBytes } from "../wire/limits";
import type { Block } from "../wire/types";
import { forgetBlock } from "./finalize";
import { type Group, soleOwner } from "./group";
import { isCertified } from "./metablock";
import { referencesOf } from "./references";
import { promisedBlocks } from "./slots";
import { hasRoom, hasRoomForBlock, recordFrame, roomFor, takeRoom } from "./store-room";
import { tellShort, type World } from "./world";

/**
 * Room for blocks that are not final. Where it is short, those of peers that nobody here promised anything about make way, of whoever
 * has most: a liar's may never become final. One that is needed after all is asked for again.
 */

/** Bytes of a block's record at most. */
export function blockBytes({ header, entries }: Block): number {
  return recordFrame + header.bytes.length + (entries ?? []).reduce((sum, entry) => sum + entry.length + 3, 0);
}

/** Whether the store has room for a block of a peer's, made where it is `asked` for. One that is final at once takes none. */
export function makeRoomForPeers(world: World, group: Group, block: Block, asked: boolean): boolean {
  const final = group.slots.get(group.position)?.final;
  if (final && equal(final.block, block.header.id)) return true;
  const more = blockBytes(block);
  const { room, groups } = world;
  if (hasRoomForBlock(room, group.key, groups.size, more, asked)) return true;
  if (asked && displace(world, group, roomFor.blockAskedFor, more, 0)) return true;
  tellShort(world, `block ${toHex(block.header.id).slice(0, 16)} of group ${group.key.slice(0, 16)}`);
  return false;
}

/** Whether there is room, or can be made, for the next block of what is buffered and of so much more. A sole owner's is final at once. */
export function hasRoomToSeal(world: World, group: Group, more: number): boolean {
  if (world.room.bytes === null || soleOwner(group)) return true;
  const { bytes, entries } = group.buffer.held;
  const next = Math.min(bytes + more, maxBlockBytes) + 2 * recordFrame + 3 * entries.length;
  if (hasRoomForBlock(world.room, group.key, world.groups.size, next, false)) return true;
  const own = ownBytes(world, group);
  const inTheWay = pools(world, group).reduce((sum, pool) => sum + Math.max(0, pool.bytes - own), 0);
  return hasRoom(world.room, roomFor.blockOfItsShare, next - inTheWay);
}

/** Makes the room that `hasRoomToSeal` found. */
export function makeRoomToSeal(world: World, group: Group, block: Block): void {
  const more = blockBytes(block);
  if (soleOwner(group) || hasRoomForBlock(world.room, group.key, world.groups.size, more, false)) return;
  displace(world, group, roomFor.blockOfItsShare, more, ownBytes(world, group));
}

function ownBytes({ avatar }: World, group: Group): number {
  let bytes = 0;
  for (const block of group.blocks.values()) {
    if (equal(block.header.value.issuer, avatar)) bytes += blockBytes(block);
  }
  return bytes;
}

/** Of one owner, or of all who own nothing here: blocks that may make way, the newest last. */
interface Pool {
  bytes: number;
  readonly blocks: (readonly [key: string, bytes: number])[];
}

function pools(world: World, group: Group): Pool[] {
  const promised = promisedBlocks(group.slots);
  const byIssuer = new Map<string, Pool>();
  for (const [key, block] of group.blocks) {
    const issuer = toHex(block.header.value.issuer);
    if (issuer === world.avatarKey || promised.has(key) || isCertifiedSomewhere(world, group, key)) continue;
    const name = group.ownerKeys.includes(issuer) ? issuer : "";
    const pool = byIssuer.get(name) ?? { bytes: 0, blocks: [] };
    byIssuer.set(name, pool);
    const size = blockBytes(block);
    pool.bytes += size;
    pool.blocks.push([key, size]);
  }
  return [...byIssuer.values()];
}

/** Drops blocks until there is room for so many bytes up to this limit, and of nobody who has no more than `spared`. */
function displace(world: World, group: Group, limit: number, more: number, spared: number): boolean {
  const held = pools(world, group);
  while (!hasRoom(world.room, limit, more)) {
    const most = held.reduce((a, b) => (b.bytes > a.bytes ? b : a), { bytes: spared, blocks: [] });
    const newest = most.blocks.pop();
    if (newest === undefined) return false;
    forgetBlock(world, group, newest[0]);
    most.bytes -= newest[1];
    takeRoom(world.room, -newest[1]);
  }
  return true;
}

/** What a quorum voted for has room always: a liar may have sent it to some, and filled its room at others. */
export function isCertifiedSomewhere(world: World, group: Group, key: string): boolean {
  return [...world.metablocks.values()].some((metablock) =>
    referencesOf(metablock, group.key).some(
      ({ blockKey, index }) => blockKey === key && isCertified(metablock, group, index),
    ),
  );
}
