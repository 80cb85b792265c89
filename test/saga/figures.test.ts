import { describe, expect, it } from "vitest";
import { readDefinitions } from "../../firmware/core/saga/definitions";
import { referenceKey } from "../../firmware/core/saga/entries";
import { decodeState } from "../../firmware/core/saga/state";
import { decodeDescription, decodeStage } from "../../firmware/core/saga/structures";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { hash } from "../../firmware/core/wire/hash";
import { createSagaWorld, crypto, done, failed, idOf, type Plan, pactNamed, stateIn } from "./world";

/** The order of figures 9A and 9B: products from the warehouse, then the payment. `order` says which, `amount` what it costs. */
const order = (payment: "paid" | "insufficient funds", more: Partial<Plan> = {}): Plan => ({
  pacts: ["order", "payment", "notice"],
  stages: [
    { behavior: "retrieve", consumes: "order", produces: ["payment"] },
    { behavior: "collect", consumes: "payment", produces: ["notice"] },
  ],
  behaviors: {
    retrieve: (run) => {
      const stock = (stateIn(run) as { stock: number })?.stock ?? 10;
      return done({ stock: stock - 1 }, ["payment", run.entry!.values[0] as number, run.entry!.values[1] as number]);
    },
    collect: (run) => {
      const told = done(stateIn(run), ["notice", run.entry!.values[0] as number, 1]);
      return payment === "paid" ? told : { ...failed(payment), outputs: told.outputs };
    },
  },
  ...more,
});

function run(plan: Plan, orders = 1) {
  const world = createSagaWorld(plan);
  for (let number = 0; number < orders; number++) world.push("order", number, 50);
  world.run(60_000);
  return world;
}

describe("claim 1", () => {
  it("claim 1: a new entry in an initiating pact invokes the saga's first stage with an empty state, and a different new entry its next stage with the pending state", () => {
    const world = createSagaWorld(
      order("paid", {
        pacts: ["order", "payment", "notice", "answer"],
        stages: [
          { behavior: "retrieve", consumes: "order", produces: ["payment"] },
          { behavior: "collect", consumes: "answer", produces: ["notice"], correlate: ["order"] },
        ],
      }),
    );
    // "Observing a new entry in an initiating pact of a saga description stored within the local storage;
    // invoking the saga description with the new entry through the saga runtime; retrieving a first saga stage";
    world.push("order", 7, 50);
    world.run(10_000);
    expect(world.runs.map(({ run: each }) => [each.stage, each.entry!.values])).toEqual([[0, [7, 50]]]);
    // "invoking the first saga stage with an empty saga state and passing the new entry to the first saga stage";
    expect(world.runs[0]!.run.state).toHaveLength(0);
    // "when the first saga stage completes executing, producing a new saga state as a saga state entry and storing the saga state
    // entry in the local storage"; "containing a pending saga state with a corresponding saga description in the local storage";
    expect(world.statuses()).toEqual(["0 done"]);
    for (const name of world.members.keys()) expect(world.underWay(name)).toBe(1);
    // "receiving a different new entry which is consumed by a next saga stage when invoked for the pending saga state";
    world.push("answer", 7, 1);
    world.run(20_000);
    // "retrieving the pending saga state and the next saga stage; invoking the next saga stage with the pending saga state";
    expect(world.runs.map(({ run: each }) => [each.stage, stateIn(each)])[1]).toEqual([1, { stock: 9 }]);
    // "and when the next saga stage completes executing, producing a different new saga state as a different saga state entry".
    expect(world.statuses()).toEqual(["0 done", "1 done"]);
    expect(world.states()[1]!.previous![1]).toBe(0);
  });
});

describe("figure 7", () => {
  const world = () => run(order("paid"));

  it("figure 7: a saga description refers to its stages in order, its initiating pact and its saga state pact", () => {
    const { provision } = world();
    const description = decodeDescription(provision.descriptions[0]!);
    expect(description.stages.map(toHex)).toEqual(provision.stages.map((each) => toHex(hash(crypto, "stage", each))));
    expect(equal(description.initiatingPact, idOf(pactNamed("order")))).toBe(true);
    const [saga] = readDefinitions(crypto, provision).sagas.values();
    expect(saga!.stateGroup.pact.pact.name).toBe("states");
  });

  it("figure 7: a saga stage refers to its behavior, the pact it consumes, those it reads and those it produces into", () => {
    const { provision } = world();
    const stage = decodeStage(provision.stages[0]!);
    expect(toHex(stage.behavior)).toBe(toHex(hash(crypto, "behavior", provision.behaviors[0]!)));
    expect(equal(stage.consumedPact, idOf(pactNamed("order")))).toBe(true);
    expect([stage.accessedPacts.length, stage.producedPacts.map(toHex)]).toEqual([
      0,
      [toHex(idOf(pactNamed("payment")))],
    ]);
  });

  it("figure 7: a saga state refers to the state before it, its description, its stage, what it consumed and what it produced", () => {
    const ended = world();
    const [first, second] = ended.log("states").entries.map(({ entry }) => decodeState(entry));
    expect([first!.previous, first!.stage, second!.stage]).toEqual([null, 0, 1]);
    expect(referenceKey(second!.previous!)).toBe(referenceKey([ended.log("states").id, 0]));
    expect(toHex(second!.description)).toBe(toHex(hash(crypto, "saga", ended.provision.descriptions[0]!)));
    expect(referenceKey(first!.consumed!)).toBe(referenceKey([ended.log("order").id, 0]));
    expect(referenceKey(second!.consumed!)).toBe(referenceKey([ended.log("payment").id, 0]));
    expect(first!.produced).toHaveLength(1);
  });

  it("figure 7: a saga that does not hang together is refused, and what is wrong is named", () => {
    const { provision } = world();
    const without = (part: "stages" | "behaviors" | "pacts") => () =>
      readDefinitions(crypto, { ...provision, [part]: provision[part].slice(0, -1) });
    expect(without("behaviors")).toThrow("saga 'saga': stage 1 names as its behavior");
    expect(without("stages")).toThrow("saga 'saga' names as its stage 1");
    expect(without("pacts")).toThrow("names as its pact");
  });
});

describe("figure 8", () => {
  it("figure 8: one participant runs the first stage, another may run the next with the pending state that it holds", () => {
    const ended = run(order("paid"), 30);
    const byOrder = new Map<string, Set<string>>();
    for (const { member, run: each } of ended.runs) {
      const key = toHex(each.invocation);
      byOrder.set(key, new Set([...(byOrder.get(key) ?? []), member]));
    }
    expect(byOrder.size).toBe(30);
    expect([...byOrder.values()].some((members) => members.size === 2)).toBe(true);
    expect([...byOrder.values()].some((members) => members.size === 1)).toBe(true);
  });
});

describe("figure 9B", () => {
  it("figure 9B: an order whose payment fails makes five final entries: order, pending state, payment, failed state, notice", () => {
    const ended = run(order("insufficient funds"));
    expect(ended.statuses()).toEqual(["0 done", "1 failed"]);
    expect(ended.states()[1]!.error).toBe("insufficient funds");
    expect(["order", "payment", "notice"].map((pact) => ended.log(pact).entries.length)).toEqual([1, 1, 1]);
    expect(ended.finals()).toBe(5);
  });

  it("figure 9B: with the stock given back it makes six, where figure 9A has seven transactions", () => {
    // The stock is the saga's own state: "these Stages' compensating Behaviors may be automatically invoked by the Saga Runtime".
    const ended = run(order("insufficient funds", { reach: "saga" }));
    expect(ended.statuses()).toEqual(["0 done", "1 failed", "0 compensated"]);
    expect(stateIn({ state: ended.states()[0]!.state } as never)).toEqual({ stock: 9 });
    // What is left is the state of before the order: none, of which the next order makes ten.
    expect(ended.states()[2]!.state).toHaveLength(0);
    expect(ended.finals()).toBe(6);
  });

  it("figure 9B: with a compensating behavior that gives the stock back in an entry it makes seven", () => {
    const plan = order("insufficient funds");
    const [retrieve, collect] = plan.stages;
    const ended = run({
      ...plan,
      pacts: [...plan.pacts, "stock"],
      stages: [{ ...retrieve!, produces: ["payment", "stock"], compensate: "give-back" }, collect!],
      behaviors: { ...plan.behaviors, "give-back": () => done(null, ["stock", 0, 1]) },
    });
    expect(ended.statuses()).toEqual(["0 done", "1 failed", "0 compensated"]);
    expect([ended.amounts("stock"), ended.finals()]).toEqual([[1], 7]);
  });

  it("figure 9B: an order that is paid makes five, too", () => {
    expect(run(order("paid")).finals()).toBe(5);
  });
});
