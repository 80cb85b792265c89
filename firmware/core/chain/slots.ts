import { assert } from "../errors";
import { equal, toHex } from "../wire/bytes";
import type { Hash, View } from "../wire/types";
import { above, absentOrBelow, compareViews, laterView } from "./view";

/**
 * A slot is (group, position): the place of one block in the order of its group. What an owner keeps of a slot that is
 * not final is all that its promises rest on (PROTOCOL 6), so it is durable before any certificate that depends on it.
 */
export interface Slot {
  claim: Claim | null;
  lock: Lock | null;
  /** Learned out of order: final, while a slot before it is not final here yet. Locked on its block for ever. */
  final: LearnedFinality | null;
}

/** The block last certified here, the highest view in which it was, and the highest in which a different one was. */
export interface Claim {
  readonly block: Hash;
  readonly view: View;
  readonly otherView: View | null;
}

/** The block certified here by its owners' quorum in the highest view that this participant has seen. */
export interface Lock {
  readonly block: Hash;
  readonly view: View;
  /** An encoded LockProof, by which others adopt it; null where there is none that they would take. */
  readonly proof: Uint8Array | null;
  /** The blocks that the metablock's history holds in the slots before, as far as they were not final. */
  readonly history: readonly (readonly [number, Hash])[];
}

/** Bytes of a lock's record beside its frame, at most. */
export function lockBytes({ proof, history }: Pick<Lock, "proof" | "history">): number {
  return (proof?.length ?? 0) + 48 * history.length;
}

export interface LearnedFinality {
  readonly block: Hash;
  readonly firstEntry: number;
  readonly count: number;
  /** An encoded FinalityProof. */
  readonly proof: Uint8Array;
}

/** The blocks, in hex, that something is promised of in one of these slots: claimed, locked, or final out of order. */
export function promisedBlocks(slots: ReadonlyMap<number, Slot>): Set<string> {
  const promised = new Set<string>();
  for (const { claim, lock, final } of slots.values()) {
    for (const each of [claim, lock, final]) if (each !== null) promised.add(toHex(each.block));
  }
  return promised;
}

export function emptySlot(): Slot {
  return { claim: null, lock: null, final: null };
}

/** PROTOCOL 6, rule 4: "my lock is absent or on c; my claim is absent, or on c with `otherView` absent or below v, or on another block of a view below v". */
export function mayClaim(slot: Slot | undefined, block: Hash, view: View): boolean {
  if (slot === undefined) return true;
  if (slot.final !== null) return false;
  if (slot.lock !== null && !equal(slot.lock.block, block)) return false;
  if (slot.claim === null) return true;
  if (equal(slot.claim.block, block)) return absentOrBelow(slot.claim.otherView, view);
  return compareViews(slot.claim.view, view) < 0;
}

/**
 * PROTOCOL 6, rule 3, for a block that a parent of `parentView` holds: "that slot is not final on another block; my lock
 * there is not another block of a view above the parent's; and I never certified another block there in a view above the
 * parent's".
 */
export function mayClose(slot: Slot | undefined, block: Hash, parentView: View): boolean {
  if (slot === undefined) return true;
  if (slot.final !== null) return equal(slot.final.block, block);
  if (slot.lock !== null && !equal(slot.lock.block, block) && above(slot.lock.view, parentView)) return false;
  if (slot.claim === null) return true;
  const other = equal(slot.claim.block, block) ? slot.claim.otherView : slot.claim.view;
  return !above(other, parentView);
}

/** The claim after certifying `block` in `view`; `mayClaim` must have allowed it. */
export function claimAfter(claim: Claim | null, block: Hash, view: View): Claim {
  if (claim === null) return { block, view, otherView: null };
  if (equal(claim.block, block)) return { ...claim, view: laterView(claim.view, view) };
  assert(compareViews(claim.view, view) < 0, "a participant certifies another block in a slot only in a higher view");
  return { block, view, otherView: claim.view };
}

/** "A lock is void when a slot before it is final on another block than its metablock's history holds there" (PROTOCOL 6). */
export function lockIsVoid(lock: Lock, finalPosition: number, finalBlock: Hash): boolean {
  return lock.history.some(([position, block]) => position === finalPosition && !equal(block, finalBlock));
}
