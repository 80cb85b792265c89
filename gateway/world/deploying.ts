import { existsSync, readFileSync } from "node:fs";
import { capabilitiesPact } from "../../firmware/core/capability/published";
import { type Definition, type GroupDefinition, idOfDefined } from "../../firmware/core/definitions/definition";
import type { SagaDefinition } from "../../firmware/core/definitions/saga-definition";
import { VertebraError } from "../../firmware/core/errors";
import { decodePact, encodePact, pactId, syncGroupId } from "../../firmware/core/pact/pact";
import { readDefinitions } from "../../firmware/core/saga/definitions";
import { encodeParts, provisionOf } from "../../firmware/core/saga/deployed";
import { interests } from "../../firmware/core/saga/resuming";
import { reversalPactId } from "../../firmware/core/saga/state";
import { decodeBehavior, decodeDescription } from "../../firmware/core/saga/structures";
import { compare, equal, toHex } from "../../firmware/core/wire/bytes";
import { hash } from "../../firmware/core/wire/hash";
import { chunkBytes } from "../../firmware/core/wire/limits";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import { encodeText } from "../../firmware/core/wire/text";
import type { AvatarId, Hash } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";
import { type CompiledSaga, compile } from "../saga/described";
import { type Catalog, isExpelled, isGateway, isOwner, type KnownGroup, knownIn } from "./catalog";
import { calledBy, cellName, cellNumber, cellsOf, intoCells } from "./cells";
import { avatarOf, groupOf, relaysOf } from "./growing";
import { fills, runsSagas, sagaReadingsEveryMs } from "./layout";
import type { World } from "./world";

/** What a steward defines so that members of its world run a saga, and the source that is to reach them. */

export interface AskedSaga {
  /** Its name to people, and the text of the module that it was bundled into. */
  readonly file: string;
  readonly source: string;
  /** What the engine says is in it. */
  readonly described: unknown;
  /** Names of the members that are to run it; none for those who run the version before, or else for all that can. */
  readonly owners: readonly string[];
  /** Names of groups that are to be taken for their pacts, where several could be. */
  readonly groups: readonly string[];
  /** Members of a cell at most (`cells`); 0 where it is to be in as few as it can. */
  readonly cells: number;
}

export interface NewSaga {
  readonly definition: SagaDefinition;
  /** What it needs besides, in the order in which it is to be defined: its groups. */
  readonly groups: readonly GroupDefinition[];
  /** By the hex of their hashes. */
  readonly pieces: ReadonlyMap<string, Uint8Array>;
}

/** How many entries are final in a group, by the hex of its id. */
export type FinalEntries = (group: string) => number;

/**
 * One for each cell that is to run it, or one in all: what `newSaga` takes. A version goes to the cells of the one before. Throws
 * `member-unknown`, `sandbox-none`, `saga-name`, `saga-cells`, `saga-owners` where the version before is run by others, and `saga-group`
 * for a group that no cell owns.
 */
export function askedOfCells(world: World, asked: AskedSaga): readonly AskedSaga[] {
  const { catalog } = world;
  const name = String(optionsOf(asked.described).name);
  if (cellNumber(name) > 0)
    throw new VertebraError("saga-name", `'${name}' is the name of a cell`, `Call the saga '${calledBy(name)}'.`);
  const there = cellsOf(catalog, name);
  if (there.length > 0) {
    const inCells = there[0] !== name;
    if (asked.cells > 0 || (inCells && asked.owners.length > 0)) throw otherCells(name, inCells ? there.length : 0);
    return inCells ? there.map((cell) => ofCell(catalog, asked, cell, statesOf(catalog, cell)!.owners, [])) : [asked];
  }
  const owners = ownersOf(world, asked);
  const its = catalog.members.filter(({ avatar }) => isOwner({ owners }, avatar));
  const avatars = (gateways: boolean) =>
    its.filter((member) => isGateway(member) === gateways).map(({ avatar }) => avatar);
  const cells = intoCells(avatars(false), avatars(true), asked.cells);
  if (cells === null) return [asked];
  const lost = asked.groups.find((group) => !cells.some((members) => isOwnedBy(catalog.group(group), members)));
  if (lost !== undefined) throw notOwned(catalog.group(lost), name);
  return cells.map((members, index) =>
    ofCell(catalog, asked, cellName(name, index + 1), members, members.map(catalog.memberName)),
  );
}

/** With those of the named groups that are its members'. */
function ofCell(
  catalog: Catalog,
  asked: AskedSaga,
  name: string,
  members: readonly AvatarId[],
  owners: readonly string[],
): AskedSaga {
  const groups = asked.groups.filter((group) => isOwnedBy(catalog.group(group), members));
  const described = asked.described as { readonly options: object };
  return { ...asked, owners, groups, described: { ...described, options: { ...described.options, name } } };
}

function otherCells(name: string, cells: number): VertebraError {
  return new VertebraError(
    "saga-owners",
    `Saga '${name}' is run in ${cells === 0 ? "no" : `${cells}`} cells`,
    "Leave --cells and --owner out, since its versions go to the same members; or deploy it under another name.",
  );
}

function statesOf(catalog: Catalog, name: string): KnownGroup | undefined {
  const before = catalog.sagas.filter((each) => each.name === name).at(-1);
  return before && catalog.groupOf(before.stateGroup);
}

/**
 * Throws `saga-…` and `pact-…` as `compile` does, `member-unknown`, `sandbox-none` for who runs no behaviors, `saga-owners` where the
 * version before is run by others, `saga-group` where it is not clear or not possible which group a pact's entries are in, and
 * `saga-interests` for a version that looks at other entries than those before it.
 */
export function newSaga(
  crypto: Crypto,
  world: World,
  finalEntries: FinalEntries,
  asked: AskedSaga,
  staged: boolean,
): NewSaga {
  const { catalog } = world;
  const owners = ownersOf(world, asked);
  const source = { file: asked.file, text: asked.source };
  const compiled = compile(crypto, source, asked.described, owners, lifeOf(catalog, asked.described));
  const former = catalog.sagas.filter(({ name }) => name === compiled.name);
  if (world.provision.sagas.descriptions.some((each) => decodeDescription(each).name === compiled.name)) {
    throw new VertebraError(
      "saga-provisioned",
      `Saga '${compiled.name}' is one that this world was made with, and its members have it from their provisions`,
      "Deploy it under another name.",
    );
  }
  const pacts = pactsOf(crypto, catalog, compiled);
  for (const called of asked.groups) checkNamed(crypto, catalog.group(called), compiled.name, pacts);
  const its = { name: compiled.name, version: compiled.version };
  const places = pacts.map((pact) => placeOf(crypto, world, asked, its, pact, owners, former));
  const groups = places.flatMap(({ define }) => define ?? []);
  const { behaviors, stages, descriptions } = compiled.provision;
  const { source: module, chunks } = decodeBehavior(behaviors[0]!);
  const code = encodeText(asked.source);
  const from = new Map(former.flatMap((each) => each.groups.map(({ group, from }) => [toHex(group), from])));
  const definition: SagaDefinition = {
    ...{ kind: "saga", name: compiled.name, version: compiled.version, size: code.length, chunks },
    stateGroup: decodeDescription(descriptions[0]!).stateGroup,
    groups: places
      .map(({ id, define }) => {
        const key = toHex(id);
        return { group: id, from: define === undefined ? (from.get(key) ?? finalEntries(key)) : 0 };
      })
      .sort((one, other) => compare(one.group, other.group)),
    parts: encodeParts({ description: descriptions[0]!, stages, behaviors }),
    staged,
  };
  checkVersions(crypto, catalog, [...former, definition], groups);
  return { definition, groups, pieces: piecesOf(crypto, code, module) };
}

/**
 * The version of its states' pact: 1; of a saga that was undeployed, and is deployed anew, the number of the first version then. So it has
 * states of its own, and nothing that is late in those of before says anything to it.
 */
function lifeOf(catalog: Catalog, described: unknown): number {
  const { name, version } = optionsOf(described);
  const live = catalog.sagas.find((each) => each.name === name);
  if (live !== undefined) return catalog.groupOf(live.stateGroup)!.pact.pact.version;
  const wasThere = catalog.undeployed.some((each) => each.name === name);
  return wasThere && Number.isSafeInteger(version) ? Math.max(1, version as number) : 1;
}

/** What its module says, which is checked when it is compiled. */
function optionsOf(described: unknown): { readonly name?: unknown; readonly version?: unknown } {
  return (
    (described as { readonly options?: { readonly name?: unknown; readonly version?: unknown } } | null)?.options ?? {}
  );
}

/** Of the version before, or all that can run it, where nobody is named; sorted. */
function ownersOf(world: World, { owners, described }: AskedSaga): AvatarId[] {
  const { catalog } = world;
  const { name } = optionsOf(described);
  const runBefore = statesOf(catalog, String(name))?.owners;
  const cannot = world.boards.filter(({ definitionFile }) => !canRun(definitionFile));
  if (owners.length === 0) {
    const all =
      runBefore ?? catalog.members.map(({ avatar }) => avatar).filter((avatar) => !isExpelled(catalog, avatar));
    return all.filter((avatar) => !cannot.some((board) => equal(board.avatar, avatar))).sort(compare);
  }
  const named = owners.map((owner) => avatarOf(catalog, owner)).sort(compare);
  if (runBefore !== undefined && !isSame(named, runBefore))
    throw otherOwners(String(name), runBefore.map(catalog.memberName));
  const without = cannot.find(({ avatar }) => named.some((each) => equal(each, avatar)));
  if (without === undefined) return named;
  throw new VertebraError(
    "sandbox-none",
    `${without.name} runs no behaviors, as its board.json says`,
    "Deploy the saga to members that have a sandbox.",
  );
}

function isSame(one: readonly AvatarId[], other: readonly AvatarId[]): boolean {
  return one.length === other.length && one.every((each, at) => equal(each, other[at]!));
}

function otherOwners(name: string, members: readonly string[]): VertebraError {
  return new VertebraError(
    "saga-owners",
    `Saga '${name}' is run by ${members.join(", ")}`,
    "Leave --owner out, since its versions go to the same members; or deploy it under another name.",
  );
}

function canRun(definitionFile: string): boolean {
  return !existsSync(definitionFile) || runsSagas(new Uint8Array(readFileSync(definitionFile)));
}

/** Its states' first. Throws `pact-version` for one that the world knows otherwise. */
function pactsOf(crypto: Crypto, { pacts }: Catalog, { provision, name: saga }: CompiledSaga): Uint8Array[] {
  for (const bytes of provision.pacts) {
    const { name } = decodePact(bytes);
    if (isItsOwn(crypto, saga, bytes)) continue;
    const known = pacts.filter(({ pact }) => pact.name === name);
    if (known.length === 0 || known.some(({ id }) => equal(id, pactId(crypto, bytes)))) continue;
    throw new VertebraError(
      "pact-version",
      `Pact '${name}' is there with other fields, or another policy, than the saga's`,
      "Import it in the saga from the file that the world has it from, or call it otherwise.",
    );
  }
  return [...provision.pacts, encodePact(capabilitiesPact("two-thirds"))];
}

interface Place {
  /** SyncGroupId. */
  readonly id: Hash;
  /** Where there is no such group yet. */
  readonly define?: GroupDefinition;
}

/** The group that the entries of a pact are in: one that there is, or a new one of those who run the saga. */
function placeOf(
  crypto: Crypto,
  world: World,
  asked: AskedSaga,
  saga: Pick<CompiledSaga, "name" | "version">,
  pact: Uint8Array,
  owners: readonly AvatarId[],
  former: readonly SagaDefinition[],
): Place {
  const { catalog } = world;
  const id = pactId(crypto, pact);
  const ofPact = catalog.groups.filter((group) => equal(group.pact.id, id));
  const before = ofPact.find((group) => former.some((each) => each.groups.some((its) => equal(its.group, group.id))));
  if (before !== undefined) return { id: before.id };
  const own = syncGroupId(crypto, encodeSyncGroup({ pact: id, owners }));
  const same = ofPact.find((group) => equal(group.id, own));
  if (isItsOwn(crypto, saga.name, pact)) return same ?? defined(crypto, world, saga, pact, owners);
  const wanted = ofPact.filter(({ name }) => asked.groups.includes(name));
  const shared = (wanted.length > 0 ? wanted : ofPact).filter((group) => isOwnedBy(group, owners));
  if (wanted.length > shared.length && wanted.length > 0) throw notOwned(wanted[0]!, saga.name);
  const [only, ...others] = shared;
  if (only === undefined) return defined(crypto, world, saga, pact, owners);
  if (others.length === 0) return { id: only.id };
  throw new VertebraError(
    "saga-group",
    `Entries of pact '${only.pact.pact.name}' are in several groups of those who are to run saga '${saga.name}'`,
    `Say with --group which it is: ${shared.map(({ name }) => name).join(", ")}.`,
  );
}

function checkNamed(crypto: Crypto, { name, pact }: KnownGroup, saga: string, pacts: readonly Uint8Array[]): void {
  if (pacts.some((each) => equal(pactId(crypto, each), pact.id))) return;
  throw new VertebraError(
    "saga-group",
    `Saga '${saga}' has nothing to do with group ${name}, whose entries are of pact '${pact.pact.name}'`,
    "Leave it out, or name a group of a pact that the saga names.",
  );
}

/** A saga's states, reversals and capabilities are nobody else's. */
function isItsOwn(crypto: Crypto, saga: string, pact: Uint8Array): boolean {
  const id = pactId(crypto, pact);
  const capabilities = pactId(crypto, encodePact(capabilitiesPact("two-thirds")));
  return equal(id, capabilities) || equal(id, reversalPactId(crypto)) || decodePact(pact).name === `${saga}-states`;
}

function isOwnedBy(group: KnownGroup, avatars: readonly AvatarId[]): boolean {
  return avatars.every((avatar) => isOwner(group, avatar));
}

function notOwned({ name }: KnownGroup, saga: string): VertebraError {
  return new VertebraError(
    "saga-group",
    `Not all who are to run saga '${saga}' own group ${name}`,
    "Name owners of that group with --owner, or take another group.",
  );
}

function defined(
  crypto: Crypto,
  world: World,
  saga: Pick<CompiledSaga, "name" | "version">,
  pact: Uint8Array,
  owners: readonly AvatarId[],
): Required<Place> {
  const { catalog } = world;
  const id = pactId(crypto, pact);
  const { name } = decodePact(pact);
  const states = name === `${saga.name}-states`;
  const own = isItsOwn(crypto, saga.name, pact) && !states;
  const free = (called: string) => !catalog.groups.some((group) => group.name === called);
  // Of a cell's groups only its states' is called by its pact alone, which no other cell has.
  const alone = states || (!own && cellNumber(saga.name) === 0);
  const names = [...(alone ? [name] : []), ...(states ? [] : [`${name}@${saga.name}`])];
  // What it had when it was deployed before has these.
  const anew = `${name}@${states ? "" : `${saga.name}.`}v${saga.version}`;
  const called = names.find(free) ?? anew;
  const readers = world.boards.filter(
    ({ avatar, definitionFile }) =>
      !own &&
      isOwner({ owners }, avatar) &&
      existsSync(definitionFile) &&
      fills(new Uint8Array(readFileSync(definitionFile)), pact),
  );
  const group = groupOf(
    crypto,
    { pacts: [...catalog.pacts, { id, bytes: pact, pact: decodePact(pact), fields: [] }] },
    called,
    { id },
    owners,
    readers.map(({ avatar }) => ({ avatar, everyMs: sagaReadingsEveryMs })),
    relaysOf(catalog, owners),
  );
  return { id: idOfDefined(crypto, group), define: group };
}

/** As who runs them will put them together. */
function checkVersions(
  crypto: Crypto,
  catalog: Catalog,
  versions: readonly SagaDefinition[],
  more: readonly GroupDefinition[],
): void {
  const { pacts, groups } = knownIn(catalog);
  const known = {
    pacts: [...pacts, ...more.flatMap((each) => each.pacts)],
    groups: [...groups, ...more.map(({ group }) => group)],
  };
  const { sagas } = readDefinitions(
    crypto,
    provisionOf(versions, known, (group) => syncGroupId(crypto, group), new Set()),
  );
  const all = [...sagas.values()].sort((one, other) => one.description.version - other.description.version);
  if (all.length < 2 || interests(all.slice(0, -1)) === interests(all)) return;
  const { name, version } = all.at(-1)!.description;
  throw new VertebraError(
    "saga-interests",
    `Saga '${name}' v${version} begins with, consumes or reads other entries than the versions before it, and boards keep only what those need`,
    "Deploy it under another name.",
  );
}

function piecesOf(crypto: Crypto, code: Uint8Array, source: Hash): Map<string, Uint8Array> {
  const pieces = new Map<string, Uint8Array>();
  for (let start = 0; start < code.length; start += chunkBytes) {
    const piece = code.slice(start, start + chunkBytes);
    pieces.set(toHex(hash(crypto, "source", piece)), piece);
  }
  if (equal(hash(crypto, "source", code), source)) return pieces;
  throw new VertebraError(
    "assertion",
    "A behavior names the source that it was compiled from",
    "Report this as a bug.",
  );
}

/** Groups first: who hears of the saga has its groups then. */
export function definitionsOf({ groups, definition }: NewSaga): Definition[] {
  return [...groups, definition];
}
