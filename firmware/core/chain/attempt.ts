import { maxCount } from "../wire/limits";
import type { View } from "../wire/types";
import { type Group, votes } from "./group";
import { hasOpenBlocks } from "./retired";
import { voteIsSplit } from "./split";
import { timing } from "./timing";
import { furthestAhead, type Report, type World } from "./world";

/**
 * When a participant gives up an attempt (PROTOCOL 6, "Why it moves"). Attempts are only worth something where owners are in the
 * same one: who is ahead waits for those it hears, who is behind follows, and who hears nobody stays where it is.
 */

/** So many generations in which the first attempt succeeds undo what failed attempts taught. */
const mostCaution = 6;

/** Timeouts after which an attempt ends though nobody was heard: silence may have a cause that only a new attempt ends. */
const longestStay = 4;

/** Ends the attempt if it is over. Tells whether it timed out, so that something may have been lost on the way. */
export function endAttempt(world: World): boolean {
  const timedOut = world.attemptEnds !== null && world.now.monotonic >= world.attemptEnds;
  if (voteIsSplit(world) || (timedOut && mayRaise(world))) enterAttempt(world, world.attempt + 1);
  else if (!timedOut) return false;
  else world.attemptStays++;
  if (timedOut) {
    world.attemptsFailed++;
    keepFooting(world);
  }
  world.attemptEnds = world.now.monotonic + attemptTime(world);
  return timedOut;
}

function keepFooting(world: World): void {
  if (world.footing === null || world.footing.durable) return;
  world.footing.durable = true;
  world.changed.footing = true;
}

/** One-way delays of an attempt in which all goes well: a block, its metablock, votes, a child, votes; and one to spare. */
const waysOfAttempt = 4;

/**
 * "It rises when nothing of it finished within the timeout (base, times 1.6 per attempt, bounded)" (PROTOCOL 6); but not before what
 * belongs to it can have gone there and back, over the lines to the nearest of the groups that wait.
 */
function attemptTime(world: World): number {
  const ways = waysOfAttempt * lineDelay(world);
  const time = Math.max(world.patience, ways) * timing.growth ** world.attemptsFailed;
  return Math.ceil(Math.min(Math.max(timing.longestAttempt, ways), time));
}

/** A group behind a slow line holds up no attempt of those that are near. */
function lineDelay(world: World): number {
  let least = Number.POSITIVE_INFINITY;
  for (const group of world.groups.values()) if (waits(world, group)) least = Math.min(least, group.delay);
  return least === Number.POSITIVE_INFINITY ? 0 : least;
}

/** Begins to wait where blocks wait, and stops where none do. */
export function waitForAttempt(world: World): void {
  if (!hasWork(world)) world.attemptEnds = null;
  else world.attemptEnds ??= world.now.monotonic + attemptTime(world);
}

function hasWork(world: World): boolean {
  return [...world.groups.values()].some((group) => waits(world, group));
}

function waits(world: World, group: Group): boolean {
  return votes(group) && hasOpenBlocks(world, group);
}

/** A new attempt, or with a new generation the first: what is heard from now on is heard in it. */
export function enterAttempt(world: World, attempt: number): void {
  const caution = Math.min(mostCaution, Math.max(world.caution, world.attempt, attempt));
  world.caution = attempt === 0 ? Math.max(0, caution - 1) : caution;
  world.attempt = Math.min(attempt, maxCount);
  world.attemptStays = 0;
  world.attemptBegan = world.now.monotonic;
  world.attemptsFailed = attempt === 0 ? 0 : Math.max(attempt - 1, world.attemptsFailed);
  world.attemptEnds = null;
  world.proposal = null;
}

/**
 * After a start the attempts in which it issued or certified are spent, and what it issued in them is gone with its RAM: it goes
 * on above them.
 */
export function enterUnspentAttempt(world: World): void {
  let spent = -1;
  const note = (view: View | null | undefined) => {
    if (view?.sequence === world.highestFinalizableGeneration + 1) spent = Math.max(spent, view.attempt);
  };
  note(world.issued);
  for (const { slots } of world.groups.values()) for (const { claim } of slots.values()) note(claim?.view);
  enterAttempt(world, spent + 1);
}

/**
 * Alone, or ahead of those without whom there is no quorum, one would only be further ahead of them when they come: its
 * metablocks are of attempts in which they can't vote yet, and would not be before as many timeouts as it had without them.
 */
function mayRaise(world: World): boolean {
  if (world.attemptStays + 1 >= longestStay) return true;
  return [...world.groups.values()].some((group) => waits(world, group) && isJoined(world, group));
}

function isJoined(world: World, group: Group): boolean {
  let joined = 0;
  let below = 0;
  for (const owner of group.ownerKeys) {
    const report = world.reports.get(owner);
    if (report === undefined) continue;
    const heard = report.heardAt >= world.attemptBegan;
    const isHere = report.highestFinalizableGeneration === world.highestFinalizableGeneration;
    if (heard || (isHere && report.attempt >= world.attempt)) joined++;
    if (heard && isHere && report.attempt < world.attempt) below++;
  }
  return joined > 0 && group.ownerKeys.length - below >= group.quorum;
}

/** Attempts by which an owner is believed to be ahead, each time that it is heard. */
const attemptsAhead = 256;

/**
 * Notes where another is, as it said or as its signature shows. Believed as far as one can have come honestly: else one liar's
 * number would drive everyone's past 2^53.
 */
export function hear(world: World, avatarKey: string, said: Omit<Report, "heardAt">): void {
  const { highestFinalizableGeneration, attempt } = said;
  world.unsettled = true;
  world.reports.set(avatarKey, {
    highestFinalizableGeneration: Math.min(
      highestFinalizableGeneration,
      world.highestFinalizableGeneration + furthestAhead,
    ),
    attempt: Math.min(attempt, world.attempt + attemptsAhead),
    heardAt: world.now.monotonic,
  });
  for (const group of world.groups.values()) if (group.mine) follow(world, group);
}

/** Of who owns nothing here it matters only while it is a neighbour: there are avatars without end. */
export function forgetReport(world: World, avatarKey: string): void {
  if (!world.owners.has(avatarKey)) world.reports.delete(avatarKey);
}

/** Who signs in a view was at its attempt, and not above its generation: what those who are no neighbours are heard by. */
export function hearSigner(world: World, owner: string, { sequence, attempt }: View): void {
  if (owner === world.avatarKey || !world.owners.has(owner)) return;
  const before = world.reports.get(owner);
  const generation = sequence - 1;
  if (before !== undefined && before.highestFinalizableGeneration > generation) return;
  if (before?.highestFinalizableGeneration === generation && before.attempt >= attempt) return;
  hear(world, owner, { highestFinalizableGeneration: generation, attempt });
}

/** Goes to the attempt in which so many owners were heard that one of them is honest, where they are of the same generation. */
function follow(world: World, group: Group): void {
  const heard = group.ownerKeys.map((owner) => {
    const report = owner === world.avatarKey ? undefined : world.reports.get(owner);
    return report?.highestFinalizableGeneration === world.highestFinalizableGeneration ? report.attempt : -1;
  });
  const reached = heard.sort((a, b) => b - a)[group.believed - 1]!;
  if (reached > world.attempt) enterAttempt(world, reached);
}
