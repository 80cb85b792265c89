/**
 * The payload of handshake messages 2 and 3: `[attestation, signature]`, the avatar's signature over
 * `H("vertebra/1 static", static key)` (PROTOCOL 2). It ties the key that Noise authenticates to the avatar of this world.
 */

import { VertebraError } from "../core/errors";
import { equal, toHex } from "../core/wire/bytes";
import { encode } from "../core/wire/cbor";
import { hash } from "../core/wire/hash";
import { bytes, readStructure, signature64 } from "../core/wire/shape";
import { verifySignature } from "../core/wire/signature";
import type { AvatarId } from "../core/wire/types";
import type { Crypto, Signer } from "../ports";

/** Who a participant is in one world, towards those whom it meets on a link. */
export interface LinkIdentity {
  /** 16 bytes. */
  readonly worldTag: Uint8Array;
  /** That of its membership (PROTOCOL 10). It only rises, and its links are to be told (`renewLink`). */
  readonly epoch: number;
  /** The pre-shared key of an epoch, 32 bytes; undefined where it has none. */
  psk(epoch: number): Uint8Array | undefined;
  /** The static X25519 secret, 32 bytes. */
  readonly noiseSecret: Uint8Array;
  /** The participant's attestation of its avatar, encoded. */
  readonly attestation: Uint8Array;
  readonly avatar: Signer;
  /** Whose avatar an attestation attests. Throws VertebraError where it does not hold in this world. */
  verifyAttestation(attestation: Uint8Array): { readonly avatarId: AvatarId };
  /** Why an avatar that proved itself by the key of this epoch is not let in; undefined where it is. */
  refuses(avatar: AvatarId, epoch: number): VertebraError | undefined;
}

export function introduce(crypto: Crypto, identity: LinkIdentity): Uint8Array {
  const staticKey = crypto.x25519Public(identity.noiseSecret);
  return encode([identity.attestation, identity.avatar.sign(hash(crypto, "static", staticKey))]);
}

/**
 * The avatar that introduced itself, by the key of this epoch. Throws where the attestation does not hold, `link-static-key` where its avatar
 * did not sign this static key, `link-own-avatar` where it is our own, and why it is not let in.
 */
export function checkIntroduction(
  crypto: Crypto,
  identity: LinkIdentity,
  staticKey: Uint8Array,
  payload: Uint8Array,
  epoch: number,
): AvatarId {
  const items = readStructure("introduction", payload, 2, { depth: 1, items: 3, length: 1024 });
  const signature = signature64("introduction: signature", items[1]);
  const { avatarId } = identity.verifyAttestation(bytes("introduction: attestation", items[0]));
  if (equal(avatarId, identity.avatar.publicKey)) {
    throw new VertebraError(
      "link-own-avatar",
      `The peer says that it is avatar ${toHex(avatarId)}, which is this participant's own`,
      "A seed must live in one place: provision the other one anew.",
    );
  }
  if (!verifySignature(crypto, avatarId, hash(crypto, "static", staticKey), signature)) {
    throw new VertebraError(
      "link-static-key",
      `Avatar ${toHex(avatarId)} did not sign the static key with which the peer speaks`,
      "If it goes on, provision the peer anew; if nobody of yours is that peer, look for who else is on the wire.",
    );
  }
  const refusal = identity.refuses(avatarId, epoch);
  if (refusal) throw refusal;
  return avatarId.slice();
}
