import type { Quorum } from "../../firmware/core/wire/types";
import type { GroupPlan, Plan, Step } from "./plan";
import { type Draw, seeded, some } from "./random";

/** Sagas of a hostile world: plain data, as the rest of its plan. */
export interface SagasPlan {
  readonly sagas: readonly SagaPlan[];
  /** Owners of any group of the sagas: each sees all of these groups, and has a conductor beside its participant. */
  readonly conductors: readonly string[];
  /** Those of them that start from what was kept last of the sagas, and from the final blocks that this needs. */
  readonly boards: readonly string[];
  /** Who has the servo that stages act with. */
  readonly able: readonly string[];
  /** What befalls the first who is about to act: it is gone for good by that, or cut off while its intent becomes final. */
  readonly mishap: "gone" | "cut off" | null;
  /** ms that a rank waits for the one before it. */
  readonly lease: number;
  /** The longest from a run to its result, and from an act to its outcome, ms. */
  readonly takes: number;
}

export interface SagaPlan {
  readonly name: string;
  readonly reach: "invocation" | "saga" | "key";
  /** Names of groups. */
  readonly states: string;
  readonly begins: string;
  readonly stages: readonly SagaStagePlan[];
}

export interface SagaStagePlan {
  /** Names of groups, as their pacts are called. */
  readonly consumes: string;
  readonly reads: readonly string[];
  readonly produces: readonly string[];
  /** A field in which what it consumes must equal what began the saga; null where any will do. */
  readonly correlates: "order" | "amount" | null;
  /** Whether only who has a servo may run it, and whether it moves that. */
  readonly needsServo: boolean;
  readonly acts: boolean;
  readonly compensation: "none" | "plain" | "produces" | "acts";
  readonly deadline: number;
  readonly retry: { readonly times: number; readonly backoff: number };
  readonly fails: "never" | "some" | "throws" | "breaks";
}

/** Sagas begin within this of the beginning, ms, where the plan is longer. */
const busiest = 40_000;

const ordersPolicy = { ordered: true, private: false } as const;

/**
 * Every fifth world has sagas. They are drawn apart from all else and add to the plan, so that all other worlds are what they would be
 * without them.
 */
export function withSagas(plan: Plan): Plan {
  const suspect = plan.liars[0]?.name ?? plan.forgetful;
  const honest = plan.members.filter((name) => name !== suspect);
  if (plan.seed % 5 !== 0 || honest.length < 2) return plan;
  const draw = seeded(plan.seed ^ 0x5a6a);
  const apart = seeded(plan.seed ^ 0x10c5);
  // Some go on without any one of those who run them, and so have to.
  const spares = honest.length >= 4 && apart.chance(0.4);
  const executors = spares ? honest : some(draw, honest, draw.chance(0.1) ? 1 : 2 + draw.below(honest.length - 1));
  const quorum = () =>
    draw.one(spares ? (["two-thirds", "majority"] as const) : (["all", "two-thirds", "majority"] as const));
  const groups = new Map<string, GroupPlan>();
  const add = (name: string, holds: NonNullable<GroupPlan["holds"]>, owners: readonly string[], quorum: Quorum) => {
    if (!groups.has(name)) groups.set(name, { name, owners, policy: { quorum, ...ordersPolicy }, holds });
    return name;
  };
  const someone = () => (spares || draw.chance(0.6) ? executors : some(draw, honest, 1 + draw.below(honest.length)));
  const orders = (name: string) => add(name, "orders", someone(), quorum());
  add("reversal", "reversals", executors, "two-thirds");
  orders("notes");
  const sagas = Array.from({ length: 1 + draw.below(3) }, (_, index): SagaPlan => {
    const states = add(index > 0 && draw.chance(0.3) ? "states0" : `states${index}`, "states", executors, quorum());
    const begins = orders(index > 0 && draw.chance(0.2) ? "begin0" : `begin${index}`);
    const stages = drawStages(draw, index, begins, orders);
    return {
      name: `saga${index}`,
      reach: draw.one(["invocation", "invocation", "saga", "key"]),
      states,
      begins,
      stages,
    };
  });
  const owners = new Set([...groups.values()].flatMap((group) => group.owners));
  const conductors = plan.members.filter((name) => owners.has(name));
  add("capabilities", "capabilities", conductors, quorum());
  const steps = [
    ...drawOrders(draw, plan, sagas, groups, 1 + draw.below(5)),
    ...drawSagaFaults(draw, plan, conductors, executors),
    ...(spares && apart.chance(0.6) ? drawLosses(apart, plan, executors) : []),
  ];
  const able = some(draw, executors, 1 + draw.below(executors.length));
  const lease = draw.one(plan.members.length > 4 ? [1_500, 6_000] : [300, 1_500, 6_000]);
  const takes = draw.one([10, 200, 3_000]);
  const boards = conductors.filter(() => draw.chance(0.5));
  const mishap = spares && apart.chance(0.6) ? apart.one(["gone", "cut off"] as const) : null;
  // Snapshots come after many blocks of one group, and count for who starts after that.
  if (draw.chance(0.25)) {
    steps.push(...drawOrders(draw, plan, sagas.slice(0, 1), groups, 10 + draw.below(15)));
    for (const member of [...boards, ...boards]) {
      steps.push({
        at: busiest + draw.below(60_000),
        kind: "crash",
        member,
        after: draw.below(40),
        down: 1 + draw.below(3_000),
      });
    }
  }
  return {
    ...plan,
    groups: [...plan.groups, ...groups.values()],
    steps: [...plan.steps, ...steps].sort((a, b) => a.at - b.at),
    length: Math.max(plan.length, ...steps.map(({ at }) => at)),
    sagas: { sagas, conductors, boards, able, mishap, lease, takes },
  };
}

function drawStages(draw: Draw, saga: number, begins: string, orders: (name: string) => string): SagaStagePlan[] {
  const count = 1 + draw.below(4);
  const stages: SagaStagePlan[] = [];
  let consumes = begins;
  for (let stage = 0; stage < count; stage++) {
    const hands = draw.chance(0.7);
    const next = stage + 1 === count ? null : orders(hands ? `made${saga}.${stage}` : `answer${saga}.${stage}`);
    const notes = draw.chance(0.4) ? ["notes"] : [];
    const acts = draw.chance(0.35);
    const compensation = draw.one(["none", "none", "plain", "produces", "acts"] as const);
    const needsServo = acts || compensation === "acts" || draw.chance(0.1);
    const awaits = stage > 0 && consumes.startsWith("answer");
    stages.push({
      ...{ consumes, needsServo, acts, compensation },
      produces: [
        ...(next !== null && hands ? [next] : []),
        ...notes,
        ...(compensation === "produces" ? ["notes"] : []),
      ],
      reads: draw.chance(0.5) ? ["notes"] : [],
      correlates: awaits ? draw.one(["order", "amount", null]) : null,
      deadline: awaits || needsServo || draw.chance(0.3) ? 8_000 + draw.below(12_000) : 0,
      retry: { times: draw.below(3), backoff: 200 + draw.below(800) },
      fails: draw.one(["never", "never", "some", "some", "throws", "breaks"] as const),
    });
    if (next !== null) consumes = next;
  }
  return stages.map((each) => ({ ...each, produces: [...new Set(each.produces)] }));
}

/** What begins the sagas, and what their later stages wait for, of which some never comes. */
function drawOrders(
  draw: Draw,
  plan: Plan,
  sagas: readonly SagaPlan[],
  groups: ReadonlyMap<string, GroupPlan>,
  count: number,
): Step[] {
  const steps: Step[] = [];
  let order = 0;
  for (const { begins, stages } of sagas) {
    const together = draw.chance(0.3) ? draw.below(Math.min(plan.length, busiest)) : null;
    for (let left = count; left > 0; left--) {
      const at = together ?? draw.below(Math.min(plan.length, busiest));
      const amount = draw.below(2);
      const enter = (group: string, when: number) => {
        const member = draw.one(groups.get(group)!.owners);
        steps.push({ at: when, kind: "enter", member, group, order, amount });
      };
      enter(begins, at);
      for (const { consumes } of stages) {
        if (consumes.startsWith("answer") && draw.chance(0.8)) enter(consumes, at + draw.below(15_000));
      }
      order++;
    }
  }
  return steps;
}

/** One who runs sagas is gone for good, or some are cut off from the others for a while. */
function drawLosses(draw: Draw, plan: Plan, executors: readonly string[]): Step[] {
  const when = () => draw.below(Math.min(plan.length, busiest) + 10_000);
  if (draw.chance(0.5)) {
    return [{ at: when(), kind: "crash", member: draw.one(executors), after: draw.below(40), down: null }];
  }
  return Array.from({ length: 2 + draw.below(6) }, () => {
    const side = [draw.one(executors)];
    return { at: when(), kind: "partition", side, told: draw.chance(0.5), length: 1_000 + draw.below(10_000) };
  });
}

function drawSagaFaults(draw: Draw, plan: Plan, conductors: readonly string[], executors: readonly string[]): Step[] {
  const steps: Step[] = [];
  const when = () => draw.below(Math.min(plan.length, busiest) + 10_000);
  for (let count = draw.below(16); count > 0; count--) {
    const down = draw.chance(0.8) ? 1 + draw.below(3_000) : draw.below(40_000);
    steps.push({ at: when(), kind: "crash", member: draw.one(conductors), after: draw.below(40), down });
  }
  for (let count = draw.below(4); count > 0; count--) {
    const side = some(draw, plan.members, 1 + draw.below(plan.members.length - 1));
    steps.push({ at: when(), kind: "partition", side, told: draw.chance(0.5), length: 500 + draw.below(15_000) });
  }
  for (let count = draw.below(4); count > 0; count--) {
    steps.push({ at: when(), kind: "equip", member: draw.one(executors), able: draw.chance(0.5) });
  }
  for (let count = draw.below(4); count > 0; count--) {
    steps.push({ at: when(), kind: "cancel", member: draw.one(executors), which: draw.below(8) });
  }
  return steps;
}
