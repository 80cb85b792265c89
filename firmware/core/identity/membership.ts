import { equal } from "../wire/bytes";
import type { AvatarId } from "../wire/types";

/**
 * Who is in a world no more, and by which keys those meet who are (PROTOCOL 10): each expulsion begins an epoch with a secret of its own,
 * which all have but who was expelled before or with it.
 */
export interface Membership {
  /** How many expulsions there were, as far as this participant knows. */
  epoch: number;
  /** Up to which it has read of them: a newcomer is told the epoch in which it comes, and reads of all before. */
  counted: number;
  /** The last epoch whose secret it has: it stays behind in that where it was given none of those since. */
  keyed: number;
  /** The last epochs, at most `kept`. Who was expelled before them has the key of none, and need not be known by name. */
  readonly epochs: Map<number, Epoch>;
  readonly kept: number;
  /** In which it came, where it reads nothing of those before and has no key of theirs; 0 for all others. */
  readonly since: number;
}

export interface Epoch {
  /** 32 bytes; null where this participant was given none. */
  readonly secret: Uint8Array | null;
  /** Null where it has not read yet who that was. */
  readonly expelled: AvatarId | null;
}

/** What a newcomer is told of the epoch in which it comes. */
export interface GivenEpoch {
  readonly number: number;
  readonly secret: Uint8Array;
}

/** With `since` it begins in the given epoch: who was expelled before has not its key. */
export function createMembership(kept: number, given?: GivenEpoch, since = 0): Membership {
  const membership: Membership = { epoch: 0, counted: since, keyed: 0, epochs: new Map(), kept, since };
  if (given !== undefined) noteEpoch(membership, given.number, { secret: given.secret, expelled: null });
  return membership;
}

/** Knows of an epoch from now on, and no more of the one that is too long ago then. */
export function noteEpoch(membership: Membership, number: number, { secret, expelled }: Epoch): void {
  const { epochs, kept } = membership;
  if (expelled !== null) membership.counted = Math.max(membership.counted, number);
  membership.epoch = Math.max(membership.epoch, number);
  if (secret !== null) membership.keyed = Math.max(membership.keyed, number);
  if (number > membership.epoch - kept) epochs.set(number, { secret, expelled });
  epochs.delete(membership.epoch - kept);
}

export function isExpelled({ epochs }: Membership, avatar: AvatarId): boolean {
  for (const { expelled } of epochs.values()) if (expelled !== null && equal(expelled, avatar)) return true;
  return false;
}

/** The secret of an epoch by whose key others are still met: none in the first one, which has the World id alone; undefined where there is none. */
export function secretOf({ epoch, epochs, kept, since }: Membership, number: number): Uint8Array | undefined {
  if (number === 0) return epoch < kept && since === 0 ? new Uint8Array(0) : undefined;
  return epochs.get(number)?.secret ?? undefined;
}
