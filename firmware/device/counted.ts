import type { Crypto, Signer } from "../ports";

/** How often the cryptography that costs a board most was asked for. */
export interface Counts {
  signatures: number;
  verified: number;
}

/** The same cryptography, counting into `counts`. A class, whose methods take no RAM of a board. */
export class CountedCrypto implements Crypto {
  constructor(
    private readonly crypto: Crypto,
    private readonly counts: Counts,
  ) {}

  get engine(): string {
    return this.crypto.engine;
  }

  sha256(bytes: Uint8Array): Uint8Array {
    return this.crypto.sha256(bytes);
  }

  signer(seed: Uint8Array): Signer {
    return new CountedSigner(this.crypto.signer(seed), this.counts);
  }

  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    this.counts.verified++;
    return this.crypto.verify(publicKey, message, signature);
  }

  x25519Public(secret: Uint8Array): Uint8Array {
    return this.crypto.x25519Public(secret);
  }

  x25519(secret: Uint8Array, publicKey: Uint8Array): Uint8Array {
    return this.crypto.x25519(secret, publicKey);
  }

  seal(key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, plaintext: Uint8Array): Uint8Array {
    return this.crypto.seal(key, nonce, additional, plaintext);
  }

  open(key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    return this.crypto.open(key, nonce, additional, ciphertext);
  }
}

class CountedSigner implements Signer {
  constructor(
    private readonly signer: Signer,
    private readonly counts: Counts,
  ) {}

  get publicKey(): Uint8Array {
    return this.signer.publicKey;
  }

  sign(message: Uint8Array): Uint8Array {
    this.counts.signatures++;
    return this.signer.sign(message);
  }
}
