import { indexPacts, pactChain } from "../chain/group";
import { VertebraError } from "../errors";
import { decodeEntry, encodeEntry, gapCount } from "../pact/entry";
import { identifier } from "../pact/field";
import { decodePact, encodePact, pactId, resolveFields, syncGroupId } from "../pact/pact";
import { compare, equal, toHex } from "../wire/bytes";
import { type Cbor, decode, encode } from "../wire/cbor";
import type { Sha256 } from "../wire/hash";
import { maxEntryBytes, maxNameBytes, maxOwners, maxPactDepth } from "../wire/limits";
import { bytes, bytesOf, hash32, integer, list, sortedHashes, tuple, wrong } from "../wire/shape";
import { decodeSyncGroup, encodeSyncGroup } from "../wire/structures";
import type { AvatarId, Hash, Pact } from "../wire/types";
import { type EpochDefinition, type ExpelDefinition, itemsOfEpoch, readEpochDefinition } from "./epoch-definition";
import { itemsOfSaga, type OfSagas, readSagaDefinition } from "./saga-definition";

/**
 * Definitions: what a world has, as final entries of a group that its stewards own and all its members follow (PROTOCOL 10). The
 * bytes of each are in docs/wire.
 */
export type Definition =
  | MemberDefinition
  | PactDefinition
  | GroupDefinition
  | RetireDefinition
  | OfSagas
  | EpochDefinition
  | ExpelDefinition;

/** Who is in the world, and what people call it. */
export interface MemberDefinition {
  readonly kind: "member";
  readonly name: string;
  readonly avatar: AvatarId;
  /** What it is: the kind in its `board.json`, or `gateway`. */
  readonly board: string;
  /** Its static X25519 key, to which the secrets of epochs are sealed; earlier versions did not tell it. */
  readonly key?: Uint8Array;
  /** By which people choose it among others, in ascending order. */
  readonly labels: readonly string[];
}

export const maxLabels = 16;

export interface PactDefinition {
  readonly kind: "pact";
  readonly pact: Uint8Array;
}

/** All that its owners need to begin: so a board keeps this, and of the rest of the world nothing. */
export interface GroupDefinition {
  readonly kind: "group";
  readonly name: string;
  /** An encoded sync group. */
  readonly group: Uint8Array;
  /** The encoded pact of the group, then those that it extends, the nearest first. */
  readonly pacts: readonly Uint8Array[];
  /** Owners that push their sensors into it, and how often. */
  readonly readings: readonly { readonly avatar: AvatarId; readonly everyMs: number }[];
  /** Who relays it and does not own it, sorted by bytes. */
  readonly followers: readonly AvatarId[];
  /** The encoded sync group, of the same pact and other owners, that is retired and goes on in this one; null where it is the first. */
  readonly succeeds: Uint8Array | null;
}

/** Nothing more is sealed in this group, and none succeeds it. */
export interface RetireDefinition {
  readonly kind: "retire";
  readonly group: Hash;
}

/** What people call the group in which the stewards define what the world has. */
export const definitionsName = "definitions";

/**
 * Every world has the same, so that what a participant is provisioned with says all of its definitions group. Each time that the stewards change
 * the version is one more: the same stewards once more are another group.
 */
const definitionsPact: Pact = {
  name: definitionsName,
  version: 1,
  extends: null,
  fields: [
    { name: "kind", type: { kind: "text" }, max: maxNameBytes },
    { name: "definition", type: { kind: "bytes" } },
  ],
  policy: {
    quorum: "two-thirds",
    ordered: true,
    private: false,
    writers: "owners",
    readers: "members",
    retention: 0,
    largestEntry: maxEntryBytes,
    whenFull: "wait",
  },
};

export function definitionsPactBytes(version = 1): Uint8Array {
  return encodePact({ ...definitionsPact, version });
}

/** The encoded group in which these stewards define what a world has. */
export function definitionsGroup(crypto: Sha256, stewards: readonly AvatarId[], version = 1): Uint8Array {
  const pact = pactId(crypto, definitionsPactBytes(version));
  return encodeSyncGroup({ pact, owners: [...stewards].sort(compare) });
}

/** The encoded group, which is one of definitions in this version of their pact. Throws `provision-definitions` where it is none. */
export function ofDefinitions(crypto: Sha256, group: Uint8Array, version = 1): Uint8Array {
  if (equal(decodeSyncGroup(group).pact, pactId(crypto, definitionsPactBytes(version)))) return group;
  throw new VertebraError(
    "provision-definitions",
    "The group of definitions in the provision is of another pact than that of definitions",
    "Provision the participant anew, with the version that made the world.",
  );
}

/** The entry that defines it. Throws `entry-large` where it does not fit one. */
export function encodeDefinition(definition: Definition): Uint8Array {
  const kind = definition.kind === "group" && definition.succeeds !== null ? "successor" : definition.kind;
  return encodeEntry(definitionsPact.fields, [kind, encode(itemsOf(definition))], definitionsPact.policy);
}

function itemsOf(definition: Definition): Cbor {
  switch (definition.kind) {
    case "member":
      return [definition.name, definition.avatar, definition.board, ...keyAndLabels(definition)];
    case "pact":
      return [definition.pact];
    case "group": {
      const { name, group, pacts, readings, followers, succeeds } = definition;
      const items = [name, group, pacts, readings.map(({ avatar, everyMs }) => [avatar, everyMs]), followers];
      return succeeds === null ? items : [...items, succeeds];
    }
    case "retire":
      return [definition.group];
    case "epoch":
    case "expel":
      return itemsOfEpoch(definition);
    default:
      return itemsOfSaga(definition);
  }
}

/**
 * What an entry of the definitions group defines; undefined for a gap, and for a kind that only later versions know. Throws `cbor-…`,
 * `structure-…`, `pact-…` or `definition-…` where it does not hang together.
 */
export function decodeDefinition(crypto: Sha256, entry: Uint8Array): Definition | undefined {
  if (gapCount(entry) !== undefined) return undefined;
  const [kind, body] = decodeEntry(definitionsPact.fields, entry) as [string, Uint8Array];
  switch (kind) {
    case "member":
      return readMember(decode(body));
    case "pact":
      return readPact(decode(body));
    case "group":
      return readFirst(crypto, decode(body));
    case "successor":
      return readSuccessor(crypto, decode(body));
    case "retire": {
      const [group] = tuple("retirement", decode(body), 1);
      return { kind, group: hash32("retirement: group", group) };
    }
    case "saga":
    case "rollout":
    case "step":
    case "pause":
    case "stop":
    case "undeploy":
      return readSagaDefinition(kind, decode(body));
    case "epoch":
    case "expel":
      return readEpochDefinition(kind, decode(body));
    default:
      return undefined;
  }
}

/** Last, and only where there are some. */
function keyAndLabels({ key, labels }: MemberDefinition): Cbor[] {
  if (labels.length > 0) return [key ?? null, labels];
  return key === undefined ? [] : [key];
}

function readMember(value: Cbor): MemberDefinition {
  const [given, avatar, board, key, labels] = tuple("member", value, 3, 5);
  const name = identifier("member: name", given);
  // People have files by these names.
  if (name.startsWith(".")) throw wrong("structure-field", "member: name", "begins with a dot");
  return {
    kind: "member",
    name,
    avatar: hash32("member: avatar", avatar),
    board: identifier("member: board", board),
    ...(key === undefined || (key === null && labels !== undefined) ? {} : { key: bytesOf("member: key", key, 32) }),
    labels: labels === undefined ? [] : readLabels("member: label", labels),
  };
}

function readLabels(where: string, value: Cbor | undefined): string[] {
  const labels = list(where, value, maxLabels, identifier);
  if (labels.length === 0) throw wrong("structure-field", where, "is none, and then nothing stands there");
  for (const [index, label] of labels.entries()) {
    if (index > 0 && labels[index - 1]! >= label)
      throw wrong("structure-order", where, "is out of order or there twice");
  }
  return labels;
}

function readPact(value: Cbor): PactDefinition {
  const [encoded] = tuple("pact definition", value, 1);
  const pact = bytes("pact definition: pact", encoded);
  decodePact(pact);
  return { kind: "pact", pact };
}

function readGroup(crypto: Sha256, value: Cbor): GroupDefinition {
  const [name, encoded, encodedPacts, readings, followers] = tuple("group definition", value, 5);
  const group = bytes("group definition: group", encoded);
  const { pact, owners } = decodeSyncGroup(group);
  const pacts = list("group definition: pact", encodedPacts, maxPactDepth, bytes);
  checkPacts(crypto, pact, pacts);
  const isOwner = (avatar: AvatarId) => owners.some((owner) => equal(owner, avatar));
  const read: GroupDefinition = {
    kind: "group",
    name: nameOf("group definition: name", name),
    group,
    pacts,
    readings: list("group definition: reading", readings, maxOwners, readReading),
    followers: sortedHashes("group definition: follower", followers, maxOwners),
    succeeds: null,
  };
  for (const { avatar } of read.readings) if (!isOwner(avatar)) throw strange("a reading", avatar, "does not own it");
  for (const avatar of read.followers) if (isOwner(avatar)) throw strange("a follower", avatar, "owns it");
  return read;
}

/** One that succeeds none: those in which stewards come to define all do. */
function readFirst(crypto: Sha256, value: Cbor): GroupDefinition {
  const read = readGroup(crypto, value);
  const { version } = decodePact(read.pacts[0]!);
  if (version === 1 || !isOfDefinitionsPact(read)) return read;
  throw wrong("definition-successor", "group definition", "is of the pact of definitions, and succeeds none");
}

/** "A steward defines a successor": what was sealed in the group before has to be an entry here, too. */
function readSuccessor(crypto: Sha256, value: Cbor): GroupDefinition {
  const items = tuple("successor definition", value, 6);
  const read = readGroup(crypto, items.slice(0, 5));
  const succeeds = bytes("successor definition: group before", items[5]);
  const before = decodeSyncGroup(succeeds).pact;
  const same = equal(before, decodeSyncGroup(read.group).pact) && !equal(succeeds, read.group);
  if (isOfDefinitionsPact(read) ? !isNextOfDefinitions(crypto, read, before) : !same) {
    throw wrong("definition-successor", "successor definition", "is of another pact, or has the owners of before");
  }
  return { ...read, succeeds };
}

function isOfDefinitionsPact({ pacts }: GroupDefinition): boolean {
  return equal(pacts[0]!, definitionsPactBytes(decodePact(pacts[0]!).version));
}

/**
 * Whether `before` is the pact of the version before, so that who follows them comes to an end; and there is nothing about it by which a gateway could
 * take it for another group than its participant does.
 */
function isNextOfDefinitions(
  crypto: Sha256,
  { name, pacts, readings, followers }: GroupDefinition,
  before: Hash,
): boolean {
  const { version } = decodePact(pacts[0]!);
  return (
    version > 1 &&
    equal(before, pactId(crypto, definitionsPactBytes(version - 1))) &&
    name === definitionsName &&
    readings.length + followers.length === 0
  );
}

function readReading(where: string, value: Cbor): GroupDefinition["readings"][number] {
  const [avatar, everyMs] = tuple(where, value, 2);
  return { avatar: hash32(where, avatar), everyMs: integer(where, everyMs, 1) };
}

/** They are the group's pact and those that it extends, in this order, and no others: their fields make an entry. */
function checkPacts(crypto: Sha256, pact: Hash, pacts: readonly Uint8Array[]): void {
  const known = indexPacts(crypto, pacts);
  const chain = pactChain(pact, known);
  if (chain.length !== pacts.length || chain.some((each, index) => !equal(each, pacts[index]!))) {
    throw wrong("definition-pacts", "group definition", "has other pacts than its own and those that this one extends");
  }
  const lookup = (id: Hash) => {
    const found = known.get(toHex(id));
    return found && decodePact(found);
  };
  resolveFields(decodePact(chain[0]!), lookup);
}

/** A pact's name, or two with an @ between: nothing in it steers a terminal. */
function nameOf(where: string, value: Cbor | undefined): string {
  if (typeof value !== "string") return identifier(where, value);
  identifier(where, value.replace("@", "."));
  return value;
}

function strange(what: string, avatar: AvatarId, why: string): VertebraError {
  return wrong(
    "definition-members",
    "group definition",
    `names ${toHex(avatar).slice(0, 16)} for ${what}, which ${why}`,
  );
}

/** SyncGroupId of what is defined. */
export function idOfDefined(crypto: Sha256, { group }: GroupDefinition): Hash {
  return syncGroupId(crypto, group);
}

/** Whether a participant owns the group, or is named to relay it: it keeps no other definitions of groups. */
export function concerns({ group, followers }: GroupDefinition, avatar: AvatarId): boolean {
  return [...decodeSyncGroup(group).owners, ...followers].some((each) => equal(each, avatar));
}
