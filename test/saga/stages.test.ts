import { describe, expect, it } from "vitest";
import { leastFor } from "../../firmware/core/memory";
import { readDefinitions } from "../../firmware/core/saga/definitions";
import { createLedger, type Ledger, takeEntry } from "../../firmware/core/saga/ledger";
import { createSagaRuntime } from "../../firmware/core/saga/runtime";
import { encodeState, sagaStatePact } from "../../firmware/core/saga/state";
import { fromHex } from "../../firmware/core/wire/bytes";
import {
  avatarOf,
  createSagaWorld,
  crypto,
  done,
  entryOf,
  failed,
  lease,
  type Plan,
  provisionOf,
  stateIn,
} from "./world";

const twoStages: Plan = {
  pacts: ["order", "request", "shipped"],
  stages: [
    { behavior: "take", consumes: "order", produces: ["request"] },
    { behavior: "ship", consumes: "request", produces: ["shipped"] },
  ],
  behaviors: {
    take: (run) => done({ taken: run.entry!.values[1] }, ["request", run.entry!.values[0] as number, 1]),
    ship: (run) => done({ ...(stateIn(run) as object), shipped: true }, ["shipped", run.entry!.values[0] as number, 2]),
  },
};

describe("an invocation", () => {
  it("starts with a final entry of the initiating pact, and ends with the last stage", () => {
    const world = createSagaWorld(twoStages);
    world.push("order", 7, 3);
    world.run(5_000);
    expect(world.statuses()).toEqual(["0 done", "1 done"]);
    expect(world.amounts("shipped")).toEqual([2]);
    for (const name of ["ada", "bea", "cyd"]) expect(world.underWay(name)).toBe(0);
  });

  it("gives the first stage an empty state, and each later one what the stage before left", () => {
    const world = createSagaWorld(twoStages);
    world.push("order", 7, 3);
    world.run(5_000);
    expect(world.runs.map(({ run }) => [run.stage, stateIn(run)])).toEqual([
      [0, undefined],
      [1, { taken: 3 }],
    ]);
  });

  it("runs each stage once where nobody fails: who has rank 0 at once, the others wait their lease", () => {
    const world = createSagaWorld(twoStages);
    for (let order = 0; order < 8; order++) world.push("order", order, 1);
    world.run(lease - 1);
    expect(world.runs).toHaveLength(16);
    expect(new Set(world.runs.map(({ member }) => member)).size).toBeGreaterThan(1);
    world.run(60_000);
    expect(world.runs).toHaveLength(16);
  });

  it("starts again for each entry, two equal ones too", () => {
    const world = createSagaWorld(twoStages);
    world.push("order", 7, 3);
    world.push("order", 7, 3);
    world.run(5_000);
    expect(world.amounts("shipped")).toEqual([2, 2]);
  });
});

describe("a take-over", () => {
  it("comes a lease later when who has the turn is gone, and the others find the same", () => {
    const world = createSagaWorld(twoStages);
    world.push("order", 7, 3);
    const first = firstToRun();
    world.crash(first);
    world.run(lease - 1);
    expect(world.runs).toEqual([]);
    world.run(30_000);
    expect(world.statuses()).toEqual(["0 done", "1 done"]);
    expect(world.amounts("shipped")).toEqual([2]);
  });

  it("leaves one final state for each `previous`: a later one is void, and nothing comes of what it produced", () => {
    const world = createSagaWorld(twoStages);
    const first = firstToRun();
    world.push("order", 7, 3);
    // It hears of the order at 20 ms and is cut off while its stage runs, from what the others do meanwhile.
    world.run(22);
    world.cutOff(first);
    world.run(20_000);
    expect(world.amounts("shipped")).toEqual([2]);
    world.heal(first);
    world.run(40_000);
    expect(world.statuses()).toEqual(["0 done", "1 done", "0 done"]);
    expect([world.amounts("request"), world.amounts("shipped")]).toEqual([[1], [2]]);
    for (const name of ["ada", "bea", "cyd"]) expect(world.underWay(name)).toBe(0);
  });

  it("pushes what a stage produced when its issuer died between the final state and the push, and it comes to be once", () => {
    const world = createSagaWorld(twoStages);
    world.takes = (member, { id }) => {
      if (id === null) return true;
      world.crash(member.name);
      world.takes = () => true;
      return false;
    };
    world.push("order", 7, 3);
    world.run(10_000);
    expect(world.amounts("shipped")).toEqual([2]);
    for (const name of world.members.keys()) if (!world.member(name).alive) world.start(name);
    world.run(30_000);
    expect([world.amounts("request"), world.amounts("shipped")]).toEqual([[1], [2]]);
  });

  it("is begun anew by a start: all that was final before is told first, and then the lease runs", () => {
    const world = createSagaWorld(twoStages);
    for (const name of world.members.keys()) world.cutOff(name);
    world.push("order", 7, 3);
    for (const name of world.members.keys()) world.heal(name);
    world.run(1);
    for (const name of world.members.keys()) world.crash(name);
    world.run(500);
    for (const name of world.members.keys()) world.start(name);
    world.run(30_000);
    expect(world.statuses()).toEqual(["0 done", "1 done"]);
  });

  it("waits its lease from when all that was final before is told, however long that takes to read", () => {
    const provision = provisionOf(twoStages);
    const group = [...provision.names].find(([, name]) => name === "order")![0];
    const due = ["ada", "bea", "cyd"].map((name) => {
      const { handle } = createSagaRuntime({
        crypto,
        avatar: avatarOf(name),
        provision,
        lease,
        room: Number.POSITIVE_INFINITY,
        hasSource: () => true,
      });
      const { entry } = entryOf("order", [7, 3]);
      const final = { group: fromHex(group), sequence: 0, issuer: avatarOf("outside"), id: null, entry };
      expect(handle({ kind: "entry", entry: final, token: null }, { monotonic: 0, wall: 0 })).toEqual([]);
      const [action] = handle({ kind: "boot" }, { monotonic: 50_000, wall: 0 });
      return action?.kind === "wake" ? action.at : action?.kind;
    });
    expect(due.map(String).sort()).toEqual([`${50_000 + lease}`, `${50_000 + 2 * lease}`, "run"]);
  });

  function firstToRun(): string {
    const world = createSagaWorld(twoStages);
    world.push("order", 7, 3);
    world.run(500);
    return world.runs[0]!.member;
  }
});

describe("a stage that waits for an entry", () => {
  const answered = (correlate: readonly string[]): Plan => ({
    pacts: ["order", "request", "answer", "shipped"],
    stages: [
      { behavior: "ask", consumes: "order", produces: ["request"] },
      { behavior: "ship", consumes: "answer", produces: ["shipped"], correlate },
    ],
    behaviors: {
      ask: (run) => done(null, ["request", run.entry!.values[0] as number, 1]),
      ship: (run) => done(null, ["shipped", run.entry!.values[0] as number, run.entry!.values[1] as number]),
    },
  });

  it("waits as a pending state as long as it takes", () => {
    const world = createSagaWorld(answered(["order"]));
    world.push("order", 7, 3);
    world.run(100_000);
    expect(world.statuses()).toEqual(["0 done"]);
    world.push("answer", 7, 4);
    world.run(200_000);
    expect(world.statuses()).toEqual(["0 done", "1 done"]);
  });

  it("takes the entry whose correlated fields equal those of the initiating entry, and no other", () => {
    const world = createSagaWorld(answered(["order"]));
    world.push("order", 7, 3);
    world.push("order", 8, 3);
    world.run(5_000);
    world.push("answer", 8, 88);
    world.push("answer", 9, 99);
    world.run(10_000);
    expect(world.amounts("shipped")).toEqual([88]);
    world.push("answer", 7, 77);
    world.run(20_000);
    expect(world.amounts("shipped")).toEqual([88, 77]);
  });

  it("takes an entry that was there before it waited, where a field says that it is meant", () => {
    const world = createSagaWorld(answered(["order"]));
    world.push("answer", 7, 77);
    world.run(50_000);
    world.push("order", 7, 3);
    world.run(60_000);
    expect(world.amounts("shipped")).toEqual([77]);
  });

  it("is the one of lowest sequence where nothing says which is meant", () => {
    const world = createSagaWorld(answered([]));
    world.push("order", 7, 3);
    world.run(2_000);
    world.push("order", 8, 3);
    world.run(4_000);
    world.push("answer", 1, 11);
    world.run(10_000);
    const [first, second, third] = world.states();
    expect([third!.stage, third!.previous![1]]).toEqual([1, 0]);
    expect([first!.stage, second!.stage]).toEqual([0, 0]);
  });

  it("does not take an entry from long before it waited, which is of something that is over", () => {
    const world = createSagaWorld(answered([]));
    world.push("answer", 1, 11);
    world.run(20 * lease);
    world.push("order", 7, 3);
    world.run(40 * lease);
    expect(world.statuses()).toEqual(["0 done"]);
  });

  it("shares no entry with another: of two pending states that found the same, the first final has it", () => {
    const world = createSagaWorld(answered([]));
    // One hears of the first order's state only much later, and gives the answer to the second.
    world.hears = (member, group) => (member.name === "ada" && group === "states" ? 300 : 10);
    world.push("order", 7, 3);
    world.push("order", 8, 3);
    world.push("answer", 1, 11);
    world.run(60_000);
    world.push("answer", 2, 22);
    world.run(120_000);
    expect([...world.amounts("shipped")].sort()).toEqual([11, 22]);
    for (const name of ["ada", "bea", "cyd"]) expect(world.underWay(name)).toBe(0);
  });
});

describe("an entry that two stages found", () => {
  const plan: Plan = {
    pacts: ["order", "answer", "shipped"],
    stages: [
      { behavior: "ask", consumes: "order" },
      { behavior: "ship", consumes: "answer", produces: ["shipped"] },
    ],
    behaviors: {
      ask: () => done(null),
      ship: (run) => done(null, ["shipped", 1, run.entry!.values[1] as number]),
    },
    members: ["ada"],
  };

  /** Two orders wait; ada gives the answer to the first, and what another owner made of it becomes final just before. */
  function afterRace() {
    const world = createSagaWorld(plan);
    world.push("order", 1, 1);
    world.run(500);
    world.push("order", 2, 1);
    world.run(1_000);
    world.push("answer", 0, 11);
    world.run(1_026);
    expect(world.runs.map(({ run }) => run.stage)).toEqual([0, 0, 1]);
    const [first, second] = [world.states()[0]!, world.log("states")];
    const other = {
      ...first,
      previous: [second.id, 1] as const,
      stage: 1,
      consumed: [world.log("answer").id, 0] as const,
    };
    const entry = encodeState(other, sagaStatePact("states", "two-thirds").policy);
    second.entries.push({ group: second.id, sequence: 2, issuer: avatarOf("bea"), id: null, entry });
    world.heal("ada");
    world.run(5_000);
    return world;
  }

  it("is that of the first state in final order: the other one is void, and produces nothing", () => {
    const world = afterRace();
    expect(world.statuses()).toEqual(["0 done", "0 done", "1 done", "1 done"]);
    expect([world.amounts("shipped"), world.underWay("ada")]).toEqual([[], 1]);
  });

  it("leaves the other to wait for an entry of its own", () => {
    const world = afterRace();
    world.push("answer", 0, 22);
    world.run(10_000);
    expect([world.amounts("shipped"), world.underWay("ada")]).toEqual([[22], 0]);
  });
});

describe("a deadline", () => {
  const waiting: Plan = {
    ...twoStages,
    pacts: [...twoStages.pacts, "answer"],
    stages: [
      { behavior: "take", consumes: "order", produces: ["request"] },
      { behavior: "ship", consumes: "answer", produces: ["shipped"], deadline: 5_000 },
    ],
  };

  it("fails the stage when the entry does not come", () => {
    const world = createSagaWorld(waiting);
    world.push("order", 7, 3);
    world.run(4_000);
    expect(world.statuses()).toEqual(["0 done"]);
    world.run(10_000);
    // What the first stage asked for, nobody consumed: it is reversed.
    expect(world.statuses()).toEqual(["0 done", "1 expired", "0 compensated"]);
    expect(world.underWay("ada")).toBe(0);
  });

  it("comes though all restart meanwhile", () => {
    const world = createSagaWorld(waiting);
    world.push("order", 7, 3);
    world.run(4_000);
    for (const name of world.members.keys()) world.crash(name);
    for (const name of world.members.keys()) world.start(name);
    world.run(20_000);
    expect(world.statuses()).toEqual(["0 done", "1 expired", "0 compensated"]);
  });

  it("counts from when the first entry came, also behind others: what nobody can run does not pile up", () => {
    const world = createSagaWorld({
      pacts: ["order"],
      reach: "saga",
      stages: [
        { behavior: "act", consumes: "order", requires: [{ capability: "relay", condition: null }], deadline: 5_000 },
      ],
      behaviors: { act: () => done({}) },
    });
    for (let second = 0; second < 20; second++) {
      world.push("order", second, 1);
      world.run((second + 1) * 1_000);
    }
    // Those of the last deadline, and of the turns of three owners after it.
    expect(world.underWay("ada")).toBeLessThan(10);
    world.run(20_000 + 5_000 + 3 * lease);
    expect(world.underWay("ada")).toBe(0);
    expect(world.statuses().filter((status) => status === "0 expired")).toHaveLength(20);
  });

  it("comes also where a behavior never ends, and what that gives later is void", () => {
    const world = createSagaWorld({
      ...twoStages,
      takes: 50_000,
      stages: [{ behavior: "take", consumes: "order", produces: ["request"], deadline: 5_000 }],
    });
    world.push("order", 7, 3);
    world.run(200_000);
    expect(world.statuses()).toEqual(["0 expired"]);
    expect(world.amounts("request")).toEqual([]);
  });
});

describe("a stage that throws", () => {
  const flaky = (times: number, succeedsAt: number): Plan => {
    let runs = 0;
    return {
      pacts: ["order"],
      stages: [{ behavior: "try", consumes: "order", retry: { times, backoff: 100 } }],
      behaviors: { try: () => (++runs < succeedsAt ? failed("not yet", true) : done({ runs })) },
    };
  };

  it("is tried again, each time after twice the wait", () => {
    const world = createSagaWorld(flaky(3, 4));
    world.push("order", 7, 3);
    world.run(700);
    expect(world.runs).toHaveLength(3);
    world.run(900);
    expect(world.statuses()).toEqual(["0 done"]);
  });

  it("fails when it has thrown once more than it may be tried again", () => {
    const world = createSagaWorld(flaky(2, 100));
    world.push("order", 7, 3);
    world.run(900);
    expect([world.runs.length, ...world.statuses()]).toEqual([3, "0 failed"]);
    expect(world.states()[0]!.error).toBe("not yet");
  });

  it("is not tried again where the behavior itself says that it failed", () => {
    const world = createSagaWorld({ ...flaky(3, 1), behaviors: { try: () => failed("no stock") } });
    world.push("order", 7, 3);
    world.run(5_000);
    expect([world.runs.length, ...world.statuses()]).toEqual([1, "0 failed"]);
  });
});

describe("what a behavior gives", () => {
  const giving = (behavior: Plan["behaviors"][string]): Plan => ({
    pacts: ["order", "named", "other"],
    stages: [{ behavior: "give", consumes: "order", produces: ["named"] }],
    behaviors: { give: behavior },
  });
  const errorOf = (plan: Plan) => {
    const world = createSagaWorld(plan);
    world.push("order", 7, 3);
    world.run(5_000);
    expect(world.statuses()).toEqual(["0 failed"]);
    expect(world.amounts("other")).toEqual([]);
    return world.states()[0]!.error;
  };

  it("fails the stage when it is for a pact that the stage does not name", () => {
    expect(errorOf(giving(() => done(null, ["other", 1, 1])))).toContain("produces into pact 'other'");
  });

  it("fails the stage when it breaks its pact", () => {
    const plan = giving(() => {
      const result = done(null, ["named", 1, 1]);
      return {
        ...result,
        outputs: result.outputs.map((output) => ({ ...output, entry: Uint8Array.of(0x81, 1) })),
      } as never;
    });
    expect(errorOf(plan)).toContain("1 values, and its pact 2 fields");
  });

  it("fails the stage when it leaves more state than its limit", () => {
    expect(errorOf(giving(() => done("x".repeat(2_000))))).toContain("above its limit of 1000");
  });

  it("fails the stage when it acts on a capability that the stage does not require", () => {
    const operation = { kind: "operation", capability: "servo", operation: Uint8Array.of(1) } as const;
    expect(errorOf(giving(() => ({ kind: "done", state: new Uint8Array(0), outputs: [operation] })))).toContain(
      "'servo'",
    );
  });
});

/** Of each saga, how many invocations are under way, and whether it stands still. */
function heldIn({ books }: Ledger): [number, boolean][] {
  return [...books.values()].map(({ invocations, standsStill }) => [invocations.size, standsStill]);
}

describe("a participant that would have to hold more than it can", () => {
  it("says so once and takes no part any more: it could count other states than the rest", () => {
    const definitions = readDefinitions(crypto, provisionOf(twoStages));
    const ledger = createLedger(definitions, 1, Number.POSITIVE_INFINITY);
    const group = [...definitions.groups.values()].find(({ pact }) => pact.pact.name === "order")!;
    const entry = { group: group.id, issuer: avatarOf("ada"), id: null, entry: entryOf("order", [1, 1]).entry };
    const notices: number[] = [];
    for (let sequence = 0; sequence < 1_030; sequence++) {
      const { changes } = takeEntry(ledger, { ...entry, sequence }, 0);
      if (changes.some(({ kind }) => kind === "notice")) notices.push(sequence);
    }
    expect(notices).toEqual([1_024]);
    expect(heldIn(ledger)).toEqual([[0, true]]);
  });

  it("says so once where its memory has no room for more, and holds nothing any more", () => {
    const ledger = createLedger(
      readDefinitions(crypto, provisionOf(twoStages)),
      1,
      leastFor({ groups: [], sagas: 1, deployed: 0 }).sagaBytes,
    );
    const order = [...ledger.definitions.groups.values()].find(({ pact }) => pact.pact.name === "order")!;
    const entry = { group: order.id, issuer: avatarOf("ada"), id: null, entry: entryOf("order", [1, 1]).entry };
    const notices: number[] = [];
    for (let sequence = 0; sequence < 100; sequence++) {
      const { changes } = takeEntry(ledger, { ...entry, sequence }, 0);
      if (changes.some(({ kind }) => kind === "notice")) notices.push(sequence);
    }
    expect(notices).toHaveLength(1);
    expect(notices[0]).toBeGreaterThan(10);
    expect(heldIn(ledger)).toEqual([[0, true]]);
  });
});
