import { setTimeout as sleep } from "node:timers/promises";
import { definitionsName, encodeDefinition } from "../../firmware/core/definitions/definition";
import { isUnderWay, type SteerDefinition, standingAfter } from "../../firmware/core/definitions/saga-definition";
import { VertebraError } from "../../firmware/core/errors";
import { type Cell, countOfAll, type Health, isGood, nextSteps, readHealth } from "../../firmware/core/saga/health";
import { fromHex, toHex } from "../../firmware/core/wire/bytes";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { Gateway } from "../gateway";
import type { KnownRollout } from "../world/catalog";
import { cellNumber } from "../world/cells";
import { lastRollouts, rolloutOf, type WholeRollout } from "../world/rollout";
import { isSteward } from "../world/stewarding";
import { type DefinedJson, define, tried } from "./defining";
import { blocksOf } from "./history";
import { beforeEnd } from "./pushing";

/** What `vertebra rollout status --json` prints of each. */
export interface RolloutJson {
  readonly rollout: number;
  readonly saga: string;
  /** Of the saga; fewer than that are told of where whoever began it came to an end in between. */
  readonly cells: number;
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
    /** From 1 on; 0 where the saga is in no cells. */
    readonly cell: number;
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
  const found = rolloutOf(gateway.world.catalog, saga);
  if (found === undefined) throw noRollout(saga, what, "it has had none");
  const { cells, definition, open, paused, stopped } = found;
  if (open === 0) throw noRollout(saga, what, `version ${definition.version} was taken back`);
  if (what !== "back" && stopped) throw noRollout(saga, what, `that of version ${definition.version} was stopped`);
  if (what !== "back" && !isUnderWay(found))
    throw noRollout(saga, what, `all rings of version ${definition.version} are open`);
  if ((what === "pause" || what === "resume") && paused === (what === "pause")) throw soAlready(saga, paused);
  const next = cells
    .map((cell) => ({ cell, next: steering(what, cell.sequence) }))
    .filter(({ cell, next: its }) => standingAfter(cell, its) !== cell)
    .map(({ next: its }) => its);
  const would = tried(gateway, next);
  return dry ? would : define(gateway, next, ending);
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
  return Promise.all(lastRollouts(gateway.world.catalog).map((rollout) => rolloutJson(gateway, rollout)));
}

async function rolloutJson(gateway: Gateway, rollout: WholeRollout): Promise<RolloutJson> {
  const { saga, count, definition, open } = rollout;
  const { version, minSuccess } = definition;
  const cells = await heard(gateway, rollout);
  return {
    ...{ rollout: rollout.cells[0]!.sequence, saga, cells: count, version, open },
    state: stateOf(rollout, cells),
    rings: definition.rings.map((_, ring) => ({ ...countOfAll(cells, ring), minSuccess })),
    members: definition.rings.flatMap((_, ring) => cells.flatMap((cell) => membersOf(gateway, cell, ring))),
  };
}

function membersOf({ world }: Gateway, { definition, told }: Cell, ring: number): RolloutJson["members"] {
  return (definition.rings[ring] ?? []).map((avatar) => {
    const { state = "silent", runs = 0, failures = 0, reason = "" } = told(avatar) ?? {};
    const cell = cellNumber(definition.name);
    return { name: world.catalog.memberName(avatar), cell, ring: ring + 1, state, runs, failures, reason } as const;
  });
}

export function stateOf(rollout: WholeRollout, cells: readonly Cell[]): RolloutState {
  const { definition, open, paused, stopped } = rollout;
  if (open === 0) return "taken back";
  if (stopped) return "stopped";
  if (isUnderWay(rollout)) return paused ? "paused" : "running";
  const good = definition.rings.every((_, ring) => isGood(definition, countOfAll(cells, ring)));
  return good && cells.length === rollout.count && cells.every((cell) => cell.open === open) ? "done" : "running";
}

/** All of its cells, with what each member told last there, as far as it is final here. */
export async function heard(gateway: Gateway, { cells }: WholeRollout): Promise<readonly Cell[]> {
  return Promise.all(cells.map(async (cell) => ({ ...cell, told: await lastWords(gateway, cell) })));
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
  /** Final in the status groups of its cells. */
  readonly blocks: number;
  readonly told: readonly LastWords[];
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
    for (const rollout of isSteward(world, fromHex(avatar)) ? lastRollouts(world.catalog) : []) {
      try {
        await lookAfter(gateway, rollout, looked, stopping);
      } catch (error) {
        // A store or a buffer that is full, which others tell of: it is tried again.
        if (!(error instanceof VertebraError) || error.code === "assertion") throw error;
      }
    }
    // It rejects for being stopped alone.
    await sleep(everyMs, undefined, { signal: stopping }).catch(() => {});
  }
}

async function lookAfter(
  gateway: Gateway,
  rollout: WholeRollout,
  looked: Map<number, Looked>,
  stopping: AbortSignal,
): Promise<void> {
  const { sequence } = rollout.cells[0]!;
  const now = await lookAt(gateway, rollout, looked.get(sequence));
  looked.set(sequence, now);
  const goodFor = now.goodSince === null ? 0 : performance.now() - now.goodSince;
  const cells = rollout.cells.map((cell, index) => ({ ...cell, told: now.told[index]! }));
  for (const step of nextSteps(cells, rollout.count, goodFor)) {
    if (stopping.aborted) return;
    await take(gateway, step, stopping);
  }
}

async function lookAt(gateway: Gateway, rollout: WholeRollout, before: Looked | undefined): Promise<Looked> {
  const { cells, definition, open } = rollout;
  const { store, world } = gateway;
  const finals = cells.map((cell) => store.final(world.tag, toHex(cell.definition.statusGroup)).blocks);
  const blocks = finals.reduce((sum, each) => sum + each, 0);
  const known = before?.blocks === blocks && before.told.length === cells.length;
  const told = known ? before.told : (await heard(gateway, rollout)).map((cell) => cell.told);
  if (open === 0) return { blocks, told, open, goodSince: null };
  const its = cells.map((cell, index) => ({ ...cell, told: told[index]! }));
  const good = isGood(definition, countOfAll(its, open - 1));
  const since = before?.open === open ? before.goodSince : null;
  return { blocks, told, open, goodSince: good ? (since ?? performance.now()) : null };
}

async function take(gateway: Gateway, step: SteerDefinition, stopping: AbortSignal): Promise<void> {
  const group = gateway.world.catalog.group(definitionsName);
  const { final } = await gateway.channel.push(group, encodeDefinition(step), stopping);
  await beforeEnd(final, stopping);
}
