/** Noise_XXpsk0_25519_ChaChaPoly_SHA256 by the Noise Protocol Framework, revision 34. Knows nothing of what its payloads mean. */

import { assert, VertebraError } from "../core/errors";
import { concat, joined } from "../core/wire/bytes";
import { hkdf } from "../core/wire/hash";
import { encodeText } from "../core/wire/text";
import type { Crypto } from "../ports";

const protocolName = "Noise_XXpsk0_25519_ChaChaPoly_SHA256";
const tagLength = 16;

/** The three messages of XXpsk0, the first by the initiator. */
const pattern = [
  ["psk", "e"],
  ["e", "ee", "s", "es"],
  ["s", "se"],
] as const;

/** The state of CipherState and SymmetricState. Its byte arrays are replaced, never written to: a copy of the fields is a snapshot. */
export interface Symmetric {
  chainingKey: Uint8Array;
  hash: Uint8Array;
  key: Uint8Array | undefined;
  nonce: number;
  remoteEphemeral: Uint8Array | undefined;
  remoteStatic: Uint8Array | undefined;
}

export interface NoiseOptions {
  readonly crypto: Crypto;
  readonly initiator: boolean;
  readonly prologue: Uint8Array;
  /** 32 bytes. */
  readonly psk: Uint8Array;
  /** X25519 secrets, 32 bytes. The ephemeral one must be fresh for every handshake. */
  readonly staticSecret: Uint8Array;
  readonly ephemeralSecret: Uint8Array;
}

export interface NoiseKeys {
  readonly send: Uint8Array;
  readonly receive: Uint8Array;
  /** Known to both sides alone: what further keys are derived from. */
  readonly chainingKey: Uint8Array;
  /** The same on both sides, and no secret. */
  readonly handshakeHash: Uint8Array;
}

/** One handshake: what it was begun with, and how far it is. */
export interface Noise {
  readonly options: NoiseOptions;
  state: Symmetric;
  /** Messages exchanged. */
  step: number;
}

/** A 64-bit counter as ChaCha20-Poly1305 takes it (revision 34, 12.3): four zero bytes, then the counter, little-endian. */
export function noiseNonce(counter: number): Uint8Array {
  const nonce = new Uint8Array(12);
  for (let index = 4, rest = counter; rest > 0; index++, rest = Math.floor(rest / 256)) nonce[index] = rest % 256;
  return nonce;
}

export function createNoise(options: NoiseOptions): Noise {
  return { options, state: initialize(options), step: 0 };
}

/** The next message with this payload. Throws `noise-refused` where the peer's key is of small order. */
export function writeNoise(noise: Noise, payload: Uint8Array): Uint8Array {
  const { options, state } = noise;
  const { crypto } = options;
  const parts: Uint8Array[] = [];
  for (const token of turn(noise, true)) {
    if (token === "psk") mixPsk(crypto, state, options.psk);
    else if (token === "e") {
      const ephemeral = crypto.x25519Public(options.ephemeralSecret);
      parts.push(ephemeral);
      mixHash(crypto, state, ephemeral);
      // With a psk in the pattern, e is mixed into the key too (revision 34, 9.2).
      mixKey(crypto, state, ephemeral);
    } else if (token === "s") {
      parts.push(encryptAndHash(crypto, state, crypto.x25519Public(options.staticSecret)));
    } else agree(noise, token);
  }
  parts.push(encryptAndHash(crypto, state, payload));
  noise.step++;
  return concat(parts);
}

/** The payload of the peer's message. Throws `noise-refused`, and is then as before: the right message may still come. */
export function readNoise(noise: Noise, message: Uint8Array): Uint8Array {
  const tokens = turn(noise, false);
  const before = { ...noise.state };
  try {
    const payload = readTokens(noise, tokens, message);
    noise.step++;
    return payload;
  } catch (error) {
    noise.state = before;
    throw error;
  }
}

/** X25519 key of the peer, once the message that carries it was read. */
export function remoteStatic({ state }: Noise): Uint8Array {
  assert(state.remoteStatic, "the peer's static key was read");
  return state.remoteStatic;
}

/** The keys that the handshake leaves, after its third message. */
export function finishNoise({ options, state, step }: Noise): NoiseKeys {
  assert(step === pattern.length, "all three messages were exchanged");
  const keys = hkdf(options.crypto, new Uint8Array(0), "", state.chainingKey, 64);
  const [first, second] = [keys.subarray(0, 32), keys.subarray(32)];
  return {
    send: options.initiator ? first : second,
    receive: options.initiator ? second : first,
    chainingKey: state.chainingKey,
    handshakeHash: state.hash,
  };
}

function turn({ options, step }: Noise, writing: boolean): (typeof pattern)[number] {
  const tokens = pattern[step];
  assert(tokens && (options.initiator === (step % 2 === 0)) === writing, "handshake messages alternate, and are three");
  return tokens;
}

function agree({ options, state }: Noise, token: "ee" | "es" | "se"): void {
  // The first letter names the initiator's key, the second the responder's.
  const [own, other] = options.initiator ? [token[0], token[1]] : [token[1], token[0]];
  const secret = own === "e" ? options.ephemeralSecret : options.staticSecret;
  const key = other === "e" ? state.remoteEphemeral : state.remoteStatic;
  assert(key, `the peer's key for ${token} is known`);
  const shared = options.crypto.x25519(secret, key);
  // Suite 1: all-zero results are refused (PROTOCOL 1).
  if (shared.every((byte) => byte === 0)) throw refused("a key of small order");
  mixKey(options.crypto, state, shared);
}

function readTokens(noise: Noise, tokens: readonly string[], message: Uint8Array): Uint8Array {
  const { state, options } = noise;
  const { crypto } = options;
  let at = 0;
  for (const token of tokens) {
    if (token === "psk") mixPsk(crypto, state, options.psk);
    else if (token === "e") {
      state.remoteEphemeral = part(message, at, 32).slice();
      at += 32;
      mixHash(crypto, state, state.remoteEphemeral);
      mixKey(crypto, state, state.remoteEphemeral);
    } else if (token === "s") {
      state.remoteStatic = decryptAndHash(crypto, state, part(message, at, 32 + tagLength));
      at += 32 + tagLength;
    } else agree(noise, token as "ee" | "es" | "se");
  }
  return decryptAndHash(crypto, state, message.subarray(at));
}

function part(message: Uint8Array, at: number, count: number): Uint8Array {
  if (at + count > message.length) throw refused("too short");
  return message.subarray(at, at + count);
}

function initialize({ crypto, prologue }: NoiseOptions): Symmetric {
  // The name is longer than a hash, so its hash stands for it.
  const name = crypto.sha256(encodeText(protocolName));
  const state: Symmetric = {
    chainingKey: name,
    hash: name,
    key: undefined,
    nonce: 0,
    remoteEphemeral: undefined,
    remoteStatic: undefined,
  };
  mixHash(crypto, state, prologue);
  return state;
}

function mixHash(crypto: Crypto, state: Symmetric, bytes: Uint8Array): void {
  state.hash = crypto.sha256(joined(state.hash, bytes));
}

function mixKey(crypto: Crypto, state: Symmetric, input: Uint8Array): void {
  const output = hkdf(crypto, input, "", state.chainingKey, 64);
  state.chainingKey = output.subarray(0, 32);
  state.key = output.subarray(32);
  state.nonce = 0;
}

/** MixKeyAndHash. */
function mixPsk(crypto: Crypto, state: Symmetric, psk: Uint8Array): void {
  const output = hkdf(crypto, psk, "", state.chainingKey, 96);
  state.chainingKey = output.subarray(0, 32);
  mixHash(crypto, state, output.subarray(32, 64));
  state.key = output.subarray(64);
  state.nonce = 0;
}

function encryptAndHash(crypto: Crypto, state: Symmetric, plaintext: Uint8Array): Uint8Array {
  assert(state.key, "the psk was mixed in before anything is encrypted");
  const ciphertext = crypto.seal(state.key, noiseNonce(state.nonce++), state.hash, plaintext);
  mixHash(crypto, state, ciphertext);
  return ciphertext;
}

function decryptAndHash(crypto: Crypto, state: Symmetric, ciphertext: Uint8Array): Uint8Array {
  assert(state.key, "the psk was mixed in before anything is decrypted");
  if (ciphertext.length < tagLength) throw refused("too short");
  const plaintext = crypto.open(state.key, noiseNonce(state.nonce++), state.hash, ciphertext);
  if (!plaintext) throw refused("an authentication tag that does not verify");
  mixHash(crypto, state, ciphertext);
  return plaintext;
}

function refused(what: string): VertebraError {
  return new VertebraError(
    "noise-refused",
    `A handshake message was refused: ${what}. It was replayed or changed on its way, or its sender does not hold this World id`,
    "If it goes on, provision both participants with the same World id, and look for who else is on the wire.",
  );
}
