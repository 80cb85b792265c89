import type { Crypto } from "../ports";

export interface Counted {
  readonly crypto: Crypto;
  signatures(): number;
  verified(): number;
}

/** The same cryptography, counting what costs a board most. */
export function counted(crypto: Crypto): Counted {
  let signatures = 0;
  let verified = 0;
  return {
    crypto: {
      ...crypto,
      signer: (seed) => {
        const signer = crypto.signer(seed);
        return {
          publicKey: signer.publicKey,
          sign: (message) => {
            signatures++;
            return signer.sign(message);
          },
        };
      },
      verify: (publicKey, message, signature) => {
        verified++;
        return crypto.verify(publicKey, message, signature);
      },
    },
    signatures: () => signatures,
    verified: () => verified,
  };
}
