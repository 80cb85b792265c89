import type { Group } from "./group";
import { certifiedBy, type Metablock } from "./metablock";
import { bearsSilence, isGivenUpWithChild, waitsTooLong } from "./patience";
import { hasMyVote, openGroups } from "./predicates";
import { rankStep } from "./rank";
import { referencesOf } from "./references";
import { generationsOpen, type World } from "./world";

/**
 * Votes on blocks in generations above the next, where a participant is led by others: there it knows neither whose turn nor which attempt it is.
 * Who could lead it on and on, each time before the others propose above what was claimed the last time, would keep a group from ever agreeing.
 */

/** Whom one followed last in a group, to which metablock, and when it is followed to the next. */
export interface Lead {
  readonly metablock: string;
  /** Monotonic ms. */
  readonly until: number;
}

/** Attempts ahead at once; and one more with each ms that the slot waits, so that all owners come to take what one of them took. */
const attemptsAhead = 256;

/** Whether the metablock's own blocks of the group may be voted on, as far as it is of a generation above the next. */
export function mayBeLed(world: World, group: Group, { key, view, issuerKey }: Metablock): boolean {
  if (!isLeading(world, view.sequence) || issuerKey === world.avatarKey) return true;
  if (view.attempt > attemptsAhead + (world.now.monotonic - group.waitsSince)) return false;
  if (!waitsTooLong(world, group)) return true;
  // Who is honest puts nothing forward of a group that it does not own; and there are members without end.
  if (!group.ownerKeys.includes(issuerKey)) return false;
  const lead = group.leads.get(issuerKey);
  return lead === undefined || lead.metablock === key || lead.until <= world.now.monotonic;
}

/** Notes that this participant was led; until all others had their turn it is not by the same again. */
export function noteLead(world: World, group: Group, { key, view, issuerKey }: Metablock): void {
  if (!isLeading(world, view.sequence) || !waitsTooLong(world, group)) return;
  const turns = 2 * (group.ownerKeys.length + 1);
  group.leads.set(issuerKey, { metablock: key, until: world.now.monotonic + turns * rankStep(world, world.attempt) });
}

/**
 * Whether so many other owners of a group that can do without one, and whose next slot waits for long, voted for its blocks on parents that stand for nothing here that one of
 * them is honest. They can't judge the parents, since they don't know all groups of them; who can would keep them waiting for good, since
 * what they claimed there is voted for nowhere else.
 */
export function othersBuiltUpon(world: World, group: Group, metablock: Metablock): boolean {
  if (!waitsTooLong(world, group)) return false;
  return referencesOf(metablock, group.key).some(({ index }) => {
    const others = group.ownerKeys.filter((key) => key !== world.avatarKey && certifiedBy(metablock, key, index));
    return others.length >= group.believed;
  });
}

/**
 * Whether the metablock would lead this participant away from what it voted on in a group that can do without an owner, so far that it could
 * not vote there any more, while the others' votes are still waited for: as in a group of itself and a liar, which need no one else to go on.
 */
export function leadsAway(world: World, { view }: Metablock): boolean {
  if (!isLeading(world, view.sequence)) return false;
  for (const metablock of world.metablocks.values()) {
    if (metablock.view.sequence > view.sequence - generationsOpen || !hasMyVote(world, metablock)) continue;
    if (
      openGroups(world, metablock).some((group) => bearsSilence(group) && !isGivenUpWithChild(world, metablock, group))
    )
      return true;
  }
  return false;
}

function isLeading({ highestFinalizableGeneration }: World, sequence: number): boolean {
  return sequence > highestFinalizableGeneration + 1;
}
