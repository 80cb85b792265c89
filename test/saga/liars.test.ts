import { describe, expect, it } from "vitest";
import { readDefinitions } from "../../firmware/core/saga/definitions";
import type { Run } from "../../firmware/core/saga/events";
import { encodeState, type Output, type SagaState, sagaStatePact } from "../../firmware/core/saga/state";
import { hash } from "../../firmware/core/wire/hash";
import { encodeText } from "../../firmware/core/wire/text";
import { requestOf } from "../../firmware/sandbox/runs";
import { avatarOf, createSagaWorld, crypto, done, entryOf, type Plan } from "./world";

/** An owner of the state group that writes what it likes: no behavior of it ran. */
const plan: Plan = {
  pacts: ["order", "shipped", "wages"],
  stages: [{ behavior: "ship", consumes: "order", produces: ["shipped"] }],
  behaviors: { ship: () => done(null, ["shipped", 1, 1]) },
};

function afterLie(lie: (state: SagaState, world: ReturnType<typeof createSagaWorld>) => SagaState) {
  const world = createSagaWorld(plan);
  for (const name of world.members.keys()) world.cutOff(name);
  world.push("order", 7, 3);
  world.run(15);
  const honest: SagaState = {
    ...{ previous: null, description: hash(crypto, "saga", world.provision.descriptions[0]!), stage: 0 },
    ...{ consumed: [world.log("order").id, 0], produced: [], status: "done", error: "", now: 0, readCursors: [] },
    state: new Uint8Array(0),
  };
  const entry = encodeState(lie(honest, world), sagaStatePact("states", "two-thirds").policy);
  const states = world.log("states");
  states.entries.push({ group: states.id, sequence: 0, issuer: avatarOf("cyd"), id: null, entry });
  for (const name of world.members.keys()) world.heal(name);
  world.run(60_000);
  return world;
}

const put = (pact: string, world: ReturnType<typeof createSagaWorld>): Output => ({
  ...{ kind: "entry", group: world.log(pact).id },
  entry: entryOf(pact, [6, 66]).entry,
});

describe("a saga state that an owner made up", () => {
  it("counts where it is what the stage may give: its owners are trusted with that, and a replay tells it", () => {
    const world = afterLie((state, its) => ({ ...state, produced: [put("shipped", its)] }));
    expect([world.statuses(), world.amounts("shipped")]).toEqual([["0 done"], [66]]);
  });

  const lies: readonly (readonly [what: string, lie: Parameters<typeof afterLie>[0]])[] = [
    [
      "puts out an entry of a pact that the stage does not produce",
      (state, its) => ({ ...state, produced: [put("wages", its)] }),
    ],
    [
      "reverses entries of others",
      (state, its) => ({ ...state, produced: [{ ...put("wages", its), group: its.log("reversal").id } as Output] }),
    ],
    [
      "puts out what breaks its pact",
      (state, its) => ({ ...state, produced: [{ ...put("shipped", its), entry: Uint8Array.of(0x80) } as Output] }),
    ],
    [
      "acts on what the stage does not require",
      (state) => ({ ...state, produced: [{ kind: "operation", capability: "door", operation: encodeText("open") }] }),
    ],
    ["is of a stage that is not there", (state) => ({ ...state, stage: 9 })],
    ["undoes what was not done", (state) => ({ ...state, status: "compensated" })],
    ["consumed nothing", (state) => ({ ...state, consumed: null })],
    ["consumed what initiates nothing", (state, its) => ({ ...state, consumed: [its.log("states").id, 0] })],
    ["consumed an entry of no group that there is", (state) => ({ ...state, consumed: [new Uint8Array(32), 7] })],
    ["follows on what is no state", (state, its) => ({ ...state, previous: [its.log("order").id, 0] })],
  ];
  for (const [what, lie] of lies) {
    it(`is void where it ${what}, and the stage runs as if it were not there`, () => {
      const world = afterLie(lie);
      expect([world.amounts("shipped"), world.amounts("wages"), world.amounts("reversal")]).toEqual([[1], [], []]);
      for (const name of world.members.keys()) expect(world.underWay(name)).toBe(0);
    });
  }

  it("holds the saga up for all where it consumed what never comes, until it comes", () => {
    const world = afterLie((state, its) => ({ ...state, consumed: [its.log("order").id, 1] }));
    expect([world.amounts("shipped"), world.underWay("ada")]).toEqual([[], 1]);
    world.push("order", 8, 4);
    world.run(120_000);
    expect([world.amounts("shipped"), world.underWay("ada")]).toEqual([[1], 0]);
  });

  it("ends nobody's sandbox when what it left is no text: its run fails", () => {
    const { sagas, ...definitions } = readDefinitions(crypto, createSagaWorld(plan).provision);
    const [saga] = sagas.values();
    const run: Run = {
      ...{ invocation: saga!.id, saga: saga!.id, stage: 0, behavior: saga!.stages[0]!.does, undoes: null },
      ...{ entry: null, state: Uint8Array.of(0xff), reads: [], readCursors: [], now: 5 },
    };
    expect(requestOf({ sagas, ...definitions }, "", run)).toMatchObject({ kind: "run", state: null });
  });

  it("stops nobody when its time is beyond all numbers", () => {
    const world = afterLie((state) => ({ ...state, now: (2n ** 63n) as never }));
    expect(world.amounts("shipped")).toEqual([1]);
  });

  it("stops nobody when it is no saga state at all", () => {
    const world = createSagaWorld(plan);
    const states = world.log("states");
    states.entries.push({
      group: states.id,
      sequence: 0,
      issuer: avatarOf("cyd"),
      id: null,
      entry: Uint8Array.of(0x81, 0x01),
    });
    world.push("order", 7, 3);
    world.run(5_000);
    expect(world.amounts("shipped")).toEqual([1]);
  });
});
