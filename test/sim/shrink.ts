import type { Plan, Step } from "./plan";
import { type Platform, simulate } from "./simulate";

/**
 * Leaves out of a plan that fails whatever it fails without: faults of links, then steps in halves, quarters and one by one. Prints what
 * is left, and returns it; undefined where the plan does not fail at all.
 */
export function shrink(plan: Plan, platform: Platform, print: (line: string) => void): Plan | undefined {
  const fails = (candidate: Plan) => simulate(candidate, platform).failures[0];
  if (fails(plan) === undefined) {
    print(`seed ${plan.seed} does not fail`);
    return undefined;
  }
  let smallest = plan;
  const attempt = (candidate: Plan) => {
    if (fails(candidate) === undefined) return false;
    smallest = candidate;
    return true;
  };
  for (const simpler of simplerWorlds) attempt(simpler(smallest));
  for (let size = Math.ceil(smallest.steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < smallest.steps.length; ) {
      if (!attempt({ ...smallest, steps: without(smallest.steps, from, size) })) from += size;
      print(`${smallest.steps.length} steps left`);
    }
  }
  const { steps, ...world } = smallest;
  print(JSON.stringify(world, (_, value) => (value instanceof Map ? [...value] : value), 2));
  for (const step of steps) print(JSON.stringify(step));
  simulate(smallest, platform, { print });
  print(fails(smallest)!);
  return smallest;
}

const simplerWorlds: readonly ((plan: Plan) => Plan)[] = [
  (plan) => ({ ...plan, wire: "messages" }),
  (plan) => ({ ...plan, store: "records" }),
  (plan) => ({ ...plan, signatures: "cheap" }),
  (plan) => ({ ...plan, links: plan.links.map((link) => ({ ...link, loss: 0 })) }),
  (plan) => ({ ...plan, links: plan.links.map((link) => ({ ...link, duplication: 0 })) }),
  (plan) => ({ ...plan, links: plan.links.map((link) => ({ ...link, reorders: false, jitter: 0 })) }),
  (plan) => ({ ...plan, links: plan.links.map((link) => ({ ...link, rate: 1_000 })) }),
  (plan) => ({ ...plan, clocks: new Map(plan.members.map((name) => [name, { rate: 1, wall: 0 }])) }),
  (plan) => ({ ...plan, liars: plan.liars.map((liar) => ({ ...liar, habit: "silent" })) }),
  (plan) => ({ ...plan, liars: plan.liars.slice(0, 1) }),
];

function without(steps: readonly Step[], from: number, size: number): Step[] {
  return [...steps.slice(0, from), ...steps.slice(from + size)];
}
