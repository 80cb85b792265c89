import { identifier } from "../pact/field";
import { equal, toHex } from "../wire/bytes";
import type { Cbor } from "../wire/cbor";
import { chunkBytes, maxChunks, maxOwners } from "../wire/limits";
import { boolean, bytes, hash32, integer, list, sortedHashes, tuple, wrong } from "../wire/shape";
import type { AvatarId, Hash } from "../wire/types";

/** Definitions of sagas, and of how a version of one comes to those who run it (PROTOCOL 10). */

/**
 * A version of a saga. What it does stands in `parts`, which only who runs it reads (`saga/deployed`); its source is content, of which this
 * names the pieces.
 */
export interface SagaDefinition {
  readonly kind: "saga";
  readonly name: string;
  readonly version: number;
  /** The group whose owners run it; who relays that, keeps its source for others. */
  readonly stateGroup: Hash;
  /** All groups whose entries it begins with, reads, consumes or produces, its state group among them, and the entry that is the first for it. */
  readonly groups: readonly { readonly group: Hash; readonly from: number }[];
  /** Bytes of its source, and the hashes of its pieces in their order. */
  readonly size: number;
  readonly chunks: readonly Hash[];
  readonly parts: Uint8Array;
  /** Nobody begins anything by it but in an open ring of a rollout. */
  readonly staged: boolean;
}

/** How a staged version comes to those who run the saga: ring after ring, the first at once, each next by a `step`. */
export interface RolloutDefinition {
  readonly kind: "rollout";
  readonly name: string;
  readonly version: number;
  readonly stateGroup: Hash;
  /** The group in which its members tell how it goes (`saga/health`). */
  readonly statusGroup: Hash;
  /** Members of the state group, each in one ring, sorted; a ring may have its members in other state groups alone. */
  readonly rings: readonly (readonly AvatarId[])[];
  /** ms for which a ring has to be good before the next opens. */
  readonly soakMs: number;
  /** Members that may fail; with one more it is taken back. */
  readonly maxFailures: number;
  /** Percent of a ring that has to be good. */
  readonly minSuccess: number;
  /** A member is good by so many runs, of which so many at most failed, and has failed without them after so many ms. */
  readonly healthy: { readonly runs: number; readonly failures: number; readonly withinMs: number };
}

/** So many rings of a rollout are open from now on; none: it is taken back, for good. */
export interface StepDefinition {
  readonly kind: "step";
  /** The sequence of the rollout's definition. */
  readonly rollout: number;
  readonly open: number;
}

/**
 * The rollout ends where it stands, for good: open rings keep the version, no other opens, and what fails no longer takes it back; a person
 * still can.
 */
export interface StopDefinition {
  readonly kind: "stop";
  /** The sequence of the rollout's definition. */
  readonly rollout: number;
}

/** What changes how a rollout stands. */
export type SteerDefinition = StepDefinition | PauseDefinition | StopDefinition;

/** Of the saga of this state group, in all its versions: nobody begins by it any more, and what was begun ends on its version. For good. */
export interface UndeployDefinition {
  readonly kind: "undeploy";
  readonly stateGroup: Hash;
}

/** No ring of the rollout opens any more, or rings of it may again; what failed takes it back in any case. */
export interface PauseDefinition {
  readonly kind: "pause";
  /** The sequence of the rollout's definition. */
  readonly rollout: number;
  readonly paused: boolean;
}

export type OfSagas = SagaDefinition | RolloutDefinition | SteerDefinition | UndeployDefinition;

/** How a rollout stands, as the final definitions after its own have it. */
export interface Standing {
  readonly definition: RolloutDefinition;
  /** How many of its rings are open; none, where it was taken back. */
  readonly open: number;
  readonly paused: boolean;
  readonly stopped: boolean;
}

/**
 * How it stands after one of these, which changes nothing where the same comes back: what was taken back stays so, of several stewards one
 * may be late, so what is open stays open, and a step that is final after a pause opens nothing. What was stopped can be taken back alone.
 */
export function standingAfter<Its extends Standing>(rollout: Its, next: SteerDefinition): Its {
  const { definition, open, paused, stopped } = rollout;
  if (open === 0 || (stopped && (next.kind !== "step" || next.open > 0))) return rollout;
  if (next.kind === "stop") return { ...rollout, stopped: true };
  if (next.kind === "pause") return next.paused === paused ? rollout : { ...rollout, paused: next.paused };
  if (next.open === 0) return { ...rollout, open: 0 };
  const opened = paused ? open : Math.max(open, Math.min(next.open, definition.rings.length));
  return opened === open ? rollout : { ...rollout, open: opened };
}

/** Whether rings of it are still to open. Nothing rolls out over what rolls out. */
export function isUnderWay({ definition, open, stopped }: Standing): boolean {
  return !stopped && open > 0 && open < definition.rings.length;
}

/** Groups of one saga: those of its stages' pacts, and of its states, reversals and capabilities. */
const maxSagaGroups = 64;
export const maxRings = 16;

export function itemsOfSaga(definition: OfSagas): Cbor {
  switch (definition.kind) {
    case "saga": {
      const { name, version, stateGroup, groups, size, chunks, parts, staged } = definition;
      return [name, version, stateGroup, groups.map(({ group, from }) => [group, from]), size, chunks, parts, staged];
    }
    case "rollout": {
      const { name, version, stateGroup, statusGroup, rings, soakMs, maxFailures, minSuccess, healthy } = definition;
      const { runs, failures, withinMs } = healthy;
      const asked = [soakMs, maxFailures, minSuccess];
      return [name, version, stateGroup, statusGroup, rings, asked, [runs, failures, withinMs]];
    }
    case "step":
      return [definition.rollout, definition.open];
    case "pause":
      return [definition.rollout, definition.paused];
    case "stop":
      return [definition.rollout];
    case "undeploy":
      return [definition.stateGroup];
  }
}

/** Throws `structure-…` or `definition-…`. */
export function readSagaDefinition(kind: OfSagas["kind"], value: Cbor): OfSagas {
  switch (kind) {
    case "saga":
      return readSaga(value);
    case "rollout":
      return readRollout(value);
    case "step": {
      const [rollout, open] = tuple("step", value, 2);
      return { kind, rollout: integer("step: rollout", rollout), open: integer("step: open", open, 0, maxRings) };
    }
    case "pause": {
      const [rollout, paused] = tuple("pause", value, 2);
      return { kind, rollout: integer("pause: rollout", rollout), paused: boolean("pause: paused", paused) };
    }
    case "stop": {
      const [rollout] = tuple("stop", value, 1);
      return { kind, rollout: integer("stop: rollout", rollout) };
    }
    case "undeploy": {
      const [stateGroup] = tuple("undeploy", value, 1);
      return { kind, stateGroup: hash32("undeploy: state group", stateGroup) };
    }
  }
}

function readSaga(value: Cbor): SagaDefinition {
  const [name, version, stateGroup, groups, size, chunks, parts, staged] = tuple("saga definition", value, 8);
  const read: SagaDefinition = {
    kind: "saga",
    name: identifier("saga definition: name", name),
    version: integer("saga definition: version", version, 1),
    stateGroup: hash32("saga definition: state group", stateGroup),
    groups: list("saga definition: group", groups, maxSagaGroups, readFrom),
    size: integer("saga definition: size", size, 1, maxChunks * chunkBytes),
    chunks: list("saga definition: chunk", chunks, maxChunks, hash32),
    parts: bytes("saga definition: parts", parts),
    staged: boolean("saga definition: staged", staged),
  };
  if (read.chunks.length !== Math.ceil(read.size / chunkBytes)) {
    throw wrong(
      "definition-chunks",
      "saga definition",
      `has ${read.chunks.length} pieces of ${chunkBytes} bytes, and a source of ${read.size}`,
    );
  }
  if (read.groups.some(({ group }) => equal(group, read.stateGroup))) return read;
  throw wrong("definition-groups", "saga definition", "does not have its state group among its groups");
}

function readFrom(where: string, value: Cbor): SagaDefinition["groups"][number] {
  const [group, from] = tuple(where, value, 2);
  return { group: hash32(where, group), from: integer(where, from) };
}

function readRollout(value: Cbor): RolloutDefinition {
  const [name, version, stateGroup, statusGroup, rings, asked, healthy] = tuple("rollout", value, 7);
  const [soakMs, maxFailures, minSuccess] = tuple("rollout: what is asked", asked, 3);
  const [runs, failures, withinMs] = tuple("rollout: healthy", healthy, 3);
  const read: RolloutDefinition = {
    kind: "rollout",
    name: identifier("rollout: name", name),
    version: integer("rollout: version", version, 1),
    stateGroup: hash32("rollout: state group", stateGroup),
    statusGroup: hash32("rollout: status group", statusGroup),
    rings: list("rollout: ring", rings, maxRings, (where, ring) => sortedHashes(where, ring, maxOwners)),
    soakMs: integer("rollout: soak", soakMs),
    maxFailures: integer("rollout: failures", maxFailures, 0, maxOwners),
    minSuccess: integer("rollout: success", minSuccess, 1, 100),
    healthy: {
      runs: integer("rollout: healthy runs", runs, 1),
      failures: integer("rollout: healthy failures", failures),
      withinMs: integer("rollout: healthy within", withinMs, 1),
    },
  };
  const members = read.rings.flat().map(toHex);
  if (read.rings.length > 0 && new Set(members).size === members.length) return read;
  throw wrong("definition-rings", "rollout", "has no rings, or a member that is in two of them");
}
