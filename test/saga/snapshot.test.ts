import { describe, expect, it } from "vitest";
import { syncGroupId } from "../../firmware/core/pact/pact";
import type { Conductor, Order } from "../../firmware/core/saga/conductor";
import { readDefinitions, type SagaProvision } from "../../firmware/core/saga/definitions";
import { asTheyCame } from "../../firmware/core/saga/past";
import { decodeDescription, encodeDescription } from "../../firmware/core/saga/structures";
import { toHex } from "../../firmware/core/wire/bytes";
import { alone, counting, countingByKey, now, start } from "./alone";
import { type Block, conductorOf, definitionsOf, describeLedger } from "./conductors";
import { avatarOf, crypto, done, entryOf, type Plan, provisionOf } from "./world";

/** What a participant keeps of sagas, and how it goes on from that. */

function underWay({ conductor }: { readonly conductor: Conductor }): number {
  return [...conductor.ledger.books.values()][0]!.invocations.size;
}

function standsStill({ conductor }: { readonly conductor: Conductor }): boolean {
  return [...conductor.ledger.books.values()][0]!.standsStill;
}

/** A plan whose stage of the second version does the same by another behavior. */
const versionTwo = (plan: Plan): Plan => ({ ...plan, version: 2 });

function together(one: SagaProvision, other: SagaProvision): SagaProvision {
  const both = (a: readonly Uint8Array[], b: readonly Uint8Array[]) => {
    const known = new Set(a.map(toHex));
    return [...a, ...b.filter((each) => !known.has(toHex(each)))];
  };
  return {
    pacts: both(one.pacts, other.pacts),
    groups: both(one.groups, other.groups),
    behaviors: both(one.behaviors, other.behaviors),
    stages: both(one.stages, other.stages),
    descriptions: both(one.descriptions, other.descriptions),
  };
}

const provisionAlone = (plan: Plan) => provisionOf(plan, [avatarOf("ada")]);

describe("what is known of sagas", () => {
  it("is kept after 24 final blocks of a group that a saga names, and not before", () => {
    const one = alone(counting);
    for (let each = 0; each < 50; each++) one.push("other", each, 0);
    expect(one.kept).toHaveLength(0);
    for (let each = 0; each < 11; each++) one.push("order", each, 0);
    expect(one.kept).toHaveLength(0);
    one.push("order", 11, 0);
    expect(one.kept).toHaveLength(1);
  });

  for (const [name, plan] of Object.entries({ "one after the other": counting, "by key": countingByKey })) {
    it(`is known again from the last 64 blocks of each group after 200 invocations, ${name}`, () => {
      const one = alone(plan);
      for (let each = 0; each < 200; each++) one.push("order", each % 50, 0);
      const before = describeLedger(one.conductor.ledger);
      one.restart(64);
      expect(describeLedger(one.conductor.ledger)).toEqual(before);
      const { length } = one.blocks;
      one.push("order", 7, 0);
      expect(one.blocks).toHaveLength(length + 4);
      expect(one.notices).toEqual([]);
    });
  }

  it("is made of fewer bytes than four of its final blocks, however many invocations have ended", () => {
    const one = alone(counting);
    for (let each = 0; each < 100; each++) one.push("order", each + 14, 0);
    const early = one.kept.at(-1)!.length;
    for (let each = 0; each < 100; each++) one.push("order", each + 14, 0);
    expect(early).toBeLessThan(1_000);
    expect(one.kept.at(-1)!.length).toBeLessThan(early + 300);
  });

  it("has the entries that are older than what a store has for sure", () => {
    const never: Plan = {
      ...countingByKey,
      stages: [countingByKey.stages[0]!, { behavior: "count", consumes: "other" }],
    };
    const one = alone(never);
    for (let each = 0; each < 119; each++) one.push("order", each, 0);
    const before = describeLedger(one.conductor.ledger);
    one.restart(64);
    expect(one.notices).toEqual([]);
    expect(underWay(one)).toBe(119);
    expect(describeLedger(one.conductor.ledger)).toEqual(before);
  });

  it("does not let what was consumed be consumed again", () => {
    const one = alone(counting);
    for (let each = 0; each < 40; each++) one.push("order", 0, 0);
    const { length } = one.blocks;
    one.restart(64);
    expect(underWay(one)).toBe(0);
    expect(one.blocks).toHaveLength(length);
  });

  it("names what others can do, and that they know what it can itself", () => {
    const provision = definitionsOf({ ...counting, stages: [{ behavior: "ask", consumes: "order" }] });
    const first = conductorOf(provision, "ada", null);
    const [published] = first.handle({ kind: "boot" }, now);
    const { entry, group } = (published as Extract<Order, { kind: "push" }>).event;
    const key = [...provision.names].find(([, name]) => name === "order")![0];
    const order = provision.groups.map((bytes) => syncGroupId(crypto, bytes)).find((id) => toHex(id) === key)!;
    const told: Block[] = [{ group, firstEntry: 0, issuer: avatarOf("ada"), entries: [entry], repeats: [] }];
    for (let each = 0; each < 24; each++) {
      const entries = [entryOf("order", [each, 0]).entry];
      told.push({ group: order, firstEntry: each, issuer: avatarOf("outside"), entries, repeats: [] });
    }
    const orders = told.flatMap((block) => first.take({ kind: "final", block }, now));
    const kept = orders.flatMap((each) => (each.kind === "keep" && each.what === "snapshot" ? [each.bytes] : []));
    const second = conductorOf(provision, "ada", kept.at(-1)!);
    for (const block of told.slice(1)) second.take({ kind: "final", block }, now);
    const pushed = second.handle({ kind: "boot" }, now).filter(({ kind }) => kind === "push");
    expect(pushed).toEqual([]);
  });
});

describe("a participant that starts and was not told all", () => {
  function afterManyBlocks() {
    const one = alone(counting);
    for (let each = 0; each < 30; each++) one.push("order", 0, 0);
    return one;
  }

  it("says which entries it misses, and runs nothing of that saga", () => {
    const one = afterManyBlocks();
    one.kept.splice(1);
    one.restart(20);
    expect(one.notices.join()).toContain("saga-gap: Saga 'saga' ");
    expect(standsStill(one)).toBe(true);
    const { length } = one.blocks;
    const { runs } = one;
    one.push("order", 0, 0);
    expect([one.blocks.length, one.runs]).toEqual([length + 1, runs]);
  });

  it("says so too where nothing was kept", () => {
    const one = afterManyBlocks();
    one.kept.splice(0);
    one.restart(20);
    expect(one.notices).toHaveLength(1);
    expect(one.notices[0]).toContain("Saga 'saga' was not told entries 0 to ");
  });

  it("says so again at each start, and keeps no more of it", () => {
    const one = afterManyBlocks();
    one.kept.splice(0);
    one.restart(20);
    for (let each = 0; each < 24; each++) one.push("order", 0, 0);
    expect(one.kept).toHaveLength(1);
    one.restart(64);
    expect(one.notices).toHaveLength(2);
    expect(one.notices[1]).toContain("Saga 'saga' stood still when this participant ended");
    expect(one.conductor.lacks).toHaveLength(1);
  });

  it("counts a block without entries as one that it was not told", () => {
    const one = alone(counting);
    one.push("order", 0, 0);
    const block = { ...one.blocks[0]!, firstEntry: 1, entries: null };
    const orders = one.conductor.take({ kind: "final", block }, now);
    expect(orders.map(({ kind }) => kind)).toEqual(["notice"]);
    expect(standsStill(one)).toBe(true);
  });

  it("takes what was kept for nothing where it can't be read, and goes on where it has all", () => {
    const one = afterManyBlocks();
    one.kept.splice(0, one.kept.length, one.kept.at(-1)!.slice(1));
    const before = describeLedger(one.conductor.ledger);
    one.restart(1_000);
    expect(one.notices.map((notice) => notice.slice(0, 13))).toEqual(["saga-snapshot"]);
    expect(describeLedger(one.conductor.ledger)).toEqual(before);
  });
});

describe("what was kept under other definitions", () => {
  function kept(plan: Plan = counting) {
    const one = alone(plan);
    for (let each = 0; each < 30; each++) one.push("order", each % 3, 0);
    return one;
  }

  it("is taken where a version came that begins with, consumes and reads the same", () => {
    const one = kept();
    one.restart(64, together(provisionAlone(counting), provisionAlone(versionTwo(counting))));
    expect(one.notices).toEqual([]);
    expect([...one.conductor.ledger.books.values()].map(({ standsStill: still }) => still)).toEqual([false]);
  });

  it("is not enough where a version came that consumes what was not looked at", () => {
    const one = kept();
    const [ask] = counting.stages;
    const other = { ...versionTwo(counting), stages: [ask!, { behavior: "count", consumes: "other" }] };
    one.restart(64, together(provisionAlone(counting), provisionAlone(other)));
    expect(one.notices[0]).toContain("has a version that begins with, consumes or reads other entries");
    expect(standsStill(one)).toBe(true);
  });

  it("is not enough where a version has gone by which invocations may run", () => {
    const one = kept();
    one.restart(64, provisionAlone(versionTwo(counting)));
    expect(one.conductor.lacks.map(({ code }) => code)).toEqual(["saga-gap"]);
    expect(standsStill(one)).toBe(true);
  });

  it("says nothing of a saga that came after entries of its groups were final", () => {
    const one = kept();
    const second = provisionAlone({ ...counting, stages: [{ behavior: "ask", consumes: "order" }] });
    const descriptions = second.descriptions.map((bytes) =>
      encodeDescription({ ...decodeDescription(bytes), name: "second" }),
    );
    one.restart(64, together(provisionAlone(counting), { ...second, descriptions }));
    expect(one.notices.map((notice) => notice.slice(0, 40))).toEqual(["saga-gap: Saga 'second' came to be known"]);
    expect([...one.conductor.ledger.books.values()].map(({ standsStill: still }) => still)).toEqual([false, true]);
  });
});

describe("more than is kept", () => {
  it("is told once, and what was kept before stays", () => {
    const large: Plan = {
      ...countingByKey,
      behaviors: { ...countingByKey.behaviors, ask: () => done("x".repeat(950)), count: () => done("x".repeat(950)) },
      stages: [{ behavior: "ask", consumes: "order" }],
    };
    const one = alone(large);
    for (let each = 0; each < 60; each++) one.push("order", each, 0);
    const { length } = one.kept;
    expect(length).toBe(2);
    for (let each = 60; each < 150; each++) one.push("order", each, 0);
    expect(one.notices.map((notice) => notice.slice(0, 18))).toEqual(["saga-snapshot-size"]);
    expect(one.kept.length).toBe(length);
  });
});

describe("final blocks of many groups", () => {
  it("are given so that what a state consumed comes before it, though a store has them group after group", () => {
    const one = alone(counting);
    for (let each = 0; each < 5; each++) one.push("order", 0, 0);
    const definitions = readDefinitions(crypto, one.told);
    const states = definitions.sagas.values().next().value!.stateGroup.key;
    const sorted = [...one.blocks].sort(
      (a, b) => (toHex(a.group) === states ? -1 : 0) - (toHex(b.group) === states ? -1 : 0),
    );
    const given = asTheyCame(definitions, sorted);
    expect(given).toHaveLength(one.blocks.length);
    const reader = start(one.told, null);
    for (const block of given) {
      reader.take({ kind: "final", block }, now);
      expect([...reader.ledger.books.values()][0]!.backlog).toHaveLength(0);
    }
  });
});
