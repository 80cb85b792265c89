import { VertebraError } from "../core/errors";
import { fromHex } from "../core/wire/bytes";
import type { Native } from "../native/native";
import type { Crypto } from "../ports";

type Sodium = NonNullable<Native["sodium"]>;

/** Suite 1 by libsodium, behind the natives of the host. */
export function sodiumCrypto(sodium: Sodium): Crypto {
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

/** A signature over one byte that libraries have been seen to judge otherwise, and what suite 1 says of it. */
interface Judged {
  readonly what: string;
  readonly key: string;
  readonly message: number;
  readonly commitment: string;
  readonly answer: string;
  readonly sound: boolean;
}

const honest = {
  key: "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c",
  commitment: "890cd4ea1e8b9aa76a289fb0fe0fbc65f6f8e369e9c89c5a5c75758d9d8ba887",
  answer: "c70454a768a07eba5e76d448423c2769ff32499937cb4a3cd049b5bb9316f00a",
};
/**
 * By a key of mixed order, an honest one and a point of order 8. What is left of R = [S]B - [k]A is [k mod 8] of that point: by its index here,
 * nothing first. A library that multiplies by the cofactor, or that looks what order is left, takes some or all of the others.
 */
const mixed = {
  key: "a00d1ab7f3fbc5f8a6a6197bcc37dfa6cb008e8c86fba5303a4d0391d43aa32b",
  commitment: "a9a4b61b52db164253147e0c5bd20852d7ab4763e996d0117febccbc7a1abb56",
  answers: [
    [0x02, "ea7fa7828d00291514793d9ec90a5b864c2d0c18380ff667e82c930c45e45a09"],
    [0x05, "7bc1bcbfadccff321bd6291d87222e08d7365b9b36775d18ca379151bc9d9d00"],
    [0x01, "f764f21b75cc38aa1105a206bb6d1ea0089f9c4964be27f35ed096552107ac0d"],
    [0x0d, "1168022b8ec81719e41ddc3c7bb44667cfde894cc5554bb31963c90ea05b0307"],
    [0x00, "fcba759bb7454c6a2783aebd1d355673069267e642042910238351552fde8f08"],
    [0x0c, "ed286d1b54131fa4bdd7f76bea17935bf04adb438f95e39323f4186f625c8700"],
    [0x03, "692b4eeaa4bcf211a72a22dba37ddc2bd3fd53d1eac450a2022f4bddc7701b01"],
    [0x04, "02294ea7f001d231258c03e4951d92b755a8d4e5d8f33459accd8f199359df0e"],
  ],
} as const;

/** What a library is asked before it is used. */
export function judged(): Judged[] {
  const { key, commitment } = mixed;
  const order = "b4d84904830391123513cceb2036067eff32499937cb4a3cd049b5bb9316f01a";
  return [
    { ...honest, message: 0, what: "a sound signature", sound: true },
    { ...honest, message: 1, what: "a signature over another message", sound: false },
    { ...honest, message: 0, answer: order, what: "an S above the group's order", sound: false },
    ...mixed.answers.map(([message, answer], left) => ({
      ...{ key, commitment, message, answer, sound: left === 0 },
      what: left === 0 ? "a key of mixed order" : `a key of mixed order where ${left} eighths of it are left`,
    })),
  ];
}

/**
 * Why this library can't be used: it judges a signature otherwise than the others in a world do. Undefined where it doesn't. One verdict is
 * what agreement rests on: a signature that some owners take and others don't would split a world (PROTOCOL 1).
 */
export function verifiesOtherwise({ version, verify }: Pick<Sodium, "version" | "verify">): VertebraError | undefined {
  const wrong = judged().find(
    ({ key, message, commitment, answer, sound }) =>
      verify(fromHex(key), Uint8Array.of(message), fromHex(commitment + answer)) !== sound,
  );
  if (wrong === undefined) return undefined;
  return new VertebraError(
    "crypto-differs",
    `libsodium ${version} is not used: it ${wrong.sound ? "refuses" : "takes"} ${wrong.what}, and other participants don't`,
    "@noble/curves does its work, a hundred times slower. Install a release of libsodium, not its development branch: apt-get install libsodium23",
  );
}
