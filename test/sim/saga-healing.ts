import { type Checkers, isSuspect } from "./checkers";
import { ownersNeeded } from "./plan";
import { checkSafety, history, lacking } from "./saga-checks";
import { judge } from "./saga-judge";
import type { Sagas } from "./sagas";
import { boot, knows, losePower, type Member, type World } from "./world";

/** How long one stage may take once all is well, and the way back over it, ms beyond its deadline and the leases of all. */
const stageMs = 60_000;

/** After the faults every invocation ends, for all who can hear of it; and whatever can't, what is there holds. */
export function healSagas(world: World, checkers: Checkers, started: number): void {
  const { sagas, schedule } = world;
  if (sagas === undefined || checkers.failures.length > 0) return;
  for (const name of sagas.plan.able) sagas.equip(name, true);
  for (const member of sagas.changed()) {
    losePower(world, member);
    boot(world, member);
  }
  const together = conductorsTogether(world, sagas);
  const ignore = () => {};
  const lacks = () => {
    const differs = differing(world, together, checkers);
    if (differs !== undefined) return differs;
    const entries = history(world, ignore);
    return lacking(judge(world, sagas, entries), entries);
  };
  if (canAll(world, sagas, together)) {
    const bound = started + boundOf(world, sagas);
    const quick = () => together.every((member) => underWay(sagas, member) === 0);
    schedule.run(bound, () => checkers.failures.length > 0 || (quick() && lacks() === undefined));
    const left = lacks();
    if (left !== undefined) checkers.fail(`${schedule.now() - started} ms after all faults ended, ${left}`);
    else sagas.healed();
  }
  checkSafety(world, sagas, history(world, checkers.fail), checkers.fail);
}

/** So many invocations, one after another at the worst, with every stage and its way back at the last moment. */
function boundOf({ plan, members }: World, { plan: { sagas, lease } }: Sagas): number {
  let bound = 600_000;
  for (const { begins, stages } of sagas) {
    const invocations = plan.steps.filter((step) => step.kind === "enter" && step.group === begins).length;
    for (const { deadline } of stages) bound += 2 * invocations * (deadline + (members.size + 1) * lease + stageMs);
  }
  return bound;
}

function underWay(sagas: Sagas, member: Member): number {
  const books = sagas.conductorOf(member)?.ledger.books.values() ?? [];
  return [...books].reduce((sum, { invocations }) => sum + invocations.size, 0);
}

/** The most conductors that are linked, by each other and by those who know what they speak of. */
function conductorsTogether(world: World, { plan }: Sagas): Member[] {
  const there = [...world.members.values()].filter((member) => !member.vanished && !isSuspect(world, member));
  const conductors = there.filter(({ name }) => plan.conductors.includes(name));
  const states = [...world.groups.values()].find(({ holds }) => holds === "states")!;
  let largest: Member[] = [];
  for (const start of conductors) {
    const reached = new Set([start.name]);
    for (const name of reached) {
      for (const { ends } of world.plan.links) {
        const other = ends[0] === name ? ends[1] : ends[1] === name ? ends[0] : undefined;
        if (other === undefined || !there.some((member) => member.name === other)) continue;
        if (knows(world.plan, other, states)) reached.add(other);
      }
    }
    const together = conductors.filter(({ name }) => reached.has(name));
    if (together.length > largest.length) largest = together;
  }
  return largest;
}

/** Whether they have the quorums of all groups, and one of them the servo, where any stage wants it. */
function canAll(world: World, { plan }: Sagas, together: readonly Member[]): boolean {
  const names = together.map(({ name }) => name);
  for (const { holds, owners, policy } of world.groups.values()) {
    if (holds === undefined) continue;
    const there = owners.filter((owner) => names.includes(owner)).length;
    if (there < ownersNeeded(policy.quorum, owners.length)) return false;
  }
  const wanted = plan.sagas.some(({ stages }) => stages.some(({ needsServo }) => needsServo));
  return !wanted || plan.able.some((name) => names.includes(name));
}

/** Whether one has more final blocks of a group of the sagas than another. */
function differing(world: World, together: readonly Member[], checkers: Checkers): string | undefined {
  for (const group of world.groups.values()) {
    if (group.holds === undefined) continue;
    const lengths = together.map((member) => checkers.historyOf(member, group).length);
    if (new Set(lengths).size > 1) return `of ${group.name} some have more final blocks than others: ${lengths}`;
  }
  return undefined;
}
