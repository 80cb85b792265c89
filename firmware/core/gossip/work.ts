import type { Crypto } from "../../ports";

/**
 * "Each peer has bounded queues and a budget" (PROTOCOL 7), in work and not in messages alone: one message can ask for a thousand
 * hashes. A unit is a hash of half a kilobyte.
 */
export interface Work {
  done: number;
}

/** Ed25519 beside SHA-256, in every library that boards and gateways use, and what is to be read, kept or sent. */
const unitsOfVerification = 64;
const bytesOfUnit = 64;

/** The same cryptography, which notes what others make it do. What this participant signs is its own. */
export function noting(crypto: Crypto, work: Work): Crypto {
  return {
    ...crypto,
    sha256(bytes) {
      work.done += 1 + Math.floor(bytes.length / 512);
      return crypto.sha256(bytes);
    },
    verify(publicKey, message, signature) {
      work.done += unitsOfVerification;
      return crypto.verify(publicKey, message, signature);
    },
  };
}

export function unitsOf(bytes: number): number {
  return Math.ceil(bytes / bytesOfUnit);
}
