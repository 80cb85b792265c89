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

/** One session's records, both ways, under the keys of now. */
export interface Records {
  readonly crypto: Crypto;
  sealKey: Uint8Array;
  sent: number;
  /** Which of the peer's keys is the current one; that before it is kept, since records may come late. */
  generation: number;
  openKey: Uint8Array;
  previousKey: Uint8Array | undefined;
  /** "Accepted once, within a window of 128": by counter modulo the window, below the next new one. */
  readonly accepted: Uint8Array;
  next: number;
}

/** Keys are 32 bytes and must not have been used for records before. */
export function createRecords(crypto: Crypto, sendKey: Uint8Array, receiveKey: Uint8Array): Records {
  return {
    crypto,
    sealKey: sendKey,
    sent: 0,
    generation: 0,
    openKey: receiveKey,
    previousKey: undefined,
    accepted: new Uint8Array(replayWindow),
    next: 0,
  };
}

/** The next record with this plaintext. */
export function sealRecord(records: Records, plaintext: Uint8Array): Uint8Array {
  const { crypto, sent } = records;
  assert(sent < Number.MAX_SAFE_INTEGER, "a counter is never used twice");
  if (sent > 0 && sent % recordsPerKey === 0) records.sealKey = renewed(crypto, records.sealKey);
  const counter = encodeCounter(sent);
  const ciphertext = crypto.seal(records.sealKey, noiseNonce(sent), nothing(), plaintext);
  records.sent++;
  const record = new Uint8Array(counter.length + ciphertext.length);
  record.set(counter);
  record.set(ciphertext, counter.length);
  return record;
}

/** The plaintext; undefined where it was accepted before, is older than the window, or is not the peer's. */
export function openRecord(records: Records, record: Uint8Array): Uint8Array | undefined {
  const { crypto } = records;
  const read = decodeCounter(record);
  if (!read || !isFresh(records, read.counter)) return undefined;
  const generation = Math.floor(read.counter / recordsPerKey);
  const key = keyOf(records, generation);
  if (!key || record.length - read.length < 16) return undefined;
  const plaintext = crypto.open(key, noiseNonce(read.counter), nothing(), record.subarray(read.length));
  if (!plaintext) return undefined;
  // Only now: a stranger's counter must move neither the window nor the key.
  accept(records, read.counter);
  if (generation === records.generation + 1) {
    records.previousKey = records.openKey;
    records.openKey = key;
    records.generation = generation;
  }
  return plaintext;
}

/** REKEY of the Noise framework, revision 34, 4.2. */
function renewed(crypto: Crypto, key: Uint8Array): Uint8Array {
  return crypto.seal(key, lastNonce(), nothing(), new Uint8Array(32)).subarray(0, 32);
}

/** The receiving key of this generation: the current one, the one before, or the next. */
function keyOf({ crypto, generation, openKey, previousKey }: Records, wanted: number): Uint8Array | undefined {
  if (wanted === generation) return openKey;
  if (wanted === generation - 1) return previousKey;
  // Further on than the next: a whole generation of records would have been lost, and the session with it.
  return wanted === generation + 1 ? renewed(crypto, openKey) : undefined;
}

function isFresh({ accepted, next }: Records, counter: number): boolean {
  if (counter >= next) return true;
  return counter >= next - replayWindow && accepted[counter % replayWindow] === 0;
}

function accept(records: Records, counter: number): void {
  const { accepted, next } = records;
  const from = Math.max(next, counter - replayWindow + 1);
  for (let skipped = from; skipped < counter; skipped++) accepted[skipped % replayWindow] = 0;
  accepted[counter % replayWindow] = 1;
  if (counter >= next) records.next = counter + 1;
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
