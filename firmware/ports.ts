/** All that a platform gives to the firmware, and its rooms to each other. Nothing in `core`, `link` or `store` reaches a platform but through these. */

/** A key pair that lives with its port: Ed25519, or X25519 where said. */
export interface Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes over `message`, RFC 8032. */
  sign(message: Uint8Array): Uint8Array;
}

/** The primitives of suite 1 (PROTOCOL 1). Keys, nonces and points are raw bytes; lengths are the caller's to keep. */
export interface Crypto {
  /** Which library does the work, for people: "libsodium 1.0.18", "noble", "node:crypto". */
  readonly engine: string;
  sha256(bytes: Uint8Array): Uint8Array;
  /** The Ed25519 pair of a 32-byte seed. */
  signer(seed: Uint8Array): Signer;
  /**
   * RFC 8032 without cofactor, S canonical. Small-order and non-canonical points are refused before this is called
   * (`wire/signature`), so that every library gives the same verdict on the same bytes.
   */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  x25519Public(secret: Uint8Array): Uint8Array;
  /** The shared secret, 32 bytes; all zero for a bad point, which the caller refuses. */
  x25519(secret: Uint8Array, publicKey: Uint8Array): Uint8Array;
  /** ChaCha20-Poly1305 (RFC 8439): ciphertext and its 16-byte tag. */
  seal(key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** The plaintext, or undefined where the tag does not verify. */
  open(key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
}

/** Bytes that nobody can guess. */
export interface Random {
  bytes(count: number): Uint8Array;
}

/** Milliseconds: one that never goes back, and one since 1970 (0 where the platform has no wall clock). */
export interface Time {
  readonly monotonic: number;
  readonly wall: number;
}

export interface Clock {
  now(): Time;
}

/**
 * NOR flash: an erase sets a sector to 1s, a program clears bits; either may be cut anywhere by a power loss (PROTOCOL 11). Nothing is
 * programmed a second time before it is erased, so that parts fit which allow no more, as those that encrypt or keep an ECC.
 */
export interface Flash {
  /** Bytes, whole sectors. */
  readonly size: number;
  /** What an erase takes at once, bytes: 4 KB on most parts, as much as 256 KB on some. */
  readonly sectorSize: number;
  /** A program begins at a multiple of so many bytes and is as long as one: 1, 2, 4, 8, 16 or 32. */
  readonly writeSize: number;
  /** Bytes of the caller's own. */
  read(offset: number, length: number): Uint8Array;
  /** Whoever programs or erases reads back what became of it: a part that wears out need not know it. */
  program(offset: number, bytes: Uint8Array): void;
  erase(sector: number): void;
  /** Returns when all that was programmed and erased before will survive a power loss. */
  sync(): void;
}

/**
 * Pins, shaped as ECMA-419 shapes them and the Moddable SDK has them (`embedded:io/digital`, `pwm`, `analog`): a constructor for each
 * kind of IO, numbers in and out. They throw where a pin is in use or can't do it.
 */
export interface Pins {
  readonly Digital: {
    new (options: {
      readonly pin: number;
      readonly mode: number;
      /** Of an output: its level from the first moment. */
      readonly initialValue?: 0 | 1;
      /** Of an input: called at these edges. */
      readonly edge?: number;
      readonly onReadable?: () => void;
    }): { read(): 0 | 1; write(level: 0 | 1): void };
    readonly InputPullUp: number;
    readonly Output: number;
    readonly Rising: number;
    readonly Falling: number;
  };
  readonly PWM: new (options: {
    readonly pin: number;
    readonly hz: number;
    /** Bits; what the platform gives is read back. */
    readonly resolution?: number;
  }) => {
    readonly resolution: number;
    /** From 0 to 2 ** resolution - 1, which is all of the time. */
    write(duty: number): void;
  };
  readonly Analog: new (options: {
    readonly pin: number;
  }) => {
    readonly resolution: number;
    /** From 0 to 2 ** resolution - 1. */
    read(): number;
  };
}

/** What a link tells its participant through who drives both: what it has room for, as it measured it (PROTOCOL 12). */
export interface Room {
  /** So many bytes more before what comes last would wait too long; what is sent beyond is taken, and only comes late. */
  readonly bytes: number;
  /** What a message sent now is expected to need until its receiver has acknowledged it, ms. */
  readonly delay: number;
}
