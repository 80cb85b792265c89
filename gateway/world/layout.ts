import { decodeBoard } from "../../firmware/core/capability/board";
import { capabilitiesPact } from "../../firmware/core/capability/published";
import { definitionsGroup, definitionsName } from "../../firmware/core/definitions/definition";
import { VertebraError } from "../../firmware/core/errors";
import { avatarSeed, noiseStatic } from "../../firmware/core/identity/avatar";
import {
  noSagas,
  type Provision,
  type ProvisionedWorld,
  type Reading,
  type SagasProvided,
} from "../../firmware/core/identity/provision";
import { askedOf, boundsFor } from "../../firmware/core/memory";
import { isIntegerType } from "../../firmware/core/pact/field";
import { decodePact, encodePact, pactId, syncGroupId } from "../../firmware/core/pact/pact";
import { decodeDescription } from "../../firmware/core/saga/structures";
import { compare, distinct, toHex } from "../../firmware/core/wire/bytes";
import { maxOwners } from "../../firmware/core/wire/limits";
import { decodeSyncGroup, encodeSyncGroup } from "../../firmware/core/wire/structures";
import { encodeText } from "../../firmware/core/wire/text";
import type { AvatarId, Field } from "../../firmware/core/wire/types";
import type { Crypto, Random } from "../../firmware/ports";
import { compile } from "../saga/described";
import type { SagaSource } from "../saga/source";
import { gatewayName } from "./catalog";
import type { WorldConfig } from "./config";
import { firstPacts } from "./pacts";

/** Pacts that each world has. */
export const firstNames = ["machine", "machine-shared", definitionsName];
/** All of them own the groups that a world's members share, and so does the gateway. */
export const mostBoards = maxOwners - 1;

/** What a new world is made for. */
export interface WorldPlan {
  /** The boards in their order: what each is, as its `board.json` says. */
  readonly boards: readonly Uint8Array[];
  /** The sagas that all of them take part in. */
  readonly sagas: readonly SagaLoaded[];
}

/** A saga's module, and what the engine says is in it. */
export interface SagaLoaded {
  readonly source: SagaSource;
  readonly described: unknown;
}

export interface LaidOut {
  readonly config: WorldConfig;
  readonly boards: readonly { readonly name: string; readonly provision: Provision; readonly definition: Uint8Array }[];
}

const ownReadingsEveryMs = 500;
const sharedReadingsEveryMs = 1000;
/** A board of little memory is a slow one: it pushes less often, and so does each that shares a group with it, since it follows them all. */
const slowness = 8;
/** Slower, since each may set a saga going, on a cable that all else shares. */
export const sagaReadingsEveryMs = 2000;

/** How often a board pushes its machine's readings into the group of it and the gateway, in ms. */
export function paceOf(definition: Uint8Array): number {
  return ownReadingsEveryMs * (isSlow(definition) ? slowness : 1);
}

function isSlow(definition: Uint8Array): boolean {
  return decodeBoard(definition).memory !== undefined;
}

interface Newcomer {
  readonly name: string;
  readonly seed: Uint8Array;
  readonly avatar: AvatarId;
  readonly key: Uint8Array;
}

type NamedGroup = WorldConfig["groups"][number];

/**
 * Each board shares a group of pact `machine` with the gateway; all of them share one of pact `machine-shared`, and, where there are
 * sagas, one of each pact that those name and one that tells what every member can do. Throws what `compile` and `decodeBoard` throw,
 * and `board-memory` for a board that can't hold what it is given.
 */
export function layOutWorld(crypto: Crypto, random: Random, plan: WorldPlan): LaidOut {
  const worldId = random.bytes(32);
  const newcomer = (name: string): Newcomer => {
    const seed = random.bytes(32);
    const secret = avatarSeed(crypto, seed, worldId);
    const key = crypto.x25519Public(noiseStatic(crypto, secret));
    return { name, seed, avatar: crypto.signer(secret).publicKey, key };
  };
  const gateway = newcomer(gatewayName);
  const boards = plan.boards.map((definition, index) => ({ ...newcomer(`board-${index + 1}`), definition }));
  const all = [gateway, ...boards].map(({ avatar }) => avatar).sort(compare);
  const first = firstPacts(crypto);
  const groupOf = (pact: Uint8Array, owners: readonly AvatarId[]) =>
    encodeSyncGroup({ pact: pactId(crypto, pact), owners: [...owners].sort(compare) });

  const sharedEveryMs = sharedReadingsEveryMs * (plan.boards.some(isSlow) ? slowness : 1);
  const running = boards.filter(({ definition }) => runsSagas(definition));
  const runners = [gateway, ...running].map(({ avatar }) => avatar).sort(compare);
  const sagas = withSagas(crypto, plan.sagas, runners);
  const shared: NamedGroup[] = boards.length > 0 ? [{ name: "machine-shared", bytes: groupOf(first.shared, all) }] : [];
  const own = boards.map(({ name, avatar }) => ({
    name: `machine@${name}`,
    bytes: groupOf(first.machine, [gateway.avatar, avatar]),
  }));
  const world = {
    worldId,
    stewards: [gateway.avatar],
    pacts: [first.machine, first.shared, ...sagas.pacts],
    sagas: sagas.provided,
    definitions: definitionsGroup(crypto, [gateway.avatar]),
  };
  const provisions = boards.map(({ name, seed, definition }, index) => {
    const mine = runsSagas(definition) ? sagas : noneOfThem;
    const groups = [own[index]!, ...shared, ...mine.groups].map(({ bytes }) => bytes);
    const readings: Reading[] = [
      {
        group: syncGroupId(crypto, own[index]!.bytes),
        everyMs: paceOf(definition),
      },
      { group: syncGroupId(crypto, shared[0]!.bytes), everyMs: sharedEveryMs },
      ...sensed(crypto, definition, mine),
    ];
    const pacts = [first.machine, first.shared, ...mine.pacts];
    const its = { ...world, pacts, sagas: mine.provided, groups, readings };
    checkMemory(name, definition, its);
    return { name, definition, provision: { seed, worlds: [its] } };
  });
  const members = [gateway, ...boards].map(({ name, avatar, key }) => ({ name, avatar, key }));
  const groups = [...own, ...shared, ...sagas.groups];
  return { config: { ...world, seed: gateway.seed, groups, members }, boards: provisions };
}

/** Throws `board-memory`, as the board itself does when it is started. */
export function checkMemory(name: string, definition: Uint8Array, world: ProvisionedWorld): void {
  const { memory } = decodeBoard(definition);
  if (memory === undefined) return;
  try {
    boundsFor(memory, askedOf(world));
  } catch (error) {
    if (!(error instanceof VertebraError)) throw error;
    throw new VertebraError(error.code, `${name}: ${error.message}`, error.remedy);
  }
}

/** A board that runs no behaviors has no part in the sagas of its world. */
export function runsSagas(definition: Uint8Array): boolean {
  return decodeBoard(definition).sandbox !== "none";
}

interface SagaParts {
  readonly pacts: readonly Uint8Array[];
  readonly groups: readonly NamedGroup[];
  readonly provided: SagasProvided;
}

const noneOfThem: SagaParts = { pacts: [], groups: [], provided: noSagas };

/** The pacts and groups of all sagas, those that several name once. */
function withSagas(crypto: Crypto, loaded: readonly SagaLoaded[], owners: readonly AvatarId[]): SagaParts {
  if (loaded.length === 0) return noneOfThem;
  const compiled = loaded.map(({ source, described }) => compile(crypto, source, described, owners).provision);
  const capabilities = encodePact(capabilitiesPact("two-thirds"));
  const pacts = distinct([capabilities, ...compiled.flatMap((each) => each.pacts)]);
  const names = new Map(pacts.map((pact) => [toHex(pactId(crypto, pact)), decodePact(pact).name]));
  checkNames("Pact", [...names.values(), ...firstNames]);
  checkNames(
    "Saga",
    compiled.flatMap((each) => each.descriptions.map((description) => decodeDescription(description).name)),
  );
  const publishing = encodeSyncGroup({ pact: pactId(crypto, capabilities), owners });
  const groups = distinct([publishing, ...compiled.flatMap((each) => each.groups)]);
  return {
    pacts,
    groups: groups.map((bytes) => ({ name: names.get(toHex(decodeSyncGroup(bytes).pact))!, bytes })),
    provided: {
      behaviors: distinct(compiled.flatMap((each) => each.behaviors)),
      stages: distinct(compiled.flatMap((each) => each.stages)),
      descriptions: distinct(compiled.flatMap((each) => each.descriptions)),
      sources: loaded.map(({ source }) => encodeText(source.text)),
    },
  };
}

/** A world's groups and sagas are called by their names. */
function checkNames(what: string, names: readonly string[]): void {
  const double = names.find((name, index) => names.indexOf(name) !== index);
  if (double === undefined) return;
  const message = `${what} '${double}' is there twice, and not the same`;
  throw new VertebraError("world-names", message, "Rename one of them, or import what they share from one file.");
}

/** Whether a board has a sensor for each field of a pact: where that initiates a saga, it pushes what they say. */
export function fills(definition: Uint8Array, pact: Uint8Array): boolean {
  const sensors = new Set(decodeBoard(definition).sensors.map(({ name }) => name));
  const { fields } = decodePact(pact);
  return fields.length > 0 && fields.every((field) => isNumber(field) && sensors.has(field.name));
}

function sensed(crypto: Crypto, definition: Uint8Array, { pacts, groups, provided }: SagaParts): Reading[] {
  const initiating = new Set(provided.descriptions.map((each) => toHex(decodeDescription(each).initiatingPact)));
  return pacts.flatMap((bytes) => {
    const { name } = decodePact(bytes);
    if (!fills(definition, bytes) || !initiating.has(toHex(pactId(crypto, bytes)))) return [];
    const group = groups.find((each) => each.name === name)!;
    return [{ group: syncGroupId(crypto, group.bytes), everyMs: sagaReadingsEveryMs }];
  });
}

function isNumber({ type: { kind } }: Field): boolean {
  return isIntegerType(kind) || kind === "f32" || kind === "f64";
}
