import type { Crypto } from "../../ports";
import { joined, named } from "./bulk";
import { encodeText } from "./text";
import type { Hash } from "./types";

/** SHA-256 with domains, HMAC and HKDF (PROTOCOL 1): all that is hashed or derived goes through here. */

export type Sha256 = Pick<Crypto, "sha256">;

/** The one table of hash domains: a different one for every structure and purpose. */
export const domains = {
  block: "vertebra/1 block",
  entries: "vertebra/1 entries",
  metablock: "vertebra/1 metablock",
  certificate: "vertebra/1 certificate",
  pact: "vertebra/1 pact",
  group: "vertebra/1 group",
  attestation: "vertebra/1 attestation",
  static: "vertebra/1 static",
  rank: "vertebra/1 rank",
  source: "vertebra/1 source",
  behavior: "vertebra/1 behavior",
  stage: "vertebra/1 stage",
  saga: "vertebra/1 saga",
  invocation: "vertebra/1 invocation",
  produced: "vertebra/1 produced",
  turn: "vertebra/1 turn",
  epoch: "vertebra/1 epoch",
} as const;

export type Domain = keyof typeof domains;

/** The `info` of every key that is derived by HKDF. None is a hash domain too. */
export const derivations = {
  avatar: "vertebra/1 avatar",
  tag: "vertebra/1 tag",
  member: "vertebra/1 member",
  psk: "vertebra/1 psk",
  noise: "vertebra/1 noise",
  resumption: "vertebra/1 resumption",
  resumed: "vertebra/1 resumed",
  sealed: "vertebra/1 sealed",
  provisioning: "vertebra/1 provisioning",
} as const;

/** H(domain, bytes) = SHA-256(domain || 0x00 || bytes). */
export function hash(crypto: Sha256, domain: Domain, bytes: Uint8Array): Hash {
  return crypto.sha256(named(domains[domain], bytes));
}

/** The Issuing Hash: plain SHA-256 of the issuer's signature, the one hash without a domain (PROTOCOL 1). */
export function issuingHash(crypto: Sha256, signature: Uint8Array): Hash {
  return crypto.sha256(signature);
}

const hmacBlock = 64;

/** HMAC-SHA-256 (RFC 2104), 32 bytes. */
export function hmac(crypto: Sha256, key: Uint8Array, bytes: Uint8Array): Uint8Array {
  const short = key.length > hmacBlock ? crypto.sha256(key) : key;
  const inner = new Uint8Array(hmacBlock).fill(0x36);
  const outer = new Uint8Array(hmacBlock).fill(0x5c);
  for (let i = 0; i < short.length; i++) {
    inner[i]! ^= short[i]!;
    outer[i]! ^= short[i]!;
  }
  return crypto.sha256(joined(outer, crypto.sha256(joined(inner, bytes))));
}

/** HKDF-SHA-256 (RFC 5869). As `HKDF(ikm, info)` of PROTOCOL 1 the salt is empty and 32 bytes come out. */
export function hkdf(
  crypto: Sha256,
  ikm: Uint8Array,
  info: string | Uint8Array,
  salt: Uint8Array = new Uint8Array(0),
  length = 32,
): Uint8Array {
  const context = typeof info === "string" ? encodeText(info) : info;
  const pseudorandom = hmac(crypto, salt, ikm);
  const output = new Uint8Array(length);
  let previous: Uint8Array = new Uint8Array(0);
  for (let offset = 0, counter = 1; offset < length; offset += 32, counter++) {
    previous = hmac(crypto, pseudorandom, joined(previous, context, Uint8Array.of(counter)));
    output.set(previous.subarray(0, Math.min(32, length - offset)), offset);
  }
  return output;
}
