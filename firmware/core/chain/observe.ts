import { encodeBlock } from "../block/block";
import { counterIsFinal } from "../block/counters";
import { blockKey } from "../block/records";
import { assert, refused } from "../errors";
import { checkEntry } from "../pact/entry";
import { equal, toHex } from "../wire/bytes";
import type { Sha256 } from "../wire/hash";
import { maxBlockBytes } from "../wire/limits";
import { verifySignature } from "../wire/signature";
import { entriesHash, signedMetablockHeader } from "../wire/structures";
import type { Block, BlockHeader, Hash, MetablockHeader, ShownReference } from "../wire/types";
import { mayWrite } from "./access";
import { blockBytes, isCertifiedSomewhere, makeRoomForPeers } from "./block-room";
import { takeWaitingCertificates } from "./certificates";
import { certify } from "./certify";
import { advance } from "./finalize";
import { blocksOfOthers, blocksPerIssuer, countersOf, type Group, issuersPerGroup, nextBlockNumber } from "./group";
import { createMetablock, invalid, type Metablock } from "./metablock";
import { isGivenUp, losePatience } from "./patience";
import { brokenInvariant, groupsAbout, ownedBy, parentsOf } from "./predicates";
import { isSettled, progress } from "./progress";
import { referencesOf, takeReferences } from "./references";
import { promisedBlocks } from "./slots";
import { takeRoom } from "./store-room";
import { timing } from "./timing";
import { compareViews } from "./view";
import { generationsOpen, put, reportMissing, reportMissingBlock, type World } from "./world";

/** Metablocks of one issuer, in one generation and in all. */
const metablocksPerGeneration = 8;
const metablocksPerIssuer = 32;
/**
 * The same for all together who own no group that is known here: whoever holds the world id can make keys without end. Honest ones
 * are other boards of a gateway, whose batches were under way with this one's.
 */
const strangersPerGeneration = 32;
const strangersInAll = 64;
/** References held of all metablocks together. */
const referencesHeld = 16_384;
/** What follows from one event ends: each round certifies, locks or finalizes something of a bounded state. */
const settleRounds = 256;

/**
 * Figure 6A, a metablock is observed: verifies it and what is shown of its references, and keeps it. Returns it, with
 * whether it was news; undefined where it is of a generation that is over. Throws `metablock-…` where it is invalid.
 */
export function observeMetablock(
  world: World,
  headerBytes: Uint8Array,
  signature: Uint8Array,
  shown: readonly ShownReference[],
): { readonly metablock: Metablock; readonly news: boolean } | undefined {
  const header = signedMetablockHeader(world.crypto, headerBytes, signature);
  const held = world.metablocks.get(toHex(header.id));
  if (held !== undefined) {
    const news = takeReferences(world.crypto, held, shown, world.groups.values());
    if (news) boundReferences(world, held);
    return { metablock: held, news };
  }
  const over = header.value.sequence <= world.highestFinalizableGeneration - generationsOpen;
  if (over && !relays(world)) return undefined;
  if (!roomForIssuer(world, header.value, world.missing.has(toHex(header.id)))) return undefined;
  if (!verifySignature(world.crypto, header.value.issuer, header.id, signature)) {
    throw refused(
      "metablock-signature",
      `the signature of metablock ${toHex(header.id).slice(0, 16)} is not its issuer's`,
    );
  }
  const metablock = createMetablock(header, world.now.monotonic);
  takeReferences(world.crypto, metablock, shown, world.groups.values());
  const parents = parentsOf(world, metablock);
  const broken = parents && brokenInvariant(header.value, parents, ownedBy(world, metablock.issuerKey));
  if (broken !== undefined) throw invalid(metablock, "metablock-invariant", broken);
  keepMetablock(world, metablock);
  return { metablock, news: true };
}

/**
 * Few metablocks of one issuer are held at once: of a generation those that stand or have children, and those of its latest
 * attempts; in all those nearest to the present. So a flood, whoever signs it, costs others no room and little time. One that
 * is asked for has room, since something held is its child.
 */
export function roomForIssuer(world: World, { issuer, sequence, attempt }: MetablockHeader, asked: boolean): boolean {
  const issuerKey = toHex(issuer);
  const known = world.owners.has(issuerKey);
  const sharesRoom = (other: Metablock) => (known ? other.issuerKey === issuerKey : !world.owners.has(other.issuerKey));
  const inRoom = [...world.metablocks.values()].filter((other) => !isParentToCome(world, other) && sharesRoom(other));
  inRoom.sort(byView);
  const ofGeneration = inRoom.filter((other) => other.view.sequence === sequence);
  if (ofGeneration.length >= (known ? metablocksPerGeneration : strangersPerGeneration)) {
    const parents = new Set([...world.metablocks.values()].flatMap(({ parentKeys }) => parentKeys));
    const least = ofGeneration.find(({ standing, key }) => !standing && !parents.has(key));
    if (least === undefined || (!asked && least.view.attempt >= attempt)) return false;
    world.metablocks.delete(least.key);
  } else if (inRoom.length >= (known ? metablocksPerIssuer : strangersInAll)) {
    const furthest = inRoom[inRoom.length - 1]!;
    if (furthest.view.sequence <= sequence) return false;
    world.metablocks.delete(furthest.key);
  }
  return true;
}

/** Without these two this participant has nothing to propose upon. */
function isParentToCome({ tip, footing }: World, metablock: Metablock): boolean {
  return metablock === tip || metablock === footing?.metablock;
}

/** Holds a metablock, and gives it the certificates that came before it. */
export function keepMetablock(world: World, metablock: Metablock): void {
  if (world.metablocks.size >= world.bounds.metablocks) dropFurthest(world, metablock);
  world.metablocks.set(metablock.key, metablock);
  world.missing.delete(metablock.key);
  takeWaitingCertificates(world, metablock);
  boundReferences(world, metablock);
}

function boundReferences(world: World, latest: Metablock): void {
  let held = 0;
  for (const { references } of world.metablocks.values()) held += references.size;
  while (held > referencesHeld) {
    const dropped = dropFurthest(world, latest);
    if (dropped === undefined) return;
    held -= dropped.references.size;
  }
}

/**
 * Where room is short, what is furthest from the next generation goes first: only a runaway or a flood is there. Undefined where
 * there is nothing but the parents to come and the latest.
 */
function dropFurthest(world: World, latest: Metablock): Metablock | undefined {
  let furthest: Metablock | undefined;
  for (const metablock of world.metablocks.values()) {
    if (isParentToCome(world, metablock) || metablock === latest) continue;
    if (furthest === undefined || compareViews(metablock.view, furthest.view) > 0) furthest = metablock;
  }
  if (furthest !== undefined) world.metablocks.delete(furthest.key);
  return furthest;
}

/**
 * A block is observed: verified against its group and pact, and durable before anything is certified on it. Returns whether
 * it was news. Throws `block-…` and `entry-…` naming what is wrong.
 */
export function observeBlock(world: World, group: Group, block: Block): boolean {
  const { header, entries } = block;
  const key = toHex(header.id);
  const held = group.blocks.get(key);
  if (held !== undefined && (held.entries !== null || entries === null)) return false;
  const issuer = toHex(header.value.issuer);
  const spent = counterIsFinal(countersOf(group, issuer), header.value.counter);
  // Below the window of counters only what was certified while it stood above can become final yet.
  if (spent && !promisedBlocks(group.slots).has(key)) return false;
  checkBlock(world, group, block);
  const certified = isCertifiedSomewhere(world, group, key);
  const asked = certified || world.missing.has(key);
  const most = asked ? blocksPerIssuer : world.bounds.blocksUnasked;
  if (held === undefined && !certified && !roomForBlock(group, header.value.issuer, most)) return false;
  if (!makeRoomForPeers(world, group, block, asked)) return false;
  keepBlock(world, group, block);
  advance(world, group);
  return true;
}

/**
 * Each issuer has room of its own, so that one that floods takes nobody else's; and those who own nothing of the group together
 * as much as a few have, since there are avatars without end.
 */
function roomForBlock(group: Group, issuer: Uint8Array, most: number): boolean {
  let held = 0;
  let heldOfOthers = 0;
  for (const { header } of group.blocks.values()) {
    if (equal(header.value.issuer, issuer)) held++;
    if (!group.ownerKeys.includes(toHex(header.value.issuer))) heldOfOthers++;
  }
  if (heldOfOthers >= blocksOfOthers && !group.ownerKeys.includes(toHex(issuer))) return false;
  const known = group.highestSeen.has(toHex(issuer)) || group.finalCounters.has(toHex(issuer));
  return held < most && (known || group.highestSeen.size + group.finalCounters.size < issuersPerGroup);
}

export function keepBlock(world: World, group: Group, block: Block): void {
  const key = toHex(block.header.id);
  const { issuer, counter } = block.header.value;
  group.blocks.set(key, block);
  world.missing.delete(key);
  const number = group.blockNumbers.get(key) ?? nextBlockNumber(group);
  group.blockNumbers.set(key, number);
  put(world, blockKey(world.tag, group.key, number), encodeBlock(block));
  takeRoom(world.room, blockBytes(block));
  const seen = group.highestSeen.get(toHex(issuer));
  if (seen === undefined || seen.value.counter < counter) group.highestSeen.set(toHex(issuer), block.header);
}

function checkBlock(world: World, group: Group, { header, entries }: Block): void {
  const name = `block ${toHex(header.id).slice(0, 16)} of group ${group.key.slice(0, 16)}`;
  const issuer = toHex(header.value.issuer);
  if (!mayWrite(world, group, issuer)) {
    throw refused("block-issuer", `${name} was issued by ${issuer.slice(0, 16)}, who may not write there`);
  }
  if (header.value.previous !== null && group.ownerKeys.length > 1) {
    throw refused("block-previous", `${name} names a previous block, which only a group of one owner has`);
  }
  if (!verifySignature(world.crypto, header.value.issuer, header.id, header.signature)) {
    throw refused("block-signature", `${name} is not signed by its issuer`);
  }
  if (entries === null) return;
  const wrong = wrongEntries(world.crypto, header.value, entries);
  if (wrong !== undefined) throw refused("block-entries", `${name} ${wrong}`);
  for (const entry of entries) checkEntry(group.fields, group.pact.policy, entry);
}

/** Why these are not the entries that a block's header speaks of; undefined where they are. */
export function wrongEntries(crypto: Sha256, header: BlockHeader, entries: readonly Uint8Array[]): string | undefined {
  const bytes = entries.reduce((sum, { length }) => sum + length, 0);
  if (entries.length !== header.count) return `has ${entries.length} entries and its header says ${header.count}`;
  if (bytes > maxBlockBytes) return `holds ${bytes} bytes of entries, and the most is ${maxBlockBytes}`;
  if (!equal(entriesHash(crypto, entries), header.entriesHash))
    return "holds other entries than its header's hash says";
  return undefined;
}

/**
 * Figure 6A to 6C for all that is held and may have changed, until nothing more follows: certify first, then progress, in the
 * order of the views. What is over is dropped.
 */
export function settle(world: World): void {
  for (let round = 0; ; round++) {
    assert(round < settleRounds, "what follows from one event comes to an end");
    let changed = false;
    const metablocks = [...world.metablocks.values()].sort(byView);
    for (let at = 0; at < metablocks.length; at++) {
      const metablock = metablocks[at]!;
      validate(world, metablock);
      if (isSettled(world, metablock)) continue;
      if (certify(world, metablock)) changed = true;
      if (progress(world, metablock)) changed = true;
    }
    if (!changed) break;
  }
  dropOldGenerations(world);
}

function byView(a: Metablock, b: Metablock): number {
  return compareViews(a.view, b.view);
}

/** Whether its parents are known and it keeps the invariants; what is missing of a metablock that is to be voted on is asked for. */
function validate(world: World, metablock: Metablock): void {
  if (metablock.valid !== null) return;
  // What is followed is looked for too: neighbours may have no other way to it.
  const concerned = [...metablock.byGroup.keys()].flatMap((key) => world.groups.get(key) ?? []);
  const parents = parentsOf(world, metablock);
  if (parents !== undefined) {
    const broken = brokenInvariant(metablock.header.value, parents, ownedBy(world, metablock.issuerKey));
    metablock.valid = broken === undefined;
    // Who sent it may not have had the parents either: it is told here, and held against nobody.
    if (broken !== undefined)
      world.delivered.push({
        kind: "notice",
        world: world.tag,
        error: invalid(metablock, "metablock-invariant", broken),
      });
  } else if (metablock.view.sequence > world.highestFinalizableGeneration - generationsOpen && concerned.length > 0) {
    for (const parent of metablock.header.value.parents) reportMissingMetablock(world, parent);
  }
  for (const group of concerned) {
    for (const { value, blockKey } of referencesOf(metablock, group.key)) {
      if (value.position >= group.position && !group.blocks.has(blockKey))
        reportMissingBlock(world, blockKey, value.block);
    }
  }
}

function reportMissingMetablock(world: World, id: Hash): void {
  const key = toHex(id);
  if (!world.metablocks.has(key)) reportMissing(world, key, id);
}

/**
 * PROTOCOL 6, "Single generation": what is kept is generation HFG, the one before it, by whose blocks HFG's metablocks close,
 * and what is prepared above; and for a short time, in memory alone, what may still finish of this participant's groups.
 */
function dropOldGenerations(world: World): void {
  const { highestFinalizableGeneration } = world;
  const relaying = relays(world);
  for (const metablock of world.metablocks.values()) {
    const behind = highestFinalizableGeneration - metablock.view.sequence;
    if (relaying && !isParentToCome(world, metablock) && isDoneForRelay(world, metablock)) {
      world.metablocks.delete(metablock.key);
      continue;
    }
    if (behind <= 1 || (behind <= generationsOpen && mayStillFinish(world, metablock))) continue;
    if (relaying && world.now.monotonic - metablock.seenAt < timing.longestAttempt) continue;
    for (const group of openGroups(world, metablock)) losePatience(group);
    world.metablocks.delete(metablock.key);
  }
}

/** One that follows groups which it does not own passes on what is about them, in whatever generation their owners are. */
function relays(world: World): boolean {
  for (const group of world.groups.values()) if (!group.mine) return true;
  return false;
}

function mayStillFinish(world: World, metablock: Metablock): boolean {
  const groups = openGroups(world, metablock);
  for (let at = 0; at < groups.length; at++) if (!isGivenUp(world, metablock, groups[at]!)) return true;
  return false;
}

/** The known groups of which it, or a parent of it, holds a block that is not final yet. */
function openGroups(world: World, metablock: Metablock): Group[] {
  const groups: Group[] = [];
  addOpenGroups(world, metablock, groups);
  const parents = parentsOf(world, metablock);
  if (parents !== undefined) for (let at = 0; at < parents.length; at++) addOpenGroups(world, parents[at]!, groups);
  return groups;
}

function addOpenGroups(world: World, { sorted }: Metablock, groups: Group[]): void {
  for (let at = 0; at < sorted.length; at++) {
    const { groupKey, value } = sorted[at]!;
    const group = world.groups.get(groupKey);
    if (group !== undefined && value.position >= group.position && !groups.includes(group)) groups.push(group);
  }
}

/** About followed groups alone, and done: one that only relays has no generation of its own by which it would grow old. */
function isDoneForRelay(world: World, metablock: Metablock): boolean {
  const old = world.now.monotonic - metablock.seenAt >= world.patience;
  return old && !groupsAbout(world, metablock).some((group) => group.mine) && openGroups(world, metablock).length === 0;
}
