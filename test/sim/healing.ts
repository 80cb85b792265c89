import { type Checkers, checkBounds, isSuspect } from "./checkers";
import { hinder, type LinkState } from "./links";
import { ownersNeeded, type Plan } from "./plan";
import { checkRebuilt, checkSomeProofs } from "./rebuilt";
import { healSagas } from "./saga-healing";
import { boot, type Group, losePower, type Member, type World } from "./world";

/** After the faults all that can be final must be so within this, virtual ms. */
const healingMs = 600_000;

/** All faults end, but for who is gone for good; returns how long it took until all was final that can be. */
export function heal(world: World, links: readonly LinkState[], checkers: Checkers): number | null {
  const { schedule, plan } = world;
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
  for (const link of links) if (plan.reconnects || link.lost > 0) hinder(world, link, "told")();
  const started = schedule.now();
  const goals = [...world.groups.values()]
    .filter(({ holds }) => holds === undefined)
    .map((group) => goalOf(world, checkers, group))
    .filter((goal) => goal !== null);
  const done = () => checkers.failures.length > 0 || goals.every((goal) => goal() === undefined);
  if (!done()) schedule.run(started + healingMs, done);
  const took = schedule.now() - started;
  for (const goal of goals) {
    const lacks = goal();
    if (lacks !== undefined) checkers.fail(`${healingMs} ms after all faults ended, ${lacks}`);
  }
  healSagas(world, checkers, started);
  // What follows changes nothing that is final.
  schedule.run(schedule.now() + 10_000, () => checkers.failures.length > 0);
  for (const member of world.members.values()) {
    if (isSuspect(world, member)) continue;
    checkBounds(world, member, checkers.fail);
    checkRebuilt(world, member, checkers.fail);
  }
  checkSomeProofs(world, checkers);
  return goals.length === 0 ? null : took;
}

/** What is still to be final in a group whose quorum can be reached; null where it can't be. */
function goalOf(world: World, checkers: Checkers, group: Group): (() => string | undefined) | null {
  const { plan } = world;
  const there = [...world.members.values()].filter((member) => !member.vanished && !isSuspect(world, member));
  const owners = there.filter(({ name }) => group.owners.includes(name));
  const able = largestTogether(plan, owners, there, group);
  if (able.length < ownersNeeded(group.policy.quorum, group.owners.length)) return null;
  return () => {
    const longest = Math.max(...able.map((member) => checkers.historyOf(member, group).length));
    for (const member of able) {
      const history = checkers.historyOf(member, group);
      if (history.length < longest) {
        return `${member.name} has ${history.length} final blocks of ${group.name}, and others ${longest}`;
      }
      if (group.policy.private) continue;
      const final = new Set(history.flatMap(({ values }) => values ?? []));
      for (const writer of able) {
        const lost = checkers.sealedBy(writer, group).filter((value) => !final.has(value));
        if (lost.length > 0)
          return `${lost} of ${writer.name}, sealed, are not final in ${group.name} at ${member.name}`;
      }
    }
    return undefined;
  };
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
