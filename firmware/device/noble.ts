import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { mulAddUnsafe } from "@noble/curves/abstract/curve.js";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { bytesToNumberLE, numberToBytesLE } from "@noble/curves/utils.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { concat, equal } from "../core/wire/bytes";
import type { Crypto, Signer } from "../ports";

/** Suite 1 in plain JavaScript, for a host without a library in C, and as the reference that the others are tested against. */
export function nobleCrypto(): Crypto {
  // noble's own window of 6 makes 1408 points on first use: seconds, and up to 1 MB, on XS. 3 makes a quarter of them and
  // multiplies as fast.
  ed25519.Point.BASE.precompute(3);
  return {
    engine: "noble",
    sha256: (bytes) => sha256(bytes),
    signer: nobleSigner,
    verify: nobleVerify,
    x25519Public: (secret) => x25519.getPublicKey(secret),
    x25519: (secret, publicKey) => {
      try {
        return x25519.getSharedSecret(secret, publicKey);
      } catch {
        // noble throws for a point of small order, where the port promises zeros.
        return new Uint8Array(32);
      }
    },
    seal: (key, nonce, additional, plaintext) => chacha20poly1305(key, nonce, additional).encrypt(plaintext),
    open: (key, nonce, additional, ciphertext) => {
      try {
        return chacha20poly1305(key, nonce, additional).decrypt(ciphertext);
      } catch {
        return undefined;
      }
    },
  };
}

/** RFC 8032, 5.1.6, with what depends on the seed alone worked out once: `ed25519.sign` does it again for each message. */
function nobleSigner(seed: Uint8Array): Signer {
  const { prefix, scalar, pointBytes } = ed25519.utils.getExtendedPublicKey(seed);
  const { Point } = ed25519;
  return {
    publicKey: pointBytes,
    sign: (message) => {
      const nonce = scalarOf([prefix, message]);
      const commitment = Point.BASE.multiply(nonce).toBytes();
      const challenge = scalarOf([commitment, pointBytes, message]);
      const answer = Point.Fn.create(nonce + challenge * scalar);
      return concat([commitment, numberToBytesLE(answer, 32)]);
    },
  };
}

/**
 * Without cofactor, and by comparing the bytes of R, as ref10, libsodium and OpenSSL do: `ed25519.verify` of noble
 * multiplies by the cofactor, and takes signatures of keys of mixed order that the others refuse.
 */
function nobleVerify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const { Point } = ed25519;
  const commitment = signature.subarray(0, 32);
  const answer = bytesToNumberLE(signature.subarray(32));
  try {
    const key = Point.fromBytes(publicKey);
    const challenge = scalarOf([commitment, publicKey, message]);
    // R = [S]B - [k]A; public inputs, so nothing need be constant-time.
    return equal(mulAddUnsafe(Point, [Point.BASE, key.negate()], [answer, challenge]).toBytes(), commitment);
  } catch {
    // A point that is not on the curve, or an S that is not below the group's order.
    return false;
  }
}

function scalarOf(parts: readonly Uint8Array[]): bigint {
  return ed25519.Point.Fn.create(bytesToNumberLE(sha512(concat(parts))));
}
