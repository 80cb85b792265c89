/**
 * Records (PROTOCOL 2): `[counter as a variable-length integer][ciphertext and tag]`, each with its own counter, accepted
 * once and within a window, under keys that both sides renew after every `recordsPerKey` of them.
 */

import { assert } from "../core/errors";
import type { Crypto } from "../ports";
import { recordsPerKey, replayWindow } from "./limits";
import { noiseNonce } from "./noise";

/** Made anew where it is needed: a module's own bytes would lie in ROM on a board. */
const nothing = () => new Uint8Array(0);
/** 2^64 - 1, the nonce that the Noise framework keeps for renewing a key (revision 34, 4.2). */
const lastNonce = () => Uint8Array.of(0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255);

export interface Records {
  /** The next record with this plaintext. */
  seal(plaintext: Uint8Array): Uint8Array;
  /** The plaintext; undefined where it was accepted before, is older than the window, or is not the peer's. */
  open(record: Uint8Array): Uint8Array | undefined;
}

/** Keys are 32 bytes and must not have been used for records before. */
export function createRecords(crypto: Crypto, sendKey: Uint8Array, receiveKey: Uint8Array): Records {
  const seen = createReplayWindow();
  const keys = createKeys(crypto, receiveKey);
  let sealKey = sendKey;
  let sent = 0;

  return {
    seal(plaintext) {
      assert(sent < Number.MAX_SAFE_INTEGER, "a counter is never used twice");
      if (sent > 0 && sent % recordsPerKey === 0) sealKey = renewed(crypto, sealKey);
      const counter = encodeCounter(sent);
      const ciphertext = crypto.seal(sealKey, noiseNonce(sent), nothing(), plaintext);
      sent++;
      const record = new Uint8Array(counter.length + ciphertext.length);
      record.set(counter);
      record.set(ciphertext, counter.length);
      return record;
    },
    open(record) {
      const read = decodeCounter(record);
      if (!read || !seen.fresh(read.counter)) return undefined;
      const generation = Math.floor(read.counter / recordsPerKey);
      const key = keys.of(generation);
      if (!key || record.length - read.length < 16) return undefined;
      const plaintext = crypto.open(key, noiseNonce(read.counter), nothing(), record.subarray(read.length));
      if (!plaintext) return undefined;
      // Only now: a stranger's counter must move neither the window nor the key.
      seen.accept(read.counter);
      keys.keep(generation, key);
      return plaintext;
    },
  };
}

/** REKEY of the Noise framework, revision 34, 4.2. */
function renewed(crypto: Crypto, key: Uint8Array): Uint8Array {
  return crypto.seal(key, lastNonce(), nothing(), new Uint8Array(32)).subarray(0, 32);
}

/** The receiving keys of this generation, of the one before (records may come late), and of the next. */
function createKeys(crypto: Crypto, first: Uint8Array) {
  let generation = 0;
  let current = first;
  let previous: Uint8Array | undefined;

  return {
    of(wanted: number): Uint8Array | undefined {
      if (wanted === generation) return current;
      if (wanted === generation - 1) return previous;
      // Further on than the next: a whole generation of records would have been lost, and the session with it.
      return wanted === generation + 1 ? renewed(crypto, current) : undefined;
    },
    /** A record of this generation was opened with this key. */
    keep(opened: number, key: Uint8Array): void {
      if (opened !== generation + 1) return;
      previous = current;
      current = key;
      generation = opened;
    },
  };
}

/** "Accepted once, within a window of 128." */
function createReplayWindow() {
  const accepted = new Uint8Array(replayWindow);
  let next = 0;

  return {
    fresh(counter: number): boolean {
      if (counter >= next) return true;
      return counter >= next - replayWindow && accepted[counter % replayWindow] === 0;
    },
    accept(counter: number): void {
      const from = Math.max(next, counter - replayWindow + 1);
      for (let skipped = from; skipped < counter; skipped++) accepted[skipped % replayWindow] = 0;
      accepted[counter % replayWindow] = 1;
      if (counter >= next) next = counter + 1;
    },
  };
}

/** Seven bits a byte, the lowest first, the highest bit set on all but the last: one byte for the first 128 records. */
function encodeCounter(counter: number): Uint8Array {
  const bytes: number[] = [];
  let rest = counter;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

function decodeCounter(record: Uint8Array): { counter: number; length: number } | undefined {
  let counter = 0;
  let weight = 1;
  for (let index = 0; index < record.length && index < 8; index++) {
    const byte = record[index]!;
    counter += (byte % 128) * weight;
    weight *= 128;
    if (byte >= 128) continue;
    return counter <= Number.MAX_SAFE_INTEGER ? { counter, length: index + 1 } : undefined;
  }
  return undefined;
}
