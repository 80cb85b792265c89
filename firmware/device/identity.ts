import { attest, verifyAttestation } from "../core/identity/attestation";
import { avatarSeed, noiseStatic } from "../core/identity/avatar";
import { worldPsk, worldTag } from "../core/identity/world";
import type { LinkIdentity } from "../link/link";
import type { Crypto } from "../ports";

/** Who a participant is in a world, towards those at the other end of a link. `seed` and `worldId` are 32 bytes. */
export function linkIdentity(crypto: Crypto, seed: Uint8Array, worldId: Uint8Array): LinkIdentity {
  const avatar = avatarSeed(crypto, seed, worldId);
  return {
    worldTag: worldTag(crypto, worldId),
    psk: worldPsk(crypto, worldId),
    noiseSecret: noiseStatic(crypto, avatar),
    attestation: attest(crypto, seed, worldId),
    avatar: crypto.signer(avatar),
    verifyAttestation: (attestation) => verifyAttestation(crypto, worldId, attestation),
  };
}
