import {
  type Definition,
  decodeDefinition,
  definitionsName,
  encodeDefinition,
  type GroupDefinition,
  idOfDefined,
  type MemberDefinition,
} from "../../firmware/core/definitions/definition";
import type { ExpelDefinition } from "../../firmware/core/definitions/epoch-definition";
import {
  type SagaDefinition,
  type Standing,
  type SteerDefinition,
  standingAfter,
  type UndeployDefinition,
} from "../../firmware/core/definitions/saga-definition";
import { readable, VertebraError } from "../../firmware/core/errors";
import { decodePact, pactId, resolveFields, syncGroupId } from "../../firmware/core/pact/pact";
import type { KnownHere } from "../../firmware/core/saga/deployed";
import type { Rollout } from "../../firmware/core/saga/rolling";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import type { Sha256 } from "../../firmware/core/wire/hash";
import { decodeSyncGroup, encodeSyncGroup } from "../../firmware/core/wire/structures";
import type { AvatarId, Field, Hash, Pact } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";
import { checkDefinition, liveGroup } from "./checking";

/** The names by which people call what the protocol names by hashes. */
export interface Catalog {
  readonly pacts: readonly KnownPact[];
  /** Those that were not retired. */
  readonly groups: readonly KnownGroup[];
  readonly retired: readonly KnownGroup[];
  readonly members: readonly Member[];
  /** Versions of those that are deployed, in the order of their definitions; and of those that were. */
  readonly sagas: readonly KnownSaga[];
  readonly undeployed: readonly KnownSaga[];
  readonly rollouts: readonly KnownRollout[];
  /** Who is in the world no more, in the order of the epochs that began so. */
  readonly expelled: readonly ExpelDefinition[];
  /** How many definitions it has taken. */
  readonly taken: number;
  /** The groups in which the stewards define, the present one last, each with the number of the first definition in it; none in a world that stays as it was made. */
  readonly defining: readonly KnownDefining[];
  /** Why the definition of this number counts for nobody; undefined for one that counts, or is still to be taken. */
  refusalOf(sequence: number): VertebraError | undefined;
  /**
   * Takes the next entry of the definitions group, and returns what it defines, known from now on; or why it counts for nobody, where it is none,
   * or names what has its name already: the first that is final has it. Undefined for what only later versions know.
   */
  take(entry: Uint8Array): Definition | VertebraError | undefined;
  /** What an entry of it defines; undefined for what is no definition, or one that only later versions know. */
  read(entry: Uint8Array): Definition | undefined;
  /** Knows again only what the world was made with. */
  forget(): void;
  /** The group called so: by its name, by its pact's where that has one group only, or by the first digits of its id; a retired one last. */
  group(called: string): KnownGroup;
  groupOf(id: Hash): KnownGroup | undefined;
  /** The last rollout of the saga that is deployed under this name. */
  rolloutOf(saga: string): KnownRollout | undefined;
  /** The name of the saga with these states, or the first digits of their group. */
  sagaOf(stateGroup: Hash): string;
  /** The member's name, or the first digits of its AvatarId. */
  memberName(avatar: AvatarId): string;
}

/** By the sequence of its definition, and of that by which it was undeployed. */
export interface KnownSaga extends SagaDefinition {
  readonly sequence: number;
  readonly undeployed: number | null;
}

/** Those that were retired last. */
export function everyGroup({ groups, retired }: Pick<Catalog, "groups" | "retired">): readonly KnownGroup[] {
  return [...groups, ...retired];
}

/** Those of them that were not retired. */
export function groupsOwnedBy({ groups }: Pick<Catalog, "groups">, avatar: AvatarId): readonly KnownGroup[] {
  return groups.filter((group) => isOwner(group, avatar));
}

export function isOwner({ owners }: Pick<KnownGroup, "owners">, avatar: AvatarId): boolean {
  return owners.some((owner) => equal(owner, avatar));
}

/** Its pacts and groups, encoded, those too that were retired since: of these the definitions of sagas are put together. */
export function knownIn({ pacts, groups, retired }: Pick<Catalog, "pacts" | "groups" | "retired">): KnownHere {
  return {
    pacts: pacts.map(({ bytes }) => bytes),
    groups: everyGroup({ groups, retired }).map(({ pact, owners }) => encodeSyncGroup({ pact: pact.id, owners })),
  };
}

export interface KnownRollout extends Rollout, Standing {}

export interface KnownDefining {
  readonly id: Hash;
  readonly first: number;
}

/** The group in which the stewards define now; undefined in a world that stays as it was made. */
export function presentDefining({ defining }: Pick<Catalog, "defining">): KnownDefining | undefined {
  return defining.at(-1);
}

/** The number of what is final in one of them; undefined behind the definition by which other stewards define. */
export function numberIn({ defining }: Pick<Catalog, "defining">, { group, sequence }: FinalPlace): number | undefined {
  const at = defining.findIndex(({ id }) => equal(id, group));
  const known = defining[at];
  if (known === undefined) return undefined;
  const next = defining[at + 1];
  const number = known.first + sequence;
  return next === undefined || number < next.first ? number : undefined;
}

/** Where an entry is final. */
export interface FinalPlace {
  readonly group: Hash;
  readonly sequence: number;
}

export function isOfDefinitions({ defining }: Pick<Catalog, "defining">, id: Hash): boolean {
  return defining.some((each) => equal(each.id, id));
}

export interface KnownPact {
  readonly id: Hash;
  readonly bytes: Uint8Array;
  readonly pact: Pact;
  /** Those of the pacts that it extends first. */
  readonly fields: readonly Field[];
}

export interface KnownGroup {
  readonly name: string;
  readonly id: Hash;
  readonly pact: KnownPact;
  readonly owners: readonly AvatarId[];
  /** As its definition says; of a group that the world was made with its boards know (`world/succeeding`). */
  readonly readings: GroupDefinition["readings"];
  /** The retired group that it succeeds, whose name is its own with a `~1` behind it, and so on. */
  readonly before: KnownGroup | null;
}

export interface Member {
  readonly name: string;
  readonly avatar: AvatarId;
  /** Its static X25519 key, where it was defined with one. */
  readonly key?: Uint8Array;
  /** Of one that was defined: what it is, and its labels. */
  readonly board?: string;
  readonly labels?: readonly string[];
}

/** The one that the world was made with, and those that were added. */
export function isGateway({ name, board }: Member): boolean {
  return board === undefined ? name === gatewayName : board === gatewayKind;
}

export function isExpelled({ expelled }: Pick<Catalog, "expelled">, avatar: AvatarId): boolean {
  return expelled.some((each) => equal(each.avatar, avatar));
}

/** What a world calls the gateway that it was made with. */
export const gatewayName = "gateway";
/** What is defined of a member that is one. */
export const gatewayKind = "gateway";

const leastDigits = 6;

export function createCatalog(
  crypto: Crypto,
  encodedPacts: readonly Uint8Array[],
  namedGroups: readonly { readonly name: string; readonly bytes: Uint8Array }[],
  members: readonly Member[],
): Catalog {
  const pacts = readPacts(crypto, encodedPacts);
  const known = [...members];
  const groups = namedGroups.map(({ name, bytes }): KnownGroup => {
    const { pact: id, owners } = decodeSyncGroup(bytes);
    const pact = pacts.find((each) => equal(each.id, id));
    if (pact === undefined) {
      const message = `Group ${name} is of pact ${toHex(id)}, which this world doesn't know`;
      throw new VertebraError("pact-unknown", message, "Provision the world with that pact, too.");
    }
    return { name, id: syncGroupId(crypto, bytes), pact, owners, readings: [], before: null };
  });
  const retired: KnownGroup[] = [];
  const sagas: KnownSaga[] = [];
  const undeployed: KnownSaga[] = [];
  const rollouts: KnownRollout[] = [];
  const expelled: ExpelDefinition[] = [];
  const founding = groups.find((group) => group.name === definitionsName);
  const defining: KnownDefining[] = founding ? [{ id: founding.id, first: 0 }] : [];
  const all = { pacts, groups, retired, members: known, sagas, undeployed, rollouts, expelled, defining };
  const made = { pacts: pacts.length, groups: [...groups], members: [...known] };
  const refusals = new Map<number, VertebraError>();
  let taken = 0;
  return {
    ...all,
    get taken() {
      return taken;
    },
    refusalOf: (sequence) => refusals.get(sequence),
    take(entry) {
      const sequence = taken++;
      const definition = takeEntry(crypto, all, sequence, entry);
      if (definition instanceof VertebraError) refusals.set(sequence, definition);
      return definition;
    },
    read: (entry) => readableDefinition(crypto, entry),
    forget() {
      taken = 0;
      refusals.clear();
      pacts.length = made.pacts;
      groups.splice(0, groups.length, ...made.groups);
      retired.length = 0;
      known.splice(0, known.length, ...made.members);
      for (const defined of [sagas, undeployed, rollouts, expelled]) defined.length = 0;
      defining.splice(1);
    },
    group: (called) => findGroup(groups, retired, called),
    groupOf: (id) => everyGroup(all).find((group) => equal(group.id, id)),
    rolloutOf: (name) => {
      const saga = sagas.find((each) => each.name === name);
      return saga && rollouts.filter(({ definition }) => equal(definition.stateGroup, saga.stateGroup)).at(-1);
    },
    sagaOf: (stateGroup) =>
      [...sagas, ...undeployed].find((saga) => equal(saga.stateGroup, stateGroup))?.name ??
      `${toHex(stateGroup).slice(0, 8)}…`,
    memberName: (avatar) =>
      known.find((member) => equal(member.avatar, avatar))?.name ?? `${toHex(avatar).slice(0, 8)}…`,
  };
}

export interface Known {
  readonly pacts: KnownPact[];
  readonly groups: KnownGroup[];
  readonly retired: KnownGroup[];
  readonly members: Member[];
  readonly sagas: KnownSaga[];
  readonly undeployed: KnownSaga[];
  readonly rollouts: KnownRollout[];
  readonly expelled: ExpelDefinition[];
  readonly defining: KnownDefining[];
}

/** As a participant takes it: what is none counts for nobody. */
export function readableDefinition(crypto: Sha256, entry: Uint8Array): Definition | undefined {
  return readable(() => decodeDefinition(crypto, entry));
}

function takeEntry(
  crypto: Crypto,
  known: Known,
  sequence: number,
  entry: Uint8Array,
): Definition | VertebraError | undefined {
  try {
    const definition = decodeDefinition(crypto, entry);
    if (definition !== undefined) takeDefinition(crypto, known, sequence, definition);
    return definition;
  } catch (error) {
    if (error instanceof VertebraError && error.code !== "assertion") return error;
    throw error;
  }
}

/** Throws what `take` would return of one of these, taken one after the other, and leaves the catalog as it is. */
export function checkDefinitions(crypto: Crypto, catalog: Catalog, definitions: readonly Definition[]): void {
  const { pacts, groups, retired, members, sagas, undeployed, rollouts, expelled, defining, taken } = catalog;
  const copied = {
    pacts: [...pacts],
    groups: [...groups],
    retired: [...retired],
    members: [...members],
    expelled: [...expelled],
    defining: [...defining],
  };
  const ofSagas = { sagas: [...sagas], undeployed: [...undeployed], rollouts: [...rollouts] };
  const trial = { ...copied, ...ofSagas };
  for (const [index, each] of definitions.entries()) {
    const definition = decodeDefinition(crypto, encodeDefinition(each));
    if (definition !== undefined) takeDefinition(crypto, trial, taken + index, definition);
  }
}

/** What it adds. Throws what says why it counts for nobody. */
function takeDefinition(crypto: Crypto, known: Known, sequence: number, definition: Definition): void {
  checkDefinition(crypto, known, definition);
  const { pacts, members, sagas } = known;
  if (definition.kind === "member") addMember(members, definition);
  else if (definition.kind === "pact") addPact(crypto, pacts, definition.pact);
  else if (definition.kind === "saga") sagas.push({ ...definition, sequence, undeployed: null });
  else if (definition.kind === "rollout")
    known.rollouts.push({ sequence, definition, open: 1, paused: false, stopped: false });
  else if (definition.kind === "step" || definition.kind === "pause" || definition.kind === "stop")
    steer(known, definition);
  else if (definition.kind === "undeploy") takeUndeploy(known, sequence, definition);
  else if (definition.kind === "retire") retire(known, liveGroup(known, definition.group));
  else if (definition.kind === "expel") known.expelled.push(definition);
  else if (definition.kind === "group") addGroup(crypto, known, sequence, definition);
}

/** A gateway that was added knows itself before it hears of its definition. */
function addMember(members: Member[], definition: MemberDefinition): void {
  const at = members.findIndex((member) => equal(member.avatar, definition.avatar));
  members.splice(at < 0 ? members.length : at, 1, definition);
}

function addGroup(crypto: Crypto, known: Known, sequence: number, definition: GroupDefinition): void {
  const { pacts, groups, retired, defining } = known;
  const { name, readings, succeeds } = definition;
  // The nearest last: each finds the one that it extends.
  for (const bytes of [...definition.pacts].reverse()) addPact(crypto, pacts, bytes);
  const { pact: id, owners } = decodeSyncGroup(definition.group);
  const pact = pacts.find((each) => equal(each.id, id))!;
  const former = succeeds && liveGroup(known, syncGroupId(crypto, succeeds));
  const before = former && formerly(former, name, 1);
  if (former !== null) retire(known, former);
  for (let each = before; each !== null; each = each.before) {
    const at = retired.findIndex((other) => equal(other.id, each!.id));
    retired[at] = each;
  }
  const its = idOfDefined(crypto, definition);
  groups.push({ name, id: its, pact, owners, readings, before });
  if (former && isOfDefinitions(known, former.id)) defining.push({ id: its, first: sequence + 1 });
}

function retire({ groups, retired }: Known, group: KnownGroup): void {
  groups.splice(groups.indexOf(group), 1);
  retired.push(group);
}

function formerly(group: KnownGroup, name: string, times: number): KnownGroup {
  const before = group.before && formerly(group.before, name, times + 1);
  return { ...group, name: `${name}~${times}`, before };
}

function steer({ rollouts }: Known, next: SteerDefinition): void {
  const at = rollouts.findIndex(({ sequence }) => sequence === next.rollout);
  rollouts[at] = standingAfter(rollouts[at]!, next);
}

function takeUndeploy({ sagas, undeployed }: Known, sequence: number, { stateGroup }: UndeployDefinition): void {
  const gone = sagas.filter((saga) => equal(saga.stateGroup, stateGroup));
  const left = sagas.filter((saga) => !gone.includes(saga));
  sagas.splice(0, sagas.length, ...left);
  undeployed.push(...gone.map((saga) => ({ ...saga, undeployed: sequence })));
}

function addPact(crypto: Crypto, pacts: KnownPact[], bytes: Uint8Array): void {
  const id = pactId(crypto, bytes);
  if (pacts.some((each) => equal(each.id, id))) return;
  const pact = decodePact(bytes);
  const fields = resolveFields(pact, (wanted) => pacts.find((each) => equal(each.id, wanted))?.pact);
  pacts.push({ id, bytes, pact, fields });
}

/** Pacts of a row or of a world, decoded, with all their fields. */
export function readPacts(crypto: Crypto, encodedPacts: readonly Uint8Array[]): KnownPact[] {
  const decoded = encodedPacts.map((bytes) => ({ id: pactId(crypto, bytes), bytes, pact: decodePact(bytes) }));
  const lookup = (id: Hash) => decoded.find((each) => equal(each.id, id))?.pact;
  return decoded.map(({ id, bytes, pact }) => ({ id, bytes, pact, fields: resolveFields(pact, lookup) }));
}

function findGroup(groups: readonly KnownGroup[], retired: readonly KnownGroup[], called: string): KnownGroup {
  const named = (all: readonly KnownGroup[]) => all.filter((group) => group.name === called);
  const ofPact = groups.filter((group) => group.pact.pact.name === called);
  const digits = (all: readonly KnownGroup[]) =>
    called.length < leastDigits ? [] : all.filter((group) => toHex(group.id).startsWith(called));
  const found =
    [named(groups), ofPact, digits(groups), named(retired), digits(retired)].find(
      (candidates) => candidates.length > 0,
    ) ?? [];
  if (found.length === 1) return found[0]!;
  const names = (found.length > 1 ? found : groups).map((group) => group.name).join(", ");
  if (found.length > 1) {
    throw new VertebraError("group-ambiguous", `'${called}' names several groups`, `Say which: ${names}.`);
  }
  throw new VertebraError(
    "group-unknown",
    `No group or pact is called '${called}' in this world`,
    groups.length > 0 ? `There are: ${names}.` : "Make a world with boards: `vertebra world create --boards 3`.",
  );
}
