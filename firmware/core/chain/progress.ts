import { equal } from "../wire/bytes";
import { encodeFinalityProof, encodeLockProof } from "../wire/proofs";
import type { Block, Hash } from "../wire/types";
import { enterAttempt } from "./attempt";
import { evidence } from "./evidence";
import { learnFinality } from "./finalize";
import { type Group, slotWindow, soleOwner } from "./group";
import { type HeldReference, isCertified, isClosed, type Metablock, releases } from "./metablock";
import { reportMissing, reportMissingBlock } from "./missing";
import { learnPatience } from "./patience";
import { closes, groupsAbout, isFinalizableFor, isRunaway, parentAt, parentsOf } from "./predicates";
import { isPast, referencesOf } from "./references";
import { lockBytes } from "./slots";
import { compareViews } from "./view";
import { changeSlot, generationsOpen, leap, takeSlotRoom, type World } from "./world";

/**
 * Figure 6C, judged per group (PROTOCOL 6): locks what became certified in the metablock, finalizes what it closes in its
 * parents, and raises HFG. Returns whether anything changed.
 */
export function progress(world: World, metablock: Metablock): boolean {
  let changed = false;
  const groups = groupsAbout(world, metablock);
  for (let at = 0; at < groups.length; at++) {
    const group = groups[at]!;
    if (soleOwner(group)) continue;
    if (lockCertified(world, metablock, group)) changed = true;
    if (finalizeParents(world, metablock, group)) changed = true;
    if (raiseGeneration(world, metablock, group)) changed = true;
  }
  return changed;
}

/**
 * Whether nothing of it is open, so that to certify it and to progress by it changes nothing: what it and its parents show is final here,
 * and it raised for its groups what it can raise. Of what is held between two batches this is most.
 */
export function isSettled(world: World, metablock: Metablock): boolean {
  if (!isSettledFor(world, metablock, metablock)) return false;
  for (let at = 0; at < metablock.parentKeys.length; at++) {
    const parent = parentAt(world, metablock, at);
    if (parent !== undefined && !isSettledFor(world, metablock, parent)) return false;
  }
  return true;
}

function isSettledFor(world: World, metablock: Metablock, { sorted }: Metablock): boolean {
  for (let at = 0; at < sorted.length; at++) {
    const { groupKey, value } = sorted[at]!;
    const group = world.groups.get(groupKey);
    if (group === undefined || soleOwner(group)) continue;
    if (value.position >= group.position || !isRaised(world, metablock, group)) return false;
  }
  return true;
}

/** It stands for the group, and HFG is not below it: what it raised it raises once. */
function isRaised(world: World, { view, standsFor }: Metablock, group: Group): boolean {
  return standsFor.has(group.key) && (!group.mine || view.sequence <= world.highestFinalizableGeneration);
}

/** "A lock: the block certified there in the highest view that it has seen." */
function lockCertified(world: World, metablock: Metablock, group: Group): boolean {
  let changed = false;
  if (!group.mine || isPast(metablock, group)) return false;
  const references = referencesOf(metablock, group.key);
  for (let at = 0; at < references.length; at++) {
    const reference = references[at]!;
    const { position, block } = reference.value;
    if (position < group.position || position >= group.position + slotWindow) continue;
    if (!isCertified(metablock, group, reference.index)) continue;
    const held = group.slots.get(position);
    if (held?.final) continue;
    const lock = held?.lock ?? null;
    if (lock !== null && compareViews(lock.view, metablock.view) >= 0) continue;
    const header = group.blocks.get(reference.blockKey);
    if (header === undefined) {
      reportMissingBlock(world, reference.blockKey, block, null);
      continue;
    }
    const made = makeLock(world, metablock, group, reference, header);
    if (made === undefined) continue;
    const before = lock === null ? undefined : lockBytes(lock);
    // Without its proof it binds this participant alike, and is not told. Without it there is no vote on a child (rule 2).
    const kept = [made, { ...made, proof: null }].find((each) =>
      takeSlotRoom(world, group, position, lockBytes(each), before),
    );
    if (kept === undefined) continue;
    changeSlot(world, group, position).lock = kept;
    changed = true;
  }
  return changed;
}

/** Undefined where it would be void: a slot before it, which its history holds, is final on another block. */
function makeLock(world: World, metablock: Metablock, group: Group, reference: HeldReference, block: Block) {
  const own = referencesOf(metablock, group.key);
  const parents = parentsOf(world, metablock) ?? [];
  const holder = releases(metablock, group.id)
    ? undefined
    : parents.find((parent) => referencesOf(parent, group.key).length > 0);
  const before = [...(holder === undefined ? [] : referencesOf(holder, group.key)), ...own];
  const history = before
    .filter(({ value }) => value.position < reference.value.position)
    .map(({ value }) => [value.position, value.block] as const);
  if (voidAlready(group, history)) return undefined;
  const shown = (references: readonly HeldReference[]) => references.filter((each) => tellsHistory(each, reference));
  const proof = encodeLockProof({
    metablock: evidence(metablock, group, [...shown(own), reference], { own: reference.index }),
    parent: holder === undefined ? null : evidence(holder, group, shown(referencesOf(holder, group.key)), null),
    blockHeader: block.header.bytes,
    blockSignature: block.header.signature,
  });
  const open = history.filter(([position]) => position >= group.position);
  return { block: reference.value.block, view: metablock.view, proof, history: open };
}

/** Who adopts the lock needs its history from what is final there on: so far back at most as a slot can be ahead of that. */
function tellsHistory({ value }: HeldReference, { value: locked }: HeldReference): boolean {
  return value.position < locked.position && value.position >= locked.position - slotWindow;
}

function voidAlready(group: Group, history: readonly (readonly [number, Hash])[]): boolean {
  return history.some(([position, block]) => {
    const final = group.slots.get(position)?.final?.block ?? group.recentFinal.get(position);
    return final !== undefined && !equal(final, block);
  });
}

/**
 * "It is final when it is certified in A and its owners' quorum (2) certified one child Y of A, which does not release the
 * group, with that reference of A in scope."
 */
function finalizeParents(world: World, metablock: Metablock, group: Group): boolean {
  let changed = false;
  for (let index = 0; index < metablock.parentKeys.length; index++) {
    const parent = parentAt(world, metablock, index);
    if (parent === undefined || isPast(parent, group)) continue;
    const references = referencesOf(parent, group.key);
    for (let at = 0; at < references.length; at++) {
      const reference = references[at]!;
      if (reference.value.position < group.position) continue;
      if (group.slots.get(reference.value.position)?.final) continue;
      if (!isCertified(parent, group, reference.index) || !isClosed(metablock, group, index, reference.index)) continue;
      if (finalizeReference(world, metablock, index, parent, group, reference)) changed = true;
    }
  }
  return changed;
}

function finalizeReference(
  world: World,
  child: Metablock,
  parentIndex: number,
  parent: Metablock,
  group: Group,
  reference: HeldReference,
): boolean {
  const { block, position, firstEntry, count } = reference.value;
  const held = group.blocks.get(reference.blockKey);
  if (held === undefined) {
    reportMissing(world, reference.blockKey, block, null);
    return false;
  }
  const proof = encodeFinalityProof({
    pacts: group.pactBytes,
    group: group.bytes,
    blockHeader: held.header.bytes,
    blockSignature: held.header.signature,
    chain: {
      reference: { index: reference.index, bytes: reference.bytes, path: reference.path },
      certified: evidence(parent, group, [], { own: reference.index }),
      child: evidence(child, group, [], { parent: parentIndex, index: reference.index }),
    },
  });
  return learnFinality(world, group, position, { block, firstEntry, count, proof });
}

/**
 * "HFG starts at -1 and rises to N with a metablock of N that is certified for, or closes, one of my groups and needed my
 * certificate." The metablock that raised it is kept as the tip.
 */
function raiseGeneration(world: World, metablock: Metablock, group: Group): boolean {
  if (isRaised(world, metablock, group)) return false;
  const stands = isFinalizableFor(metablock, group) || closes(world, metablock, group);
  if (!stands) return false;
  const first = !metablock.standing;
  metablock.standing = true;
  if (!metablock.standsFor.has(group.key)) {
    metablock.standsFor.add(group.key);
    learnPatience(world, metablock, group);
  }
  if (isRaised(world, metablock, group)) return first;
  if (isRunaway(world, metablock, [group])) return first;
  if (metablock.view.sequence > world.highestFinalizableGeneration + leap.generations) {
    if (world.now.monotonic - world.leapedAt < leap.everyMs) return first;
    world.leapedAt = world.now.monotonic;
  }
  world.highestFinalizableGeneration = metablock.view.sequence;
  world.tip = metablock;
  enterAttempt(world, 0);
  world.issuedViews = world.issuedViews.filter((view) => view.sequence > metablock.view.sequence - generationsOpen);
  world.changed.state = true;
  world.changed.tip = true;
  if (world.footing !== null && world.footing.metablock.view.sequence <= metablock.view.sequence) {
    world.changed.footing ||= world.footing.durable;
    world.footing = null;
  }
  return true;
}
