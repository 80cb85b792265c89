import { counterIsFinal, withFinalCounter } from "../block/counters";
import { encodeFinalRecord, finalKey } from "../block/final-record";
import { blockKey, slotKey } from "../block/records";
import { equal, toHex } from "../wire/bytes";
import type { Block, Hash } from "../wire/types";
import { isWhole } from "./access";
import { noteFinalOwn } from "./amnesia";
import { isOfDefinitions } from "./defining";
import { countersOf, type Group, recentFinalKept, slotWindow } from "./group";
import { reportMissing } from "./missing";
import { noteProducedIds } from "./repeats";
import { type LearnedFinality, lockIsVoid, promisedBlocks } from "./slots";
import { changeSlot, deliverFinal, notice, put, remove, takeSlotRoom, type World } from "./world";

/**
 * Notes that a slot is final on this block, with its proof, and finalizes in order all that follows on without gap. Returns
 * whether it was news. What comes before the slots before it waits in its slot, durable, where there is room; else it comes again.
 */
export function learnFinality(world: World, group: Group, position: number, final: LearnedFinality): boolean {
  if (position < group.position || position >= group.position + slotWindow) return false;
  const known = group.slots.get(position)?.final;
  if (known) {
    if (!equal(known.block, final.block)) contradicted(world, group, `slot ${position} is final on two blocks`);
    return false;
  }
  const follows = position === group.position && group.blocks.has(toHex(final.block));
  if (!follows && !takeSlotRoom(world, group, position, final.proof.length, undefined)) return false;
  changeSlot(world, group, position).final = final;
  dropVoidLocks(world, group, position, final.block);
  advance(world, group);
  return true;
}

/** Finalizes, in the order of the group, every block whose finality is known and whose entries are held. */
export function advance(world: World, group: Group): void {
  for (;;) {
    const final = group.slots.get(group.position)?.final;
    if (!final) return;
    const block = group.blocks.get(toHex(final.block));
    if (block === undefined || !isWhole(block, group)) {
      reportMissing(world, toHex(final.block), final.block, null);
      return;
    }
    if (final.firstEntry !== group.entries) {
      const { position, entries } = group;
      contradicted(
        world,
        group,
        `slot ${position} is final with entry ${final.firstEntry} first, and ${entries} follows here`,
      );
      return;
    }
    finalizeNext(world, group, block, final.proof);
  }
}

/** Only more liars than the quorum stands for can bring this about: it is said loudly, and nothing of it is delivered. */
function contradicted(world: World, group: Group, what: string): void {
  notice(
    world,
    "finality-contradicted",
    `Two finalities of group ${group.key.slice(0, 16)} contradict each other: ${what}.`,
    "More owners of this group lie than its quorum can bear. Look at its owners before you trust it again.",
  );
}

/**
 * Finalizes the block in the group's next slot: its record with proof is written together with the group's new position and
 * the erasure of its slot, so "a claim or lock is erased only after the finality of its slot is durable".
 */
export function finalizeNext(world: World, group: Group, block: Block, proof: Uint8Array): void {
  const { header, entries } = block;
  const { issuer, counter, count, time } = header.value;
  const position = group.position;
  const firstEntry = group.entries;
  const issuerKey = toHex(issuer);
  const repeats = entries === null ? [] : noteProducedIds(world, group, entries);
  const record = encodeFinalRecord({ firstEntry, count, proof, entries, repeats });
  put(world, finalKey(world.tag, group.key, position), record);
  const { finalTail } = world.bounds;
  if (finalTail > 0 && position >= finalTail) {
    remove(world, finalKey(world.tag, group.key, position - finalTail));
  }
  group.slots.delete(position);
  world.changed.slots.get(group)?.delete(position);
  remove(world, slotKey(world.tag, group.key, position));
  forgetBlock(world, group, toHex(header.id));
  group.finalCounters.set(issuerKey, withFinalCounter(countersOf(group, issuerKey), counter));
  noteFinalOwn(world, group, header);
  dropDeadBlocks(world, group, issuerKey);
  group.recentFinal.set(position, header.id);
  group.recentFinal.delete(position - recentFinalKept);
  group.position = position + 1;
  group.waitsSince = world.now.monotonic;
  group.leads.clear();
  group.entries = firstEntry + count;
  group.lastFinal = header.id;
  world.changed.groups.add(group);
  if (isOfDefinitions(world, group)) noteDefinitions(world, group, firstEntry, entries ?? []);
  deliverFinal(world, {
    world: world.tag,
    group: group.id,
    position,
    firstEntry,
    issuer,
    counter,
    time,
    block: header.id,
    count,
    entries,
    repeats,
  });
}

/** Taken when all of the present event is (`definitions/defined`), and written with it. */
function noteDefinitions(world: World, group: Group, first: number, entries: readonly Uint8Array[]): void {
  for (let index = 0; index < entries.length; index++) {
    world.toDefine.push({ group, index: first + index, entry: entries[index]! });
  }
}

/** Drops a block that is not waited for any more, here and in the store. */
export function forgetBlock(world: World, group: Group, key: string): void {
  group.blocks.delete(key);
  const number = group.blockNumbers.get(key);
  if (number === undefined) return;
  group.blockNumbers.delete(key);
  remove(world, blockKey(world.tag, group.key, number));
}

/**
 * "A lock is void when its block is final elsewhere, or when a slot before it is final on another block than its metablock's
 * history holds there" (PROTOCOL 6).
 */
function dropVoidLocks(world: World, group: Group, position: number, block: Hash): void {
  for (const [other, { lock }] of group.slots) {
    if (lock === null || other === position) continue;
    if (equal(lock.block, block) || (other > position && lockIsVoid(lock, position, block))) {
      changeSlot(world, group, other).lock = null;
    }
  }
}

/**
 * Blocks that can never become final any more, since their counter is final with another block, or fell below the window of counters.
 * Not one that something is promised of: it stood above the window when it was certified, and its owners may make it final yet.
 */
function dropDeadBlocks(world: World, group: Group, issuer: string): void {
  const promised = promisedBlocks(group.slots);
  for (const [key, block] of group.blocks) {
    if (toHex(block.header.value.issuer) !== issuer || promised.has(key)) continue;
    if (counterIsFinal(countersOf(group, issuer), block.header.value.counter)) forgetBlock(world, group, key);
  }
}
