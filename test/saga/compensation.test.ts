import { describe, expect, it } from "vitest";
import { decodeEntry } from "../../firmware/core/pact/entry";
import { reversalPact } from "../../firmware/core/saga/state";
import { toHex } from "../../firmware/core/wire/bytes";
import { createSagaWorld, done, failed, type Plan, stateIn } from "./world";

const amountOf = (run: Parameters<Plan["behaviors"][string]>[0]) => run.entry!.values[1] as number;

/** Three stages, each causing the next; the last fails. */
const failing: Plan = {
  pacts: ["order", "second", "third", "undone"],
  stages: [
    { behavior: "one", consumes: "order", produces: ["second", "undone"], compensate: "undo-one" },
    { behavior: "two", consumes: "second", produces: ["third", "undone"], compensate: "undo-two" },
    { behavior: "three", consumes: "third" },
  ],
  behaviors: {
    one: () => done({ one: true }, ["second", 1, 1]),
    two: (run) => done({ ...(stateIn(run) as object), two: true }, ["third", 1, 2]),
    three: () => failed("no arm"),
    "undo-one": () => done({}, ["undone", 1, 1]),
    "undo-two": () => done({ one: true }, ["undone", 1, 2]),
  },
};

describe("a stage that fails", () => {
  it("is followed by the compensations of the done stages in reverse order", () => {
    const world = createSagaWorld(failing);
    world.push("order", 1, 1);
    world.run(20_000);
    expect(world.statuses()).toEqual(["0 done", "1 done", "2 failed", "1 compensated", "0 compensated"]);
    expect(world.amounts("undone")).toEqual([2, 1]);
  });

  it("gives each compensation the entry that its stage consumed, the present state and the reason", () => {
    const world = createSagaWorld(failing);
    world.push("order", 1, 9);
    world.run(20_000);
    const [undoTwo, undoOne] = world.runs.slice(3).map(({ run }) => run);
    expect([amountOf(undoTwo!), stateIn(undoTwo!)]).toEqual([1, { one: true, two: true }]);
    expect([amountOf(undoOne!), stateIn(undoOne!)]).toEqual([9, { one: true }]);
    expect(undoTwo!.undoes).toEqual({ outcome: "done", reason: "no arm" });
  });

  it("ends with a state that says what was undone", () => {
    const world = createSagaWorld(failing);
    world.push("order", 1, 1);
    world.run(20_000);
    expect(world.states().at(-1)!.error).toBe("no arm; stage 1 undone by undo-two; stage 0 undone by undo-one");
  });

  it("ends with a state that says what is unknown, where a compensation fails too", () => {
    const behaviors = { ...failing.behaviors, "undo-two": () => failed("it is stuck") };
    const world = createSagaWorld({ ...failing, behaviors });
    world.push("order", 1, 1);
    world.run(20_000);
    expect(world.statuses()).toEqual(["0 done", "1 done", "2 failed", "1 unknown", "0 compensated"]);
    expect(world.states().at(-1)!.error).toContain("stage 1 not undone: it is stuck; stage 0 undone");
  });

  it("pushes what it says of its failure, once that is final", () => {
    const told = done(null, ["undone", 1, 5]);
    const three = () => ({ ...failed("no arm"), outputs: told.outputs });
    const stages = failing.stages.map((stage) => ({ ...stage, produces: ["second", "third", "undone"] }));
    const world = createSagaWorld({ ...failing, stages, behaviors: { ...failing.behaviors, three } });
    world.push("order", 1, 1);
    world.run(20_000);
    expect(world.amounts("undone")).toEqual([5, 2, 1]);
  });
});

describe("a stage without compensation", () => {
  const reading: Plan = {
    pacts: ["order", "second", "note"],
    stages: [
      { behavior: "one", consumes: "order", produces: ["second", "note"] },
      { behavior: "two", consumes: "second", reads: ["note"] },
    ],
    behaviors: {
      one: (run) => done(null, ["second", amountOf(run), 1], ["note", 1, amountOf(run)]),
      two: (run) => (amountOf(run) === 1 && run.entry!.values[0] === 13 ? failed("bad luck") : done(null)),
    },
  };

  it("has what it produced reversed by an entry with their ids, save what a stage consumed", () => {
    const world = createSagaWorld(reading);
    world.push("order", 1, 13);
    world.run(10_000);
    expect(world.statuses()).toEqual(["0 done", "1 failed", "0 compensated"]);
    const [reversal] = world.log("reversal").entries;
    const [ids] = decodeEntry(reversalPact.fields, reversal!.entry);
    expect((ids as readonly Uint8Array[]).map(toHex)).toEqual([toHex(world.log("note").entries[0]!.id!)]);
  });

  it("drops what is reversed from what later behaviors read", () => {
    const world = createSagaWorld(reading);
    world.push("order", 1, 13);
    world.run(10_000);
    world.push("order", 1, 14);
    world.run(20_000);
    world.push("order", 1, 15);
    world.run(30_000);
    const read = world.runs.at(-1)!.run.reads.map(({ values }) => values[1]);
    expect([read.includes(13), read.includes(14)]).toEqual([false, true]);
  });

  it("leaves the state of a saga or a key as it was before it", () => {
    const behaviors: Plan["behaviors"] = {
      one: (run) => done({ left: ((stateIn(run) as { left: number })?.left ?? 10) - 1 }, ["second", amountOf(run), 1]),
      two: (run) => (run.entry!.values[0] === 13 ? failed("bad luck") : done(stateIn(run))),
    };
    const world = createSagaWorld({ ...reading, behaviors, reach: "saga" });
    for (const amount of [12, 13, 14]) world.push("order", 1, amount);
    world.run(30_000);
    const counts = ["0 done", "1 done", "0 done", "1 failed", "0 compensated", "0 done", "1 done"];
    expect(world.statuses()).toEqual(counts);
    const last = world.states().at(-1)!;
    expect(stateIn({ state: last.state } as never)).toEqual({ left: 8 });
  });
});

describe("a state shared by invocations", () => {
  const counting = (reach: Plan["reach"], key?: string): Plan => ({
    pacts: ["order"],
    stages: [{ behavior: "count", consumes: "order" }],
    behaviors: { count: (run) => done(((stateIn(run) as number) ?? 0) + amountOf(run)) },
    ...(reach === undefined ? {} : { reach }),
    ...(key === undefined ? {} : { key }),
  });
  const totals = (plan: Plan) => {
    const world = createSagaWorld(plan);
    for (const [order, amount] of [
      [1, 10],
      [2, 20],
      [1, 30],
      [2, 40],
    ] as const) {
      world.push("order", order, amount);
    }
    world.run(20_000);
    return world.states().map(({ state }) => stateIn({ state } as never));
  };

  it("reaches over one invocation: each begins with none", () => {
    expect(totals(counting("invocation"))).toEqual([10, 20, 30, 40]);
  });

  it("reaches over a saga: each begins with what the one before left, one after another", () => {
    expect(totals(counting("saga"))).toEqual([10, 30, 60, 100]);
  });

  it("reaches over a key: those of one value run one after another, beside those of others", () => {
    expect(totals(counting("key", "order")).sort()).toEqual([10, 20, 40, 60]);
  });

  it("is one chain though participants hear of the orders in different ways", () => {
    const world = createSagaWorld(counting("saga"));
    world.hears = (member, group) => (group === "order" ? { ada: 500, bea: 50, cyd: 5 }[member.name]! : 10);
    for (let amount = 1; amount <= 6; amount++) world.push("order", amount, amount);
    world.run(60_000);
    const chain = world.states().map(({ previous }) => (previous === null ? -1 : previous[1]));
    expect(new Set(chain).size).toBe(chain.length);
    expect(stateIn({ state: world.states().at(-1)!.state } as never)).toBe(21);
  });
});
