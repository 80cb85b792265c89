import { derivations, hkdf, type Sha256 } from "../wire/hash";

/**
 * An avatar is a participant in one world (PROTOCOL 2): keys of its own, from the participant's seed and the World id, so
 * that nobody outside can tell that two avatars are one participant's.
 */

/** The 32-byte seed of the avatar's Ed25519 key, whose public key is the AvatarId. */
export function avatarSeed(crypto: Sha256, participantSeed: Uint8Array, worldId: Uint8Array): Uint8Array {
  return hkdf(crypto, participantSeed, derivations.avatar, worldId);
}

/** The avatar's static X25519 secret for handshakes, 32 bytes. */
export function noiseStatic(crypto: Sha256, seed: Uint8Array): Uint8Array {
  return hkdf(crypto, seed, derivations.noise);
}
