import { compare, equal } from "../wire/bytes";
import { encode } from "../wire/cbor";
import { hash, type Sha256 } from "../wire/hash";
import type { AvatarId } from "../wire/types";
import type { Invocation } from "./invocation";

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
