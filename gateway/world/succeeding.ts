import type { Definition, GroupDefinition } from "../../firmware/core/definitions/definition";
import { VertebraError } from "../../firmware/core/errors";
import { syncGroupId } from "../../firmware/core/pact/pact";
import { decodeDescription } from "../../firmware/core/saga/structures";
import { compare, equal } from "../../firmware/core/wire/bytes";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";
import { groupsOwnedBy, isOfDefinitions, isOwner, type KnownGroup } from "./catalog";
import { definitionsStay, sameOwners } from "./checking";
import { type AskedGroup, groupOf, readAsked, relaysOf } from "./growing";
import { firstNames } from "./layout";
import { isSteward } from "./stewarding";
import { provisionAt, type World } from "./world";

/** What a steward defines so that a group goes on with other owners, or not at all (PROTOCOL 10, "Succession"). */

/** Nothing more is pushed into it. Throws `group-unknown` and `group-in-use`. */
export function retirementOf(crypto: Crypto, world: World, called: string): Definition {
  const group = unusedGroup(crypto, world, called);
  return { kind: "retire", group: group.id };
}

/** It goes on under its name with these owners. Throws `group-in-use`, and as `newGroup`. */
export function successorOf(
  crypto: Crypto,
  world: World,
  called: string,
  asked: Pick<AskedGroup, "owners" | "readings">,
): GroupDefinition {
  const group = unusedGroup(crypto, world, called);
  const { owners, readings } = readAsked(world.catalog, { ...asked, name: group.name });
  return succeeding(crypto, world, group, owners, readings);
}

/**
 * All groups of a member go on with another in its place, or, with null, without it; one that would have a single owner is retired, and so is that of
 * its own machine. Throws `group-in-use`.
 */
export function withoutMember(
  crypto: Crypto,
  world: World,
  name: string,
  old: AvatarId,
  by: AvatarId | null,
): Definition[] {
  const { catalog } = world;
  checkNoSteward(world, name, old);
  return groupsOwnedBy(catalog, old).map((group): Definition => {
    checkUnused(crypto, world, group);
    const others = group.owners.filter((owner) => !equal(owner, old));
    const owners = by === null || others.some((owner) => equal(owner, by)) ? others : [...others, by];
    if (owners.length < 2 || group.name === `machine@${name}`) return { kind: "retire", group: group.id };
    const readings = readingsOf(world, group).flatMap(({ avatar, everyMs }) => {
      if (!equal(avatar, old)) return [{ avatar, everyMs }];
      return by === null ? [] : [{ avatar: by, everyMs }];
    });
    return succeeding(crypto, world, group, owners, readings);
  });
}

/** Throws `steward-still`. */
function checkNoSteward(world: World, name: string, avatar: AvatarId): void {
  if (!isSteward(world, avatar)) return;
  throw new VertebraError(
    "steward-still",
    `${name} is a steward: while it is, the others need its word on what is defined`,
    `Revoke it first: \`vertebra steward revoke ${name}\`.`,
  );
}

function succeeding(
  crypto: Crypto,
  { catalog }: World,
  group: KnownGroup,
  owners: readonly AvatarId[],
  readings: GroupDefinition["readings"],
): GroupDefinition {
  const next = groupOf(crypto, catalog, group.name, group.pact, owners, readings, relaysOf(catalog, owners));
  const succeeds = encodedOf(group);
  if (equal(succeeds, next.group)) throw sameOwners(group.name, group.name);
  return { ...next, succeeds };
}

function encodedOf({ pact, owners }: KnownGroup): Uint8Array {
  return encodeSyncGroup({ pact: pact.id, owners: [...owners].sort(compare) });
}

/** Of a group that the world was made with, its boards were provisioned with them. */
function readingsOf(world: World, group: KnownGroup): GroupDefinition["readings"] {
  const made = world.boards
    .filter(({ avatar }) => isOwner(group, avatar))
    .flatMap(({ avatar, provisionFile }) => {
      const all = provisionAt(provisionFile)?.worlds.flatMap(({ readings }) => readings) ?? [];
      const its = all.find((reading) => equal(reading.group, group.id));
      return its === undefined ? [] : [{ avatar, everyMs: its.everyMs }];
    });
  return [...group.readings, ...made];
}

function unusedGroup(crypto: Crypto, world: World, called: string): KnownGroup {
  const group = world.catalog.group(called);
  if (isOfDefinitions(world.catalog, group.id)) throw definitionsStay();
  checkUnused(crypto, world, group);
  return group;
}

/** Whoever runs a saga looks at the same groups for good. Throws `group-in-use`. */
function checkUnused(crypto: Crypto, world: World, { id, name, pact }: KnownGroup): void {
  const { catalog, provision } = world;
  const rollouts = catalog.rollouts.filter(({ definition }) => equal(definition.statusGroup, id));
  const saga = catalog.sagas.find(
    ({ groups, stateGroup }) =>
      groups.some(({ group }) => equal(group, id)) ||
      rollouts.some(({ definition }) => equal(definition.stateGroup, stateGroup)),
  )?.name;
  if (saga !== undefined) {
    throw new VertebraError(
      "group-in-use",
      `Group ${name} is one of those of saga ${saga}, which looks at the same groups for as long as it is deployed`,
      `End the saga first: \`vertebra saga undeploy ${saga}\`; deploy it anew when its groups have their new owners.`,
    );
  }
  const made = provision.groups.some((group) => equal(syncGroupId(crypto, group), id));
  const sagas = provision.sagas.descriptions.map((each) => decodeDescription(each).name);
  if (!made || sagas.length === 0 || firstNames.includes(pact.pact.name)) return;
  throw new VertebraError(
    "group-in-use",
    `Group ${name} is one of those that the world was made with for its sagas: ${sagas.join(", ")}`,
    "These stay as they are. Make a world without them, and deploy its sagas: `vertebra saga deploy FILE`.",
  );
}
