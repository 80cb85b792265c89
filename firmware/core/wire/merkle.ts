import { equal, joined } from "./bytes";
import type { Sha256 } from "./hash";
import type { Hash } from "./types";

/**
 * The tree over a metablock's block references, of the shape of RFC 6962, 2.1 (PROTOCOL 4): leaf = SHA-256(00 || bytes),
 * node = SHA-256(01 || left || right), root of none = SHA-256 of nothing.
 */

/** All hashes of a tree, from those of the leaves up to the root alone: each is made once, for all paths together. */
export type MerkleTree = readonly (readonly Hash[])[];

/** About two hashes for each leaf; none where there is no leaf. */
export function merkleTree(crypto: Sha256, leaves: readonly Uint8Array[]): MerkleTree {
  const levels: Hash[][] = [leaves.map((leaf) => leafHash(crypto, leaf))];
  for (let level = levels[0]!; level.length > 1; level = levels[levels.length - 1]!) {
    const above: Hash[] = [];
    for (let left = 0; left < level.length; left += 2) {
      const right = level[left + 1];
      // The last of an odd number stands for itself on the next level: so the left side is always a full tree.
      above.push(right === undefined ? level[left]! : nodeHash(crypto, level[left]!, right));
    }
    levels.push(above);
  }
  return levels;
}

export function rootOf(crypto: Sha256, tree: MerkleTree): Hash {
  return tree[tree.length - 1]![0] ?? crypto.sha256(new Uint8Array(0));
}

/** The hashes beside the way from leaf `index` to the root, from the leaf up. */
export function pathIn(tree: MerkleTree, index: number): Hash[] {
  const path: Hash[] = [];
  let place = index;
  for (const level of tree) {
    const beside = level[place % 2 === 0 ? place + 1 : place - 1];
    if (beside !== undefined) path.push(beside);
    place = Math.floor(place / 2);
  }
  return path;
}

export function merkleRoot(crypto: Sha256, leaves: readonly Uint8Array[]): Hash {
  return rootOf(crypto, merkleTree(crypto, leaves));
}

/** The path of one leaf alone; where more are wanted, `merkleTree` serves them all. */
export function merklePath(crypto: Sha256, leaves: readonly Uint8Array[], index: number): Hash[] {
  return pathIn(merkleTree(crypto, leaves), index);
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

const leafTag = Uint8Array.of(0);
const nodeTag = Uint8Array.of(1);

function leafHash(crypto: Sha256, bytes: Uint8Array): Hash {
  return crypto.sha256(joined(leafTag, bytes));
}

function nodeHash(crypto: Sha256, left: Hash, right: Hash): Hash {
  return crypto.sha256(joined(nodeTag, left, right));
}
