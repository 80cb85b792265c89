import { contentKey } from "../core/block/records";
import type { SagaDefinition } from "../core/definitions/saga-definition";
import { VertebraError } from "../core/errors";
import type { Action } from "../core/events";
import { meets, type Published } from "../core/pact/requirement";
import type { ToldFinal } from "../core/saga/conductor";
import { decodeParts, idOfSaga } from "../core/saga/deployed";
import type { RunResult } from "../core/saga/events";
import {
  createWatch,
  encodeHealth,
  lookAfter,
  noteRefused,
  noteRun,
  readHealth,
  takeOwn,
  toTell,
  type Watch,
  watchDue,
} from "../core/saga/health";
import { lettingGoMs } from "../core/saga/limits";
import { beginsBy, isOf } from "../core/saga/rolling";
import { decodeBehavior, decodeStage } from "../core/saga/structures";
import { equal, toHex } from "../core/wire/bytes";
import { hash, type Sha256 } from "../core/wire/hash";
import { decodeText } from "../core/wire/text";
import type { AvatarId, Hash } from "../core/wire/types";

/** A saga that was deployed for this participant, in all versions that it knows. */
export interface Deployment {
  /** In hex: that of its states; undefined of those that the world was made with, which share a conductor. */
  readonly stateGroup: string | undefined;
  /** Of its conductor (`ConductorOptions`). */
  readonly lane: number;
  readonly mine: boolean;
  readonly versions: SagaDefinition[];
  /** How many of these its conductor knows, and the ids of those by which it begins, in their order, as text. */
  taken: number;
  begins: string;
  /** By the sequence of their definitions. */
  readonly watches: Map<number, Watch>;
  /** Whether a version, or how a rollout stands, came since it was last looked whether its conductor knows all of that. */
  changed: boolean;
  /** Numbers of the versions of which all of the source is here, and of those of which no stage can run here. */
  readonly whole: Set<number>;
  readonly idle: Set<number>;
  undeployed: boolean;
  /** Monotonic ms since when, as far as is known, nothing of one that was undeployed is under way; null before. */
  overSince: number | null;
}

export function isKnown({ versions }: Deployment, saga: SagaDefinition): boolean {
  return versions.some((each) => equal(each.parts, saga.parts));
}

/** Adds a version that was not known, for a participant that publishes this. Throws where its parts can't be read. */
export function addVersion(deployment: Deployment, saga: SagaDefinition, published: Published): void {
  const stages = decodeParts(saga.parts).stages.map(decodeStage);
  if (!stages.some((stage) => meets(stage.requires, published))) deployment.idle.add(saga.version);
  deployment.versions.push(saga);
  deployment.changed = true;
}

/** `mine` where this participant is one of the owners of its state group, and does not only relay that. */
export function createDeployment(stateGroup: string | undefined, lane: number, mine: boolean): Deployment {
  return {
    ...{ stateGroup, lane, mine, versions: [], taken: 0, begins: "", watches: new Map(), changed: false },
    ...{ whole: new Set(), idle: new Set(), undeployed: false, overSince: null },
  };
}

/** Of conductors that are there: one that let go leaves its place to another. */
export function freeLane(all: readonly Pick<Deployment, "lane">[]): number {
  let lane = 0;
  while (all.some((each) => each.lane === lane)) lane++;
  return lane;
}

/** Nobody begins by it any more. */
export function noteUndeployed(deployment: Deployment): void {
  deployment.undeployed = true;
  deployment.changed = true;
}

/** Whether to let go now of one that was undeployed: all was over for a while. It is said again after another, in case it could not be yet. */
export function isToLetGo(deployment: Deployment, over: boolean, now: number): boolean {
  if (!over) deployment.overSince = null;
  else deployment.overSince ??= now;
  if (deployment.overSince === null || now < letGoDue(deployment)) return false;
  deployment.overSince = now;
  return true;
}

/** Monotonic ms at which to look whether to let go of it; Infinity where only an event can bring that about. */
export function letGoDue({ overSince }: Deployment): number {
  return overSince === null ? Number.POSITIVE_INFINITY : overSince + lettingGoMs;
}

/** Whether its conductor has to be made anew: it doesn't know all versions, or which of them this participant begins by. */
export function isOutdated(deployment: Deployment, crypto: Sha256, avatar: AvatarId): boolean {
  if (!deployment.changed) return false;
  const { versions, taken, begins } = deployment;
  deployment.changed = taken < versions.length || begins !== textOf(versionsToBegin(deployment, crypto, avatar));
  return deployment.changed;
}

/** Its conductor knows all versions now. */
export function noteOpened(deployment: Deployment, crypto: Sha256, avatar: AvatarId): void {
  deployment.taken = deployment.versions.length;
  deployment.begins = textOf(versionsToBegin(deployment, crypto, avatar));
  deployment.changed = false;
}

/** The ids in hex of the versions by which this participant begins; null where the saga was undeployed. */
export function versionsToBegin(
  { versions, watches, undeployed }: Deployment,
  crypto: Sha256,
  avatar: AvatarId,
): Set<string> | null {
  if (undeployed) return null;
  const rollouts = [...watches.values()].map(({ rollout }) => rollout);
  const mine = versions.filter((version) => beginsBy(version, rollouts, avatar));
  return new Set(mine.map((version) => idOfSaga(crypto, version)));
}

function textOf(ids: ReadonlySet<string> | null): string {
  return ids === null ? "undeployed" : [...ids].join();
}

/** How a rollout stands. */
export function addRollout(deployment: Deployment, { sequence, rollout, open }: Told): void {
  const { watches } = deployment;
  deployment.changed = true;
  const standing = { sequence, definition: rollout, open };
  const watch = watches.get(sequence);
  if (watch === undefined) watches.set(sequence, createWatch(standing));
  else watch.rollout = standing;
}

type Told = Extract<Action, { kind: "rollout" }>;

/** What came of a run of the version of this id. */
export function noteRunOf({ watches, versions }: Deployment, crypto: Sha256, id: Hash, result: RunResult): void {
  if (watches.size === 0) return;
  const saga = versions.find((version) => idOfSaga(crypto, version) === toHex(id));
  if (saga === undefined) return;
  for (const watch of watches.values()) if (isOf(watch.rollout, saga)) noteRun(watch, result);
}

/** What is final of what this participant told of rollouts: a block of another's, or of no status group of these, says nothing to it. */
export function takeOwnHealth(all: readonly Deployment[], avatar: AvatarId, block: ToldFinal["block"]): void {
  if (!equal(block.issuer, avatar)) return;
  for (const { watches } of all) {
    if (![...watches.values()].some(({ rollout }) => equal(rollout.definition.statusGroup, block.group))) continue;
    for (const entry of block.entries ?? []) {
      const health = readHealth(entry);
      const watch = health && watches.get(health.rollout);
      if (watch !== undefined) takeOwn(watch, health!);
    }
  }
}

/** What was told of them was not taken. */
export function noteHealthRefused({ watches }: Deployment, now: number): void {
  for (const watch of watches.values()) noteRefused(watch, now);
}

/** Looks after its rollouts; what is to be told of them, by the groups in which, by who runs the saga. It counts as told. */
export function healthToTell(
  { watches, whole, idle, mine, undeployed }: Deployment,
  avatar: AvatarId,
  now: number,
): { readonly group: Hash; readonly entry: Uint8Array }[] {
  const entries: { readonly group: Hash; readonly entry: Uint8Array }[] = [];
  if (!mine || undeployed) return entries;
  for (const watch of watches.values()) {
    const { version } = watch.rollout.definition;
    lookAfter(watch, whole.has(version), idle.has(version), avatar, now);
    const health = toTell(watch, now);
    if (health === null) continue;
    entries.push({ group: watch.rollout.definition.statusGroup, entry: encodeHealth(health) });
    watch.told = health;
  }
  return entries;
}

/** Monotonic ms at which to look after them again. */
export function healthDue({ watches, mine, undeployed }: Deployment): number {
  let due = Number.POSITIVE_INFINITY;
  if (!mine || undeployed) return due;
  for (const watch of watches.values()) due = Math.min(due, watchDue(watch));
  return due;
}

/**
 * The hash in hex and the text of its source, of the pieces in the store of the world of this tag. Throws `saga-source` where one is not
 * there, and `text-…` where it is no text.
 */
export function sourceFrom(
  crypto: Sha256,
  { name, version, size, chunks, parts }: SagaDefinition,
  read: (key: string) => Uint8Array | undefined,
  tag: string,
): readonly [hash: string, text: string] {
  const source = new Uint8Array(size);
  let at = 0;
  for (const each of chunks) {
    const piece = read(contentKey(tag, toHex(each)));
    if (piece === undefined || at + piece.length > size) throw notWhole(name, version);
    source.set(piece, at);
    at += piece.length;
  }
  const id = hash(crypto, "source", source);
  const { behaviors } = decodeParts(parts);
  if (at < size || !behaviors.every((each) => equal(decodeBehavior(each).source, id))) throw notWhole(name, version);
  return [toHex(id), decodeText(source)];
}

function notWhole(name: string, version: number): VertebraError {
  return new VertebraError(
    "saga-source",
    `The source of saga ${name} v${version} is not what its definition says of it`,
    "It runs nowhere. Deploy it anew, as another version.",
  );
}
