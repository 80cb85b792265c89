/**
 * What each side says in the clear before a handshake: `[1, worldTag, 8 random bytes]` (PROTOCOL 2), and before the last item the epoch of
 * its membership, once somebody was expelled (PROTOCOL 10).
 */

import { VertebraError } from "../core/errors";
import { compare, concat, equal, toHex } from "../core/wire/bytes";
import { decode, encode } from "../core/wire/cbor";
import { maxCount } from "../core/wire/limits";
import { bytesOf, integer, tuple } from "../core/wire/shape";
import type { Random } from "../ports";

const version = 1;

/**
 * A fresh preamble, encoded. Where the wire itself has two unlike ends, `leads` says which this is: the highest bit of the random then has the one
 * that leads initiate, and so ask when the wire is back, by which the other knows whose it is.
 */
export function createPreamble(random: Random, worldTag: Uint8Array, epoch: number, leads?: boolean): Uint8Array {
  const drawn = random.bytes(8);
  if (leads !== undefined) drawn[0] = leads ? drawn[0]! | 0x80 : drawn[0]! & 0x7f;
  return encode([version, worldTag, ...(epoch > 0 ? [epoch] : []), drawn]);
}

/**
 * The epoch that the peer is in. Throws where the bytes are no preamble of this version and world: `cbor-…` or `structure-…` for the form,
 * `link-version`, or `link-other-world`.
 */
export function readPreamble(worldTag: Uint8Array, preamble: Uint8Array): number {
  const items = tuple("preamble", decode(preamble, { depth: 1, items: 5, length: 64 }), 3, 4);
  const theirs = integer("preamble: version", items[0]);
  const tag = bytesOf("preamble: worldTag", items[1], 16);
  bytesOf("preamble: random", items[items.length - 1], 8);
  const epoch = items.length === 3 ? 0 : integer("preamble: epoch", items[2], 1, maxCount);
  if (theirs !== version) {
    throw new VertebraError(
      "link-version",
      `The peer speaks version ${theirs} of the link, and this participant version ${version}`,
      "Bring both participants to the same release.",
    );
  }
  if (!equal(tag, worldTag)) {
    throw new VertebraError(
      "link-other-world",
      `The peer is of world ${toHex(tag)}, and this participant of world ${toHex(worldTag)}`,
      "Connect it to a participant of its own world, or provision both with the same World id.",
    );
  }
  return epoch;
}

/**
 * Who is in the later epoch initiates, since the initiator says last who it is: who comes by an old key hears that of nobody before it was let in. In the same
 * epoch the greater random does. So stand the items, and a preamble without epoch is one item shorter: whole preambles compare alike.
 */
export function initiates(own: Uint8Array, peer: Uint8Array): boolean {
  return compare(own, peer) > 0;
}

/** Both preambles, the smaller first. */
export function prologueOf(one: Uint8Array, other: Uint8Array): Uint8Array {
  return concat(compare(one, other) < 0 ? [one, other] : [other, one]);
}
