import { joined } from "../wire/bytes";
import { derivations, hkdf, hmac, type Sha256 } from "../wire/hash";
import type { AvatarId } from "../wire/types";

/**
 * What is made of a World id, 32 random bytes that participants never send each other (PROTOCOL 2). Whoever holds the id
 * can make all of these; none of them gives the id away.
 */

/** 16 public bytes that name the world in preambles, topics and directories. */
export function worldTag(crypto: Sha256, worldId: Uint8Array): Uint8Array {
  return hkdf(crypto, worldId, derivations.tag).slice(0, 16);
}

/** The pre-shared key of the handshake, 32 bytes, in an epoch of the world's membership with this secret; the first epoch has none. */
export function worldPsk(crypto: Sha256, worldId: Uint8Array, secret: Uint8Array = new Uint8Array(0)): Uint8Array {
  return hkdf(crypto, joined(worldId, secret), derivations.psk);
}

/** 32 bytes by which any member can tell that this avatar was made by one who holds the World id. */
export function membership(crypto: Sha256, worldId: Uint8Array, avatarId: AvatarId): Uint8Array {
  return hmac(crypto, hkdf(crypto, worldId, derivations.member), avatarId);
}
