import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { decodeState } from "../../firmware/core/saga/state";
import { decodeWaits, encodeWaits, type Waits } from "../../firmware/core/saga/waits";
import { encodeText } from "../../firmware/core/wire/text";
import { seeded } from "../sim/random";
import { createConductorWorld, lease, type Member } from "./conductors";
import { done, type Plan, stateIn } from "./world";

/** Deadlines, leases and ages go on through restarts of any and all participants. */

const deadline = 20_000;
/** What is asked is answered from outside, here never. */
const asking: Plan = {
  pacts: ["order", "account"],
  stages: [
    { behavior: "ask", consumes: "order" },
    { behavior: "answer", consumes: "account", correlate: ["order"], deadline },
  ],
  behaviors: { ask: (run) => done({ asked: run.entry!.values[0] }), answer: () => done({ answered: true }) },
};
const noWall = () => 0;
const wallOf = (now: number) => 1_700_000_000_000 + now;

type World = ReturnType<typeof createConductorWorld>;

/** When the state of this status became final; undefined where none did. */
function statusAt(world: World, status: string): number | undefined {
  return world.finals.find(({ group, entry }) => group === "states" && decodeState(entry).status === status)?.at;
}

/** All of them, or each after the other, end and start again every so many ms. */
function runRestarting(world: World, members: readonly Member[], every: number, until: number, together: boolean) {
  for (let at = every, turn = 0; at < until; at += every, turn++) {
    world.run(at);
    for (const member of together ? members : [members[turn % members.length]!]) world.restart(member);
  }
  world.run(until);
}

describe("a deadline of 20 s, where participants start again every three seconds", () => {
  for (const together of [true, false]) {
    const who = together ? "all of them" : "one after another";
    it(`comes after 20 s by the wall clock: ${who}`, () => {
      const world = createConductorWorld(asking, seeded(1), 64, wallOf);
      world.push("order", 1, 1);
      runRestarting(world, world.members, 3_000, 60_000, together);
      expect(statusAt(world, "expired")).toBeGreaterThanOrEqual(deadline);
      // The first of the owners says so; what is sealed and told takes a moment.
      expect(statusAt(world, "expired")).toBeLessThan(deadline + lease);
    });

    it(`comes with a second lost at each start at most, without a wall clock: ${who}`, () => {
      const world = createConductorWorld(asking, seeded(2), 64, noWall);
      world.push("order", 1, 1);
      runRestarting(world, world.members, 3_000, 90_000, together);
      expect(statusAt(world, "expired")).toBeGreaterThanOrEqual(deadline);
      expect(statusAt(world, "expired")).toBeLessThan((deadline * 3) / 2 + 3_000);
    });
  }

  it("comes where it was away for as long, and nothing else happens", () => {
    const world = createConductorWorld(asking, seeded(3), 64, wallOf);
    world.push("order", 1, 1);
    world.run(2_000);
    for (const member of world.members) world.leave(member);
    world.run(40_000);
    for (const member of world.members) world.restart(member);
    world.run(42_000);
    expect(statusAt(world, "expired")).toBeLessThan(40_000 + lease);
  });

  it("counts on, and comes no earlier, where the wall clock went back by a day", () => {
    const world = createConductorWorld(asking, seeded(4), 64, (now) => wallOf(now < 10_000 ? now : now - 86_400_000));
    world.push("order", 1, 1);
    world.run(10_000);
    for (const member of world.members) world.restart(member);
    world.run(60_000);
    expect(statusAt(world, "expired")).toBeGreaterThanOrEqual(deadline);
    expect(statusAt(world, "expired")).toBeLessThan(2 * deadline);
  });

  it("counts for what waits behind others, from when its entry came", () => {
    const behind: Plan = {
      ...asking,
      stages: [
        { ...asking.stages[0]!, deadline: 30_000 },
        { ...asking.stages[1]!, deadline: 10_000 },
      ],
      reach: "saga",
    };
    const world = createConductorWorld(behind, seeded(5), 64, noWall);
    for (let order = 1; order <= 6; order++) world.push("order", order, 1);
    runRestarting(world, world.members, 4_000, 100_000, true);
    // The first ones wait ten seconds each; those that came with them have waited too long when it is their turn.
    const first = world.finals.filter(({ group, entry }) => {
      if (group !== "states") return false;
      const { status, stage } = decodeState(entry);
      return status === "expired" && stage === 0;
    });
    expect(first.length).toBeGreaterThanOrEqual(2);
  });
});

describe("a lease, where participants start again before it ends", () => {
  const servo = [{ capability: "servo", condition: { min: 1 } }];

  it("ends for who runs a stage in place of one that is gone for good", () => {
    const world = createConductorWorld(asking, seeded(6), 64, wallOf);
    // Of eight orders some are first another's who is gone.
    world.leave(world.members[2]!);
    for (let order = 1; order <= 8; order++) world.push("order", order, 1);
    runRestarting(world, world.members.slice(0, 2), 700, 20_000, true);
    const asked = world.finals.filter(({ group, entry }) => group === "states" && decodeState(entry).stage === 0);
    expect(new Set(asked.map(({ entry }) => String(decodeState(entry).consumed?.[1]))).size).toBe(8);
  });

  it("ends for who pushes what the stage of one that is gone put out", () => {
    const telling: Plan = {
      ...asking,
      stages: [{ behavior: "ask", consumes: "order", produces: ["account"] }],
      behaviors: { ask: (run) => done({}, ["account", Number(run.entry!.values[0]), 1]) },
    };
    const world = createConductorWorld(telling, seeded(7), 64, wallOf);
    world.push("order", 1, 1);
    // Whoever ran it ends when its state is final, before it hears of that.
    world.runUntil("states", (entry) => decodeState(entry).status === "done");
    const issuer = world.lastIssuer("states");
    world.leave(issuer);
    const rest = world.members.filter((member) => member !== issuer);
    runRestarting(world, rest, 1_700, 30_000, true);
    expect(world.finals.some(({ group }) => group === "account")).toBe(true);
  });

  it("is watched to its end before an intent is taken over, whatever the wall clock shows", () => {
    const moving: Plan = {
      ...asking,
      stages: [{ behavior: "move", consumes: "order", requires: servo }],
      behaviors: {
        move: (run) => {
          const moved = done(stateIn(run) ?? {});
          const operation = { kind: "operation", capability: "servo", operation: encodeText("there") } as const;
          return { ...moved, outputs: [operation] } as typeof moved;
        },
      },
    };
    let jump = 0;
    const world = createConductorWorld(moving, seeded(8), 64, (now) => wallOf(now) + jump);
    world.run(2_000);
    world.push("order", 1, 1);
    const intentAt = world.runUntil("states", (entry) => decodeState(entry).status === "intent");
    const issuer = world.lastIssuer("states");
    world.leave(issuer);
    world.run(intentAt + 500);
    jump = 86_400_000;
    const rest = world.members.filter((member) => member !== issuer);
    for (const member of rest) world.restart(member);
    world.run(intentAt + 60_000);
    expect(statusAt(world, "unknown")).toBeGreaterThanOrEqual(intentAt + 2 * lease);
    expect(statusAt(world, "unknown")).toBeLessThan(intentAt + 8 * lease);
  });
});

describe("an entry that names nobody", () => {
  const noting: Plan = {
    ...asking,
    stages: [
      { behavior: "ask", consumes: "order" },
      { behavior: "answer", consumes: "account", deadline: 6_000 },
    ],
  };
  for (const [clock, wall] of Object.entries({ "with a wall clock": wallOf, "without one": noWall })) {
    it(`and came long before anyone waited is not taken after a restart, ${clock}`, () => {
      const world = createConductorWorld(noting, seeded(9), 64, wall);
      // Something has to wait for how long it waits to be kept.
      world.push("order", 1, 1);
      world.run(500);
      world.push("account", 7, 7);
      world.push("account", 8, 8);
      world.run(6_000);
      for (const member of world.members) world.restart(member);
      world.push("order", 2, 1);
      world.run(30_000);
      const answered = world.finals.filter(({ group, entry }) => {
        return group === "states" && decodeState(entry).stage === 1 && decodeState(entry).status === "done";
      });
      expect(answered).toHaveLength(1);
    });
  }
});

describe("what is kept of how long sagas have waited", () => {
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const ms = fc.nat(2 ** 31 - 1);
  const waits: fc.Arbitrary<Waits> = fc.record({
    wall: ms,
    invocations: fc.array(fc.record({ id: hash, head: fc.option(ms), since: ms, away: ms, began: ms }), {
      maxLength: 8,
    }),
    entries: fc.array(fc.record({ group: hash, sequence: ms, age: ms }), { maxLength: 8 }),
    effects: fc.array(fc.record({ id: hash, waited: ms }), { maxLength: 8 }),
  });

  it("is read as it was written", () => {
    fc.assert(
      fc.property(waits, (each) => {
        expect(decodeWaits(encodeWaits(each))).toEqual(each);
      }),
      { numRuns: 50 },
    );
  });

  it("is refused by name where it is damaged, or reads as what it says", () => {
    fc.assert(
      fc.property(waits, fc.nat(), fc.nat(255), (each, at, byte) => {
        const damaged = encodeWaits(each).slice();
        damaged[at % damaged.length] = byte;
        try {
          decodeWaits(damaged);
        } catch (error) {
          if (!(error instanceof VertebraError)) throw error;
          expect(error.code).toBe("saga-waits");
        }
      }),
      { numRuns: 200 },
    );
  });
});
