import type { Signer } from "../../ports";
import type { ChainCrypto } from "../chain/world";

/**
 * "Each peer has bounded queues and a budget" (PROTOCOL 7), in work and not in messages alone: one message can ask for a thousand
 * hashes. A unit is a hash of half a kilobyte.
 */
export interface Work {
  done: number;
}

/** Ed25519, and X25519, beside SHA-256, in every library that boards and gateways use, and what is to be read, kept or sent. */
const unitsOfVerification = 64;
const bytesOfUnit = 64;

/**
 * The same cryptography, which notes what others make it do. What this participant signs is its own. A class, whose methods take no RAM of
 * a board.
 */
export class NotingCrypto implements ChainCrypto {
  constructor(
    private readonly crypto: ChainCrypto,
    private readonly work: Work,
  ) {}

  sha256(bytes: Uint8Array): Uint8Array {
    this.work.done += 1 + (bytes.length >> 9);
    return this.crypto.sha256(bytes);
  }

  signer(seed: Uint8Array): Signer {
    return this.crypto.signer(seed);
  }

  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    this.work.done += unitsOfVerification;
    return this.crypto.verify(publicKey, message, signature);
  }

  x25519Public(secret: Uint8Array): Uint8Array {
    this.work.done += unitsOfVerification;
    return this.crypto.x25519Public(secret);
  }

  x25519(secret: Uint8Array, publicKey: Uint8Array): Uint8Array {
    this.work.done += unitsOfVerification;
    return this.crypto.x25519(secret, publicKey);
  }

  open(key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    return this.crypto.open(key, nonce, additional, ciphertext);
  }
}

export function unitsOf(bytes: number): number {
  return Math.ceil(bytes / bytesOfUnit);
}
