import { type Group, votes } from "./group";
import { certifiedBy, type Metablock } from "./metablock";
import { referencesOf } from "./references";
import type { World } from "./world";

/**
 * Whether an attempt can't finish for a group: its owners certified different blocks for its next slot in this view, and no
 * block can reach the quorum any more, since nobody certifies two (PROTOCOL 6, rule 4). Then there is nothing to wait for.
 */
export function voteIsSplit(world: World): boolean {
  const sequence = world.highestFinalizableGeneration + 1;
  const metablocks: Metablock[] = [];
  for (const metablock of world.metablocks.values()) {
    if (metablock.view.sequence === sequence && metablock.view.attempt === world.attempt) metablocks.push(metablock);
  }
  if (metablocks.length < 2) return false;
  for (const group of world.groups.values()) if (votes(group) && isSplit(metablocks, group)) return true;
  return false;
}

function isSplit(metablocks: readonly Metablock[], group: Group): boolean {
  const votesFor = new Map<string, Set<string>>();
  const decided = new Set<string>();
  for (const metablock of metablocks) {
    const reference = referencesOf(metablock, group.key).find(({ value }) => value.position === group.position);
    if (reference === undefined) continue;
    const voters = votesFor.get(reference.blockKey) ?? new Set();
    votesFor.set(reference.blockKey, voters);
    for (const owner of group.ownerKeys) {
      if (!certifiedBy(metablock, owner, reference.index)) continue;
      voters.add(owner);
      decided.add(owner);
    }
  }
  if (votesFor.size < 2) return false;
  const undecided = group.ownerKeys.length - decided.size;
  return [...votesFor.values()].every((voters) => voters.size + undecided < group.quorum);
}
