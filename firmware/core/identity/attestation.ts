import type { Crypto } from "../../ports";
import { VertebraError } from "../errors";
import { equal, toHex } from "../wire/bytes";
import { type Cbor, encode } from "../wire/cbor";
import { hash } from "../wire/hash";
import { bytesOf, hash32, integer, readStructure, signature64 } from "../wire/shape";
import { verifySignature } from "../wire/signature";
import type { AvatarId, Hash } from "../wire/types";
import { avatarSeed } from "./avatar";
import { membership, worldTag } from "./world";

/**
 * The attestation `[suite, participantKey, avatarId, worldTag, membership, signature]` of PROTOCOL 2: the participant's root
 * key says that the avatar is its own. The confirming avatar checks with it that the new avatar was made by its participant.
 */

/** Ed25519 in strict form, X25519, ChaCha20-Poly1305, SHA-256. */
const suite = 1;

/** The participant's attestation of its avatar in this world, encoded. */
export function attest(crypto: Crypto, participantSeed: Uint8Array, worldId: Uint8Array): Uint8Array {
  const root = crypto.signer(participantSeed);
  const avatarId = crypto.signer(avatarSeed(crypto, participantSeed, worldId)).publicKey;
  const attested = [
    suite,
    root.publicKey,
    avatarId,
    worldTag(crypto, worldId),
    membership(crypto, worldId, avatarId),
  ] as const;
  return encode([...attested, root.sign(attestationHash(crypto, attested))]);
}

/**
 * Whose avatar it is, when the attestation holds in this world. Throws `cbor-…` or `structure-…` for its form,
 * `attestation-suite`, `attestation-world`, `attestation-membership` or `attestation-signature`.
 */
export function verifyAttestation(
  crypto: Crypto,
  worldId: Uint8Array,
  bytes: Uint8Array,
): { readonly participantKey: Uint8Array; readonly avatarId: AvatarId } {
  const items = readStructure("attestation", bytes, 6);
  const givenSuite = integer("attestation: suite", items[0]);
  if (givenSuite !== suite) {
    throw new VertebraError(
      "attestation-suite",
      `The peer's identity is of suite ${givenSuite}, and this version speaks suite ${suite} alone`,
      "Update the participant that has the older version.",
    );
  }
  const participantKey = hash32("attestation: participantKey", items[1]);
  const avatarId = hash32("attestation: avatarId", items[2]);
  const tag = bytesOf("attestation: worldTag", items[3], 16);
  const proof = bytesOf("attestation: membership", items[4], 32);
  const signature = signature64("attestation: signature", items[5]);
  const ownTag = worldTag(crypto, worldId);
  if (!equal(tag, ownTag)) {
    throw new VertebraError(
      "attestation-world",
      `The peer is an avatar of world ${toHex(tag)}, and this is world ${toHex(ownTag)}`,
      "Provision both participants with the same World id.",
    );
  }
  if (!equal(proof, membership(crypto, worldId, avatarId))) {
    throw new VertebraError(
      "attestation-membership",
      `Avatar ${toHex(avatarId)} doesn't prove that it holds the id of world ${toHex(ownTag)}`,
      "Provision the peer with the World id; if nobody of yours is that peer, leave it out.",
    );
  }
  if (!verifySignature(crypto, participantKey, attestationHash(crypto, items.slice(0, 5)), signature)) {
    throw new VertebraError(
      "attestation-signature",
      `Avatar ${toHex(avatarId)} is not attested by participant ${toHex(participantKey)}, which it names`,
      "Provision the peer anew from its participant's seed; if nobody of yours is that peer, leave it out.",
    );
  }
  return { participantKey, avatarId };
}

/**
 * What the root key signs: the hash over the array of the first five items. Encoding them again gives the bytes received,
 * since the decoder takes no other encoding.
 */
function attestationHash(crypto: Crypto, attested: readonly Cbor[]): Hash {
  return hash(crypto, "attestation", encode(attested));
}
