/** The two sides of one resumption: A, who asks, and B, who answers. Nothing of the session changes before a mac was checked. */

import { VertebraError } from "../core/errors";
import { equal } from "../core/wire/bytes";
import type { Crypto, Random } from "../ports";
import { kinds } from "./frames";
import type { OutgoingFrame } from "./handshake";
import { createRecords, type Records } from "./records";
import {
  decodeResume1,
  decodeResume2,
  decodeResume3,
  encodeResume1,
  encodeResume2,
  encodeResume3,
  nonceLength,
  type Resumed,
  resume,
  type Secret,
  sameMac,
} from "./resumption";

export interface Asking {
  readonly old: Secret;
  readonly nonceA: Uint8Array;
  /** B proved itself. It holds once B's first record was opened. */
  readonly proved:
    | {
        readonly answer: Uint8Array;
        readonly frame: OutgoingFrame;
        readonly records: Records;
        readonly next: Secret;
      }
    | undefined;
}

export function createAsking(random: Random, old: Secret): Asking {
  return { old, nonceA: random.bytes(nonceLength), proved: undefined };
}

/** What A sends, and sends again: with its proof, also the question, since B may have forgotten what it answered. */
export function ask({ old, nonceA, proved }: Asking): OutgoingFrame[] {
  const question = { kind: kinds.resume1, payload: encodeResume1(old.id, nonceA) };
  return proved ? [question, proved.frame] : [question];
}

/** A takes `[nonceB, mac]`. Throws `link-resumption` where the mac is not B's. */
export function proveAnswer(crypto: Crypto, asking: Asking, payload: Uint8Array): Asking {
  if (asking.proved && equal(asking.proved.answer, payload)) return asking;
  const { nonceB, mac } = decodeResume2(payload);
  const { macOfA, macOfB, keyOfA, keyOfB, next } = resume(crypto, asking.old, asking.nonceA, nonceB);
  if (!sameMac(mac, macOfB)) throw refused();
  const frame = { kind: kinds.resume3, payload: encodeResume3(macOfA) };
  return { ...asking, proved: { answer: payload, frame, records: createRecords(crypto, keyOfA, keyOfB), next } };
}

export interface Answering {
  /** When it was asked last. */
  readonly at: number;
  readonly question: Uint8Array;
  readonly frame: OutgoingFrame;
  readonly old: Secret;
  readonly resumed: Resumed;
}

/** B takes `[id, nonceA]`. `known` are the secrets by which it could resume; where the id is of none of them, it says so. */
export function answer(
  crypto: Crypto,
  random: Random,
  known: readonly Secret[],
  question: Uint8Array,
  before: Answering | undefined,
  now: number,
): { readonly frame: OutgoingFrame; readonly answering?: Answering } {
  if (before && equal(before.question, question)) return { frame: before.frame, answering: { ...before, at: now } };
  const { id, nonceA } = decodeResume1(question);
  const old = known.find((each) => equal(each.id, id));
  if (!old) return { frame: { kind: kinds.unknown, payload: id } };
  const nonceB = random.bytes(nonceLength);
  const resumed = resume(crypto, old, nonceA, nonceB);
  const frame = { kind: kinds.resume2, payload: encodeResume2(nonceB, resumed.macOfB) };
  return { frame, answering: { at: now, question, frame, old, resumed } };
}

/** B takes `[mac]`. Throws `link-resumption` where it is not A's. */
export function checkProof({ resumed }: Answering, proof: Uint8Array): void {
  if (!sameMac(decodeResume3(proof), resumed.macOfA)) throw refused();
}

function refused(): VertebraError {
  return new VertebraError(
    "link-resumption",
    "A message for resuming the session does not verify: it was replayed or changed on its way",
    "The full handshake follows by itself; if this goes on, look for who else is on the wire.",
  );
}
