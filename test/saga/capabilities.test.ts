import { describe, expect, it } from "vitest";
import { encodeText } from "../../firmware/core/wire/text";
import { createSagaWorld, done, failed, lease, type Plan, stateIn } from "./world";

const open = { kind: "operation", capability: "servo", operation: encodeText("open") } as const;
const servo = { capability: "servo", condition: { min: 2 } } as const;

/** A stage that opens a lid by a servo, and one after it. */
const lid: Plan = {
  pacts: ["order", "opened", "undone"],
  stages: [
    { behavior: "open", consumes: "order", produces: ["opened", "undone"], requires: [servo] },
    { behavior: "note", consumes: "opened" },
  ],
  behaviors: {
    open: () => {
      const result = done({ lid: "open" }, ["opened", 1, 1]);
      return { kind: "done", state: encodeText("1"), outputs: [open, ...result.outputs] };
    },
    note: () => done(null),
    close: () => done(null, ["undone", 1, 1]),
  },
};

function worldWith(plan: Plan, ...able: readonly string[]) {
  const world = createSagaWorld(plan);
  for (const name of able) world.publish(name, new Map([["servo", 2]]));
  return world;
}

const acts = (world: ReturnType<typeof worldWith>) =>
  [...world.members.values()].flatMap((member) => member.acts.map((act) => `${member.name} ${act}`));

describe("a stage that requires a capability", () => {
  it("runs where it is published, and nowhere else", () => {
    for (const name of ["ada", "bea", "cyd"]) {
      const world = worldWith(lid, name);
      world.push("order", 1, 1);
      world.run(500);
      expect(world.runs[0]!.member).toBe(name);
    }
  });

  it("waits where nobody has as much as it requires", () => {
    const world = createSagaWorld(lid);
    world.publish("ada", new Map([["servo", 1]]));
    world.publish("bea", new Map([["pump", 9]]));
    world.push("order", 1, 1);
    world.run(20_000);
    expect(world.runs).toEqual([]);
    world.publish("ada", new Map([["servo", 3]]));
    world.run(40_000);
    expect(world.statuses()).toEqual(["0 intent", "0 done", "1 done"]);
  });

  it("acts only once its intent is final", () => {
    const world = worldWith(lid, "ada");
    let actedAt = 0;
    world.acts = () => {
      actedAt = world.log("states").entries.length;
      return "done";
    };
    world.push("order", 1, 1);
    world.run(5_000);
    expect(actedAt).toBe(1);
    expect(acts(world)).toEqual(["ada open"]);
  });

  it("does not act any more on an intent that it hears of too late: another may have undone it", () => {
    const world = worldWith({ ...lid, stages: [{ ...lid.stages[0]!, compensate: "close" }, lid.stages[1]!] }, "ada");
    world.hears = (member, group) => (member.name === "ada" && group === "states" ? 2 * lease + 100 : 10);
    world.push("order", 1, 1);
    world.run(20_000);
    expect(acts(world)).toEqual([]);
    expect(world.statuses().slice(0, 2)).toEqual(["0 intent", "0 unknown"]);
    expect(world.underWay("ada")).toBe(0);
  });

  it("acts on one that took nearly so long, before anyone takes over", () => {
    const world = worldWith(lid, "ada");
    world.hears = (member, group) => (member.name === "ada" && group === "states" ? 2 * lease - 50 : 10);
    world.push("order", 1, 1);
    world.run(20_000);
    expect(acts(world)).toEqual(["ada open"]);
    expect(world.statuses().slice(0, 2)).toEqual(["0 intent", "0 done"]);
  });

  it("does not act on an intent that it pushed before it was started anew, though it hears of it only then", () => {
    const world = worldWith(lid, "ada");
    world.hears = (member, group) => (member.name === "ada" && group === "states" ? 200 : 10);
    world.push("order", 1, 1);
    world.run(100);
    expect(world.statuses()).toEqual(["0 intent"]);
    world.crash("ada");
    world.start("ada");
    world.publish("ada", new Map([["servo", 2]]));
    world.run(20_000);
    // It had begun anew meanwhile, and that second intent is void.
    expect([acts(world), world.statuses().slice(0, 3)]).toEqual([[], ["0 intent", "0 intent", "0 unknown"]]);
  });

  it("puts out what it produced with the outcome, not with the intent", () => {
    const world = worldWith(lid, "ada");
    world.acts = () => {
      world.run(world.now);
      expect(world.amounts("opened")).toEqual([]);
      return "done";
    };
    world.push("order", 1, 1);
    world.run(5_000);
    expect(world.amounts("opened")).toEqual([1]);
  });

  it("fails when the capability refuses, and nothing that it produced comes to be", () => {
    const world = worldWith(lid, "ada");
    world.acts = () => "refused";
    world.push("order", 1, 1);
    world.run(5_000);
    expect(world.statuses()).toEqual(["0 intent", "0 refused"]);
    expect([world.states()[1]!.error, world.amounts("opened")]).toEqual(["it jams", []]);
  });
});

describe("the state of a saga", () => {
  const outcomes = ["done", "refused", "refused", "done"] as const;
  const after = (...lasts: readonly ("done" | "refused")[]) => {
    const one = { ...lid, stages: [lid.stages[0]!], reach: "saga" } as const;
    const opens = (run: Parameters<Plan["behaviors"][string]>[0]) =>
      ({ kind: "done", state: encodeText(`${((stateIn(run) as number) ?? 0) + 1}`), outputs: [open] }) as const;
    const world = worldWith({ ...one, behaviors: { ...lid.behaviors, open: opens } }, "ada");
    let act = 0;
    world.acts = () => lasts[act++]!;
    for (const order of lasts.keys()) world.push("order", order, 1);
    world.run(20_000);
    return stateIn({ state: world.states().at(-1)!.state } as never);
  };

  it("is what the behavior left where the capability did it, and what was before where it refused", () => {
    expect([after("done"), after("done", "refused"), after(...outcomes)]).toEqual([1, 1, 2]);
  });

  it("is as before when a later stage fails, an intent and its outcome being one step", () => {
    const opens = () =>
      ({ kind: "done", state: encodeText("1"), outputs: [open, ...done(null, ["opened", 1, 1]).outputs] }) as const;
    const behaviors = { ...lid.behaviors, open: opens, note: () => failed("no paper") };
    const world = worldWith({ ...lid, reach: "saga", behaviors }, "ada");
    world.push("order", 1, 1);
    world.run(20_000);
    // What it did with the servo stays, and the last state says so.
    expect(world.statuses()).toEqual(["0 intent", "0 done", "1 failed", "0 unknown"]);
    expect(world.states().at(-1)!.error).toContain("stage 0 not undone: it acted");
    expect(world.states().at(-1)!.state).toHaveLength(0);
  });
});

describe("an intent whose outcome is lost", () => {
  it("becomes unknown by a take-over, never a second act", () => {
    const world = worldWith(lid, "ada", "bea", "cyd");
    world.acts = (member) => {
      world.crash(member.name);
      return undefined;
    };
    world.push("order", 1, 1);
    world.run(20_000);
    expect(world.statuses()).toEqual(["0 intent", "0 unknown"]);
    expect(acts(world)).toHaveLength(1);
  });

  it("becomes unknown by its issuer's own restart, never a second act", () => {
    const world = worldWith(lid, "ada");
    world.acts = () => undefined;
    world.push("order", 1, 1);
    world.run(500);
    expect(acts(world)).toHaveLength(1);
    world.crash("ada");
    world.start("ada");
    world.publish("ada", new Map([["servo", 2]]));
    world.run(20_000);
    expect([acts(world).length, ...world.statuses()]).toEqual([1, "0 intent", "0 unknown"]);
  });

  it("is told to the compensation as unknown, so that it is not blindly undone", () => {
    const stages = [{ ...lid.stages[0]!, compensate: "close" }, lid.stages[1]!];
    const world = worldWith({ ...lid, stages }, "ada", "bea");
    world.acts = (member) => {
      world.crash(member.name);
      return undefined;
    };
    world.push("order", 1, 1);
    world.run(20_000);
    expect(world.runs.at(-1)!.run.undoes).toMatchObject({ outcome: "unknown" });
    expect(world.statuses()).toEqual(["0 intent", "0 unknown", "0 compensated"]);
    expect(world.states().at(-1)!.error).toContain("stage 0 undone by close");
  });

  it("is told in the last state where nothing compensates", () => {
    const world = worldWith(lid, "ada");
    world.acts = () => undefined;
    world.push("order", 1, 1);
    world.run(500);
    world.crash("ada");
    world.publish("bea", new Map([["servo", 2]]));
    world.run(20 * lease);
    const error = "stage 0 is unknown: nobody knows whether it acted";
    expect(world.states().at(-1)).toMatchObject({ status: "unknown", error });
  });

  it("is told where its capability says so itself, to the end of the way back", () => {
    const before = { behavior: "note", consumes: "order", produces: ["opened"], compensate: "close" };
    const stages = [before, { ...lid.stages[0]!, consumes: "opened" }];
    const note = () => done(null, ["opened", 1, 1]);
    const close = () => done(null);
    const world = worldWith({ ...lid, stages, behaviors: { ...lid.behaviors, note, close } }, "ada");
    world.acts = () => "unknown";
    world.push("order", 1, 1);
    world.run(20_000);
    expect(world.statuses()).toEqual(["0 done", "1 intent", "1 unknown", "0 compensated"]);
    expect(world.states().at(-1)!.error).toBe("stage 1 is unknown: it jams; stage 0 undone by close");
  });

  it("is told by an owner who could not have acted itself, where nobody else is left", () => {
    const world = worldWith(lid, "ada");
    world.acts = (member) => {
      world.crash(member.name);
      return undefined;
    };
    world.push("order", 1, 1);
    world.run(20 * lease);
    expect(world.statuses()).toEqual(["0 intent", "0 unknown"]);
    expect(world.underWay("bea")).toBe(0);
  });
});

describe("a compensation that acts", () => {
  it("makes an intent final first, too, and is done when that is", () => {
    const stages = [{ ...lid.stages[0]!, compensate: "close" }, lid.stages[1]!];
    const close = () =>
      ({ kind: "done", state: encodeText("0"), outputs: [{ ...open, operation: encodeText("close") }] }) as const;
    const note = () => failed("no paper");
    const world = worldWith({ ...lid, stages, behaviors: { ...lid.behaviors, close, note } }, "ada");
    world.push("order", 1, 1);
    world.run(20_000);
    expect(world.statuses()).toEqual(["0 intent", "0 done", "1 failed", "0 intent", "0 compensated"]);
    expect(acts(world)).toEqual(["ada open", "ada close"]);
    const [intent, outcome] = world.states().slice(3);
    expect([intent!.error, outcome!.error]).toEqual(["no paper", "no paper; stage 0 undone by close"]);
  });
});
