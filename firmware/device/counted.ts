import type { Crypto } from "../ports";

/** How often the cryptography that costs a board most was asked for. */
export interface Counts {
  signatures: number;
  verified: number;
}

/** The same cryptography, counting into `counts`. */
export function counted(crypto: Crypto, counts: Counts): Crypto {
  return {
    ...crypto,
    signer: (seed) => {
      const signer = crypto.signer(seed);
      return {
        publicKey: signer.publicKey,
        sign: (message) => {
          counts.signatures++;
          return signer.sign(message);
        },
      };
    },
    verify: (publicKey, message, signature) => {
      counts.verified++;
      return crypto.verify(publicKey, message, signature);
    },
  };
}
