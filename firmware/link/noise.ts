/** Noise_XXpsk0_25519_ChaChaPoly_SHA256 by the Noise Protocol Framework, revision 34. Knows nothing of what its payloads mean. */

import { assert, VertebraError } from "../core/errors";
import { concat } from "../core/wire/bytes";
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
interface Symmetric {
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

export interface Noise {
  /** The next message with this payload. Throws `noise-refused` where the peer's key is of small order. */
  write(payload: Uint8Array): Uint8Array;
  /** The payload of the peer's message. Throws `noise-refused`, and is then as before: the right message may still come. */
  read(message: Uint8Array): Uint8Array;
  /** X25519 key of the peer, once the message that carries it was read. */
  remoteStatic(): Uint8Array;
  /** After the third message. */
  finish(): NoiseKeys;
}

/** A 64-bit counter as ChaCha20-Poly1305 takes it (revision 34, 12.3): four zero bytes, then the counter, little-endian. */
export function noiseNonce(counter: number): Uint8Array {
  const nonce = new Uint8Array(12);
  for (let index = 4, rest = counter; rest > 0; index++, rest = Math.floor(rest / 256)) nonce[index] = rest % 256;
  return nonce;
}

export function createNoise(options: NoiseOptions): Noise {
  const { crypto, initiator } = options;
  const state = initialize(options);
  let step = 0;

  function turn(writing: boolean): (typeof pattern)[number] {
    const tokens = pattern[step];
    assert(tokens && (initiator === (step % 2 === 0)) === writing, "handshake messages alternate, and are three");
    return tokens;
  }

  function agree(token: "ee" | "es" | "se"): void {
    // The first letter names the initiator's key, the second the responder's.
    const [own, other] = initiator ? [token[0], token[1]] : [token[1], token[0]];
    const secret = own === "e" ? options.ephemeralSecret : options.staticSecret;
    const key = other === "e" ? state.remoteEphemeral : state.remoteStatic;
    assert(key, `the peer's key for ${token} is known`);
    const shared = crypto.x25519(secret, key);
    // Suite 1: all-zero results are refused (PROTOCOL 1).
    if (shared.every((byte) => byte === 0)) throw refused("a key of small order");
    mixKey(crypto, state, shared);
  }

  function readTokens(tokens: readonly string[], message: Uint8Array): Uint8Array {
    let at = 0;
    function take(count: number): Uint8Array {
      if (at + count > message.length) throw refused("too short");
      at += count;
      return message.subarray(at - count, at);
    }
    for (const token of tokens) {
      if (token === "psk") mixPsk(crypto, state, options.psk);
      else if (token === "e") {
        state.remoteEphemeral = take(32).slice();
        mixHash(crypto, state, state.remoteEphemeral);
        mixKey(crypto, state, state.remoteEphemeral);
      } else if (token === "s") {
        state.remoteStatic = decryptAndHash(crypto, state, take(32 + tagLength));
      } else agree(token as "ee" | "es" | "se");
    }
    return decryptAndHash(crypto, state, message.subarray(at));
  }

  return {
    write(payload) {
      const parts: Uint8Array[] = [];
      for (const token of turn(true)) {
        if (token === "psk") mixPsk(crypto, state, options.psk);
        else if (token === "e") {
          const ephemeral = crypto.x25519Public(options.ephemeralSecret);
          parts.push(ephemeral);
          mixHash(crypto, state, ephemeral);
          // With a psk in the pattern, e is mixed into the key too (revision 34, 9.2).
          mixKey(crypto, state, ephemeral);
        } else if (token === "s") {
          parts.push(encryptAndHash(crypto, state, crypto.x25519Public(options.staticSecret)));
        } else agree(token);
      }
      parts.push(encryptAndHash(crypto, state, payload));
      step++;
      return concat(parts);
    },
    read(message) {
      const tokens = turn(false);
      const before = { ...state };
      try {
        const payload = readTokens(tokens, message);
        step++;
        return payload;
      } catch (error) {
        Object.assign(state, before);
        throw error;
      }
    },
    remoteStatic() {
      assert(state.remoteStatic, "the peer's static key was read");
      return state.remoteStatic;
    },
    finish() {
      assert(step === pattern.length, "all three messages were exchanged");
      const keys = hkdf(crypto, new Uint8Array(0), "", state.chainingKey, 64);
      const [first, second] = [keys.subarray(0, 32), keys.subarray(32)];
      return {
        send: initiator ? first : second,
        receive: initiator ? second : first,
        chainingKey: state.chainingKey,
        handshakeHash: state.hash,
      };
    },
  };
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
  state.hash = crypto.sha256(concat([state.hash, bytes]));
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
