import {
  type RolloutDefinition,
  type Standing,
  type SteerDefinition,
  standingAfter,
} from "../definitions/saga-definition";
import { readable } from "../errors";
import { decodeEntry, encodeEntry, gapCount } from "../pact/entry";
import type { AvatarId, Field, Pact } from "../wire/types";
import type { RunResult } from "./events";
import { lease } from "./limits";
import { clip } from "./outcome";
import { isOpenTo, type Rollout } from "./rolling";

/**
 * How a version that rolls out goes at one member: never good by default. It is told as a final entry of the rollout's status group, each
 * time that it changes, so that any steward's gateway can carry the rollout on.
 */
export interface Health {
  readonly rollout: number;
  readonly state: HealthState;
  readonly runs: number;
  readonly failures: number;
  /** Why it failed, or is good without having run. */
  readonly reason: string;
}

/** The source is here; a ring of it is open and it runs; it ran as it has to; it did not; it was taken back here. */
export type HealthState = (typeof states)[number];
const states = ["installed", "running", "good", "failed", "back"] as const;

const maxReason = 200;
const fields: readonly Field[] = [
  { name: "rollout", type: { kind: "u32" } },
  { name: "state", type: { kind: "enum", values: states } },
  { name: "runs", type: { kind: "u32" } },
  { name: "failures", type: { kind: "u32" } },
  { name: "reason", type: { kind: "text" }, max: maxReason },
];

/** Of the groups in which members tell how a rollout goes. */
export const healthPact: Pact = {
  name: "rollout-status",
  version: 1,
  extends: null,
  fields,
  policy: {
    ...{ quorum: "two-thirds", ordered: true, private: false, writers: "owners", readers: "members" },
    ...{ retention: 1_024, largestEntry: 1_024, whenFull: "keep-latest" },
  },
};

export function encodeHealth({ rollout, state, runs, failures, reason }: Health): Uint8Array {
  return encodeEntry(fields, [rollout, state, runs, failures, reason], healthPact.policy);
}

/** Undefined for a gap. Throws `entry-…`. */
export function decodeHealth(entry: Uint8Array): Health | undefined {
  if (gapCount(entry) !== undefined) return undefined;
  const [rollout, state, runs, failures, reason] = decodeEntry(fields, entry, healthPact.policy);
  return {
    rollout: rollout as number,
    state: state as HealthState,
    runs: runs as number,
    failures: failures as number,
    reason: reason as string,
  };
}

/** What a member told of a rollout; undefined for an entry that is none, as where a rollout names a group of another pact. */
export function readHealth(entry: Uint8Array): Health | undefined {
  return readable(() => decodeHealth(entry));
}

/** What a member watches of a rollout. */
export interface Watch {
  rollout: Rollout;
  health: Health | null;
  /** What it told last, as far as is known here. */
  told: Health | null;
  /** Monotonic ms since when it runs; null before. */
  since: number | null;
  /** Nothing is told before: what was told last was not taken. */
  tellsFrom: number;
}

export function createWatch(rollout: Rollout): Watch {
  return { rollout, health: null, told: null, since: null, tellsFrom: 0 };
}

/**
 * As it stands now; `whole` where all of the source is here, `idle` where none of its stages can run here: then there is nothing that could
 * fail.
 */
export function lookAfter(watch: Watch, whole: boolean, idle: boolean, avatar: AvatarId, now: number): void {
  const { rollout, health } = watch;
  if (!whole || health?.state === "back" || health?.state === "failed") return;
  const state = health?.state;
  if (rollout.open === 0) {
    if (health !== null) watch.health = { ...health, state: "back" };
  } else if (state === undefined || state === "installed") {
    const open = isOpenTo(rollout, avatar);
    watch.health = { ...fresh(rollout.sequence), state: open ? "running" : "installed" };
    if (open && idle) watch.health = { ...watch.health, state: "good", reason: "none of its stages can run here" };
    else if (open) watch.since = now;
  } else if (state === "running") {
    watch.since ??= now;
    const { healthy } = rollout.definition;
    if (now >= watch.since + healthy.withinMs) {
      const ran = `it ran ${health!.runs} of ${healthy.runs} times in ${Math.round(healthy.withinMs / 1_000)} s`;
      watch.health = { ...health!, state: "failed", reason: ran };
    }
  }
}

function fresh(rollout: number): Health {
  return { rollout, state: "installed", runs: 0, failures: 0, reason: "" };
}

/** One run of the version here. One that called `fail` did what it is for; one that threw or met a limit did not. */
export function noteRun(watch: Watch, result: RunResult): void {
  const { health, rollout } = watch;
  if (health?.state !== "running" && health?.state !== "good") return;
  const { healthy } = rollout.definition;
  const broke = result.kind === "failed" && result.retry;
  const runs = health.runs + Number(!broke);
  const failures = health.failures + Number(broke);
  if (failures > healthy.failures) {
    watch.health = {
      ...health,
      runs,
      failures,
      state: "failed",
      reason: clip(broke ? result.error : health.reason, maxReason),
    };
  } else {
    const good = health.state === "good" || runs >= healthy.runs;
    watch.health = { ...health, runs, failures, state: good ? "good" : "running" };
  }
}

/** What it told before this start: what was good, failed or was taken back stays so; what ran is watched anew. */
export function takeOwn(watch: Watch, health: Health): void {
  if (health.rollout !== watch.rollout.sequence) return;
  watch.told = health;
  if (watch.health === null && health.state !== "installed") {
    const again = health.state === "running" ? { ...fresh(health.rollout), state: "running" as const } : health;
    watch.health = again;
  }
}

/** What is to be told: only where the state is another. */
export function toTell({ health, told, tellsFrom }: Watch, now: number): Health | null {
  return health !== null && health.state !== told?.state && now >= tellsFrom ? health : null;
}

/** What it told last was not taken: it is told again, some time later. */
export function noteRefused(watch: Watch, now: number): void {
  if (watch.told === null) return;
  watch.told = null;
  watch.tellsFrom = now + lease;
}

/** Monotonic ms at which to look after it again; Infinity where only an event can change it. */
export function watchDue({ rollout, health, told, since, tellsFrom }: Watch): number {
  const again = health !== null && health.state !== told?.state ? tellsFrom : Number.POSITIVE_INFINITY;
  if (health?.state !== "running" || since === null) return again;
  return Math.min(again, since + rollout.definition.healthy.withinMs);
}

/** Of the members of its open rings, whose last word is in `told` by the hex of their avatars. */
export interface RingCount {
  readonly size: number;
  readonly good: number;
  readonly failed: number;
}

export function countRing(
  ring: RolloutDefinition["rings"][number],
  told: (avatar: AvatarId) => Health | undefined,
): RingCount {
  const healths = ring.map(told);
  return {
    size: ring.length,
    good: healths.filter((health) => health?.state === "good").length,
    failed: healths.filter((health) => health?.state === "failed").length,
  };
}

/** A rollout in one state group. One over several is a cell in each, with the members of every ring that are there. */
export interface Cell extends Standing {
  /** Of its definition. */
  readonly sequence: number;
  /** The last word of a member, in the status group of this cell. */
  readonly told: (avatar: AvatarId) => Health | undefined;
}

/** How it stands over all its cells: what one says of it holds for all, whether the others say so yet or not. */
export function standingOfAll(cells: readonly Standing[]): Omit<Standing, "definition"> {
  const open = cells.map((cell) => cell.open);
  return {
    open: open.includes(0) ? 0 : Math.max(...open),
    paused: cells.some(({ paused }) => paused),
    stopped: cells.some(({ stopped }) => stopped),
  };
}

/** Of one ring, from 0 on, in all its cells. */
export function countOfAll(cells: readonly Cell[], ring: number): RingCount {
  const counts = cells.map(({ definition, told }) => countRing(definition.rings[ring] ?? [], told));
  const sum = (of: keyof RingCount) => counts.reduce((total, each) => total + each[of], 0);
  return { size: sum("size"), good: sum("good"), failed: sum("failed") };
}

/**
 * What a steward's gateway is to define of a rollout: that a ring opens, or that it is taken back, in each cell where that is not so yet; what
 * another gateway began in some cells is so ended in all. `count` is of the cells that there have to be, `goodFor` for how many ms the last
 * open ring has been good. A ring opens when the one before it is good in all cells together, unless the rollout is paused; past its failures,
 * of all cells together, it is taken back. Of one that was stopped no ring opens, nor is it taken back.
 */
export function nextSteps(cells: readonly Cell[], count: number, goodFor: number): SteerDefinition[] {
  const { definition } = cells[0]!;
  const { open, paused, stopped } = standingOfAll(cells);
  const inEach = (next: (rollout: number) => SteerDefinition) =>
    cells
      .map((cell) => ({ cell, define: next(cell.sequence) }))
      .filter(({ cell, define }) => standingAfter(cell, define) !== cell)
      .map(({ define }) => define);
  const stepTo = (rings: number) => inEach((rollout) => ({ kind: "step", rollout, open: rings }));
  if (open === 0) return stepTo(0);
  if (stopped) return inEach((rollout) => ({ kind: "stop", rollout }));
  const counts = Array.from({ length: open }, (_, ring) => countOfAll(cells, ring));
  if (counts.reduce((sum, { failed }) => sum + failed, 0) > definition.maxFailures) return stepTo(0);
  if (paused || cells.length < count) return [];
  const behind = stepTo(open);
  if (behind.length > 0 || !isGood(definition, counts[open - 1]!) || goodFor < definition.soakMs) return behind;
  return stepTo(open + 1);
}

export function isGood({ minSuccess }: RolloutDefinition, { size, good }: RingCount): boolean {
  return good * 100 >= size * minSuccess;
}
