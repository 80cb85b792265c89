import { describe, expect, it } from "vitest";
import { readDefinitions } from "../../firmware/core/saga/definitions";
import type { FinalEntry } from "../../firmware/core/saga/entries";
import { agrees, replay } from "../../firmware/core/saga/replay";
import { producedId } from "../../firmware/core/saga/state";
import { toHex } from "../../firmware/core/wire/bytes";
import { encodeText } from "../../firmware/core/wire/text";
import { createSagaWorld, crypto, done, failed, type Member, type Plan, stateIn } from "./world";

/**
 * Worlds in which executors crash and are cut off at any moment, pushes are refused, and groups are heard of in different orders.
 * Whatever happens, once all is well again: the promises of a saga hold.
 */

const numberIn = (run: Parameters<Plan["behaviors"][string]>[0]) => run.entry!.values[0] as number;
const operation = { kind: "operation", capability: "servo", operation: encodeText("move") } as const;

const plan = (reach: Plan["reach"], seed: number): Plan => ({
  reach: reach!,
  ...(reach === "key" ? { key: "amount" } : {}),
  members: ["ada", "bea", "cyd", "dan"],
  pacts: ["order", "second", "third", "shipped", "undone"],
  stages: [
    { behavior: "one", consumes: "order", produces: ["second", "undone"], compensate: "undo-one", deadline: 200_000 },
    {
      ...{ behavior: "two", consumes: "second", produces: ["third"], deadline: 200_000 },
      ...{ requires: [{ capability: "servo", condition: null }], reads: ["shipped"] },
    },
    { behavior: "three", consumes: "third", produces: ["shipped"], deadline: 200_000 },
  ],
  behaviors: {
    one: (run) => done([...((stateIn(run) as number[]) ?? []).slice(-3), numberIn(run)], ["second", numberIn(run), 1]),
    two: (run) => {
      const result = done(stateIn(run), ["third", numberIn(run), run.reads.length % 200]);
      return result.kind === "done" ? { ...result, outputs: [operation, ...result.outputs] } : result;
    },
    three: (run) =>
      numberIn(run) % 3 === seed % 3 ? failed("out of luck") : done(stateIn(run), ["shipped", numberIn(run), 1]),
    "undo-one": (run) => done(stateIn(run), ["undone", numberIn(run), 1]),
  },
});

/** A generator of small whole numbers, the same for a seed on every engine. */
function dice(seed: number): (sides: number) => number {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return (sides) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % sides;
  };
}

function hostileWorld(seed: number) {
  const roll = dice(seed);
  const world = createSagaWorld(plan((["invocation", "saga", "key"] as const)[seed % 3], seed));
  const names = [...world.members.keys()];
  const publish = () => {
    for (const name of names.slice(0, 3)) world.publish(name, new Map([["servo", 1]]));
  };
  publish();
  world.hears = () => 1 + roll(400);
  world.takes = () => roll(8) > 0;
  let acts = 0;
  world.acts = () => {
    acts++;
    return roll(6) === 0 ? "refused" : "done";
  };
  for (let step = 0; step < 40; step++) {
    const name = names[roll(names.length)]!;
    const member = world.member(name);
    const dies = roll(10);
    if (dies < 2 && member.alive) world.crash(name);
    else if (dies < 5 && !member.alive) {
      world.start(name);
      publish();
    } else if (dies === 5) world.cutOff(name);
    else if (dies < 8) world.heal(name);
    if (roll(4) === 0) world.push("order", step, roll(3));
    if (roll(8) === 0) cancelOne(member, roll);
    world.run(world.now + roll(700));
  }
  world.takes = () => true;
  for (const name of names) {
    if (!world.member(name).alive) world.start(name);
    world.heal(name);
  }
  publish();
  world.run(world.now + 5_000_000);
  return { world, acts: () => acts };

  /** Whatever is under way there: it may be too late for it, or too early. */
  function cancelOne(member: Member, which: (sides: number) => number) {
    const underWay = [...member.runtime.ledger.books.values()].flatMap(({ invocations }) => [...invocations.values()]);
    if (underWay.length === 0) return;
    const { id } = underWay[which(underWay.length)]!;
    world.tell(member, { kind: "cancel", invocation: id, reason: "changed its mind" });
  }
}

/** All final entries, each group in its order, and the groups one after another. */
function history(world: ReturnType<typeof createSagaWorld>): FinalEntry[] {
  return [...world.logs.values()].flatMap(({ entries }) => entries);
}

const seeds = Array.from({ length: 9 }, (_, seed) => seed);

describe("in a hostile world, once it has healed,", () => {
  const made: ReturnType<typeof hostileWorld>[] = [];
  /** Made by the first test that asks. */
  const worlds = () => {
    for (const seed of seeds.slice(made.length)) made.push(hostileWorld(seed));
    return made;
  };

  it("every invocation has ended, for everyone", () => {
    for (const [seed, { world }] of worlds().entries()) {
      for (const name of world.members.keys()) expect([seed, name, world.underWay(name)]).toEqual([seed, name, 0]);
    }
  });

  it("each has counted the same states, one for each `previous`", () => {
    for (const { world } of worlds()) {
      const replayed = replay(readDefinitions(crypto, world.provision), history(world));
      const previous = replayed.map(({ head, invocation }) =>
        head.state.previous === null ? invocation.reach.key : `${head.state.previous[1]}`,
      );
      expect(new Set(previous).size).toBe(previous.length);
    }
  });

  it("what a counted state produced is final once, and nothing else that a saga produced is", () => {
    for (const { world } of worlds()) {
      const wanted: string[] = [];
      const turned = new Set<string>();
      for (const { invocation, head } of replay(readDefinitions(crypto, world.provision), history(world))) {
        const { status, stage, produced } = head.state;
        const undoes = turned.has(invocation.key);
        if (["failed", "expired", "refused", "unknown", "cancelled"].includes(status)) turned.add(invocation.key);
        if (status === "intent" || status === "refused" || (status === "unknown" && !undoes)) continue;
        for (const [index, { kind }] of produced.entries()) {
          if (kind === "entry") wanted.push(toHex(producedId(crypto, invocation.id, stage, undoes, index)));
        }
      }
      const came = history(world).flatMap(({ id }) => (id === null ? [] : [toHex(id)]));
      expect(came.sort()).toEqual(wanted.sort());
    }
  });

  it("what failed is undone or said to be unknown, and every order is shipped or not", () => {
    for (const { world } of worlds()) {
      const last = new Map<string, string[]>();
      for (const { invocation, head } of replay(readDefinitions(crypto, world.provision), history(world))) {
        last.set(invocation.key, [...(last.get(invocation.key) ?? []), `${head.state.stage} ${head.state.status}`]);
      }
      expect(last.size).toBe(world.log("order").entries.length);
      for (const states of last.values()) {
        const failed = states.some((each) => /failed|expired|refused|cancelled|1 unknown/.test(each));
        const tookStock = states.includes("0 done");
        expect(states.at(-1)).toMatch(
          failed && tookStock ? /^0 (compensated|unknown)$/ : /2 done|expired|failed|cancelled/,
        );
      }
    }
  });

  it("nothing acted more often than an intent of it was final", () => {
    for (const { world, acts } of worlds()) {
      expect(acts()).toBeLessThanOrEqual(world.states().filter(({ status }) => status === "intent").length);
    }
  });

  it("recomputing every state from the entries alone gives what history says", () => {
    for (const [seed, { world }] of worlds().entries()) {
      const { behaviors } = plan((["invocation", "saga", "key"] as const)[seed % 3], seed);
      let compared = 0;
      const definitions = readDefinitions(crypto, world.provision);
      for (const each of replay(definitions, history(world))) {
        if (each.run === null) continue;
        compared++;
        const result = behaviors[each.run.behavior.name]!(each.run, world);
        expect([seed, agrees(definitions, each, result)]).toEqual([seed, true]);
      }
      expect(compared).toBeGreaterThan(0);
    }
  });

  it("all of that was tried: lost races, take-overs, unknown outcomes, failures, compensations and cancelling", () => {
    const seen = new Set(worlds().flatMap(({ world }) => world.states().map(({ status }) => status)));
    const all = ["cancelled", "compensated", "done", "failed", "intent", "refused", "unknown"];
    expect([...seen].sort()).toEqual(all);
    const lost = worlds().reduce((sum, { world }) => {
      const counted = replay(readDefinitions(crypto, world.provision), history(world)).length;
      return sum + world.states().length - counted;
    }, 0);
    expect(lost).toBeGreaterThan(5);
  });
});
