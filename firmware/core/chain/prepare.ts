import { assert } from "../errors";
import { compare, equal, toHex } from "../wire/bytes";
import { hash } from "../wire/hash";
import { maxReleasedGroups } from "../wire/limits";
import { merkleTree, pathIn, rootOf } from "../wire/merkle";
import { encodeBlockReference, encodeMetablockHeader, signedMetablockHeader } from "../wire/structures";
import type { BlockReference, View } from "../wire/types";
import { certifiableParts, closeOwn, mayCloseAll, recordClaims } from "./certify";
import { type Group, votes } from "./group";
import { hasIssued, noteIssued, unusedAttempt } from "./issued";
import { createMetablock, type Metablock, releases } from "./metablock";
import { roomForMetablock } from "./metablock-room";
import { keepMetablock } from "./observe";
import { isGivenUp, waitsLong, waitsTooLong } from "./patience";
import { compareIssuingHashes, conflict, isFinalizableFor, mayBeParent, resolveConflict } from "./predicates";
import { proposableBlocks } from "./propose";
import { rankOf, rankStep, turnOfIssuer } from "./rank";
import { heldReference, holdReferences, isPast, referencesOf, showsAllOf } from "./references";
import { hasOpenBlocks } from "./retired";
import { above, compareViews } from "./view";
import { generationsOpen, type World } from "./world";

/** Parents of one metablock at most, of those worth having (the patent's L). */
const parentLimit = 16;
/** Attempts in which a child closes what its parents hold; in later ones that is put forward again. */
const attemptsToClose = 2;
/** References that one metablock puts forward. */
const referencesPerMetablock = 256;
const highestView = { sequence: Number.MAX_SAFE_INTEGER, attempt: 0 };

/**
 * Figure 6D. Prepares the child of what was just certified for groups of this participant, at once; else, in its turn, a
 * first proposal for blocks that no metablock of this generation holds. Returns whether it issued one.
 */
export function prepare(world: World): boolean {
  return prepareChild(world) || prepareProposal(world);
}

/** "Who first sees a metablock certified for its groups prepares its child at once." */
function prepareChild(world: World): boolean {
  const reached = world.highestFinalizableGeneration;
  for (const metablock of world.metablocks.values()) {
    const { sequence } = metablock.view;
    if (sequence <= reached - generationsOpen || sequence > reached || !mayBeParent(world, metablock)) continue;
    const groups: Group[] = [];
    for (const group of world.groups.values()) {
      if (votes(group) && waitsForChild(world, metablock, group)) groups.push(group);
    }
    if (groups.length === 0) continue;
    const view = { sequence: sequence + 1, attempt: sequence === reached ? world.attempt : 0 };
    metablock.childTurn ??= world.now.monotonic + childTurn(world, view, groups);
    if (world.now.monotonic >= metablock.childTurn && issue(world, view, votingGroups(world))) return true;
  }
  return false;
}

/**
 * In a pair one alone sees it first, and "children wait for nobody"; among more owners several do within one delay of the
 * network, and rank keeps all but one of them from speaking.
 */
function childTurn(world: World, view: View, groups: readonly Group[]): number {
  const ranks = groups.map((group) => (group.ownerKeys.length > 2 ? rankOf(world, view, group, world.avatar) : 0));
  return Math.min(...ranks) * rankStep(world, view.attempt);
}

/** Whether the metablock is certified for the group, its blocks are not final, and no child that could close them is known. */
function waitsForChild(world: World, metablock: Metablock, group: Group): boolean {
  if (isPast(metablock, group) || !isFinalizableFor(metablock, group)) return false;
  if (!showsAllOf(metablock, group.id)) return false;
  if (!mayCloseAll(group, metablock, referencesOf(metablock, group.key))) return false;
  for (const child of world.metablocks.values()) {
    if (!child.parentKeys.includes(metablock.key)) continue;
    if (!releases(child, group.id) && child.valid !== false && !stale(world, child, group)) return false;
  }
  return true;
}

/** Of an attempt that is over, or far ahead; or of another generation, and waited for as long as the group's votes take. */
function stale(world: World, metablock: Metablock, group: Group): boolean {
  const { view } = metablock;
  if (view.sequence === world.highestFinalizableGeneration + 1) return view.attempt !== world.attempt;
  if (metablock.issuerKey !== world.avatarKey && waitsTooLong(world, group)) return true;
  return isGivenUp(world, metablock, group);
}

function votingGroups(world: World): Group[] {
  return [...world.groups.values()].filter(votes);
}

/** "First proposals wait by rank, rank r waiting r short steps, so that normally one speaks." */
function prepareProposal(world: World): boolean {
  const waiting: Group[] = [];
  for (const group of world.groups.values()) if (votes(group) && waitsForProposal(world, group)) waiting.push(group);
  const wanted = waiting.map((group) => reachableView(world, group));
  const view = wanted.filter((each) => hasParents(world, each)).sort(compareViews)[0];
  if (view === undefined) {
    world.proposal = null;
    return false;
  }
  // Who reports a generation far ahead holds up the groups that it owns, and no other: each goes at its own.
  const groups = waiting.filter((_, index) => compareViews(wanted[index]!, view) === 0);
  const scheduled = world.proposal;
  if (scheduled === null || compareViews(scheduled.view, view) !== 0) {
    world.proposal = { view, at: world.now.monotonic + turn(world, view, groups) };
  }
  if (world.proposal === null || world.now.monotonic < world.proposal.at) return false;
  world.proposal = null;
  return issue(world, view, groups);
}

/** Blocks that are not final wait, and no metablock that may still be voted on holds the group's next slot. */
function waitsForProposal(world: World, group: Group): boolean {
  if (!hasOpenBlocks(world, group)) return false;
  for (const metablock of world.metablocks.values()) {
    if (metablock.valid === false || stale(world, metablock, group)) continue;
    if (turnOfIssuer(world, metablock) > world.now.monotonic) continue;
    if (referencesOf(metablock, group.key).some(({ value }) => value.position >= group.position)) return false;
  }
  return proposableBlocks(group, group.position, [], highestView, world).length > 0;
}

/**
 * "N = 1 + the least g such that a quorum of each group it serves reports HFG ≤ g, and above the claims that stand in its
 * way." Never at or below a view in which this participant issued, crash or not.
 */
function proposalView(world: World, group: Group): View {
  let sequence = 1 + Math.max(world.highestFinalizableGeneration, generationOfQuorum(world, group));
  const claim = group.slots.get(group.position)?.claim;
  if (claim && above(claim.view, { sequence, attempt: world.attempt }))
    sequence = Math.max(claim.view.sequence, 1 + (world.footing?.metablock.view.sequence ?? -1));
  // One that issued in this generation already waits for it, or for the next attempt: a higher one would be ahead of the others'.
  if (sequence === world.highestFinalizableGeneration + 1) return { sequence, attempt: world.attempt };
  const used = world.issuedBefore;
  if (used !== null && used.sequence > sequence) sequence = used.sequence;
  const claimed = claim?.view.sequence === sequence ? claim.view.attempt : -1;
  return { sequence, attempt: Math.max(claimed + 1, unusedAttempt(world, sequence)) };
}

/**
 * Where nobody near has a parent for it, and the group waited for long: the next generation. An owner who is no neighbour is taken to be where it
 * signed, and may have been led there by others, above generations of its own in which it votes.
 */
function reachableView(world: World, group: Group): View {
  const view = proposalView(world, group);
  const next = { sequence: world.highestFinalizableGeneration + 1, attempt: world.attempt };
  return hasParents(world, view) || !waitsLong(world, group) || !hasParents(world, next) ? view : next;
}

/** Whether a metablock of the generation before is known that could be its parent; of generation 0 none is needed. */
function hasParents(world: World, { sequence }: View): boolean {
  if (sequence === 0) return true;
  return [...world.metablocks.values()].some(
    (metablock) => metablock.view.sequence === sequence - 1 && mayBeParent(world, metablock),
  );
}

function generationOfQuorum(world: World, group: Group): number {
  const reported = group.ownerKeys.map((owner) =>
    owner === world.avatarKey
      ? world.highestFinalizableGeneration
      : (world.reports.get(owner)?.highestFinalizableGeneration ?? -1),
  );
  return reported.sort((a, b) => a - b)[group.quorum - 1]!;
}

/**
 * How long to wait before speaking, ms. In a first attempt the writer of a waiting block speaks at once, if its co-owners
 * are not known to be ahead: its proposal would come too late. Everyone else follows by rank.
 */
function turn(world: World, view: View, groups: readonly Group[]): number {
  const behind = view.sequence > world.highestFinalizableGeneration + 1;
  const writes = groups.some((group) =>
    [...group.blocks.values()].some((block) => equal(block.header.value.issuer, world.avatar)),
  );
  if (view.attempt === 0 && !behind && (writes || groups.some((group) => leads(world, group)))) return 0;
  const rank = Math.min(...groups.map((group) => rankOf(world, view, group, world.avatar)));
  // Above the next generation attempts are as others say: they tell nothing of how often one failed here.
  const step = rankStep(world, behind ? Math.min(view.attempt, world.attempt) : view.attempt);
  return (view.attempt === 0 ? rank + 1 : rank) * step;
}

/** Whether all other owners are known to be behind: what they proposed would come too late, so they leave it to this one. */
function leads(world: World, group: Group): boolean {
  return group.ownerKeys.every((owner) => {
    if (owner === world.avatarKey) return true;
    const report = world.reports.get(owner);
    return report !== undefined && report.highestFinalizableGeneration < world.highestFinalizableGeneration;
  });
}

/**
 * Makes and issues a metablock of this view: parents worth having, releases, and the blocks to put forward. Issuing is
 * certifying, by the same rules: what this participant could not certify of its own groups is released or left out.
 */
function issue(world: World, view: View, groups: readonly Group[]): boolean {
  if (hasIssued(world, view)) return false;
  const parents = chooseParents(world, view);
  if (view.sequence > 0 && parents.length === 0) return false;
  const released = chooseReleases(world, view, parents);
  if (released.length > maxReleasedGroups) return false;
  const references = chooseReferences(world, view, groups, parents, released);
  const closing = parents.some((parent) => groups.some((group) => !released.includes(group) && openIn(parent, group)));
  if (references.length === 0 && !closing) return false;
  const metablock = makeMetablock(world, view, parents, released, references);
  issueMetablock(world, metablock);
  return true;
}

/**
 * What must be released; and "the groups that made no progress for two timeouts": an owner who certified another block above the
 * parent's view can't close it, and can certify it anew.
 */
function chooseReleases(world: World, view: View, parents: readonly Metablock[]): Group[] {
  const mine = votingOrObserved(world);
  const must = mine.filter((group) => parents.some((parent) => mustRelease(group, parent)));
  if (view.attempt < attemptsToClose) return must;
  const stuck = mine.filter((group) => !must.includes(group) && parents.some((parent) => openIn(parent, group)));
  return [...must, ...stuck.slice(0, Math.max(0, maxReleasedGroups - must.length))];
}

/** The groups whose everything an issuer's signature speaks for: all that it owns. */
function votingOrObserved(world: World): Group[] {
  return [...world.groups.values()].filter((group) => group.mine);
}

function openIn(parent: Metablock, group: Group): boolean {
  return referencesOf(parent, group.key).some(({ value }) => value.position >= group.position);
}

/**
 * Who issues a child certifies everything of its groups in the parents: so it releases a group of which it does not know
 * that it was shown all, or which it could not certify by rules 2 and 3.
 */
function mustRelease(group: Group, parent: Metablock): boolean {
  if (!showsAllOf(parent, group.id)) return true;
  const held = referencesOf(parent, group.key);
  if (held.length === 0) return false;
  return !votes(group) || !mayCloseAll(group, parent, held);
}

/**
 * "As parents, metablocks of N - 1 that hold certified blocks not final yet of the groups it serves, at most one per group;
 * one that holds none only where there is no other." Of those in conflict the winner stays.
 */
function chooseParents(world: World, view: View): Metablock[] {
  const before = [...world.metablocks.values()].filter(
    (metablock) => metablock.view.sequence === view.sequence - 1 && mayBeParent(world, metablock),
  );
  const worth = before.filter((metablock) =>
    votingGroups(world).some((group) => openIn(metablock, group) && isFinalizableFor(metablock, group)),
  );
  const chosen: Metablock[] = [];
  for (const candidate of worth) {
    const rivals = chosen.filter((other) => conflict(other, candidate));
    if (!rivals.every((rival) => resolveConflict(world.crypto, rival, candidate) === candidate)) continue;
    for (const rival of rivals) chosen.splice(chosen.indexOf(rival), 1);
    chosen.push(candidate);
  }
  if (chosen.length === 0) {
    return leastBinding(world, before);
  }
  chosen.sort((a, b) => compareIssuingHashes(world.crypto, b.header, a.header));
  return chosen.slice(0, parentLimit);
}

/** Where none is worth it, the one parent of which the fewest groups have to be released; of these, one that stands. */
function leastBinding(world: World, candidates: readonly Metablock[]): Metablock[] {
  const mine = votingOrObserved(world);
  const cost = (parent: Metablock) =>
    2 * mine.filter((group) => mustRelease(group, parent)).length + Number(!parent.standing);
  let best: { readonly parent: Metablock; readonly cost: number } | undefined;
  for (const parent of candidates) {
    const own = cost(parent);
    if (best === undefined || own < best.cost) best = { parent, cost: own };
  }
  return best === undefined ? [] : [best.parent];
}

function chooseReferences(
  world: World,
  view: View,
  groups: readonly Group[],
  parents: readonly Metablock[],
  released: readonly Group[],
): BlockReference[] {
  const references: BlockReference[] = [];
  for (const group of [...groups].sort((a, b) => compare(a.id, b.id))) {
    const holder = released.includes(group)
      ? undefined
      : parents.find((parent) => referencesOf(parent, group.key).length > 0);
    const held = holder === undefined ? [] : referencesOf(holder, group.key).map(({ value }) => value);
    const open = held.filter(({ position }) => position >= group.position);
    let position = group.position + open.length;
    let firstEntry = open.reduce((sum, { count }) => sum + count, group.entries);
    const window = held.map(({ block }) => toHex(block));
    // A block that may still be certified where it stands is not put forward a second time yet.
    if (holder === undefined && !waitsForProposal(world, group)) continue;
    for (const block of proposableBlocks(group, position, window, view, world)) {
      if (references.length === referencesPerMetablock) return references;
      const { count } = block.header.value;
      references.push({ group: group.id, position, firstEntry, block: block.header.id, count });
      position++;
      firstEntry += count;
    }
  }
  return references;
}

function makeMetablock(
  world: World,
  view: View,
  parents: readonly Metablock[],
  released: readonly Group[],
  references: readonly BlockReference[],
): Metablock {
  const leaves = references.map(encodeBlockReference);
  const tree = merkleTree(world.crypto, leaves);
  const bytes = encodeMetablockHeader({
    sequence: view.sequence,
    attempt: view.attempt,
    parents: parents.map(({ header }) => header.id).sort(compare),
    releasedGroups: released.map(({ id }) => id).sort(compare),
    root: rootOf(world.crypto, tree),
    referenceCount: references.length,
    issuer: world.avatar,
  });
  const signature = world.signer.sign(hash(world.crypto, "metablock", bytes));
  const metablock = createMetablock(signedMetablockHeader(world.crypto, bytes, signature), world.now.monotonic);
  const held = references.map((value, index) =>
    heldReference({ index, bytes: leaves[index]!, path: pathIn(tree, index) }, value),
  );
  holdReferences(metablock, held);
  metablock.whole = true;
  metablock.valid = true;
  return metablock;
}

/** "Issuing a metablock is certifying it: same rules, same write" (PROTOCOL 6). */
function issueMetablock(world: World, metablock: Metablock): void {
  const parts = certifiableParts(world, metablock);
  const certified = new Set(parts.flatMap((part) => part.own.map(({ index }) => index)));
  for (const [index, { value }] of metablock.references) {
    assert(certified.has(index), `an issuer may certify all that it puts forward, slot ${value.position} too`);
  }
  recordClaims(world, metablock, parts);
  noteIssued(world, metablock.view);
  roomForMetablock(world, metablock.header.value, world.avatarKey);
  keepMetablock(world, metablock);
  world.news.push({ kind: "metablock", metablock });
  closeOwn(world, metablock, parts);
}
