/** What each side says in the clear before a handshake: `[1, worldTag, 8 random bytes]` (PROTOCOL 2). */

import { VertebraError } from "../core/errors";
import { compare, concat, equal, toHex } from "../core/wire/bytes";
import { encode } from "../core/wire/cbor";
import { bytesOf, integer, readStructure } from "../core/wire/shape";
import type { Random } from "../ports";

const version = 1;

/** A fresh preamble, encoded. */
export function createPreamble(random: Random, worldTag: Uint8Array): Uint8Array {
  return encode([version, worldTag, random.bytes(8)]);
}

/**
 * Throws where the bytes are no preamble of this version and world: `cbor-…` or `structure-…` for the form, `link-version`,
 * or `link-other-world`.
 */
export function checkPreamble(worldTag: Uint8Array, preamble: Uint8Array): void {
  const items = readStructure("preamble", preamble, 3, { depth: 1, items: 4, length: 64 });
  const theirs = integer("preamble: version", items[0]);
  const tag = bytesOf("preamble: worldTag", items[1], 16);
  bytesOf("preamble: random", items[2], 8);
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
}

/** The greater random initiates. Both have the same version and tag in front of it, so whole preambles compare alike. */
export function initiates(own: Uint8Array, peer: Uint8Array): boolean {
  return compare(own, peer) > 0;
}

/** Both preambles, the smaller first. */
export function prologueOf(one: Uint8Array, other: Uint8Array): Uint8Array {
  return concat(compare(one, other) < 0 ? [one, other] : [other, one]);
}
