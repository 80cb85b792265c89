import { compare, equal, toHex } from "../wire/bytes";
import type { Sha256 } from "../wire/hash";
import { merkleTree, pathIn, rootOf, verifyMerklePath } from "../wire/merkle";
import { decodeBlockReference } from "../wire/structures";
import type { BlockReference, Hash, ShownReference } from "../wire/types";
import { type Group, slotWindow } from "./group";
import { type HeldReference, invalid, type Metablock } from "./metablock";

/** What is shown of a metablock's block references (PROTOCOL 4), kept in the order of their indexes. */

/** A group by its id. */
interface Identified {
  readonly id: Hash;
}

/**
 * Takes what a peer shows of the references; returns whether anything was new. Where all are shown at once, only those around
 * `groups` are kept (all, where it is absent): nobody is ever shown the others from here. At most two hashes for each reference that came without a path, and the
 * path's length for any other. Throws `metablock-…` where they don't lead to the root, or are out of order; then nothing was taken.
 */
export function takeReferences(
  crypto: Sha256,
  metablock: Metablock,
  shown: readonly ShownReference[],
  groups?: Iterable<Identified>,
): boolean {
  if (metablock.whole) return false;
  const { referenceCount } = metablock.header.value;
  const all = shown.length === referenceCount && shown.every(({ path }) => path.length === 0);
  const placed = all ? shown.map((each, index) => ({ ...each, index })) : shown;
  const fresh = notHeld(metablock, placed);
  const together = [...metablock.sorted, ...fresh].sort((a, b) => a.index - b.index);
  // Before the first hash: what is out of order is not worth one.
  checkOrder(metablock, together);
  const proven = all ? withPaths(crypto, metablock, fresh, shown) : withPathsChecked(crypto, metablock, fresh);
  const sorted = [...metablock.sorted, ...proven].sort((a, b) => a.index - b.index);
  metablock.whole = all || sorted.length === referenceCount;
  holdReferences(metablock, all && groups !== undefined ? referencesAround(sorted, groups) : sorted);
  return fresh.length > 0;
}

/** Holds these in place of what was held: verified, and in the order of their indexes. */
export function holdReferences(metablock: Metablock, sorted: readonly HeldReference[]): void {
  metablock.sorted = sorted;
  metablock.references.clear();
  metablock.byGroup.clear();
  for (const reference of sorted) {
    metablock.references.set(reference.index, reference);
    const others = metablock.byGroup.get(reference.groupKey);
    if (others === undefined) metablock.byGroup.set(reference.groupKey, [reference]);
    else others.push(reference);
  }
}

export function heldReference(shown: ShownReference, value: BlockReference): HeldReference {
  return { ...shown, value, groupKey: toHex(value.group), blockKey: toHex(value.block) };
}

/** What is shown and not held, decoded and not verified yet; of several with one index the first. */
function notHeld(metablock: Metablock, shown: readonly ShownReference[]): HeldReference[] {
  const fresh = new Map<number, HeldReference>();
  for (const reference of shown) {
    if (metablock.references.has(reference.index) || fresh.has(reference.index)) continue;
    fresh.set(reference.index, heldReference(reference, decodeBlockReference(reference.bytes)));
  }
  return [...fresh.values()];
}

/** Where all references are shown they need no paths: these are the ones that they make together. */
function withPaths(
  crypto: Sha256,
  metablock: Metablock,
  fresh: readonly HeldReference[],
  all: readonly ShownReference[],
): HeldReference[] {
  const tree = merkleTree(
    crypto,
    all.map(({ bytes }) => bytes),
  );
  if (!equal(rootOf(crypto, tree), metablock.header.value.root)) {
    throw invalid(metablock, "metablock-path", "its references do not lead to its root");
  }
  return fresh.map((reference) => ({ ...reference, path: pathIn(tree, reference.index) }));
}

function withPathsChecked(
  crypto: Sha256,
  metablock: Metablock,
  fresh: readonly HeldReference[],
): readonly HeldReference[] {
  const { root, referenceCount } = metablock.header.value;
  for (const { index, bytes, path } of fresh) {
    if (!verifyMerklePath(crypto, bytes, index, referenceCount, path, root)) {
      throw invalid(metablock, "metablock-path", `its reference ${index} does not lead to its root`);
    }
  }
  return fresh;
}

/** PROTOCOL 4: references are sorted by group bytes, then position; of one group no more than could be certified. */
function checkOrder(metablock: Metablock, sorted: readonly HeldReference[]): void {
  let ofGroup = 1;
  for (let place = 1; place < sorted.length; place++) {
    const [before, after] = [sorted[place - 1]!, sorted[place]!];
    const order = compare(before.value.group, after.value.group) || before.value.position - after.value.position;
    if (order >= 0) {
      throw invalid(metablock, "metablock-order", `its references ${before.index} and ${after.index} are not in order`);
    }
    ofGroup = before.groupKey === after.groupKey ? ofGroup + 1 : 1;
    if (ofGroup > slotWindow) {
      throw invalid(metablock, "metablock-references", `it names more than ${slotWindow} blocks of one group`);
    }
  }
}

const none: readonly HeldReference[] = [];

/** What is shown of a group, by position. */
export function referencesOf(metablock: Metablock, groupKey: string): readonly HeldReference[] {
  return metablock.byGroup.get(groupKey) ?? none;
}

/** Whether all that it shows of the group lies below what is final here: nothing of it can change any more. */
export function isPast(metablock: Metablock, group: Group): boolean {
  const references = metablock.byGroup.get(group.key);
  return references === undefined || references[references.length - 1]!.value.position < group.position;
}

/**
 * Of references in order, those of these groups and the ones beside them or their places: by which it can be seen that none of
 * a group is left out.
 */
export function referencesAround(sorted: readonly HeldReference[], groups: Iterable<Identified>): HeldReference[] {
  const wanted = new Set<HeldReference>();
  for (const { id } of groups) {
    const first = placeOf(sorted, id);
    let place = Math.max(0, first - 1);
    for (; place < sorted.length; place++) {
      const reference = sorted[place]!;
      wanted.add(reference);
      if (place >= first && !equal(reference.value.group, id)) break;
    }
  }
  return sorted.filter((reference) => wanted.has(reference));
}

/** Where the group's references begin, or would. */
function placeOf(sorted: readonly HeldReference[], group: Hash): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(sorted[middle]!.value.group, group) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Whether all that the metablock holds of a group is shown: its references stand together, and the ones beside them are of
 * other groups. Who issues a child is bound by everything of its groups in the parents, so it must know this.
 */
export function showsAllOf(metablock: Metablock, group: Hash): boolean {
  if (metablock.whole) return true;
  const { sorted } = metablock;
  const first = placeOf(sorted, group);
  let end = first;
  while (end < sorted.length && equal(sorted[end]!.value.group, group)) end++;
  const before = first === 0 ? -1 : sorted[first - 1]!.index;
  const after = end === sorted.length ? metablock.header.value.referenceCount : sorted[end]!.index;
  return after - before === end - first + 1;
}
