/**
 * A board that has no identity: it says so, and is given a world (docs/link.md, "A first start"). A state machine: bytes and monotonic time in,
 * ordered actions out. Until `keep` nothing is durable, so a power cut leaves it as blank as it was; from then on it is what it is.
 */

import { VertebraError } from "../core/errors";
import { equal, joined } from "../core/wire/bytes";
import { encodeText } from "../core/wire/text";
import type { Crypto, Random } from "../ports";
import { createFrameReader, encodeFrame, type Frame, type FrameReader, kinds, readFrames } from "./frames";
import { introduce, type LinkIdentity } from "./introduction";
import { decodeOffer, encodeBlank, encodePrepared, encodeRefusal, offerKey, openPart, sealPart } from "./provisioning";

export type BlankAction =
  | { readonly kind: "write"; readonly bytes: Uint8Array }
  /** To be made durable as a whole, and then begun with: the board is no blank one any more. */
  | { readonly kind: "keep"; readonly seed: Uint8Array; readonly world: Uint8Array }
  /** Somebody offered what it can't take. */
  | { readonly kind: "notice"; readonly error: VertebraError }
  | { readonly kind: "wake"; readonly at: number };

export interface BlankOptions {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly kind: string;
  /** Who it is by this seed in the world that it is offered, encoded. Throws VertebraError where it can't be in it, as without the memory for that. */
  identityIn(world: Uint8Array, seed: Uint8Array): LinkIdentity;
}

export interface Blank {
  readonly options: BlankOptions;
  readonly seed: Uint8Array;
  readonly secret: Uint8Array;
  readonly key: Uint8Array;
  readonly reader: FrameReader;
  offered: { readonly payload: Uint8Array; readonly taken: Taken } | undefined;
  /** Offers that are looked at until it says again what it is. */
  budget: number;
}

/** What became of an offer. */
type Taken =
  | { readonly key: Uint8Array; readonly world: Uint8Array; readonly answer: Uint8Array }
  | { readonly refusal: VertebraError };

/** For who has nothing but a terminal program at the other end; text between frames costs none (`link/frames`). */
const inWords = "\r\nThis board has no identity yet: vertebra board provision --port PORT\r\n";
/** How often it says what it is, ms; and offers that it looks at in that time, each of which costs it a signature or two. */
const repeatMs = 1_000;
const mostOffers = 4;

export function createBlank(options: BlankOptions): Blank {
  const { crypto, random } = options;
  const secret = random.bytes(32);
  return {
    ...{ options, secret, seed: random.bytes(32), key: crypto.x25519Public(secret) },
    ...{ reader: createFrameReader(), offered: undefined, budget: mostOffers },
  };
}

/** The wire is open, or the time of the last `wake` has come. */
export function sayBlank(blank: Blank, now: number): BlankAction[] {
  const { options, key } = blank;
  blank.budget = mostOffers;
  const bytes = encodeFrame(kinds.blank, encodeBlank({ kind: options.kind, key }));
  return [
    { kind: "write", bytes: joined(encodeText(inWords), bytes) },
    { kind: "wake", at: now + repeatMs },
  ];
}

export function receiveByBlank(blank: Blank, bytes: Uint8Array): BlankAction[] {
  return readFrames(blank.reader, bytes).flatMap((frame) => takeFrame(blank, frame));
}

function takeFrame(blank: Blank, { kind, payload }: Frame): BlankAction[] {
  if (kind === kinds.offer) return takeOffer(blank, payload);
  return kind === kinds.commit ? takeCommit(blank, payload) : [];
}

function takeOffer(blank: Blank, payload: Uint8Array): BlankAction[] {
  const { offered } = blank;
  if (offered !== undefined && equal(offered.payload, payload)) return answered(offered.taken);
  if (blank.budget === 0) return [];
  blank.budget--;
  const taken = lookAt(blank, payload);
  // One that was made for who this was before its last start, or is none.
  if (taken === undefined) return [];
  blank.offered = { payload: payload.slice(), taken };
  return "refusal" in taken ? [{ kind: "notice", error: taken.refusal }, ...answered(taken)] : answered(taken);
}

function answered(taken: Taken): BlankAction[] {
  const frame =
    "refusal" in taken
      ? encodeFrame(kinds.refusal, encodeRefusal(taken.refusal))
      : encodeFrame(kinds.prepared, taken.answer);
  return [{ kind: "write", bytes: frame }];
}

function lookAt({ options, secret, key: own, seed }: Blank, payload: Uint8Array): Taken | undefined {
  const { crypto } = options;
  try {
    const { key: theirs, sealed } = decodeOffer(payload);
    const key = offerKey(crypto, secret, theirs, own, theirs);
    const opened = key && openPart(crypto, key, "offer", sealed);
    if (key === undefined || opened === undefined) return undefined;
    const identity = options.identityIn(opened, seed);
    const staticKey = crypto.x25519Public(identity.noiseSecret);
    const answer = encodePrepared({ staticKey, introduction: introduce(crypto, identity) });
    return { key, world: opened, answer: sealPart(crypto, key, "prepared", answer) };
  } catch (error) {
    if (!(error instanceof VertebraError) || error.code === "assertion") throw error;
    return { refusal: error };
  }
}

function takeCommit({ options, offered, seed }: Blank, payload: Uint8Array): BlankAction[] {
  if (offered === undefined || "refusal" in offered.taken) return [];
  const { key, world } = offered.taken;
  if (openPart(options.crypto, key, "commit", payload) === undefined) return [];
  return [{ kind: "keep", seed, world }];
}
