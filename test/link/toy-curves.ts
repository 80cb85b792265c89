import { hash } from "../../firmware/core/wire/hash";
import { nobleCrypto } from "../../firmware/device/noble";
import type { Crypto } from "../../firmware/ports";

/**
 * The real hash and the real AEAD, with curves that are as fast as they are worthless: the algebra of Diffie-Hellman by
 * multiplying modulo 2^256 - 189, and "signatures" that anybody can make. The tests that enumerate thousands of handshakes test
 * the state machines with it; those of the cryptography itself take the real curves.
 */
export function toyCurves(): Crypto {
  const { sha256, seal, open } = nobleCrypto();
  const sign = (publicKey: Uint8Array, message: Uint8Array) => {
    const half = hash({ sha256 }, "static", Uint8Array.from([...publicKey, ...message]));
    const signature = new Uint8Array(64);
    signature.set(half);
    signature.set(half.subarray(0, 31), 32);
    return signature;
  };
  return {
    engine: "toy curves",
    sha256,
    seal,
    open,
    signer: (seed) => {
      const publicKey = sha256(seed);
      return { publicKey, sign: (message) => sign(publicKey, message) };
    },
    verify: (publicKey, message, signature) => {
      const right = sign(publicKey, message);
      return right.every((byte, index) => signature[index] === byte);
    },
    x25519Public: (secret) => multiply(secret, generator),
    x25519: (secret, publicKey) => multiply(secret, publicKey),
  };
}

const modulus = 2n ** 256n - 189n;
const generator = new Uint8Array(32).fill(5);

function multiply(a: Uint8Array, b: Uint8Array): Uint8Array {
  let product = (toNumber(a) * toNumber(b)) % modulus;
  const bytes = new Uint8Array(32);
  for (let index = 0; index < 32; index++) {
    bytes[index] = Number(product & 255n);
    product >>= 8n;
  }
  return bytes;
}

function toNumber(bytes: Uint8Array): bigint {
  let number = 0n;
  for (let index = 31; index >= 0; index--) number = number * 256n + BigInt(bytes[index]!);
  return number;
}
