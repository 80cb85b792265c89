import { compare, equal } from "../wire/bytes";
import { encode } from "../wire/cbor";
import { hash, type Sha256 } from "../wire/hash";
import type { AvatarId } from "../wire/types";
import type { StageKnown } from "./definitions";
import type { Published } from "./events";
import type { Invocation } from "./invocation";
import type { Requirement } from "./structures";

/**
 * "Who runs a stage: the owners of the state group who meet `requires`, ranked by a hash of invocation, stage and avatar." The
 * rank of `avatar` among these, from 0; undefined where it is none of them.
 */
export function rankAmong(
  crypto: Sha256,
  { id }: Invocation,
  stage: number,
  candidates: readonly AvatarId[],
  avatar: AvatarId,
): number | undefined {
  if (!candidates.some((each) => equal(each, avatar))) return undefined;
  const weight = (each: AvatarId) => hash(crypto, "turn", encode([id, stage, each]));
  const own = weight(avatar);
  return candidates.filter((each) => compare(weight(each), own) < 0).length;
}

/** "A conjunction of capability names with conditions, met by what a participant publishes." */
export function meets(stage: Pick<StageKnown, "requires">, published: Published | undefined): boolean {
  return stage.requires.every((each) => meetsOne(each, published?.get(each.capability)));
}

function meetsOne({ condition }: Requirement, value: number | string | undefined): boolean {
  if (value === undefined) return false;
  if (condition === null) return true;
  if ("min" in condition) return typeof value === "number" && value >= condition.min;
  return condition.oneOf.some((each) => each === value);
}
