import type { Native } from "../native/native";
import type { Crypto } from "../ports";

/** Suite 1 by libsodium, behind the natives of the host. */
export function sodiumCrypto(sodium: NonNullable<Native["sodium"]>): Crypto {
  return {
    engine: `libsodium ${sodium.version}`,
    sha256: (bytes) => sodium.sha256(bytes),
    signer: (seed) => {
      const secretKey = sodium.secretKey(seed);
      return { publicKey: secretKey.slice(32), sign: (message) => sodium.sign(secretKey, message) };
    },
    verify: (publicKey, message, signature) => sodium.verify(publicKey, message, signature),
    x25519Public: (secret) => sodium.x25519Public(secret),
    x25519: (secret, publicKey) => sodium.x25519(secret, publicKey),
    seal: (key, nonce, additional, plaintext) => sodium.seal(key, nonce, additional, plaintext),
    open: (key, nonce, additional, ciphertext) => sodium.open(key, nonce, additional, ciphertext),
  };
}
