import { type Cbor, encode, type Limits } from "../wire/cbor";
import { maxCount, maxGroups, maxOwners } from "../wire/limits";
import { bytes, hash32, integer, list, nullable, readStructure, tuple } from "../wire/shape";
import type { AvatarId, Hash } from "../wire/types";
import type { GivenEpoch } from "./membership";

/** What a participant is given out of band, over a cable or by a person (PROTOCOL 2): it holds secrets and is kept as one. */
export interface Provision {
  /** The participant's 32-byte seed. */
  readonly seed: Uint8Array;
  readonly worlds: readonly ProvisionedWorld[];
}

/** A world with what a participant's driver does in it, besides. */
export interface ProvisionedWorld extends WorldProvision {
  readonly sagas: SagasProvided;
}

/** The sagas that a participant takes part in, over its pacts and groups; as encoded by `saga/structures`. */
export interface SagasProvided {
  readonly behaviors: readonly Uint8Array[];
  readonly stages: readonly Uint8Array[];
  readonly descriptions: readonly Uint8Array[];
  /** UTF-8 of the modules that the behaviors are in: each behavior names the hash of one. */
  readonly sources: readonly Uint8Array[];
}

export const noSagas: SagasProvided = { behaviors: [], stages: [], descriptions: [], sources: [] };

export interface WorldProvision {
  /** 32 bytes, secret. */
  readonly worldId: Uint8Array;
  readonly stewards: readonly AvatarId[];
  /** Encoded pacts: those of the groups, and those that they extend. */
  readonly pacts: readonly Uint8Array[];
  /** Encoded sync groups in which it acts as owner. */
  readonly groups: readonly Uint8Array[];
  /** Who relays groups that it does not own, and so is given their data; nobody where it is absent. */
  readonly followers?: readonly Follower[];
  /** Groups into which it pushes its sensors, and how often. */
  readonly readings: readonly Reading[];
  /** The encoded group in which its stewards define what else the world has; where it is absent, the world stays as it is. */
  readonly definitions?: Uint8Array;
  /** The epoch of the membership in which it comes, where somebody was expelled before. */
  readonly epoch?: GivenEpoch;
  /** From where on it follows the group of definitions; where it is absent, from its first block. */
  readonly definedFrom?: DefinitionsFrom;
}

/**
 * Where the group of definitions stood when a newcomer was provisioned: nothing of before concerns it. A follower casts no vote, and each
 * block after this one shows its own place by its proof.
 */
export interface DefinitionsFrom {
  /** Of the pact of definitions. */
  readonly version: number;
  /** The number of the first definition in the group. */
  readonly first: number;
  /** How many blocks, and how many entries, were final in it; and the last of these. */
  readonly position: number;
  readonly entries: number;
  readonly lastFinal: Hash | null;
}

export interface Follower {
  /** SyncGroupId. */
  readonly group: Hash;
  readonly avatar: AvatarId;
}

export interface Reading {
  /** SyncGroupId. */
  readonly group: Hash;
  readonly everyMs: number;
}

/** The first item: a provision of another layout is refused, not misread. */
const layout = 2;
const maxWorlds = 16;
const maxSagaParts = 256;
const provisionLimits: Limits = { depth: 8, items: 65_536, length: 1_048_576 };

export function encodeProvision(provision: Provision): Uint8Array {
  return encode([layout, provision.seed, provision.worlds.map(worldItems)]);
}

/** Throws `cbor-…` or `structure-…`. Views into `encoded`, as all decoders give. */
export function decodeProvision(encoded: Uint8Array): Provision {
  const [version, seed, worlds] = readStructure("provision", encoded, 3, provisionLimits);
  integer("provision: layout", version, layout, layout);
  return {
    seed: hash32("provision: seed", seed),
    worlds: list("provision: world", worlds, maxWorlds, readWorld),
  };
}

/** One world, as it is given to who has a seed already. */
export function encodeWorldProvision(world: ProvisionedWorld): Uint8Array {
  return encode([layout, worldItems(world)]);
}

/** Throws as `decodeProvision`. */
export function decodeWorldProvision(encoded: Uint8Array): ProvisionedWorld {
  const [version, world] = readStructure("provision of a world", encoded, 2, provisionLimits);
  integer("provision of a world: layout", version, layout, layout);
  return readWorld("provision of a world", world!);
}

function worldItems(world: ProvisionedWorld): Cbor {
  const readings = world.readings.map(({ group, everyMs }) => [group, everyMs]);
  const { behaviors, stages, descriptions, sources } = world.sagas;
  const sagas = [behaviors, stages, descriptions, sources];
  const items = [world.worldId, world.stewards, world.pacts, world.groups, readings, sagas];
  const followers = (world.followers ?? []).map(({ group, avatar }) => [group, avatar]);
  if (world.definitions !== undefined) return [...items, followers, world.definitions, ...growthItems(world)];
  return followers.length === 0 ? items : [...items, followers];
}

/** What says nothing is left out at the end, so that a provision of an earlier version is one of this. */
function growthItems({ epoch, definedFrom: from }: ProvisionedWorld): Cbor[] {
  const ofEpoch = epoch === undefined ? null : [epoch.number, epoch.secret];
  if (from === undefined) return ofEpoch === null ? [] : [ofEpoch];
  return [ofEpoch, [from.version, from.first, from.position, from.entries, from.lastFinal]];
}

function readWorld(where: string, value: Cbor): ProvisionedWorld {
  const items = tuple(where, value, 6, 10);
  const [worldId, stewards, pacts, groups, readings, sagas, followers, definitions, epoch, from] = items;
  return {
    worldId: hash32(`${where}: worldId`, worldId),
    stewards: list(`${where}: steward`, stewards, maxOwners, hash32),
    pacts: list(`${where}: pact`, pacts, maxGroups, bytes),
    groups: list(`${where}: group`, groups, maxGroups, bytes),
    readings: list(`${where}: reading`, readings, maxGroups, readReading),
    sagas: readSagas(`${where}: sagas`, sagas),
    ...(followers === undefined ? {} : { followers: list(`${where}: follower`, followers, maxGroups, readFollower) }),
    ...(definitions === undefined ? {} : { definitions: bytes(`${where}: definitions`, definitions) }),
    // Only before another item there may be none in its place.
    ...(epoch === undefined || (epoch === null && from !== undefined)
      ? {}
      : { epoch: readEpoch(`${where}: epoch`, epoch) }),
    ...(from === undefined ? {} : { definedFrom: readFrom(`${where}: defined from`, from) }),
  };
}

function readSagas(where: string, value: Cbor | undefined): SagasProvided {
  const [behaviors, stages, descriptions, sources] = tuple(where, value, 4);
  return {
    behaviors: list(`${where}: behavior`, behaviors, maxSagaParts, bytes),
    stages: list(`${where}: stage`, stages, maxSagaParts, bytes),
    descriptions: list(`${where}: description`, descriptions, maxSagaParts, bytes),
    sources: list(`${where}: source`, sources, maxSagaParts, bytes),
  };
}

function readEpoch(where: string, value: Cbor): GivenEpoch {
  const [number, secret] = tuple(where, value, 2);
  return { number: integer(`${where}: number`, number, 1, maxCount), secret: hash32(`${where}: secret`, secret) };
}

function readFrom(where: string, value: Cbor): DefinitionsFrom {
  const [version, first, position, entries, lastFinal] = tuple(where, value, 5);
  return {
    version: integer(`${where}: version`, version, 1),
    first: integer(`${where}: first`, first),
    position: integer(`${where}: position`, position),
    entries: integer(`${where}: entries`, entries),
    lastFinal: nullable(`${where}: last final`, lastFinal, hash32),
  };
}

function readFollower(where: string, value: Cbor): Follower {
  const [group, avatar] = tuple(where, value, 2);
  return { group: hash32(`${where}: group`, group), avatar: hash32(`${where}: avatar`, avatar) };
}

function readReading(where: string, value: Cbor): Reading {
  const [group, everyMs] = tuple(where, value, 2);
  return { group: hash32(`${where}: group`, group), everyMs: integer(`${where}: everyMs`, everyMs, 1) };
}
