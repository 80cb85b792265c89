import type { RolloutDefinition, Standing } from "../definitions/saga-definition";
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

/**
 * What a steward's gateway is to do of a rollout: open so many rings, take it back (0), or nothing yet. `goodFor` is for how many ms the last
 * open ring has been good. A ring opens when the one before it is good, unless the rollout is paused; past its failures it is taken back.
 * Of one that was stopped, or taken back, there is nothing to do.
 */
export function nextStep(
  { definition, open, paused, stopped }: Standing,
  told: (avatar: AvatarId) => Health | undefined,
  goodFor: number,
): number | null {
  if (open === 0 || stopped) return null;
  const counts = definition.rings.slice(0, open).map((ring) => countRing(ring, told));
  const failed = counts.reduce((sum, each) => sum + each.failed, 0);
  if (failed > definition.maxFailures) return 0;
  if (paused || open === definition.rings.length || !isGood(definition, counts[counts.length - 1]!)) return null;
  return goodFor >= definition.soakMs ? open + 1 : null;
}

export function isGood({ minSuccess }: RolloutDefinition, { size, good }: RingCount): boolean {
  return good * 100 >= size * minSuccess;
}
