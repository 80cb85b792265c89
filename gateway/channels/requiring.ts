import { isCapabilitiesPact, readPublished } from "../../firmware/core/capability/published";
import type { GroupDefinition } from "../../firmware/core/definitions/definition";
import { VertebraError } from "../../firmware/core/errors";
import { decodePact } from "../../firmware/core/pact/pact";
import { meets, type Published } from "../../firmware/core/pact/requirement";
import { toHex } from "../../firmware/core/wire/bytes";
import { decodeSyncGroup } from "../../firmware/core/wire/structures";
import type { AvatarId, Requirement } from "../../firmware/core/wire/types";
import type { Gateway } from "../gateway";
import { requirementText } from "../saga/requirements";
import { isExpelled } from "../world/catalog";
import { ableOf, type Capable } from "../world/selecting";
import { blocksOf } from "./history";

/**
 * "Only members that meet it may own its groups": whoever defines a group looks at what its owners are known to be able to do, by its pact and
 * those that this one extends. Throws `group-requires` for the first who can't.
 */
export async function checkRequired(gateway: Gateway, { name, group, pacts }: GroupDefinition): Promise<void> {
  const requires = pacts.map(decodePact).flatMap(({ policy }) => policy.requires ?? []);
  if (requires.length === 0) return;
  const { world } = gateway;
  const capable = await capableIn(gateway);
  const able = (avatar: AvatarId) => ableOf(world, capable, avatar);
  for (const owner of decodeSyncGroup(group).owners) {
    const lacks = requires.find((each) => !meets([each], able(owner)));
    if (lacks === undefined) continue;
    const { catalog } = world;
    const others = catalog.members.filter(
      ({ avatar }) => !isExpelled(catalog, avatar) && meets(requires, able(avatar)),
    );
    throw cantOwn(
      name,
      lacks,
      catalog.memberName(owner),
      able(owner),
      others.map((each) => each.name),
    );
  }
}

function cantOwn(
  group: string,
  lacks: Requirement,
  owner: string,
  able: Published,
  others: readonly string[],
): VertebraError {
  const has = [...able].map(([name, value]) => `${name} ${value}`).join(", ");
  return new VertebraError(
    "group-requires",
    `${owner} can't own group ${group}, whose pact requires ${requirementText(lacks)}: ${has === "" ? "what it can do is not known here" : `it has ${has}`}`,
    others.length > 0
      ? `Who can: ${others.join(", ")}.`
      : "No member is known to have that: add one with `vertebra board add NAME --board board.json`.",
  );
}

/** What each member published last, in whatever group. */
export async function capableIn({ store, world }: Gateway): Promise<Capable> {
  const capable = new Map<string, Published>();
  for (const group of world.catalog.groups) {
    if (!isCapabilitiesPact(group.pact.pact)) continue;
    for await (const { issuer, entries } of blocksOf(store, world.tag, group.id)) {
      for (const entry of entries ?? []) {
        const published = readPublished(entry);
        if (published !== undefined) capable.set(toHex(issuer), published);
      }
    }
  }
  return capable;
}
