import { setTimeout as sleep } from "node:timers/promises";
import { definitionsName, encodeDefinition } from "../../firmware/core/definitions/definition";
import { isUnderWay, type SteerDefinition } from "../../firmware/core/definitions/saga-definition";
import { VertebraError } from "../../firmware/core/errors";
import { countRing, type Health, isGood, nextStep, readHealth } from "../../firmware/core/saga/health";
import { fromHex, toHex } from "../../firmware/core/wire/bytes";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { Gateway } from "../gateway";
import type { Catalog, KnownRollout } from "../world/catalog";

import { isSteward } from "../world/stewarding";
import { type DefinedJson, define, tried } from "./defining";
import { blocksOf } from "./history";
import { beforeEnd } from "./pushing";

/** What `vertebra rollout status --json` prints of each. */
export interface RolloutJson {
  readonly rollout: number;
  readonly saga: string;
  readonly version: number;
  readonly state: RolloutState;
  /** How many of its rings are open. */
  readonly open: number;
  readonly rings: readonly {
    readonly size: number;
    readonly good: number;
    readonly failed: number;
    readonly minSuccess: number;
  }[];
  readonly members: readonly {
    readonly name: string;
    /** From 1 on. */
    readonly ring: number;
    /** `silent` where it told nothing yet. */
    readonly state: Health["state"] | "silent";
    readonly runs: number;
    readonly failures: number;
    readonly reason: string;
  }[];
}

export type RolloutState = "running" | "paused" | "stopped" | "done" | "taken back";

/** What a person asks of the last rollout of a saga. */
export interface SteerAsked {
  readonly saga: string;
  readonly dry: boolean;
}

const words = { back: "take back", pause: "pause", resume: "go on with", stop: "stop" } as const;

/**
 * Takes the last rollout of a saga back, whether it is over or under way, or has it wait, go on or end where it stands. Throws `rollout-none`
 * where there is nothing to do so, and `rollout-paused` where it is so already.
 */
export async function steer(
  gateway: Gateway,
  what: keyof typeof words,
  { saga, dry }: SteerAsked,
  ending: AbortSignal,
): Promise<DefinedJson> {
  const found = gateway.world.catalog.rolloutOf(saga);
  if (found === undefined) throw noRollout(saga, what, "it has had none");
  const { sequence: rollout, definition, open, paused, stopped } = found;
  if (open === 0) throw noRollout(saga, what, `version ${definition.version} was taken back`);
  if (what !== "back" && stopped) throw noRollout(saga, what, `that of version ${definition.version} was stopped`);
  if (what !== "back" && !isUnderWay(found))
    throw noRollout(saga, what, `all rings of version ${definition.version} are open`);
  if ((what === "pause" || what === "resume") && paused === (what === "pause")) throw soAlready(saga, paused);
  const next = steering(what, rollout);
  const would = tried(gateway, [next]);
  return dry ? would : define(gateway, [next], ending);
}

function steering(what: keyof typeof words, rollout: number): SteerDefinition {
  if (what === "back") return { kind: "step", rollout, open: 0 };
  return what === "stop" ? { kind: "stop", rollout } : { kind: "pause", rollout, paused: what === "pause" };
}

function noRollout(saga: string, what: keyof typeof words, why: string): VertebraError {
  return new VertebraError(
    "rollout-none",
    `There is no rollout of saga '${saga}' to ${words[what]}: ${why}`,
    "`vertebra rollout status` shows how they stand, `vertebra rollout history` those that are over.",
  );
}

function soAlready(saga: string, paused: boolean): VertebraError {
  return new VertebraError(
    "rollout-paused",
    `The rollout of saga '${saga}' is ${paused ? "paused already" : "not paused"}`,
    paused ? `\`vertebra rollout resume ${saga}\` has it go on.` : `\`vertebra rollout pause ${saga}\` has it wait.`,
  );
}

/** The last one of each saga that is deployed. */
export async function rolloutsJson(gateway: Gateway): Promise<RolloutJson[]> {
  const { catalog } = gateway.world;
  return Promise.all(
    lastOfEach(catalog).map(async (rollout) => {
      const told = await lastWords(gateway, rollout);
      const { definition, open, sequence } = rollout;
      const rings = definition.rings.map((ring) => ({
        ...countRing(ring, told),
        minSuccess: definition.minSuccess,
      }));
      return {
        ...{ rollout: sequence, saga: definition.name, version: definition.version, open, rings },
        state: stateOf(rollout, told),
        members: definition.rings.flatMap((ring, index) =>
          ring.map((avatar) => {
            const { state = "silent", runs = 0, failures = 0, reason = "" } = told(avatar) ?? {};
            return { name: catalog.memberName(avatar), ring: index + 1, state, runs, failures, reason } as const;
          }),
        ),
      };
    }),
  );
}

export function stateOf(rollout: KnownRollout, told: LastWords): RolloutState {
  const { definition, open, paused, stopped } = rollout;
  if (open === 0) return "taken back";
  if (stopped) return "stopped";
  if (isUnderWay(rollout)) return paused ? "paused" : "running";
  return definition.rings.every((ring) => isGood(definition, countRing(ring, told))) ? "done" : "running";
}

/** What each member told last of it, as far as it is final here. */
export async function lastWords({ store, world }: Gateway, { definition, sequence }: KnownRollout): Promise<LastWords> {
  const last = new Map<string, Health>();
  for await (const { issuer, entries } of blocksOf(store, world.tag, definition.statusGroup)) {
    for (const entry of entries ?? []) {
      const health = readHealth(entry);
      if (health?.rollout === sequence) last.set(toHex(issuer), health);
    }
  }
  return (avatar) => last.get(toHex(avatar));
}

export type LastWords = (avatar: AvatarId) => Health | undefined;

/** How often a steward's gateway looks after its world's rollouts, ms. */
const everyMs = 1_000;

/** What a gateway remembers of a rollout that it looks after: what it has read, and since when the last open ring is good. */
interface Looked {
  readonly blocks: number;
  readonly told: LastWords;
  /** Of `performance.now()`; null while it is not. */
  readonly goodSince: number | null;
  readonly open: number;
}

/**
 * Carries on what rolls out in this world, whoever began it: opens a ring when the one before it was good for long enough, and takes a version
 * back past its failures. All that it goes by is final. Only who is a steward is heard; resolves when it is stopped.
 */
export async function carryOn(gateway: Gateway, stopping: AbortSignal): Promise<void> {
  const { world, participant } = gateway;
  const { avatar } = participant.status(world.tag);
  const looked = new Map<number, Looked>();
  while (world.catalog.defining.length > 0 && !stopping.aborted) {
    for (const rollout of isSteward(world, fromHex(avatar)) ? lastOfEach(world.catalog) : []) {
      if (rollout.open === 0) continue;
      try {
        const now = await lookAt(gateway, rollout, looked.get(rollout.sequence));
        looked.set(rollout.sequence, now);
        const goodFor = now.goodSince === null ? 0 : performance.now() - now.goodSince;
        const step = nextStep(rollout, now.told, goodFor);
        if (step !== null && !stopping.aborted) await take(gateway, rollout, step, stopping);
      } catch (error) {
        // A store or a buffer that is full, which others tell of: it is tried again.
        if (!(error instanceof VertebraError) || error.code === "assertion") throw error;
      }
    }
    // It rejects for being stopped alone.
    await sleep(everyMs, undefined, { signal: stopping }).catch(() => {});
  }
}

function lastOfEach({ sagas, rolloutOf }: Catalog): readonly KnownRollout[] {
  const names = new Set(sagas.map(({ name }) => name));
  return [...names].flatMap((name) => rolloutOf(name) ?? []);
}

async function lookAt(gateway: Gateway, rollout: KnownRollout, before: Looked | undefined): Promise<Looked> {
  const { definition, open } = rollout;
  const { blocks } = gateway.store.final(gateway.world.tag, toHex(definition.statusGroup));
  const told = before?.blocks === blocks ? before.told : await lastWords(gateway, rollout);
  const good = isGood(definition, countRing(definition.rings[open - 1]!, told));
  const since = before?.open === open ? before.goodSince : null;
  return { blocks, told, open, goodSince: good ? (since ?? performance.now()) : null };
}

async function take(gateway: Gateway, { sequence }: KnownRollout, open: number, stopping: AbortSignal): Promise<void> {
  const group = gateway.world.catalog.group(definitionsName);
  const { final } = await gateway.channel.push(
    group,
    encodeDefinition({ kind: "step", rollout: sequence, open }),
    stopping,
  );
  await beforeEnd(final, stopping);
}
