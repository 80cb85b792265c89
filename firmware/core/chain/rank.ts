import { compare, equal } from "../wire/bytes";
import { encode } from "../wire/cbor";
import { hash } from "../wire/hash";
import type { AvatarId, View } from "../wire/types";
import type { Group } from "./group";
import type { Metablock } from "./metablock";
import { referencesOf } from "./references";
import { timing } from "./timing";
import type { World } from "./world";

/** Attempts by which a rank's wait grows at most. */
const longestStepAttempt = 8;

/** "Rank (a hash of world tag, view and avatar)" among the group's owners, from 0; of one who is no owner, behind them. */
export function rankOf(world: World, view: View, group: Group, avatar: AvatarId): number {
  if (!group.definition.owners.some((owner) => equal(owner, avatar))) return group.definition.owners.length;
  const weight = (owner: Uint8Array) =>
    hash(world.crypto, "rank", encode([world.tagBytes, view.sequence, view.attempt, owner]));
  const own = weight(avatar);
  return group.definition.owners.filter((owner) => compare(weight(owner), own) < 0).length;
}

/** What a rank waits for those before it, ms: a tenth of the attempt, so that in the end it is longer than the way between them. */
export function rankStep({ patience }: World, attempt: number): number {
  return Math.ceil((patience / 10) * timing.growth ** Math.min(attempt, longestStepAttempt));
}

/**
 * Monotonic ms from which a metablock of the present attempt is voted on: votes go by rank as proposals do, once a first
 * attempt failed. Else a liar whose proposals are always there first would have every attempt, and its own is one in n.
 */
export function turnOfIssuer(world: World, metablock: Metablock): number {
  const { view, header } = metablock;
  if (
    view.attempt === 0 ||
    view.attempt !== world.attempt ||
    view.sequence !== world.highestFinalizableGeneration + 1
  ) {
    return 0;
  }
  metablock.rank ??= Math.min(...ranks(world, metablock, header.value.issuer));
  if (metablock.rank === Infinity) return 0;
  return world.attemptBegan + metablock.rank * rankStep(world, view.attempt);
}

/** Of the groups owned here of which the metablock puts blocks forward. */
function ranks(world: World, metablock: Metablock, issuer: AvatarId): number[] {
  const groups = [...metablock.byGroup.keys()].flatMap((key) => world.groups.get(key) ?? []);
  const mine = groups.filter((group) => group.mine && referencesOf(metablock, group.key).length > 0);
  return mine.map((group) => rankOf(world, metablock.view, group, issuer));
}
