import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type RolloutDefinition,
  type SagaDefinition,
  type Standing,
  standingAfter,
} from "../../firmware/core/definitions/saga-definition";
import type { RunResult } from "../../firmware/core/saga/events";
import {
  countRing,
  createWatch,
  decodeHealth,
  encodeHealth,
  type Health,
  type HealthState,
  lookAfter,
  nextSteps,
  noteRefused,
  noteRun,
  takeOwn,
  toTell,
  watchDue,
} from "../../firmware/core/saga/health";
import { lease } from "../../firmware/core/saga/limits";
import { beginsBy, type Rollout } from "../../firmware/core/saga/rolling";
import { toHex } from "../../firmware/core/wire/bytes";
import { encodeText } from "../../firmware/core/wire/text";
import { createSagaWorld, done, type Plan, provisionOf, stateIn } from "./world";

const member = (number: number) => new Uint8Array(32).fill(number);
const [ada, bea, cyd] = [member(1), member(2), member(3)];

const definition: RolloutDefinition = {
  ...{ kind: "rollout", name: "watch", version: 2, stateGroup: member(8), statusGroup: member(9) },
  ...{ rings: [[ada], [bea, cyd]], soakMs: 10_000, maxFailures: 0, minSuccess: 100 },
  healthy: { runs: 2, failures: 1, withinMs: 60_000 },
};
const rollout = (open: number, more: Partial<RolloutDefinition> = {}, paused = false): Rollout & Standing => {
  return { sequence: 7, definition: { ...definition, ...more }, open, paused, stopped: false };
};

const ran: RunResult = { kind: "done", state: new Uint8Array(0), outputs: [] };
const threw: RunResult = { kind: "failed", error: "no such room", retry: true, outputs: [] };
const failed: RunResult = { kind: "failed", error: "sold out", retry: false, outputs: [] };

describe("how a version goes at a member", () => {
  it("is good by its runs and by nothing else, of which a few may have thrown", () => {
    const watch = createWatch(rollout(1));
    const state = () => watch.health?.state;
    lookAfter(watch, false, false, ada, 0);
    expect(state()).toBeUndefined();
    lookAfter(watch, true, false, ada, 0);
    expect(state()).toBe("running");
    noteRun(watch, ran);
    noteRun(watch, threw);
    lookAfter(watch, true, false, ada, 59_999);
    expect(state()).toBe("running");
    // What a behavior refuses by `fail` is what it is for.
    noteRun(watch, failed);
    expect(state()).toBe("good");
    noteRun(watch, threw);
    expect(watch.health).toMatchObject({ state: "failed", runs: 2, failures: 2, reason: "no such room" });
    noteRun(watch, ran);
    watch.rollout = rollout(0);
    lookAfter(watch, true, false, ada, 70_000);
    expect(state()).toBe("failed");
  });

  it("has failed where it did not run often enough in its time, and says so", () => {
    const watch = createWatch(rollout(1));
    lookAfter(watch, true, false, ada, 5_000);
    watch.told = toTell(watch, 5_000);
    noteRun(watch, ran);
    expect(watchDue(watch)).toBe(65_000);
    lookAfter(watch, true, false, ada, 65_000);
    expect(watch.health).toMatchObject({ state: "failed", reason: "it ran 1 of 2 times in 60 s" });
  });

  it("waits for its ring, and is good at once where none of its stages can run", () => {
    const watch = createWatch(rollout(1));
    lookAfter(watch, true, true, bea, 0);
    expect(watch.health?.state).toBe("installed");
    noteRun(watch, threw);
    watch.rollout = rollout(2);
    lookAfter(watch, true, true, bea, 0);
    expect(watch.health).toMatchObject({ state: "good", failures: 0 });
  });

  it("is told again where it was not taken, and not before a lease has passed", () => {
    const watch = createWatch(rollout(1));
    lookAfter(watch, true, false, ada, 0);
    watch.told = toTell(watch, 0);
    noteRefused(watch, 1_000);
    expect(toTell(watch, 1_000)).toBeNull();
    expect(watchDue(watch)).toBe(1_000 + lease);
    expect(toTell(watch, 1_000 + lease)).toMatchObject({ state: "running" });
  });

  it("says why it failed in as many bytes as there are for it, and never in half of a character", () => {
    for (const before of [0, 1, 2, 3, 198, 199, 200]) {
      const watch = createWatch(rollout(1));
      lookAfter(watch, true, false, ada, 0);
      const error = `${"x".repeat(before)}${"🤖".repeat(60)}`;
      for (let times = 0; times < 2; times++) noteRun(watch, { ...threw, error } as RunResult);
      expect(watch.health!.state).toBe("failed");
      const { reason } = decodeHealth(encodeHealth(watch.health!))!;
      expect(error.startsWith(reason)).toBe(true);
      expect(encodeText(reason).length).toBeGreaterThan(196);
    }
  });

  it("is told when it changes, once; after a restart what ran is watched anew, and what failed stays so", () => {
    const watch = createWatch(rollout(1));
    lookAfter(watch, true, false, ada, 0);
    const told = toTell(watch, 0)!;
    watch.told = told;
    expect(toTell(watch, 0)).toBeNull();
    noteRun(watch, ran);
    expect(toTell(watch, 0)).toBeNull();
    const again = createWatch(rollout(1));
    takeOwn(again, { ...told, rollout: 6, state: "failed" });
    expect(again.health).toBeNull();
    takeOwn(again, decodeHealth(encodeHealth(told))!);
    lookAfter(again, true, false, ada, 100);
    expect([again.health!.state, watchDue(again)]).toEqual(["running", 60_100]);
    expect(toTell(again, 0)).toBeNull();
    const broken = createWatch(rollout(1));
    takeOwn(broken, { ...told, state: "failed" });
    lookAfter(broken, true, false, ada, 0);
    expect(broken.health!.state).toBe("failed");
  });
});

describe("what a steward's gateway does of a rollout", () => {
  const nextStep = (cell: Rollout & Standing, told: (avatar: Uint8Array) => Health | undefined, goodFor: number) => {
    const [step] = nextSteps([{ ...cell, told }], 1, goodFor);
    return step?.kind === "step" ? step.open : null;
  };
  const health = (state: HealthState): Health => ({ rollout: 7, state, runs: 0, failures: 0, reason: "" });
  const telling = (all: Record<string, HealthState>) => (avatar: Uint8Array) => {
    const state = all[toHex(avatar).slice(0, 2)];
    return state === undefined ? undefined : health(state);
  };

  it("opens the next ring when the last one was good for long enough, and takes it back past its failures", () => {
    expect(nextStep(rollout(1), telling({}), 0)).toBeNull();
    expect(nextStep(rollout(1), telling({ "01": "running" }), 0)).toBeNull();
    expect(nextStep(rollout(1), telling({ "01": "good" }), 9_999)).toBeNull();
    expect(nextStep(rollout(1), telling({ "01": "good" }), 10_000)).toBe(2);
    expect(nextStep(rollout(2), telling({ "01": "good", "02": "good", "03": "good" }), 99_999)).toBeNull();
    expect(nextStep(rollout(2), telling({ "01": "good", "02": "failed" }), 0)).toBe(0);
    expect(nextStep(rollout(0), telling({ "01": "failed" }), 0)).toBeNull();
  });

  it("opens nothing of one that is paused, and takes it back past its failures all the same", () => {
    expect(nextStep(rollout(1, {}, true), telling({ "01": "good" }), 99_999)).toBeNull();
    expect(nextStep(rollout(1, {}, true), telling({ "01": "failed" }), 0)).toBe(0);
  });

  it("leaves one that was stopped as it stands, whatever its members tell", () => {
    const stopped = { ...rollout(1), stopped: true };
    expect(nextStep(stopped, telling({ "01": "good" }), 99_999)).toBeNull();
    expect(nextStep(stopped, telling({ "01": "failed" }), 0)).toBeNull();
  });

  it("stands as the final definitions say: a ring that is open stays so till all are closed for good, and while it is paused, or once it is stopped, none opens", () => {
    const open = fc.integer({ min: 0, max: 4 }).map((rings) => ({ kind: "step", rollout: 7, open: rings }) as const);
    const pause = fc.boolean().map((paused) => ({ kind: "pause", rollout: 7, paused }) as const);
    const stop = fc.constant({ kind: "stop", rollout: 7 } as const);
    const some = fc.oneof({ weight: 12, arbitrary: open }, { weight: 4, arbitrary: pause }, stop);
    const many = fc.array(some, { maxLength: 30 });
    fc.assert(
      fc.property(many, (definitions) => {
        let now: Standing = rollout(1, { rings: [[ada], [bea], [cyd]] });
        for (const each of definitions) {
          const after = standingAfter(now, each);
          const { open: before, paused, stopped } = now;
          if (before === 0) expect(after).toBe(now);
          else if (each.kind === "stop") expect(after).toEqual({ ...now, stopped: true });
          else if (stopped) expect(after).toEqual(each.kind === "step" && each.open === 0 ? { ...now, open: 0 } : now);
          else if (each.kind === "pause") expect([after.open, after.paused]).toEqual([before, each.paused]);
          else if (each.open === 0) expect(after.open).toBe(0);
          else expect(after.open).toBe(paused ? before : Math.max(before, Math.min(each.open, 3)));
          expect(after === now).toBe(after.open === before && after.paused === paused && after.stopped === stopped);
          now = after;
        }
      }),
    );
  });

  describe("over several cells", () => {
    const cell = (
      sequence: number,
      open: number,
      rings: RolloutDefinition["rings"],
      all: Record<string, HealthState>,
    ) => ({
      ...{ ...rollout(open, { rings, maxFailures: 1 }), sequence, told: telling(all) },
    });
    const steps = (cells: Parameters<typeof nextSteps>[0], goodFor = 99_999, count = 2) =>
      nextSteps(cells, count, goodFor).map((step) => `${step.rollout}:${step.kind === "step" ? step.open : step.kind}`);

    it("opens a ring in all of them when it is good in all together, one that has none of its members there too", () => {
      const first = (all: Record<string, HealthState>) => cell(7, 1, [[ada], [bea]], all);
      const second = cell(8, 1, [[], [cyd]], {});
      expect(steps([first({}), second])).toEqual([]);
      expect(steps([first({ "01": "good" }), second], 9_999)).toEqual([]);
      expect(steps([first({ "01": "good" }), second])).toEqual(["7:2", "8:2"]);
      expect(steps([first({ "01": "good" }), { ...second, paused: true }])).toEqual([]);
    });

    it("counts failures of all together, and takes all back", () => {
      const failing = [cell(7, 1, [[ada], []], { "01": "failed" }), cell(8, 1, [[bea], [cyd]], { "02": "failed" })];
      expect(steps(failing)).toEqual(["7:0", "8:0"]);
      expect(steps([failing[0]!, cell(8, 1, [[bea], [cyd]], {})])).toEqual([]);
    });

    it("ends in all what was begun in one, before anything else, and opens nothing where one is missing", () => {
      const good = { "01": "good", "02": "good", "03": "good" } as const;
      const [one, other] = [cell(7, 2, [[ada], [bea], []], good), cell(8, 1, [[], [], [cyd]], good)];
      expect(steps([one, other])).toEqual(["8:2"]);
      expect(steps([one, { ...other, open: 0 }])).toEqual(["7:0"]);
      expect(steps([{ ...one, stopped: true }, other])).toEqual(["8:stop"]);
      expect(steps([one, { ...other, paused: true }])).toEqual([]);
      expect(steps([one, { ...other, open: 2 }])).toEqual(["7:3", "8:3"]);
      expect(steps([one, { ...other, open: 2 }], 99_999, 3)).toEqual([]);
      expect(steps([{ ...one, open: 0 }], 0, 3)).toEqual([]);
    });
  });

  it("never passes a ring that is not good, nor goes on past its failures, whatever members tell", () => {
    const state = fc.constantFrom<HealthState | undefined>(undefined, "installed", "running", "good", "failed", "back");
    const rings = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 });
    const draw = fc.record({
      rings,
      states: fc.array(state, { minLength: 60, maxLength: 60 }),
      open: fc.nat(5),
      maxFailures: fc.nat(4),
      minSuccess: fc.integer({ min: 1, max: 100 }),
      goodFor: fc.nat(20_000),
    });
    fc.assert(
      fc.property(draw, ({ rings: sizes, states, open: drawn, maxFailures, minSuccess, goodFor }) => {
        let next = 0;
        const members = sizes.map((size) => Array.from({ length: size }, () => member(++next)));
        const open = Math.min(drawn, sizes.length);
        const told = (avatar: Uint8Array) => {
          const its = states[avatar[0]! - 1];
          return its && health(its);
        };
        const step = nextStep(rollout(open, { rings: members, maxFailures, minSuccess }), told, goodFor);
        const counts = members.slice(0, open).map((ring) => countRing(ring, told));
        const broken = counts.reduce((sum, each) => sum + each.failed, 0);
        if (open === 0) expect(step).toBeNull();
        else if (broken > maxFailures) expect(step).toBe(0);
        else if (step !== null) {
          expect(step).toBe(open + 1);
          expect(counts.at(-1)!.good / counts.at(-1)!.size).toBeGreaterThanOrEqual(minSuccess / 100);
          expect(goodFor).toBeGreaterThanOrEqual(definition.soakMs);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a version that rolls out", () => {
  const saga = (version: number, staged: boolean): SagaDefinition => ({
    ...{ kind: "saga", name: "watch", version, stateGroup: member(8), groups: [], size: 1, chunks: [] },
    ...{ parts: new Uint8Array(0), staged },
  });

  it("is begun by in its open rings alone, and by nobody once it is taken back", () => {
    const begun = (open: number) =>
      [ada, bea, member(4)].map((avatar) => beginsBy(saga(2, true), [rollout(open)], avatar));
    expect(begun(1)).toEqual([true, false, false]);
    expect(begun(2)).toEqual([true, true, false]);
    expect(begun(0)).toEqual([false, false, false]);
    expect(beginsBy(saga(3, true), [rollout(2)], ada)).toBe(false);
    expect(beginsBy(saga(3, true), [], ada)).toBe(false);
    expect(beginsBy(saga(2, false), [], member(4))).toBe(true);
  });

  /** Its version is what it leaves. */
  const ofVersion = (version: number): Plan => ({
    version,
    reach: "invocation",
    pacts: ["order"],
    stages: [{ behavior: "ask", consumes: "order" }],
    behaviors: { ask: (run) => done([run.behavior.version]) },
  });

  it("shares the entries with the version before it: each begins one invocation, by the version of who was first", () => {
    const world = createSagaWorld(ofVersion(1));
    const second = provisionOf(ofVersion(2));
    const [first, newer] = [world.provision, second].map(({ descriptions }) => descriptions);
    const all = {
      ...world.provision,
      behaviors: [...world.provision.behaviors, ...second.behaviors],
      stages: [...world.provision.stages, ...second.stages],
      descriptions: [...first!, ...newer!],
      from: new Map<string, number>(),
    };
    const names = [...world.members.keys()];
    const ids = [...world.members.get(names[0]!)!.runtime.ledger.definitions.sagas.keys()];
    for (const [index, name] of names.entries()) {
      world.crash(name);
      // One ring is open: of one member. Another may begin nothing at all.
      if (index === 0) world.start(name, all);
      else world.start(name, { ...all, begins: index === 1 ? new Set(ids) : new Set<string>() });
    }
    for (let number = 1; number <= 40; number++) {
      world.push("order", number, 1);
      world.run(world.now + 3_000);
    }
    world.run(world.now + 120_000);
    const left = world.states().map(({ state }) => String(stateIn({ state } as never)));
    expect(left.length).toBeGreaterThanOrEqual(40);
    expect(new Set(left)).toEqual(new Set(["1", "2"]));
    for (const name of names) expect([name, world.underWay(name)]).toEqual([name, 0]);
    // Who is to make way for a conductor of more versions is not kept by what others began first.
    for (const [name, { runtime }] of world.members) expect([name, runtime.isIdle()]).toEqual([name, true]);
    const byVersion = (version: number) => world.runs.filter(({ run }) => run.behavior.version === version);
    expect(new Set(byVersion(2).map((each) => each.member))).toEqual(new Set([names[0]]));
    expect(new Set(byVersion(1).map((each) => each.member))).toEqual(new Set([names[1]]));
  });
});
