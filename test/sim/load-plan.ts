import { boards } from "./compute";
import {
  boldLieNames,
  type ComputePlan,
  drawWorld,
  type GroupPlan,
  type LiarPlan,
  liarsBorne,
  type Plan,
  type Step,
} from "./plan";
import { type Draw, seeded, some } from "./random";

/**
 * A hostile world under load: members compute slowly, some go on pushing long after all faults ended, and as many may lie or be gone as
 * the groups bear. Drawn apart from what a seed means without it.
 */
export function drawLoadedPlan(seed: number, signatures?: Plan["signatures"]): Plan {
  const draw = seeded(seed ^ 0x10ad);
  const plan = { ...drawWorld(seed ^ 0x4c0ad, signatures), seed };
  const liars = [...plan.liars, ...drawMoreLiars(draw, plan)];
  const until = plan.length + 60_000 + draw.below(120_000);
  const steps = [...plan.steps, ...drawMoreGone(draw, plan, liars), ...drawLoad(draw, plan, liars, until)];
  if (liars.length > 0) steps.push(...drawBoldLies(draw, plan.length));
  return {
    ...plan,
    liars,
    steps: steps.sort((a, b) => a.at - b.at),
    compute: drawSpeeds(draw, plan.members),
    loadedUntil: until,
  };
}

/** Most are boards; one in four worlds has no machine that is fast. */
function drawSpeeds(draw: Draw, members: readonly string[]): ReadonlyMap<string, ComputePlan> {
  const slow = draw.chance(0.25) ? members : some(draw, members, 1 + draw.below(members.length));
  return new Map(
    slow.map((name) => [name, draw.one([boards.rp2040, boards.rp2040, boards.esp32c3, boards.linux])] as const),
  );
}

function drawMoreLiars(draw: Draw, { liars, groups, members }: Plan): readonly LiarPlan[] {
  const [first] = liars;
  if (first === undefined || draw.chance(0.4)) return [];
  const chosen: string[] = [first.name];
  for (const name of members) {
    if (!chosen.includes(name) && draw.chance(0.5) && groups.every((group) => bears(group, [...chosen, name])))
      chosen.push(name);
  }
  return chosen.slice(1).map((name) => ({ ...first, name, habit: draw.one([first.habit, "talks"] as const) }));
}

function bears({ owners, policy }: GroupPlan, liars: readonly string[]): boolean {
  const among = owners.filter((owner) => liars.includes(owner)).length;
  return among === 0 || among <= liarsBorne(policy.quorum, owners.length);
}

function drawBoldLies(draw: Draw, length: number): Step[] {
  const menu = some(draw, boldLieNames, 1 + draw.below(5));
  return Array.from({ length: 3 + draw.below(20) }, () => ({
    at: draw.below(length),
    kind: "lie" as const,
    lie: draw.one(menu),
  }));
}

/** Members that are gone for good: which groups can go on without them is found when they are to heal. */
function drawMoreGone(draw: Draw, { members, length }: Plan, liars: readonly LiarPlan[]): Step[] {
  if (draw.chance(0.8)) return [];
  const honest = members.filter((name) => !liars.some((liar) => liar.name === name));
  return some(draw, honest, 1 + draw.below(2)).map((member) => ({
    at: draw.below(length),
    kind: "crash" as const,
    member,
    after: draw.below(8),
    down: null,
  }));
}

/** Owners that push now and then, for as long as the load lasts; and bursts that fill their buffers. */
function drawLoad(draw: Draw, { groups, steps, length }: Plan, liars: readonly LiarPlan[], until: number): Step[] {
  let value = steps.filter(({ kind }) => kind === "push").length;
  const pushes: Step[] = [];
  const every = draw.one([2_000, 5_000, 5_000, 15_000]);
  for (const { name: group, owners } of groups) {
    const writers = owners.filter((owner) => !liars.some(({ name }) => name === owner));
    for (const member of some(draw, writers, 1 + draw.below(writers.length))) {
      const period = Math.ceil(every * writers.length * (0.5 + draw.below(100) / 100));
      for (let at = draw.below(period); at < until; at += Math.ceil(period * (0.5 + draw.below(100) / 100)))
        pushes.push({ at, kind: "push", member, group, value: value++ });
    }
  }
  if (draw.chance(0.15)) {
    const group = draw.one(groups);
    const [at, member] = [draw.below(length), draw.one(group.owners)];
    for (let count = 0; count < 800; count++)
      pushes.push({ at, kind: "push", member, group: group.name, value: value++ });
  }
  return pushes;
}
