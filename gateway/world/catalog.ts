import {
  type Definition,
  decodeDefinition,
  encodeDefinition,
  idOfDefined,
} from "../../firmware/core/definitions/definition";
import type { ExpelDefinition } from "../../firmware/core/definitions/epoch-definition";
import {
  isUnderWay,
  openAfter,
  type RolloutDefinition,
  type SagaDefinition,
  type StepDefinition,
} from "../../firmware/core/definitions/saga-definition";
import { VertebraError } from "../../firmware/core/errors";
import { decodePact, pactId, resolveFields, syncGroupId } from "../../firmware/core/pact/pact";
import type { Rollout } from "../../firmware/core/saga/rolling";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import type { Sha256 } from "../../firmware/core/wire/hash";
import { decodeSyncGroup } from "../../firmware/core/wire/structures";
import type { AvatarId, Field, Hash, Pact } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";

/** The names by which people call what the protocol names by hashes. */
export interface Catalog {
  readonly pacts: readonly KnownPact[];
  readonly groups: readonly KnownGroup[];
  readonly members: readonly Member[];
  /** Those that were deployed, in the order of their definitions. */
  readonly sagas: readonly SagaDefinition[];
  readonly rollouts: readonly KnownRollout[];
  /** Who is in the world no more, in the order of the epochs that began so. */
  readonly expelled: readonly ExpelDefinition[];
  /** How many entries of the definitions group it has taken. */
  readonly taken: number;
  /**
   * Takes the next entry of the definitions group, and returns what it defines, known from now on; or why it counts for nobody, where it is none,
   * or names what has its name already: the first that is final has it. Undefined for what only later versions know.
   */
  take(entry: Uint8Array): Definition | VertebraError | undefined;
  /** What an entry of it defines; undefined for what is no definition, or one that only later versions know. */
  read(entry: Uint8Array): Definition | undefined;
  /** Knows again only what the world was made with. */
  forget(): void;
  /** The group called so: by its name, by its pact's where that has one group only, or by the first digits of its id. */
  group(called: string): KnownGroup;
  groupOf(id: Hash): KnownGroup | undefined;
  /** The member's name, or the first digits of its AvatarId. */
  memberName(avatar: AvatarId): string;
}

/** By the sequence of its definition, with how many of its rings are open; none, where it was taken back. */
export interface KnownRollout extends Rollout {
  open: number;
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
}

export interface Member {
  readonly name: string;
  readonly avatar: AvatarId;
  /** Its static X25519 key, where it was defined with one. */
  readonly key?: Uint8Array;
}

export function isExpelled({ expelled }: Pick<Catalog, "expelled">, avatar: AvatarId): boolean {
  return expelled.some((each) => equal(each.avatar, avatar));
}

const leastDigits = 6;
/** What people call the group in which the stewards define what the world has. */
export const definitionsName = "definitions";

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
    return { name, id: syncGroupId(crypto, bytes), pact, owners };
  });
  const sagas: SagaDefinition[] = [];
  const rollouts: KnownRollout[] = [];
  const expelled: ExpelDefinition[] = [];
  const made = { pacts: pacts.length, groups: groups.length, members: known.length };
  let taken = 0;
  return {
    pacts,
    groups,
    members: known,
    sagas,
    rollouts,
    expelled,
    get taken() {
      return taken;
    },
    take(entry) {
      return takeEntry(crypto, { pacts, groups, members: known, sagas, rollouts, expelled }, taken++, entry);
    },
    read: (entry) => readableDefinition(crypto, entry),
    forget() {
      taken = 0;
      pacts.length = made.pacts;
      groups.length = made.groups;
      known.length = made.members;
      sagas.length = 0;
      rollouts.length = 0;
      expelled.length = 0;
    },
    group: (called) => findGroup(groups, called),
    groupOf: (id) => groups.find((group) => equal(group.id, id)),
    memberName: (avatar) =>
      known.find((member) => equal(member.avatar, avatar))?.name ?? `${toHex(avatar).slice(0, 8)}…`,
  };
}

interface Known {
  readonly pacts: KnownPact[];
  readonly groups: KnownGroup[];
  readonly members: Member[];
  readonly sagas: SagaDefinition[];
  readonly rollouts: KnownRollout[];
  readonly expelled: ExpelDefinition[];
}

/** As a participant takes it: what is none counts for nobody. */
export function readableDefinition(crypto: Sha256, entry: Uint8Array): Definition | undefined {
  try {
    return decodeDefinition(crypto, entry);
  } catch (error) {
    if (error instanceof VertebraError && error.code !== "assertion") return undefined;
    throw error;
  }
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
  const { pacts, groups, members, sagas, rollouts, expelled, taken } = catalog;
  const copied = {
    pacts: [...pacts],
    groups: [...groups],
    members: [...members],
    sagas: [...sagas],
    expelled: [...expelled],
  };
  const trial = { ...copied, rollouts: rollouts.map((each) => ({ ...each })) };
  for (const [index, each] of definitions.entries()) {
    const definition = decodeDefinition(crypto, encodeDefinition(each));
    if (definition !== undefined) takeDefinition(crypto, trial, taken + index, definition);
  }
}

/** What it adds. Throws what says why it counts for nobody. */
function takeDefinition(crypto: Crypto, known: Known, sequence: number, definition: Definition): void {
  checkDefinition(crypto, known, definition);
  const { pacts, groups, members, sagas } = known;
  if (definition.kind === "member") members.push(definition);
  else if (definition.kind === "pact") addPact(crypto, pacts, definition.pact);
  else if (definition.kind === "saga") sagas.push(definition);
  else if (definition.kind === "rollout") known.rollouts.push({ sequence, definition, open: 1 });
  else if (definition.kind === "step") takeStep(known, definition);
  else if (definition.kind === "expel") known.expelled.push(definition);
  else if (definition.kind === "group") {
    // The nearest last: each finds the one that it extends.
    for (const bytes of [...definition.pacts].reverse()) addPact(crypto, pacts, bytes);
    const { pact: id, owners } = decodeSyncGroup(definition.group);
    const pact = pacts.find((each) => equal(each.id, id))!;
    groups.push({ name: definition.name, id: idOfDefined(crypto, definition), pact, owners });
  }
}

function takeStep({ rollouts }: Known, { rollout, open }: StepDefinition): void {
  const found = rollouts.find(({ sequence }) => sequence === rollout)!;
  found.open = openAfter(found.definition, found.open, open);
}

function addPact(crypto: Crypto, pacts: KnownPact[], bytes: Uint8Array): void {
  const id = pactId(crypto, bytes);
  if (pacts.some((each) => equal(each.id, id))) return;
  const pact = decodePact(bytes);
  const fields = resolveFields(pact, (wanted) => pacts.find((each) => equal(each.id, wanted))?.pact);
  pacts.push({ id, bytes, pact, fields });
}

/** Throws `name-taken`, `member-unknown`, `pact-unknown` or `pact-version`, where what is defined does not fit what there is. */
function checkDefinition(crypto: Crypto, known: Known, definition: Definition): void {
  const { pacts, groups, members } = known;
  const taken = (what: string, name: string) =>
    new VertebraError("name-taken", `There is a ${what} '${name}' in this world already`, "Choose another name.");
  switch (definition.kind) {
    case "member":
      if (members.some(({ name }) => name === definition.name)) throw taken("member", definition.name);
      break;
    case "pact": {
      const { name, version } = decodePact(definition.pact);
      const id = pactId(crypto, definition.pact);
      const former = pacts.filter(({ pact }) => pact.name === name);
      if (former.some((each) => equal(each.id, id)))
        throw taken("pact", `${name}' with these fields and this policy, '${name} v${version}`);
      const newest = Math.max(0, ...former.map(({ pact }) => pact.version));
      if (version > newest) break;
      throw new VertebraError(
        "pact-version",
        `Pact '${name}' is there in version ${newest}, and this one is version ${version}`,
        `Give it version ${newest + 1}: what is written in the pact of before stays what it was.`,
      );
    }
    case "group": {
      if (groups.some(({ name }) => name === definition.name)) throw taken("group", definition.name);
      const { owners } = decodeSyncGroup(definition.group);
      const id = idOfDefined(crypto, definition);
      const same = groups.find((each) => equal(each.id, id));
      if (same !== undefined) throw taken("group of this pact with these owners,", same.name);
      const stranger = [...owners, ...definition.followers].find(
        (avatar) => !members.some((member) => equal(member.avatar, avatar)),
      );
      if (stranger === undefined) break;
      throw new VertebraError(
        "member-unknown",
        `Group ${definition.name} names ${toHex(stranger).slice(0, 16)}…, who is no member of this world`,
        "Add it first: `vertebra board add NAME`.",
      );
    }
    case "expel":
      checkExpel(known, definition);
      break;
    case "saga":
      checkSaga(known, definition);
      break;
    case "rollout":
      checkRollout(known, definition);
      break;
    case "step": {
      const found = known.rollouts.find(({ sequence }) => sequence === definition.rollout);
      if (found !== undefined && found.open > 0) break;
      throw new VertebraError(
        "rollout-none",
        `There is no rollout ${definition.rollout} in this world, or it was taken back`,
        "Begin one with `vertebra rollout start`.",
      );
    }
  }
}

/** Throws `expel-epoch`: another was expelled first, who may have been sealed the secret of this one. */
function checkExpel({ expelled }: Known, { epoch }: ExpelDefinition): void {
  if (epoch === expelled.length + 1) return;
  throw new VertebraError(
    "expel-epoch",
    `It begins epoch ${epoch} of the membership, which is in epoch ${expelled.length}: another was expelled first`,
    "Whoever asked for it asks again, with a new secret.",
  );
}

/** Throws `rollout-running`, and `rollout-saga` where it is of no staged version, or of members who do not run it. */
function checkRollout({ sagas, groups, rollouts }: Known, definition: RolloutDefinition): void {
  const { name, version, stateGroup, statusGroup, rings } = definition;
  const before = rollouts.filter((each) => each.definition.name === name).at(-1);
  if (before !== undefined && isUnderWay(before.definition, before.open)) {
    throw new VertebraError(
      "rollout-running",
      `Saga '${name}' rolls out already, in version ${before.definition.version}: ${before.open} of its ${before.definition.rings.length} rings are open`,
      `Wait until it is done, or take it back: \`vertebra rollout rollback ${name}\`.`,
    );
  }
  const saga = sagas.find((each) => each.name === name && each.version === version && each.staged);
  const owners = (id: Hash) => groups.find((group) => equal(group.id, id))?.owners ?? [];
  const all = [stateGroup, statusGroup].map(owners);
  const runs = rings.flat().every((avatar) => all.every((these) => these.some((owner) => equal(owner, avatar))));
  if (saga !== undefined && equal(saga.stateGroup, stateGroup) && runs) return;
  throw new VertebraError(
    "rollout-saga",
    `The rollout of saga ${name} v${version} is of no version that is to roll out, or of members who do not run it`,
    "Begin one with `vertebra rollout start FILE`.",
  );
}

/** Throws `saga-version` and `group-unknown`. */
function checkSaga({ sagas, groups }: Known, { name, version, stateGroup, groups: its }: SagaDefinition): void {
  const former = sagas.filter((each) => each.name === name);
  const newest = Math.max(0, ...former.map((each) => each.version));
  if (version <= newest) {
    throw new VertebraError(
      "saga-version",
      `Saga '${name}' is deployed in version ${newest}, and this one is version ${version}`,
      `Give it version ${newest + 1}: what was begun ends on the version that it began with.`,
    );
  }
  const lacking = its.find(({ group }) => !groups.some(({ id }) => equal(id, group)));
  if (lacking !== undefined) {
    throw new VertebraError(
      "group-unknown",
      `Saga ${name} names group ${toHex(lacking.group).slice(0, 16)}…, which is none of this world`,
      "Define its groups first.",
    );
  }
  if (former.every((each) => equal(each.stateGroup, stateGroup))) return;
  throw new VertebraError(
    "saga-owners",
    `Saga '${name}' is run by other members than those who are to run version ${version}`,
    "Deploy it to the same members, or under another name.",
  );
}

/** Pacts of a row or of a world, decoded, with all their fields. */
export function readPacts(crypto: Crypto, encodedPacts: readonly Uint8Array[]): KnownPact[] {
  const decoded = encodedPacts.map((bytes) => ({ id: pactId(crypto, bytes), bytes, pact: decodePact(bytes) }));
  const lookup = (id: Hash) => decoded.find((each) => equal(each.id, id))?.pact;
  return decoded.map(({ id, bytes, pact }) => ({ id, bytes, pact, fields: resolveFields(pact, lookup) }));
}

function findGroup(groups: readonly KnownGroup[], called: string): KnownGroup {
  const named = groups.filter((group) => group.name === called);
  const ofPact = groups.filter((group) => group.pact.pact.name === called);
  const digits = called.length < leastDigits ? [] : groups.filter((group) => toHex(group.id).startsWith(called));
  const found = [named, ofPact, digits].find((candidates) => candidates.length > 0) ?? [];
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
