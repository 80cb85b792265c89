import { concat, equal } from "../../firmware/core/wire/bytes";
import { nobleCrypto } from "../../firmware/device/noble";
import type { Crypto } from "../../firmware/ports";

/**
 * The Crypto port with signatures by a keyed hash, which anyone could forge: for tests of what honest code does with them,
 * hundreds of times faster than real ones. Hashes are real, and all else: that of `base`.
 */
export function cheapCrypto(base: Crypto = nobleCrypto()): Crypto {
  const publicKeyOf = (seed: Uint8Array) => canonical(base.sha256(concat([seed, new Uint8Array([1])])));
  const signatureOf = (publicKey: Uint8Array, message: Uint8Array) =>
    concat([
      canonical(base.sha256(concat([publicKey, message]))),
      canonical(base.sha256(concat([message, publicKey]))),
    ]);
  return {
    ...base,
    engine: "cheap",
    signer(seed) {
      const publicKey = publicKeyOf(seed);
      return { publicKey, sign: (message) => signatureOf(publicKey, message) };
    },
    verify: (publicKey, message, signature) => equal(signatureOf(publicKey, message), signature),
  };
}

/** Makes random bytes pass for a point or a scalar: the strict checks before `verify` stay on. */
function canonical(bytes: Uint8Array): Uint8Array {
  bytes[31]! &= 0x0f;
  return bytes;
}
