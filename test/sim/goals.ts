import { type Checkers, isSuspect } from "./checkers";
import { ownersNeeded, type Plan } from "./plan";
import type { Group, Member, World } from "./world";

/** A group whose quorum can be reached, and those of its owners who reach each other. */
export interface Goal {
  readonly group: Group;
  readonly able: readonly Member[];
}

/** What is to be final in a group: so many blocks, and of each writer so many of those that were sealed, the first first. */
interface Mark {
  readonly blocks: number;
  readonly sealed: ReadonlyMap<Member, number>;
}

/** null where its quorum can't be reached. */
export function goalOf(world: World, group: Group): Goal | null {
  const { plan } = world;
  const there = [...world.members.values()].filter((member) => !member.vanished && !isSuspect(world, member));
  const owners = there.filter(({ name }) => group.owners.includes(name));
  const able = largestTogether(plan, owners, there, group);
  return able.length < ownersNeeded(group.policy.quorum, group.owners.length) ? null : { group, able };
}

/** All that is sealed and final somewhere now. */
export function markOf(checkers: Checkers, { group, able }: Goal): Mark {
  return {
    blocks: Math.max(...able.map((member) => checkers.historyOf(member, group).length)),
    sealed: new Map(able.map((member) => [member, checkers.sealedBy(member, group).length])),
  };
}

/** What is still to be final: of all that there is now, or of what was marked. */
export function lackOf(checkers: Checkers, goals: readonly Goal[], marks?: readonly Mark[]): string | undefined {
  for (const [at, goal] of goals.entries()) {
    const lack = lackIn(checkers, goal, marks?.[at] ?? markOf(checkers, goal));
    if (lack !== undefined) return lack;
  }
  return undefined;
}

function lackIn(checkers: Checkers, goal: Goal, mark: Mark): string | undefined {
  for (const member of goal.able) {
    const lack = lackAt(checkers, goal, member, mark);
    if (lack !== undefined) return lack;
  }
  return undefined;
}

/** What of this is not final at one of them. */
export function lackAt(
  checkers: Checkers,
  goal: Goal,
  member: Member,
  { blocks, sealed }: Mark = markOf(checkers, goal),
): string | undefined {
  const { group, able } = goal;
  const history = checkers.historyOf(member, group);
  if (history.length < blocks) {
    return `${member.name} has ${history.length} final blocks of ${group.name}, and others ${blocks}`;
  }
  const final = new Set(history.map(({ block }) => block));
  for (const writer of able) {
    const told = checkers.sealedBy(writer, group).slice(0, sealed.get(writer));
    const lost = told.filter((block) => !final.has(block)).map((block) => block.slice(0, 8));
    if (lost.length > 0)
      return `blocks ${lost} of ${writer.name}, sealed, are not final in ${group.name} at ${member.name}`;
  }
  return undefined;
}

/** Blocks that whoever was away for longest has to be given. */
export function furthestBehind(checkers: Checkers, goals: readonly Goal[]): number {
  const behind = goals.map(({ group, able }) => {
    const held = able.map((member) => checkers.historyOf(member, group).length);
    return Math.max(...held) - Math.min(...held);
  });
  return Math.max(0, ...behind);
}

/** The most owners of the group that are linked, by each other and by those who relay. */
function largestTogether(plan: Plan, owners: readonly Member[], there: readonly Member[], group: Group): Member[] {
  const relays = there.filter(({ name }) => plan.followers.includes(name) || group.owners.includes(name));
  let largest: Member[] = [];
  for (const start of owners) {
    const reached = new Set([start.name]);
    for (const name of reached) {
      for (const { ends } of plan.links) {
        const other = ends[0] === name ? ends[1] : ends[1] === name ? ends[0] : undefined;
        if (other !== undefined && relays.some((relay) => relay.name === other)) reached.add(other);
      }
    }
    const together = owners.filter(({ name }) => reached.has(name));
    if (together.length > largest.length) largest = together;
  }
  return largest;
}
