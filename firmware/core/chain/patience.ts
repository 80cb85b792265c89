import type { Group } from "./group";
import type { Metablock } from "./metablock";
import { timing } from "./timing";
import type { World } from "./world";

/**
 * How long votes are waited for. Of each group it is learned on its own: a hub's fastest pair votes in a tenth of a second, and tells
 * nothing of a board that computes slowly, whose votes come when what they are for was given up, for ever.
 */

/** Over a slow line certificates take several times its delay. */
const waysOfSlowest = 8;

/** A metablock stands for the group now: four times what that took, forgotten slowly, within bounds. */
export function learnPatience(world: World, { seenAt }: Metablock, group: Group): void {
  const taken = 4 * (world.now.monotonic - seenAt);
  const remember = (before: number) =>
    Math.min(slowest(group), Math.max(timing.attempt, taken, Math.floor(0.9 * before)));
  group.patience = remember(group.patience);
  world.patience = remember(world.patience);
}

/** A metablock that could still have finished for the group was given up: the next is waited for twice as long. */
export function losePatience(group: Group): void {
  group.patience = Math.min(slowest(group), 2 * group.patience);
}

function slowest({ delay }: Group): number {
  return Math.max(timing.slowestAttempt, waysOfSlowest * delay);
}

/** So many times its patience a group waits for what others put forward in other generations. */
const longestWait = 4;

/**
 * Whether the group's next slot waits so long that nothing which another put forward in another generation keeps this participant from its
 * own any more: a liar has always something new there, that nobody gave up yet. Not where each owner is needed, of whom a liar stops all by
 * its silence: those who wait for one that is gone would be in ever other generations.
 */
export function waitsTooLong(world: World, group: Group): boolean {
  return bearsSilence(group) && waitsLong(world, group);
}

/** Whether the group's next slot waits for several times as long as its votes take. */
export function waitsLong({ now }: World, { waitsSince, patience }: Group): boolean {
  return now.monotonic - waitsSince >= longestWait * patience;
}

/** Whether a quorum of the group's owners can do without one. */
export function bearsSilence({ quorum, ownerKeys }: Group): boolean {
  return quorum < ownerKeys.length;
}

/** Whether the votes of the group's owners for the metablock were waited for long enough. */
export function isGivenUp(world: World, { seenAt }: Metablock, group: Group): boolean {
  return world.now.monotonic - seenAt >= group.patience;
}

/** And as long again for those for a child of it. */
export function isGivenUpWithChild(world: World, { seenAt }: Metablock, group: Group): boolean {
  return world.now.monotonic - seenAt >= 2 * group.patience;
}
