import { checkRecords } from "./bounds";
import { type Checkers, isSuspect } from "./checkers";
import { furthestBehind, goalOf, lackOf, markOf } from "./goals";
import { hinder, type LinkState } from "./links";
import { checkRebuilt, checkSomeProofs } from "./rebuilt";
import { healSagas } from "./saga-healing";
import { type Standstill, watchStandstill } from "./standstill";
import type { ToldCheck } from "./told";
import { boot, losePower, type World } from "./world";

/** After the faults all that can be final must be so within this, virtual ms; and for each block that who was away for longest is given, this more. */
const healingMs = 600_000;
const catchingUpMs = 500;

/** How a world came to rest, virtual ms. */
export interface Healing {
  /** From the end of the faults until all was final that was sealed by then, and that can be. */
  readonly took: number;
  /** The longest that a group stood still for one of its owners after that, while something waited in it: under load alone. */
  readonly stoodStill: number;
}

/** All faults end, but for who is gone for good; null where nothing can be final. */
export function heal(world: World, links: readonly LinkState[], checkers: Checkers, told: ToldCheck): Healing | null {
  const { schedule, plan } = world;
  endFaults(world, links);
  const started = schedule.now();
  const goals = [...world.groups.values()]
    .filter(({ holds }) => holds === undefined)
    .map((group) => goalOf(world, group))
    .filter((goal) => goal !== null);
  const isLoaded = plan.loadedUntil !== undefined;
  // Under load something is always under way: what is waited for is what was sealed by now.
  const marks = isLoaded ? goals.map((goal) => markOf(checkers, goal)) : undefined;
  const standstills = isLoaded ? goals.map((goal) => watchStandstill(world, checkers, goal)) : [];
  const within = healingMs + catchingUpMs * furthestBehind(checkers, goals);
  // Under load a writer whose lines are full is told later.
  const owed = () => (isLoaded ? undefined : told.owed(goals));
  reach(world, checkers, within, standstills, () => lackOf(checkers, goals, marks) ?? owed());
  const took = schedule.now() - started;
  const stoodStill = standstills.length === 0 ? 0 : bearLoad(world, checkers, standstills);
  // A writer whose lines are full is told when they are so no more.
  if (isLoaded) reach(world, checkers, within, [], () => lackOf(checkers, goals) ?? told.owed(goals));
  healSagas(world, checkers, started);
  // What follows changes nothing that is final.
  schedule.run(schedule.now() + 10_000, () => checkers.failures.length > 0);
  for (const member of world.members.values()) {
    member.store.reopen();
    if (isSuspect(world, member)) continue;
    checkRecords(world, member, checkers.fail);
    checkRebuilt(world, member, checkers.fail);
  }
  told.settle(goals);
  checkSomeProofs(world, checkers);
  return goals.length === 0 ? null : { took, stoodStill };
}

function endFaults(world: World, links: readonly LinkState[]): void {
  for (const link of links) {
    for (const reasons of [link.told, ...link.silent, ...link.swallows]) reasons.clear();
    Object.assign(link, { plan: { ...link.plan, loss: 0 } });
  }
  for (const member of world.members.values()) {
    if (member.fuse !== null) losePower(world, member);
    boot(world, member);
  }
  world.transport.changed();
  // A link promises that nothing is lost within a session: one that lost something has to begin anew.
  for (const link of links) if (world.plan.reconnects || link.lost > 0) hinder(world, link, "told")();
}

/** Lets the world go on until nothing is lacking any more, and at most for so long. */
function reach(
  world: World,
  checkers: Checkers,
  within: number,
  standstills: readonly Standstill[],
  lack: () => string | undefined,
): void {
  const { schedule } = world;
  const done = () => {
    for (const each of standstills) each.look();
    return checkers.failures.length > 0 || lack() === undefined;
  };
  if (!done()) schedule.run(schedule.now() + within, done);
  const left = lack();
  if (left !== undefined) checkers.fail(`${within} ms after all faults ended, ${left}`);
}

/** Members go on pushing, and no group stands still for any of its owners. */
function bearLoad({ plan, schedule }: World, checkers: Checkers, standstills: readonly Standstill[]): number {
  schedule.run(plan.loadedUntil!, () => {
    for (const each of standstills) each.look();
    return checkers.failures.length > 0;
  });
  return Math.max(...standstills.map((each) => each.longest()));
}
