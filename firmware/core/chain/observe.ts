import { encodeBlock } from "../block/block";
import { counterIsFinal } from "../block/counters";
import { blockKey } from "../block/records";
import { assert, refused } from "../errors";
import { checkEntry } from "../pact/entry";
import { readMoved } from "../pact/produced";
import { equal, toHex } from "../wire/bytes";
import type { Sha256 } from "../wire/hash";
import { maxBlockBytes } from "../wire/limits";
import { verifySignature } from "../wire/signature";
import { entriesHash, signedMetablockHeader } from "../wire/structures";
import type { Block, BlockHeader, ShownReference } from "../wire/types";
import { mayWrite } from "./access";
import { blockBytes, isCertifiedSomewhere, makeRoomForPeers } from "./block-room";
import { takeWaitingCertificates } from "./certificates";
import { certify } from "./certify";
import { isOfDefinitions } from "./defining";
import { advance } from "./finalize";
import {
  blocksOfOthers,
  blocksPerIssuer,
  countersOf,
  type Group,
  issuersPerGroup,
  nextBlockNumber,
  soleOwner,
} from "./group";
import { createMetablock, invalid, type Metablock } from "./metablock";
import {
  boundReferences,
  isParentToCome,
  makeRoom,
  metablocksPerIssuer,
  poolOf,
  roomForMetablock,
} from "./metablock-room";
import { reportMissing, reportMissingBlock } from "./missing";
import { isGivenUp, losePatience } from "./patience";
import { brokenInvariant, groupsAbout, hasMyVote, openGroups, ownedBy, parentsOf } from "./predicates";
import { isSettled, progress } from "./progress";
import { referencesOf, takeReferences } from "./references";
import { promisedBlocks } from "./slots";
import { takeRoom } from "./store-room";
import { timing } from "./timing";
import { compareViews } from "./view";
import { generationsOpen, put, type World } from "./world";

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
  if (!roomForMetablock(world, header.value, world.missing.get(toHex(header.id))?.of)) return undefined;
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

/** Holds a metablock, and gives it the certificates that came before it. */
export function keepMetablock(world: World, metablock: Metablock): void {
  makeRoom(world, metablock);
  world.metablocks.set(metablock.key, metablock);
  world.missing.delete(metablock.key);
  takeWaitingCertificates(world, metablock);
  boundReferences(world, metablock);
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
  const key = toHex(issuer);
  const owns = group.ownerKeys.includes(key);
  let held = 0;
  let heldOfOthers = 0;
  for (const { header } of group.blocks.values()) {
    if (equal(header.value.issuer, issuer)) held++;
    if (!group.ownerKeys.includes(toHex(header.value.issuer))) heldOfOthers++;
  }
  if (heldOfOthers >= blocksOfOthers && !owns) return false;
  // An owner's first block comes to its place whoever wrote before: there are members without end.
  const known = owns || group.highestSeen.has(key) || group.finalCounters.has(key);
  return held < most && (known || group.highestSeen.size + group.finalCounters.size < issuersPerGroup);
}

export function keepBlock(world: World, group: Group, block: Block): void {
  const key = toHex(block.header.id);
  const { issuer, counter } = block.header.value;
  if (group.blocks.size === 0) group.waitsSince = world.now.monotonic;
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
  for (let index = 0; index < entries.length; index++) {
    const moved = index === 0 ? readMoved(entries[0]!) : undefined;
    checkEntry(group.fields, group.pact.policy, moved?.entry ?? entries[index]!);
  }
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
  const of = poolOf(world, metablock.issuerKey);
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
    for (const parent of metablock.header.value.parents) {
      const key = toHex(parent);
      if (!world.metablocks.has(key)) reportMissing(world, key, parent, of);
    }
  }
  for (const group of concerned) {
    for (const { value, blockKey } of referencesOf(metablock, group.key)) {
      if (value.position >= group.position && !group.blocks.has(blockKey))
        reportMissingBlock(world, blockKey, value.block, of);
    }
  }
}

/**
 * PROTOCOL 6, "Single generation": what is kept is generation HFG, the one before it, by whose blocks HFG's metablocks close,
 * and what is prepared above; and for a short time, in memory alone, what may still finish of this participant's groups.
 */
function dropOldGenerations(world: World): void {
  const { highestFinalizableGeneration } = world;
  const relaying = relays(world);
  const prolific = relaying ? prolificIssuers(world) : null;
  for (const metablock of world.metablocks.values()) {
    const behind = highestFinalizableGeneration - metablock.view.sequence;
    if (relaying && !isParentToCome(world, metablock) && isDoneForRelay(world, metablock)) {
      world.metablocks.delete(metablock.key);
      continue;
    }
    if (behind <= 1 || (behind <= generationsOpen && mayStillFinish(world, metablock))) continue;
    if (relaying && mayBeWanted(world, metablock, prolific)) continue;
    // Nobody's patience is to end by what it never could vote for.
    if (hasMyVote(world, metablock)) for (const group of openGroups(world, metablock)) losePatience(group);
    world.metablocks.delete(metablock.key);
  }
}

/**
 * One that follows groups which it does not own passes on what is about them, in whatever generation their owners are. What one
 * steward defines, which all boards follow, enters no metablock.
 */
function relays(world: World): boolean {
  for (const group of world.groups.values())
    if (!group.mine && !(isOfDefinitions(world, group) && soleOwner(group))) return true;
  return false;
}

function mayStillFinish(world: World, metablock: Metablock): boolean {
  const groups = openGroups(world, metablock);
  for (let at = 0; at < groups.length; at++) if (!isGivenUp(world, metablock, groups[at]!)) return true;
  return false;
}

/** What relays still pass on to who comes late; of an issuer that needs its room for more, what is done only for a short time. */
function mayBeWanted(world: World, metablock: Metablock, prolific: ReadonlySet<string> | null): boolean {
  const age = world.now.monotonic - metablock.seenAt;
  if (age < world.patience) return true;
  return (
    age < timing.longestAttempt &&
    (prolific?.has(metablock.issuerKey) !== true || openGroups(world, metablock).length > 0)
  );
}

/** Who has nearly filled the room that an issuer has; null where nobody can have. */
function prolificIssuers({ metablocks }: World): ReadonlySet<string> | null {
  const most = metablocksPerIssuer - 4;
  if (metablocks.size <= most) return null;
  const issued = new Map<string, number>();
  for (const { issuerKey } of metablocks.values()) issued.set(issuerKey, (issued.get(issuerKey) ?? 0) + 1);
  return new Set([...issued].filter(([, count]) => count > most).map(([issuer]) => issuer));
}

/** About followed groups alone, and done: one that only relays has no generation of its own by which it would grow old. */
function isDoneForRelay(world: World, metablock: Metablock): boolean {
  const old = world.now.monotonic - metablock.seenAt >= world.patience;
  return old && !groupsAbout(world, metablock).some((group) => group.mine) && openGroups(world, metablock).length === 0;
}
