import type { Checkers } from "./checkers";
import { type Goal, lackAt } from "./goals";
import type { World } from "./world";

/** A group whose owners hear each other, while they go on pushing: how long it stands still for one of them. */
export interface Standstill {
  /** Looks at how far all are now; fails the world where one has stood still for too long. */
  look(): void;
  /** The longest until now, virtual ms. */
  longest(): number;
}

/** No owner waits longer than this for the next final block of a group in which something waits, ms. */
const longestStandstill = 300_000;
/** From this on it is looked at what waits. */
const worthLooking = 2_000;

export function watchStandstill({ schedule }: World, checkers: Checkers, goal: Goal): Standstill {
  const { group, able } = goal;
  const last = new Map(
    able.map((member) => [member, { blocks: checkers.historyOf(member, group).length, since: schedule.now() }]),
  );
  let longest = 0;
  return {
    look() {
      const now = schedule.now();
      for (const member of able) {
        const { blocks, since } = last.get(member)!;
        const has = checkers.historyOf(member, group).length;
        const still = now - since;
        if (has === blocks && still <= worthLooking) continue;
        const lack = has === blocks ? lackAt(checkers, goal, member) : undefined;
        if (lack === undefined) {
          last.set(member, { blocks: has, since: now });
          continue;
        }
        longest = Math.max(longest, still);
        if (still > longestStandstill)
          checkers.fail(`${group.name} stood still for ${still} ms at ${member.name} under load: ${lack}`);
      }
    },
    longest: () => longest,
  };
}
