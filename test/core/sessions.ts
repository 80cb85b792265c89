import {
  type EpochDefinition,
  type ExpelDefinition,
  sealEpoch,
} from "../../firmware/core/definitions/epoch-definition";
import { avatarSeed, noiseStatic } from "../../firmware/core/identity/avatar";
import { isExpelled, type Membership, secretOf } from "../../firmware/core/identity/membership";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";

/** What links do of a world's membership, for networks that have none: who meets whom, and by the key of which epoch. */

export interface Meeting {
  readonly avatar: AvatarId;
  readonly membership: Membership;
  /** Whether it knows an avatar by name. */
  readonly knows: (avatar: AvatarId) => boolean;
}

/** The epoch of a session between the two; undefined where one does not let the other in, or they have no key in common. */
export function epochOfSession(one: Meeting, other: Meeting): number | undefined {
  const epoch = Math.min(one.membership.keyed, other.membership.keyed);
  const both = [one, other].every(({ membership }) => secretOf(membership, epoch) !== undefined);
  return both && letsIn(one, other.avatar, epoch) && letsIn(other, one.avatar, epoch) ? epoch : undefined;
}

function letsIn({ membership, knows }: Meeting, avatar: AvatarId, epoch: number): boolean {
  return !isExpelled(membership, avatar) && (epoch >= membership.epoch || knows(avatar));
}

export interface Keyed {
  readonly avatar: AvatarId;
  readonly seed: Uint8Array;
}

/** What a steward defines to expel one: a secret of its own for each epoch, sealed to those who remain. */
export function expulsion(
  crypto: Crypto,
  worldId: Uint8Array,
  expelled: AvatarId,
  epoch: number,
  remaining: readonly Keyed[],
  salt = 0,
): (EpochDefinition | ExpelDefinition)[] {
  const fresh = (of: number) => crypto.sha256(Uint8Array.of(of, epoch, salt, ...expelled));
  const members = remaining.map(({ avatar, seed }) => ({
    avatar,
    key: crypto.x25519Public(noiseStatic(crypto, avatarSeed(crypto, seed, worldId))),
  }));
  const parts = sealEpoch(crypto, fresh(1), fresh(2), members);
  return [...parts, { kind: "expel", avatar: expelled, epoch, secret: parts[0]!.secret, time: 0 }];
}
