import type { Crypto, Signer } from "../../ports";
import type { AvatarId } from "../wire/types";
import { attest, verifyAttestation } from "./attestation";
import { avatarSeed, noiseStatic } from "./avatar";
import { worldPsk, worldTag } from "./world";

/** Who a participant is in a world, towards those at the other end of a link: what a handshake needs (PROTOCOL 2). */
export interface Credentials {
  readonly worldTag: Uint8Array;
  readonly psk: Uint8Array;
  /** X25519. */
  readonly noiseSecret: Uint8Array;
  readonly attestation: Uint8Array;
  readonly avatar: Signer;
  /** Throws `attestation-…`. */
  verifyAttestation(attestation: Uint8Array): { readonly avatarId: AvatarId };
}

/** `seed` and `worldId` are 32 bytes. */
export function credentials(crypto: Crypto, seed: Uint8Array, worldId: Uint8Array): Credentials {
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
