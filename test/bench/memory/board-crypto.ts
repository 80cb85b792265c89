import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, equal } from "../../../firmware/core/wire/bytes";
import type { Crypto } from "../../../firmware/ports";

/**
 * In place of what a board has in C: signatures that anybody can make and keys that everybody can work out, lest the tables of curves
 * in JavaScript are counted, which no board has.
 */
export function nobleCrypto(): Crypto {
  const signatureOf = (publicKey: Uint8Array, message: Uint8Array) => {
    const half = sha256(concat([publicKey, message]));
    half[31]! &= 0x0f;
    return concat([half, half]);
  };
  return {
    engine: "none",
    sha256: (bytes) => sha256(bytes),
    signer(seed) {
      const publicKey = sha256(seed);
      publicKey[31]! &= 0x0f;
      return { publicKey, sign: (message) => signatureOf(publicKey, message) };
    },
    verify: (publicKey, message, signature) => equal(signatureOf(publicKey, message), signature),
    x25519Public: (secret) => secret.slice(),
    x25519: (secret, publicKey) => secret.map((byte, index) => byte ^ publicKey[index]!),
    seal: (key, nonce, additional, plaintext) => chacha20poly1305(key, nonce, additional).encrypt(plaintext),
    open(key, nonce, additional, ciphertext) {
      try {
        return chacha20poly1305(key, nonce, additional).decrypt(ciphertext);
      } catch {
        return undefined;
      }
    },
  };
}
