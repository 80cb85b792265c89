import { maxCount } from "../wire/limits";
import type { View } from "../wire/types";
import { above } from "./view";
import { generationsOpen, type World } from "./world";

/** The views in which this participant issued: in none does it twice, crash or not (PROTOCOL 6). */

/**
 * Generations of which its views are known one by one, the first and the highest: those that are open, and some above. A group that waits for an
 * owner who is gone is put forward in ever more of them, while its others go on.
 */
const generationsKept = generationsOpen + 4;

/**
 * Whether a metablock of this view was, or before the last start may have been, issued. Below a generation's highest attempt only its
 * first is still known. Who shares this participant's seed may have signed the highest view that there can be: above it nothing is
 * issued.
 */
export function hasIssued(world: World, view: View): boolean {
  if (view.sequence > maxCount || view.attempt > maxCount) return true;
  if (!above(view, world.issuedBefore) || view.attempt <= forgottenAttempt(world, view.sequence)) return true;
  return world.issuedViews.some(
    ({ sequence, attempt }) =>
      sequence === view.sequence && (attempt === view.attempt || (view.attempt > 0 && attempt > view.attempt)),
  );
}

/** The lowest attempt of a generation above all in which it issued there. */
export function unusedAttempt(world: World, sequence: number): number {
  let highest = forgottenAttempt(world, sequence);
  for (const issued of [world.issuedBefore, ...world.issuedViews])
    if (issued?.sequence === sequence) highest = Math.max(highest, issued.attempt);
  return highest + 1;
}

function forgottenAttempt({ issuedForgotten }: World, sequence: number): number {
  return issuedForgotten !== null && sequence <= issuedForgotten.sequence ? issuedForgotten.attempt : -1;
}

export function noteIssued(world: World, view: View): void {
  // A first attempt may come after others, in a generation that others led to.
  const isKept = ({ sequence, attempt }: View) => sequence !== view.sequence || attempt === 0 || view.attempt === 0;
  const others = world.issuedViews.filter(isKept);
  world.issuedViews = [...others, view];
  if (new Set(world.issuedViews.map(({ sequence }) => sequence)).size > generationsKept) forgetLowest(world);
  if (world.issued === null || above(view, world.issued)) {
    world.issued = view;
    world.changed.state = true;
  }
}

/** Of the lowest generation but the next, in which attempts are many, it is known from now on how far they went. */
function forgetLowest(world: World): void {
  const next = world.highestFinalizableGeneration + 1;
  const lowest = Math.min(...world.issuedViews.flatMap(({ sequence }) => (sequence === next ? [] : sequence)));
  const forgotten = world.issuedViews.filter(({ sequence }) => sequence === lowest);
  world.issuedViews = world.issuedViews.filter(({ sequence }) => sequence !== lowest);
  world.issuedForgotten = {
    sequence: Math.max(lowest, world.issuedForgotten?.sequence ?? 0),
    attempt: Math.max(...forgotten.map(({ attempt }) => attempt), world.issuedForgotten?.attempt ?? 0),
  };
}
