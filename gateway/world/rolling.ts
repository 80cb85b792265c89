import type { Definition, GroupDefinition } from "../../firmware/core/definitions/definition";
import { maxRings, type RolloutDefinition } from "../../firmware/core/definitions/saga-definition";
import { VertebraError } from "../../firmware/core/errors";
import { encodePact, pactId, syncGroupId } from "../../firmware/core/pact/pact";
import { healthPact } from "../../firmware/core/saga/health";
import { compare, equal, toHex } from "../../firmware/core/wire/bytes";
import { decodeSyncGroup, encodeSyncGroup } from "../../firmware/core/wire/structures";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";
import { healthyOf } from "../saga/described";
import { isGateway, isOwner } from "./catalog";
import { calledBy } from "./cells";
import { type AskedSaga, askedOfCells, definitionsOf, type FinalEntries, type NewSaga, newSaga } from "./deploying";
import { avatarOf, groupOf, relaysOf } from "./growing";
import { type Capable, isSelector, selected } from "./selecting";
import type { World } from "./world";

/** What a steward defines so that a version of a saga comes to those who run it ring by ring. */

export interface AskedRollout extends AskedSaga {
  readonly rings: readonly AskedRing[];
  readonly soakMs: number;
  readonly maxFailures: number;
  readonly minSuccess: number;
}

/**
 * So many boards of those who run the saga and are in no ring before it, so many percent of them all, all that are left, or these: by name,
 * and of those that are left by what they are (`selecting`).
 */
export type AskedRing =
  | { readonly count: number }
  | { readonly percent: number }
  | { readonly members: readonly string[] }
  | { readonly all: true };

export interface NewRollout extends Pick<NewSaga, "pieces"> {
  /** Groups, then the saga, of every cell; then all rollouts: what they need is there for who hears of one. */
  readonly definitions: readonly Definition[];
}

/** Throws as `askedOfCells` and `newSaga`, and `rollout-rings` for a ring that selects nobody, or a member that does not run the saga. */
export function newRollout(
  crypto: Crypto,
  world: World,
  finalEntries: FinalEntries,
  capable: Capable,
  asked: AskedRollout,
): NewRollout {
  const cells = askedOfCells(world, asked).map((each) => newCell(crypto, world, finalEntries, each));
  const name = calledBy(cells[0]!.saga.definition.name);
  const all = new Map(cells.flatMap(({ owners }) => owners).map((avatar) => [toHex(avatar), avatar]));
  const rings = ringsOf(crypto, world, capable, name, [...all.values()], asked.rings);
  const rollouts = cells.map(({ saga: { definition }, owners, status }): RolloutDefinition => {
    const { name: called, version, stateGroup } = definition;
    return {
      ...{ kind: "rollout", name: called, version, stateGroup, statusGroup: status.id },
      rings: rings.map((ring) => ring.filter((avatar) => isOwner({ owners }, avatar))),
      ...{ soakMs: asked.soakMs, maxFailures: asked.maxFailures, minSuccess: asked.minSuccess },
      healthy: healthyOf(asked.described),
    };
  });
  const before = cells.flatMap(({ saga, status }) => [
    ...(status.define ? [status.define] : []),
    ...definitionsOf(saga),
  ]);
  return {
    definitions: [...before, ...rollouts],
    pieces: new Map(cells.flatMap(({ saga }) => [...saga.pieces])),
  };
}

/** The version and those who run it, in one cell. Throws `rollout-first`. */
function newCell(crypto: Crypto, world: World, finalEntries: FinalEntries, asked: AskedSaga) {
  const saga = newSaga(crypto, world, finalEntries, asked, true);
  const { name } = saga.definition;
  if (!world.catalog.sagas.some((each) => each.name === name && !each.staged)) {
    throw new VertebraError(
      "rollout-first",
      `No version of saga '${name}' is there to go back to: what came meanwhile would wait for nobody`,
      "Deploy its first version with `vertebra saga deploy`.",
    );
  }
  const owners = ownersOf(crypto, world, saga);
  return { saga, owners, status: statusGroup(crypto, world, saga.definition, owners) };
}

function ownersOf(crypto: Crypto, { catalog }: World, { definition, groups }: NewSaga): readonly AvatarId[] {
  const known = catalog.groupOf(definition.stateGroup);
  if (known !== undefined) return known.owners;
  const group = groups.find((each) => equal(syncGroupId(crypto, each.group), definition.stateGroup))!;
  return ownersIn(group);
}

function ownersIn({ group }: GroupDefinition): readonly AvatarId[] {
  return decodeSyncGroup(group).owners;
}

/** One for all rollouts of the saga; of one that was deployed anew for other members, another. */
function statusGroup(
  crypto: Crypto,
  { catalog }: World,
  { name: saga, version }: NewSaga["definition"],
  owners: readonly AvatarId[],
) {
  const bytes = encodePact(healthPact);
  const pact = pactId(crypto, bytes);
  const id = syncGroupId(crypto, encodeSyncGroup({ pact, owners }));
  if (catalog.groupOf(id) !== undefined) return { id, define: undefined };
  const known = { pacts: [...catalog.pacts, { id: pact, bytes, pact: healthPact, fields: healthPact.fields }] };
  const taken = catalog.groups.some((group) => group.name === `rollout@${saga}`);
  const name = `rollout@${saga}${taken ? `.v${version}` : ""}`;
  return { id, define: groupOf(crypto, known, name, { id: pact }, owners, [], relaysOf(catalog, owners)) };
}

/** Whom a count or a share takes follows from the saga's name and the members: each saga tries its luck with others first. */
function ringsOf(
  crypto: Crypto,
  world: World,
  capable: Capable,
  saga: string,
  owners: readonly AvatarId[],
  rings: readonly AskedRing[],
): AvatarId[][] {
  const { members } = world.catalog;
  const isBoard = (avatar: AvatarId) => !members.some((member) => isGateway(member) && equal(member.avatar, avatar));
  const weight = (avatar: AvatarId) => toHex(crypto.sha256(new TextEncoder().encode(`${saga} ${toHex(avatar)}`)));
  const boards = owners.filter(isBoard).sort((a, b) => (weight(a) < weight(b) ? -1 : 1));
  const left = new Map([...boards, ...owners.filter((owner) => !isBoard(owner))].map((each) => [toHex(each), each]));
  if (rings.length === 0 || rings.length > maxRings)
    throw wrongRings(saga, `has ${rings.length} rings, and 1 to ${maxRings} may be`);
  return rings.map((ring, index) => {
    const taken =
      "members" in ring
        ? named(world, capable, saga, ring.members, owners, left)
        : membersOf(ring, boards, [...left.values()]);
    if (taken.length === 0)
      throw wrongRings(saga, `has nobody in ring ${index + 1}: all that it selects are in the rings before it`);
    for (const avatar of taken) left.delete(toHex(avatar));
    return taken.sort(compare);
  });
}

function membersOf(
  ring: Exclude<AskedRing, { readonly members: readonly string[] }>,
  boards: readonly AvatarId[],
  left: readonly AvatarId[],
): AvatarId[] {
  if ("all" in ring) return [...left];
  const boardsLeft = boards.filter((avatar) => left.includes(avatar));
  return boardsLeft.slice(0, "count" in ring ? ring.count : Math.ceil((boards.length * ring.percent) / 100));
}

/** Who is called by name has to be left; of those whom a selector selects it takes who is. */
function named(
  world: World,
  capable: Capable,
  saga: string,
  members: readonly string[],
  owners: readonly AvatarId[],
  left: ReadonlyMap<string, AvatarId>,
): AvatarId[] {
  const taken = new Map<string, AvatarId>();
  for (const member of members) {
    const found = isSelector(member)
      ? selected(world, capable, owners, member).filter((avatar) => left.has(toHex(avatar)))
      : [avatarOf(world.catalog, member)];
    for (const avatar of found) {
      if (!left.has(toHex(avatar)))
        throw wrongRings(saga, `has ${member} in a ring, who does not run it or is in another ring`);
      taken.set(toHex(avatar), avatar);
    }
  }
  return [...taken.values()];
}

function wrongRings(saga: string, what: string): VertebraError {
  return new VertebraError(
    "rollout-rings",
    `The rollout of saga '${saga}' ${what}`,
    "Give rings like --ring 1 --ring 25% --ring board-1,label:roof --ring kind:linux --ring all, each with somebody in it.",
  );
}
