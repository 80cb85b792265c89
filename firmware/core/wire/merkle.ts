import { concat, equal } from "./bytes";
import type { Sha256 } from "./hash";
import type { Hash } from "./types";

/**
 * The tree over a metablock's block references, of the shape of RFC 6962, 2.1 (PROTOCOL 4): leaf = SHA-256(00 || bytes),
 * node = SHA-256(01 || left || right), root of none = SHA-256 of nothing.
 */

export function merkleRoot(crypto: Sha256, leaves: readonly Uint8Array[]): Hash {
  if (leaves.length === 0) return crypto.sha256(new Uint8Array(0));
  return subtreeRoot(crypto, leaves, 0, leaves.length);
}

/** The hashes beside the way from leaf `index` to the root, from the leaf up. */
export function merklePath(crypto: Sha256, leaves: readonly Uint8Array[], index: number): Hash[] {
  const path: Hash[] = [];
  let start = 0;
  let end = leaves.length;
  while (end - start > 1) {
    const middle = start + split(end - start);
    if (index < middle) {
      path.push(subtreeRoot(crypto, leaves, middle, end));
      end = middle;
    } else {
      path.push(subtreeRoot(crypto, leaves, start, middle));
      start = middle;
    }
  }
  return path.reverse();
}

/** Whether `leaf` stands at `index` of the `count` leaves under `root`. */
export function verifyMerklePath(
  crypto: Sha256,
  leaf: Uint8Array,
  index: number,
  count: number,
  path: readonly Hash[],
  root: Hash,
): boolean {
  if (!(index >= 0 && index < count)) return false;
  // RFC 9162, 2.1.3.2: `position` walks up from the leaf, `last` from the last leaf beside it.
  let position = index;
  let last = count - 1;
  let known = leafHash(crypto, leaf);
  for (const beside of path) {
    if (last === 0) return false;
    if (position % 2 === 1 || position === last) {
      known = nodeHash(crypto, beside, known);
      while (position % 2 === 0 && position !== 0) {
        position /= 2;
        last = Math.floor(last / 2);
      }
    } else known = nodeHash(crypto, known, beside);
    position = Math.floor(position / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && equal(known, root);
}

function subtreeRoot(crypto: Sha256, leaves: readonly Uint8Array[], start: number, end: number): Hash {
  if (end - start === 1) return leafHash(crypto, leaves[start]!);
  const middle = start + split(end - start);
  return nodeHash(crypto, subtreeRoot(crypto, leaves, start, middle), subtreeRoot(crypto, leaves, middle, end));
}

/** The greatest power of two below `count`. */
function split(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

function leafHash(crypto: Sha256, bytes: Uint8Array): Hash {
  return crypto.sha256(concat([Uint8Array.of(0), bytes]));
}

function nodeHash(crypto: Sha256, left: Hash, right: Hash): Hash {
  return crypto.sha256(concat([Uint8Array.of(1), left, right]));
}
