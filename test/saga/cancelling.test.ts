import { describe, expect, it } from "vitest";
import { replay } from "../../firmware/core/saga/replay";
import { encodeText } from "../../firmware/core/wire/text";
import type { Hash } from "../../firmware/core/wire/types";
import { createSagaWorld, done, type Plan, type SagaWorld } from "./world";

/** The second stage waits for an entry that a person brings. */
const waiting: Plan = {
  pacts: ["order", "payment", "shipped"],
  stages: [
    { behavior: "reserve", consumes: "order", compensate: "release" },
    { behavior: "ship", consumes: "payment", produces: ["shipped"], correlate: ["order"] },
  ],
  behaviors: {
    reserve: () => done({ reserved: 1 }),
    ship: (run) => done({ shipped: 1 }, ["shipped", run.entry!.values[0] as number, 1]),
    release: () => done({ reserved: 0 }),
  },
};

/** Of the invocations under way at a member, that of the order with this number. */
function invocationOf(world: SagaWorld, order: number, member = "ada"): Hash {
  const [book] = world.member(member).runtime.ledger.books.values();
  return [...book!.invocations.values()].find(({ entry }) => entry.values[0] === order)!.id;
}

function cancel(world: SagaWorld, invocation: Hash, member = "ada", reason = "nobody wants it any more"): void {
  world.tell(world.member(member), { kind: "cancel", invocation, reason });
}

describe("an invocation that is cancelled", () => {
  it("ends where it waited, and is taken back", () => {
    const world = createSagaWorld(waiting);
    world.push("order", 7, 1);
    world.run(20_000);
    cancel(world, invocationOf(world, 7));
    world.run(40_000);
    expect(world.statuses()).toEqual(["0 done", "1 cancelled", "0 compensated"]);
    expect(world.states().at(-1)!.error).toBe("cancelled: nobody wants it any more; stage 0 undone by release");
    expect(["ada", "bea", "cyd"].map(world.underWay)).toEqual([0, 0, 0]);
  });

  it("takes none of what comes later", () => {
    const world = createSagaWorld(waiting);
    world.push("order", 7, 1);
    world.run(20_000);
    cancel(world, invocationOf(world, 7));
    world.run(40_000);
    world.push("payment", 7, 1);
    world.run(60_000);
    expect(world.statuses()).toHaveLength(3);
    expect(world.amounts("shipped")).toEqual([]);
  });

  it("may not have begun", () => {
    const world = createSagaWorld({
      ...waiting,
      behaviors: { ...waiting.behaviors, reserve: () => done({}) },
      takes: 500,
    });
    world.push("order", 7, 1);
    world.run(100);
    cancel(world, invocationOf(world, 7));
    world.run(20_000);
    expect(world.statuses()).toEqual(["0 cancelled"]);
  });

  it("leaves no state that a replay would recompute", () => {
    const world = createSagaWorld(waiting);
    world.push("order", 7, 1);
    world.run(20_000);
    cancel(world, invocationOf(world, 7));
    world.run(40_000);
    const { definitions } = world.member("ada").runtime.ledger;
    const replayed = replay(
      definitions,
      [...world.logs.values()].flatMap(({ entries }) => entries),
    );
    expect(replayed.map(({ head, run }) => [head.state.status, run !== null])).toEqual([
      ["done", true],
      ["cancelled", false],
      ["compensated", true],
    ]);
  });

  it("goes on where a stage's state was final first", () => {
    const world = createSagaWorld(waiting);
    world.push("order", 7, 1);
    world.run(20_000);
    const invocation = invocationOf(world, 7);
    world.push("payment", 7, 1);
    world.run(20_026);
    for (const name of ["ada", "bea", "cyd"]) cancel(world, invocation, name);
    world.run(60_000);
    expect(world.statuses().slice(0, 2)).toEqual(["0 done", "1 done"]);
    expect(world.amounts("shipped")).toEqual([1]);
  });

  it("acts on the intent that was on its way, where that is final first", () => {
    const acting = [{ behavior: "reserve", consumes: "order", requires: [{ capability: "servo", condition: null }] }];
    const operation = { kind: "operation", capability: "servo", operation: encodeText("90") } as const;
    const reserve = () => ({ ...done(null), outputs: [operation] });
    const world = createSagaWorld({ ...waiting, stages: acting, behaviors: { reserve } });
    world.publish("ada", new Map([["servo", 1]]));
    world.push("order", 7, 1);
    world.run(30);
    cancel(world, invocationOf(world, 7));
    world.run(20_000);
    expect(world.statuses()).toEqual(["0 intent", "0 cancelled", "0 done"]);
    expect(world.member("ada").acts).toEqual(["90"]);
  });

  it("gives its turn to the next of its reach", () => {
    const world = createSagaWorld({ ...waiting, reach: "saga" });
    world.push("order", 7, 1);
    world.push("order", 8, 1);
    world.run(20_000);
    cancel(world, invocationOf(world, 7));
    world.run(40_000);
    world.push("payment", 8, 1);
    world.run(60_000);
    expect(world.statuses()).toEqual(["0 done", "1 cancelled", "0 compensated", "0 done", "1 done"]);
  });
});

describe("what can't be cancelled", () => {
  const noticed = (world: SagaWorld, invocation: Hash) =>
    world
      .member("ada")
      .runtime.handle({ kind: "cancel", invocation, reason: "" }, { monotonic: world.now, wall: 0 })
      .flatMap((action) => (action.kind === "notice" ? [action.error.message] : []));

  it("is said: what is not under way", () => {
    const world = createSagaWorld(waiting);
    expect(noticed(world, new Uint8Array(32).fill(10))).toEqual(["Invocation 0a0a0a0a is not under way"]);
  });

  it("is said: what waits behind another", () => {
    const world = createSagaWorld({ ...waiting, reach: "saga" });
    world.push("order", 7, 1);
    world.push("order", 8, 1);
    world.run(20_000);
    expect(noticed(world, invocationOf(world, 8))[0]).toMatch(/has not begun: it waits behind [0-9a-f]{8}$/);
  });

  it("is said: what may be acting", () => {
    const acting = [{ behavior: "reserve", consumes: "order", requires: [{ capability: "servo", condition: null }] }];
    const operation = { kind: "operation", capability: "servo", operation: Uint8Array.of(1) } as const;
    const reserve = () => ({ ...done(null), outputs: [operation] });
    const world = createSagaWorld({ ...waiting, stages: acting, behaviors: { reserve } });
    world.acts = () => undefined;
    world.publish("ada", new Map([["servo", 1]]));
    world.push("order", 7, 1);
    world.run(500);
    expect(noticed(world, invocationOf(world, 7))[0]).toContain("has an intent to act in stage 0");
  });

  it("is said: what is taken back already", () => {
    const world = createSagaWorld({ ...waiting, takes: 500 });
    world.push("order", 7, 1);
    world.run(20_000);
    const invocation = invocationOf(world, 7);
    cancel(world, invocation);
    world.run(20_200);
    expect(noticed(world, invocation)[0]).toContain("is on its way back already");
  });
});
