/**
 * Going on with a session without public-key work (PROTOCOL 2): `[id, nonceA]`, `[nonceB, mac]`, `[mac]`. A is who initiated
 * the handshake, so that never both ask. New keys and a new secret come from the old secret and both nonces.
 */

import { joined } from "../core/wire/bytes";
import { encode } from "../core/wire/cbor";
import { derivations, hkdf } from "../core/wire/hash";
import { bytesOf, readStructure } from "../core/wire/shape";
import type { Crypto } from "../ports";
import type { NoiseKeys } from "./noise";

/** What is left of a session for resuming it; in RAM only. */
export interface Secret {
  /** 8 bytes, which name the session in the clear. */
  readonly id: Uint8Array;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

export interface Resumed {
  readonly macOfA: Uint8Array;
  readonly macOfB: Uint8Array;
  /** The key of what A sends, and of what B sends. */
  readonly keyOfA: Uint8Array;
  readonly keyOfB: Uint8Array;
  readonly next: Secret;
}

export const nonceLength = 16;
const limits = { depth: 1, items: 3, length: 64 };

/** The first secret of a session, from what its handshake left. */
export function firstSecret(crypto: Crypto, keys: NoiseKeys): Secret {
  return split(hkdf(crypto, keys.chainingKey, derivations.resumption, keys.handshakeHash, 40));
}

export function resume(crypto: Crypto, old: Secret, nonceA: Uint8Array, nonceB: Uint8Array): Resumed {
  const output = hkdf(crypto, old.secret, derivations.resumed, joined(old.id, nonceA, nonceB), 168);
  return {
    macOfA: output.slice(0, 32),
    macOfB: output.slice(32, 64),
    keyOfA: output.slice(64, 96),
    keyOfB: output.slice(96, 128),
    next: split(output.subarray(128)),
  };
}

function split(output: Uint8Array): Secret {
  return { secret: output.slice(0, 32), id: output.slice(32, 40) };
}

/** Compares in a time that does not tell where two macs differ. */
export function sameMac(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let index = 0; index < a.length; index++) difference |= a[index]! ^ (b[index] ?? 0);
  return difference === 0;
}

export function encodeResume1(id: Uint8Array, nonceA: Uint8Array): Uint8Array {
  return encode([id, nonceA]);
}

/** This and the decoders below throw `cbor-…` or `structure-…` where the form is wrong. */
export function decodeResume1(bytes: Uint8Array): { id: Uint8Array; nonceA: Uint8Array } {
  const items = readStructure("resumption 1", bytes, 2, limits);
  return {
    id: bytesOf("resumption 1: id", items[0], 8),
    nonceA: bytesOf("resumption 1: nonce", items[1], nonceLength),
  };
}

export function encodeResume2(nonceB: Uint8Array, mac: Uint8Array): Uint8Array {
  return encode([nonceB, mac]);
}

export function decodeResume2(bytes: Uint8Array): { nonceB: Uint8Array; mac: Uint8Array } {
  const items = readStructure("resumption 2", bytes, 2, limits);
  return {
    nonceB: bytesOf("resumption 2: nonce", items[0], nonceLength),
    mac: bytesOf("resumption 2: mac", items[1], 32),
  };
}

export function encodeResume3(mac: Uint8Array): Uint8Array {
  return encode([mac]);
}

export function decodeResume3(bytes: Uint8Array): Uint8Array {
  return bytesOf("resumption 3: mac", readStructure("resumption 3", bytes, 1, limits)[0], 32);
}
