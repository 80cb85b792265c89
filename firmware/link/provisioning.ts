/**
 * What a board that has no identity yet and a gateway say to each other over its wire (docs/link.md, "A first start"). The board makes its seed, which
 * never leaves it; what it is given is sealed, since the World id is secret: who only listens on the wire learns nothing.
 */

import { VertebraError } from "../core/errors";
import { joined } from "../core/wire/bytes";
import { type Cbor, encode } from "../core/wire/cbor";
import { derivations, hkdf } from "../core/wire/hash";
import { bytes, bytesOf, integer, readStructure, text } from "../core/wire/shape";
import type { Crypto } from "../ports";

const version = 1;
const limits = { depth: 1, items: 4, length: 1024 };
/** UTF-8 bytes of a kind or a code, and of a sentence in a refusal. */
const longestWord = 64;
const longestSentence = 400;
/** Bytes of a world as it is offered: it is in one frame, with its seal. */
export const longestOffer = 900;

/** A board that waits for its identity. */
export interface BlankBoard {
  /** As in the `board` of its board.json. */
  readonly kind: string;
  /** X25519, of this start alone. */
  readonly key: Uint8Array;
}

export function encodeBlank({ kind, key }: BlankBoard): Uint8Array {
  return encode([version, kind, key]);
}

/** This and the decoders below throw `cbor-…`, `structure-…` where the form is wrong, and `provision-version`. */
export function decodeBlank(encoded: Uint8Array): BlankBoard {
  const [its, kind, key] = readStructure("blank board", encoded, 3, limits);
  checkVersion(its);
  return { kind: text("blank board: kind", kind, longestWord), key: bytesOf("blank board: key", key, 32) };
}

export interface Offer {
  /** X25519, of this offer alone. */
  readonly key: Uint8Array;
  readonly sealed: Uint8Array;
}

export function encodeOffer({ key, sealed }: Offer): Uint8Array {
  return encode([version, key, sealed]);
}

export function decodeOffer(encoded: Uint8Array): Offer {
  const [its, key, sealed] = readStructure("offer", encoded, 3, limits);
  checkVersion(its);
  return { key: bytesOf("offer: key", key, 32), sealed: bytes("offer: sealed", sealed) };
}

export function encodeRefusal({ code, message, remedy }: VertebraError): Uint8Array {
  return encode([code, clipped(message), clipped(remedy)]);
}

/** Why a board does not take what it is offered. */
export function decodeRefusal(encoded: Uint8Array): VertebraError {
  const [code, message, remedy] = readStructure("refusal", encoded, 3, limits);
  return new VertebraError(
    text("refusal: code", code, longestWord),
    text("refusal: message", message, longestSentence),
    text("refusal: remedy", remedy, longestSentence),
  );
}

/** Its own sentences are short and of ASCII; what a longer one loses is its end. */
function clipped(sentence: string): string {
  return sentence.slice(0, longestSentence / 4);
}

function checkVersion(value: Cbor | undefined): void {
  const theirs = integer("provisioning: version", value);
  if (theirs === version) return;
  throw new VertebraError(
    "provision-version",
    `The other end provisions by version ${theirs}, and this one by version ${version}`,
    "Bring the board's firmware and the gateway to the same release.",
  );
}

/** The key of what one offer seals; undefined for a key of small order. `secret` is of either end. */
export function offerKey(
  crypto: Crypto,
  secret: Uint8Array,
  theirs: Uint8Array,
  ofBoard: Uint8Array,
  ofOffer: Uint8Array,
): Uint8Array | undefined {
  const shared = crypto.x25519(secret, theirs);
  if (shared.every((byte) => byte === 0)) return undefined;
  return hkdf(crypto, shared, derivations.provisioning, joined(ofBoard, ofOffer));
}

/** Each is sealed once under a key: the world that is offered, what the board answers, and the word that it may keep it. */
const nonces = { offer: 0, prepared: 1, commit: 2 } as const;

export function sealPart(
  crypto: Crypto,
  key: Uint8Array,
  part: keyof typeof nonces,
  plaintext: Uint8Array = new Uint8Array(0),
): Uint8Array {
  return crypto.seal(key, nonceOf(part), new Uint8Array(0), plaintext);
}

export function openPart(
  crypto: Crypto,
  key: Uint8Array,
  part: keyof typeof nonces,
  sealed: Uint8Array,
): Uint8Array | undefined {
  return sealed.length < 16 ? undefined : crypto.open(key, nonceOf(part), new Uint8Array(0), sealed);
}

function nonceOf(part: keyof typeof nonces): Uint8Array {
  const nonce = new Uint8Array(12);
  nonce[11] = nonces[part];
  return nonce;
}

/** Throws `provision-size` for a world that is not to be told in one frame. */
export function checkOffered(world: Uint8Array): void {
  if (world.length <= longestOffer) return;
  throw new VertebraError(
    "provision-size",
    `What the board is to be given of its world has ${world.length} bytes, and over its cable ${longestOffer} are the most`,
    "A world of more than ten stewards is such: let fewer define (`vertebra steward revoke`), or give the board its provision as a file.",
  );
}

/** What a board answers: its static key, and its introduction as in a handshake. */
export interface Prepared {
  readonly staticKey: Uint8Array;
  readonly introduction: Uint8Array;
}

export function encodePrepared({ staticKey, introduction }: Prepared): Uint8Array {
  return encode([staticKey, introduction]);
}

export function decodePrepared(encoded: Uint8Array): Prepared {
  const [staticKey, introduction] = readStructure("prepared", encoded, 2, limits);
  return {
    staticKey: bytesOf("prepared: static key", staticKey, 32),
    introduction: bytes("prepared: introduction", introduction),
  };
}
