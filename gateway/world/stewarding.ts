import {
  definitionsGroup,
  definitionsName,
  definitionsPactBytes,
  type GroupDefinition,
} from "../../firmware/core/definitions/definition";
import { VertebraError } from "../../firmware/core/errors";
import { quorumSize } from "../../firmware/core/pact/pact";
import { equal } from "../../firmware/core/wire/bytes";
import { maxOwners } from "../../firmware/core/wire/limits";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";
import { type Catalog, isExpelled, isOwner, type KnownGroup } from "./catalog";
import { avatarOf, growingWorld, memberCalled } from "./growing";
import type { World } from "./world";

/** Who may define what the world has, and how that changes (PROTOCOL 10). */

/** The group in which they define now: its owners are the stewards. Throws `world-fixed`. */
export function stewardsOf(world: World): KnownGroup {
  growingWorld(world);
  return world.catalog.group(definitionsName);
}

export function isSteward(world: World, avatar: AvatarId): boolean {
  return isOwner(stewardsOf(world), avatar);
}

/** How many of so many stewards must agree on what is defined. */
export function stewardsNeeded(count: number): number {
  return quorumSize("two-thirds", count);
}

/** Throws `member-unknown`, `member-expelled`, `steward-already` and `stewards-many`. */
export function withSteward(crypto: Crypto, world: World, name: string): GroupDefinition {
  const group = stewardsOf(world);
  const avatar = avatarOf(world.catalog, name);
  if (isOwner(group, avatar)) {
    throw new VertebraError(
      "steward-already",
      `${name} is a steward of this world already`,
      "`vertebra steward list` shows who is.",
    );
  }
  if (group.owners.length >= maxOwners) {
    throw new VertebraError(
      "stewards-many",
      `This world has ${group.owners.length} stewards, and no group has more owners`,
      "Revoke one first: `vertebra steward revoke NAME`.",
    );
  }
  return nextStewards(crypto, group, [...group.owners, avatar]);
}

/** Throws `member-unknown`, `steward-none`, `steward-last` and `stewards-few`. */
export function withoutSteward(crypto: Crypto, world: World, name: string): GroupDefinition {
  const group = stewardsOf(world);
  const { catalog } = world;
  const { avatar } = memberCalled(catalog, name);
  const left = group.owners.filter((owner) => !equal(owner, avatar));
  if (left.length === group.owners.length) {
    throw new VertebraError(
      "steward-none",
      `${name} is no steward of this world`,
      `These are: ${namesOf(catalog, group.owners)}.`,
    );
  }
  if (left.length === 0) {
    throw new VertebraError(
      "steward-last",
      `${name} is the only steward, and without one nothing can be defined any more`,
      "Add another one first: `vertebra steward add NAME`.",
    );
  }
  const there = left.filter((owner) => !isExpelled(catalog, owner)).length;
  if (there < stewardsNeeded(left.length)) {
    throw new VertebraError(
      "stewards-few",
      `Without ${name} ${there} of ${left.length} stewards are left that were not expelled, of whom ${stewardsNeeded(left.length)} must agree`,
      "Revoke those that were expelled first, or add another one.",
    );
  }
  return nextStewards(crypto, group, left);
}

function namesOf(catalog: Catalog, avatars: readonly AvatarId[]): string {
  return avatars.map(catalog.memberName).join(", ");
}

function nextStewards(crypto: Crypto, group: KnownGroup, owners: readonly AvatarId[]): GroupDefinition {
  const { version } = group.pact.pact;
  return {
    kind: "group",
    name: definitionsName,
    group: definitionsGroup(crypto, owners, version + 1),
    pacts: [definitionsPactBytes(version + 1)],
    readings: [],
    followers: [],
    succeeds: definitionsGroup(crypto, group.owners, version),
  };
}
