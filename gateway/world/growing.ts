import { decodeBoard } from "../../firmware/core/capability/board";
import { indexPacts, pactChain } from "../../firmware/core/chain/group";
import { type Definition, type GroupDefinition, maxLabels } from "../../firmware/core/definitions/definition";
import { VertebraError } from "../../firmware/core/errors";
import { avatarSeed, noiseStatic } from "../../firmware/core/identity/avatar";
import { noSagas, type Provision, type ProvisionedWorld } from "../../firmware/core/identity/provision";
import { compare, equal } from "../../firmware/core/wire/bytes";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { Crypto, Random } from "../../firmware/ports";
import { type Catalog, isExpelled, isGateway, type KnownPact, type Member } from "./catalog";
import { checkMemory, paceOf } from "./layout";
import { boardFiles, provisionAt, type World } from "./world";

/** What a steward defines so that a world has one board, pact or group more. */

/** What a newcomer is given of the world: where it is defined, and from where on it follows that. */
export type Newcomer = Pick<ProvisionedWorld, "worldId" | "stewards" | "definitions" | "epoch" | "definedFrom">;

export interface NewBoard {
  /** The member, and a group of it and the gateway that its machine's readings go into. */
  readonly definitions: readonly Definition[];
  readonly avatar: AvatarId;
  /** The seed, the world and where it is defined: all else comes over its cable. */
  readonly provision: Provision;
}

/**
 * A board of this name that is what its `board.json` says, and is given this of the world.
 * Throws `board-…` where that can't be read or has no memory for its group, `name`, `label`, and `pact-unknown` in a world without the pact of a machine's readings.
 */
export function newBoard(
  crypto: Crypto,
  random: Random,
  world: World,
  name: string,
  definition: Uint8Array,
  labels: readonly string[],
  newcomer: Newcomer,
): NewBoard {
  const its = newcomersWorld(newcomer);
  const seed = begunSeed(world, name, its.worldId) ?? random.bytes(32);
  const secret = avatarSeed(crypto, seed, its.worldId);
  const avatar = crypto.signer(secret).publicKey;
  const key = crypto.x25519Public(noiseStatic(crypto, secret));
  return {
    definitions: newMember(crypto, world, name, definition, labels, { avatar, key }),
    avatar,
    provision: { seed, worlds: [its] },
  };
}

/** All that any newcomer is provisioned with of the world: the rest it hears. */
export function newcomersWorld(newcomer: Newcomer): ProvisionedWorld {
  return { ...newcomer, pacts: [], groups: [], readings: [], sagas: noSagas };
}

/** What makes who has these keys a member: itself, and its group with the gateway; what something ended the gateway in between of, the rest of it. Throws as `newBoard`. */
export function newMember(
  crypto: Crypto,
  world: World,
  name: string,
  definition: Uint8Array,
  labels: readonly string[],
  { avatar, key }: { readonly avatar: AvatarId; readonly key: Uint8Array },
): Definition[] {
  checkMemberName(name);
  checkLabels(labels);
  const machine = newestPact(world.catalog, "machine");
  const owners = [avatarOf(world.catalog, world.own), avatar];
  const readings = [{ avatar, everyMs: paceOf(definition) }];
  const group = groupOf(crypto, world.catalog, `machine@${name}`, machine, owners, readings, []);
  const its = newcomersWorld(growingWorld(world));
  checkMemory(name, definition, { ...its, pacts: group.pacts, groups: [group.group] });
  // Something may have ended the gateway between the two.
  const isMember = world.catalog.members.some((member) => member.name === name && equal(member.avatar, avatar));
  const board = decodeBoard(definition).kind;
  const member: Definition = { kind: "member", name, avatar, board, labels: [...labels].sort(), key };
  return isMember ? [group] : [member, group];
}

/** Of one whose files were put in their place, and which was not defined before something ended the gateway: it is gone on with. */
function begunSeed({ directory }: World, name: string, worldId: Uint8Array): Uint8Array | undefined {
  const { provisionFile } = boardFiles(directory, name);
  const begun = provisionAt(provisionFile);
  return begun?.worlds.length === 1 && equal(begun.worlds[0]!.worldId, worldId) ? begun.seed : undefined;
}

export interface AskedGroup {
  readonly name: string;
  readonly pact: string;
  /** Names of members. */
  readonly owners: readonly string[];
  /** Of these who push their sensors into it, and how often. */
  readonly readings: readonly { readonly member: string; readonly everyMs: number }[];
}

/**
 * A group of these owners. The gateway relays it where it is none of them, since boards hear each other through it. Throws `member-unknown`,
 * `pact-unknown`, `group-owners`, `name` and `readings-owner`.
 */
export function newGroup(crypto: Crypto, world: World, asked: AskedGroup): GroupDefinition {
  const { catalog } = world;
  checkName(asked.name, groupName);
  const { owners, readings } = readAsked(catalog, asked);
  const pact = newestPact(catalog, asked.pact);
  return groupOf(crypto, catalog, asked.name, pact, owners, readings, relaysOf(catalog, owners));
}

/** Throws `member-unknown`, `group-owners` and `readings-owner`. */
export function readAsked(catalog: Catalog, asked: Omit<AskedGroup, "pact">) {
  const owners = asked.owners.map((name) => avatarOf(catalog, name));
  if (owners.length === 0 || new Set(asked.owners).size < owners.length) {
    const message = `Group ${asked.name} has ${owners.length === 0 ? "no owners" : "an owner twice"}`;
    throw new VertebraError("group-owners", message, "Name each member that is to own it with --owner, once.");
  }
  checkReadings(catalog, asked);
  const readings = asked.readings.map(({ member, everyMs }) => ({ avatar: avatarOf(catalog, member), everyMs }));
  return { owners, readings };
}

/** Boards hear each other through the gateways that they are linked with. */
export function relaysOf(catalog: Catalog, owners: readonly AvatarId[]): readonly AvatarId[] {
  const gateways = catalog.members.filter((member) => isGateway(member) && !isExpelled(catalog, member.avatar));
  const avatars = gateways.map(({ avatar }) => avatar);
  return avatars.filter((avatar) => !owners.some((owner) => equal(owner, avatar))).sort(compare);
}

/** `machine@` goes before it, and 64 bytes are the most. */
const memberName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,54}$/;
const groupName = /^(?=.{1,63}$)[A-Za-z0-9][A-Za-z0-9._-]*(?:@[A-Za-z0-9._-]+)?$/;

/** People have files by these names, and type them. Throws `name`. */
function checkName(name: string, allowed: RegExp): void {
  if (allowed.test(name)) return;
  const what =
    allowed === memberName ? "a member: it has at most 55" : "a group: it has at most 63, with one '@' in it";
  throw new VertebraError(
    "name",
    `'${name}' is no name for ${what} characters`,
    "Take letters, digits, '-', '_' and '.', and begin with a letter or a digit.",
  );
}

/** Throws `name`. */
export function checkMemberName(name: string): void {
  checkName(name, memberName);
}

const labelName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/;

/** People type them, separated by commas. Throws `label`. */
function checkLabels(labels: readonly string[]): void {
  const wrong = labels.find((label) => !labelName.test(label));
  const twice = labels.find((label, index) => labels.indexOf(label) < index);
  if (wrong === undefined && twice === undefined && labels.length <= maxLabels) return;
  const of = wrong ?? twice;
  throw new VertebraError(
    "label",
    of === undefined
      ? `The board has ${labels.length} labels, and ${maxLabels} are the most`
      : `'${of}' ${wrong === undefined ? "is given twice" : "is no label: it has at most 32 characters"}`,
    "Give each once with --label: letters, digits, '-', '_' and '.', beginning with a letter or a digit.",
  );
}

/** Each is of an owner that has sensors, and once. Throws `readings-owner`. */
function checkReadings(catalog: Catalog, { name, owners, readings }: Omit<AskedGroup, "pact">): void {
  const gateways = new Set(catalog.members.filter(isGateway).map((member) => member.name));
  const wrong = (member: string, why: string) =>
    new VertebraError(
      "readings-owner",
      `${member} can't push readings into ${name}: ${why}`,
      "Name each board that owns the group once at most with --reading.",
    );
  for (const [index, { member }] of readings.entries()) {
    if (!owners.includes(member)) throw wrong(member, "it is none of its owners");
    if (gateways.has(member)) throw wrong(member, "a gateway has no sensors");
    if (readings.findIndex((other) => other.member === member) < index) throw wrong(member, "it is named twice");
  }
}

/** The definition of a group of a pact that the catalog knows. */
export function groupOf(
  crypto: Crypto,
  { pacts }: Pick<Catalog, "pacts">,
  name: string,
  pact: Pick<KnownPact, "id">,
  owners: readonly AvatarId[],
  readings: GroupDefinition["readings"],
  followers: readonly AvatarId[],
): GroupDefinition {
  const known = indexPacts(
    crypto,
    pacts.map(({ bytes }) => bytes),
  );
  const group = encodeSyncGroup({ pact: pact.id, owners: [...owners].sort(compare) });
  return { kind: "group", name, group, pacts: pactChain(pact.id, known), readings, followers, succeeds: null };
}

/** The pact of this name in its highest version. Throws `pact-unknown`. */
export function newestPact({ pacts }: Pick<Catalog, "pacts">, name: string): KnownPact {
  const found = pacts.filter(({ pact }) => pact.name === name).sort((a, b) => b.pact.version - a.pact.version)[0];
  if (found !== undefined) return found;
  const names = [...new Set(pacts.map(({ pact }) => pact.name))].join(", ");
  throw new VertebraError(
    "pact-unknown",
    `This world has no pact '${name}'`,
    `There are: ${names}. Add one with \`vertebra pact add FILE\`.`,
  );
}

/** Of who is to take part in something. Throws `member-unknown`, and `member-expelled`. */
export function avatarOf(catalog: Catalog, name: string): AvatarId {
  const { avatar } = memberCalled(catalog, name);
  if (!isExpelled(catalog, avatar)) return avatar;
  throw new VertebraError(
    "member-expelled",
    `${name} was expelled from this world: nobody links to it any more`,
    "Name another member.",
  );
}

/** Whoever is or was called so. Throws `member-unknown`. */
export function memberCalled({ members }: Catalog, name: string): Member {
  const found = members.find((member) => member.name === name);
  if (found !== undefined) return found;
  const names = members.map((member) => member.name).join(", ");
  throw new VertebraError("member-unknown", `This world has no member '${name}'`, `There are: ${names}.`);
}

/** Of a newcomer that hears all that was ever defined. Throws `world-fixed` for a world of an earlier version. */
export function growingWorld({ provision: { worldId, stewards, definitions } }: World): Newcomer {
  if (definitions !== undefined) return { worldId, stewards, definitions };
  throw new VertebraError(
    "world-fixed",
    "This world was made by an earlier version, and stays as it was made",
    "Make a new one with `vertebra world create` to add to it.",
  );
}
