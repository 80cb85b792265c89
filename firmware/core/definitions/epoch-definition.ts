import type { Crypto } from "../../ports";
import { VertebraError } from "../errors";
import { compare, equal, joined, toHex } from "../wire/bytes";
import type { Cbor } from "../wire/cbor";
import { derivations, hash, hkdf, type Sha256 } from "../wire/hash";
import { maxCount, maxSealed } from "../wire/limits";
import { bytesOf, hash32, integer, list, tuple, wrong } from "../wire/shape";
import type { AvatarId, Hash } from "../wire/types";

/** Definitions of who is in the world no more, and of the keys by which the others go on (PROTOCOL 10). */

/**
 * A part of the secret of an epoch to come, sealed to members. It changes nothing yet: all parts come first, in as many entries as it takes,
 * and then the `expel` that names them.
 */
export interface EpochDefinition {
  readonly kind: "epoch";
  /** By which the secret is known: its hash. */
  readonly secret: Hash;
  /** The public X25519 key to whose secret, which nobody keeps, and that of each member all is sealed. */
  readonly ephemeral: Uint8Array;
  /** Sorted by the members' bytes. */
  readonly sealed: readonly SealedSecret[];
}

export interface SealedSecret {
  readonly avatar: AvatarId;
  /** 48 bytes. */
  readonly bytes: Uint8Array;
}

/** From now on the avatar is in the world no more, and the others are in this epoch. */
export interface ExpelDefinition {
  readonly kind: "expel";
  readonly avatar: AvatarId;
  /** One above that before: where another was first, it counts for nobody, since the secret may be sealed to whom that one expelled. */
  readonly epoch: number;
  readonly secret: Hash;
  /** ms since 1970 by the clock of who defined it, 0 if it has none: it is told, never relied on. */
  readonly time: number;
}

export function itemsOfEpoch(definition: EpochDefinition | ExpelDefinition): Cbor {
  if (definition.kind === "expel") {
    const { avatar, epoch, secret, time } = definition;
    return [avatar, epoch, secret, time];
  }
  const { secret, ephemeral, sealed } = definition;
  return [secret, ephemeral, sealed.map(({ avatar, bytes }) => [avatar, bytes])];
}

/** Throws `structure-…`. */
export function readEpochDefinition(kind: "epoch" | "expel", value: Cbor): EpochDefinition | ExpelDefinition {
  if (kind === "expel") {
    const [avatar, epoch, secret, time] = tuple("expel", value, 4);
    return {
      kind,
      avatar: hash32("expel: avatar", avatar),
      epoch: integer("expel: epoch", epoch, 1, maxCount),
      secret: hash32("expel: secret", secret),
      time: integer("expel: time", time, 0, maxCount),
    };
  }
  const [secret, ephemeral, sealed] = tuple("epoch", value, 3);
  const read = list("epoch: sealed", sealed, maxSealed, readSealed);
  if (read.some(({ avatar }, index) => index > 0 && compare(read[index - 1]!.avatar, avatar) >= 0)) {
    throw wrong("structure-order", "epoch: sealed", "is out of order, or to one member twice");
  }
  return {
    kind,
    secret: hash32("epoch: secret", secret),
    ephemeral: bytesOf("epoch: ephemeral", ephemeral, 32),
    sealed: read,
  };
}

function readSealed(where: string, value: Cbor): SealedSecret {
  const [avatar, bytes] = tuple(where, value, 2);
  return { avatar: hash32(`${where}: avatar`, avatar), bytes: bytesOf(where, bytes, 48) };
}

/** By which a secret is known. */
export function nameOfSecret(crypto: Sha256, secret: Uint8Array): Hash {
  return hash(crypto, "epoch", secret);
}

type Sealing = Pick<Crypto, "sha256" | "x25519Public" | "x25519" | "seal">;

/** A fresh secret sealed to these members, in as many definitions as it takes. `ephemeral` is a fresh X25519 secret, used for nothing else. Throws `member-key`. */
export function sealEpoch(
  crypto: Sealing,
  secret: Uint8Array,
  ephemeral: Uint8Array,
  members: readonly { readonly avatar: AvatarId; readonly key: Uint8Array }[],
): EpochDefinition[] {
  const about = {
    kind: "epoch",
    secret: nameOfSecret(crypto, secret),
    ephemeral: crypto.x25519Public(ephemeral),
  } as const;
  const sealed = members.map(({ avatar, key }) => {
    const shared = crypto.x25519(ephemeral, key);
    if (isZero(shared)) throw ofSmallOrder(avatar);
    const sealing = sealingKey(crypto, shared, about.ephemeral, key);
    return { avatar, bytes: crypto.seal(sealing, new Uint8Array(12), avatar, secret) };
  });
  sealed.sort((a, b) => compare(a.avatar, b.avatar));
  const parts: EpochDefinition[] = [];
  for (let at = 0; at < sealed.length; at += maxSealed)
    parts.push({ ...about, sealed: sealed.slice(at, at + maxSealed) });
  return parts;
}

/**
 * The secret where some of it is sealed to this avatar, whose static X25519 secret is given; undefined where nothing is; null where that does not open, or is another
 * than the one which is named.
 */
export function openEpoch(
  crypto: Pick<Crypto, "sha256" | "x25519Public" | "x25519" | "open">,
  { secret: name, ephemeral, sealed }: EpochDefinition,
  avatar: AvatarId,
  staticSecret: Uint8Array,
): Uint8Array | null | undefined {
  const its = sealed.find((each) => equal(each.avatar, avatar));
  if (its === undefined) return undefined;
  const shared = crypto.x25519(staticSecret, ephemeral);
  if (isZero(shared)) return null;
  const key = sealingKey(crypto, shared, ephemeral, crypto.x25519Public(staticSecret));
  const secret = crypto.open(key, new Uint8Array(12), avatar, its.bytes);
  return secret?.length === 32 && equal(nameOfSecret(crypto, secret), name) ? secret : null;
}

/** Suite 1: all-zero results are refused (PROTOCOL 1). */
function isZero(shared: Uint8Array): boolean {
  return shared.every((byte) => byte === 0);
}

function ofSmallOrder(avatar: AvatarId): VertebraError {
  return new VertebraError(
    "member-key",
    `The key of ${toHex(avatar).slice(0, 16)} is of small order: anybody could open what is sealed to it`,
    "Expel that member first.",
  );
}

/** It is used once: so the nonce may be zero. */
function sealingKey(crypto: Sha256, shared: Uint8Array, ephemeral: Uint8Array, member: Uint8Array): Uint8Array {
  return hkdf(crypto, shared, derivations.sealed, joined(ephemeral, member));
}
