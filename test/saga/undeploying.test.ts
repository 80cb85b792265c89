import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lettingGoMs, maxLeftOpen } from "../../firmware/core/saga/limits";
import { heldBack } from "../../firmware/core/saga/pressure";
import { toHex } from "../../firmware/core/wire/bytes";
import { createDeployment, freeLane, isToLetGo, letGoDue, noteUndeployed } from "../../firmware/sandbox/deployment";
import { createSagaWorld, done, type Plan, stateIn } from "./world";

/** “Nobody begins by it any more, and what was begun ends on its version.” */

const plan: Plan = {
  reach: "invocation",
  pacts: ["order", "answer", "notice"],
  stages: [
    { behavior: "ask", consumes: "order" },
    { behavior: "note", consumes: "answer", correlate: ["order"], produces: ["notice"] },
  ],
  behaviors: {
    ask: () => done("asked"),
    note: (run) => done([stateIn(run), "noted"], ["notice", 1, 1]),
  },
};

const from = new Map<string, number>();

/** As if it were deployed; who hears that it was undeployed begins anew with that, from what is final. */
function createEnding(its: Plan = plan) {
  const world = createSagaWorld(its);
  const deployed = { ...world.provision, from };
  const names = [...world.members.keys()];
  const start = (name: string, undeployed: boolean) => {
    world.crash(name);
    world.start(name, undeployed ? { ...deployed, begins: new Set<string>(), undeployed } : deployed);
  };
  for (const name of names) start(name, false);
  const isOver = (name: string) => world.member(name).runtime.isOver();
  return { world, names, start, isOver };
}

describe("a saga that was undeployed", () => {
  it("is begun by nobody who knows it, and what was begun ends, with what it puts out", () => {
    const { world, names, start, isOver } = createEnding();
    world.push("order", 1, 1);
    world.run(2_000);
    for (const name of names) start(name, true);
    expect(names.map(isOver)).toEqual([false, false, false]);
    world.push("order", 2, 1);
    world.push("answer", 2, 1);
    world.run(120_000);
    expect(world.statuses()).toEqual(["0 done"]);
    world.push("answer", 1, 1);
    world.run(240_000);
    expect(world.statuses()).toEqual(["0 done", "1 done"]);
    expect(world.amounts("notice")).toEqual([1]);
    expect(names.map(isOver)).toEqual([true, true, true]);
  });

  it("is not over for who has something to put out yet", () => {
    const { world, names, start, isOver } = createEnding();
    world.takes = (_, { group }) => world.logs.get(toHex(group))!.name !== "notice";
    world.push("order", 1, 1);
    world.push("answer", 1, 1);
    world.run(20_000);
    for (const name of names) start(name, true);
    world.run(40_000);
    expect([world.statuses(), names.map(isOver)]).toEqual([
      ["0 done", "1 done"],
      [false, false, false],
    ]);
    world.takes = () => true;
    world.run(120_000);
    expect([world.amounts("notice"), names.map(isOver)]).toEqual([[1], [true, true, true]]);
  });

  it("is ended by all for one that began before it heard", () => {
    const { world, names, start, isOver } = createEnding();
    for (const name of names.slice(1)) start(name, true);
    world.push("order", 1, 1);
    world.run(20_000);
    start(names[0]!, true);
    world.run(40_000);
    // Whichever of them is first in its turn.
    world.push("answer", 1, 1);
    world.run(120_000);
    expect(world.statuses()).toEqual(["0 done", "1 done"]);
    expect(names.map(isOver)).toEqual([true, true, true]);
    for (const name of names) expect(world.underWay(name)).toBe(0);
  });

  it("waits for no version that is to come: a state of one that nobody knows holds up nothing", () => {
    const { world, names, start, isOver } = createEnding();
    world.push("order", 1, 1);
    world.run(2_000);
    const other = createSagaWorld({ ...plan, version: 2 });
    other.push("order", 1, 1);
    other.run(2_000);
    const { id: group, entries } = world.log("states");
    entries.push({ ...other.log("states").entries[0]!, group, sequence: 1 });
    for (const name of names) start(name, true);
    world.push("answer", 1, 1);
    world.run(60_000);
    expect(world.statuses()).toEqual(["0 done", "0 done", "1 done"]);
    expect(names.map(isOver)).toEqual([true, true, true]);
  });

  it("holds no more of what comes than who heard late may begin by, and back nothing at all", () => {
    for (const reach of ["invocation", "saga"] as const) {
      const { world, names, start, isOver } = createEnding({ ...plan, reach, room: 4_000_000 });
      for (const name of names) start(name, true);
      for (let number = 0; number < 1_200; number++) world.push("order", number, 1);
      world.run(10_000);
      for (const name of names) {
        const { ledger } = world.member(name).runtime;
        const [book] = ledger.books.values();
        expect([book!.standsStill, book!.opened.size, book!.invocations.size]).toEqual([
          false,
          maxLeftOpen,
          maxLeftOpen,
        ]);
        expect(book!.reaches.size).toBe(reach === "saga" ? 1 : maxLeftOpen);
        expect(heldBack(ledger, world.log("order").id)).toBeUndefined();
      }
      expect(names.map(isOver)).toEqual([true, true, true]);
    }
  });
});

describe("whether to let go of a saga", () => {
  it("is asked once all was over for a minute without a break, and again a minute later", () => {
    const step = fc.record({ after: fc.integer({ min: 1, max: 40_000 }), over: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const deployment = createDeployment("states", 0, true);
        noteUndeployed(deployment);
        let now = 0;
        let since: number | null = null;
        for (const { after, over } of steps) {
          now += after;
          if (!over) since = null;
          else since ??= now;
          const expected = since !== null && now - since >= lettingGoMs;
          expect(isToLetGo(deployment, over, now)).toBe(expected);
          if (expected) since = now;
          expect(letGoDue(deployment)).toBe(since === null ? Number.POSITIVE_INFINITY : since + lettingGoMs);
        }
      }),
    );
  });

  it("leaves its place among the conductors to the next", () => {
    expect([[], [0], [1], [0, 2], [0, 1]].map((lanes) => freeLane(lanes.map((lane) => ({ lane }))))).toEqual([
      0, 1, 0, 1, 2,
    ]);
  });
});
