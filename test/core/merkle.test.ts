import { describe, expect, it } from "vitest";
import { concat, fromHex, toHex } from "../../firmware/core/wire/bytes";
import { maxPathLength, maxReferences } from "../../firmware/core/wire/limits";
import { merklePath, merkleRoot, verifyMerklePath } from "../../firmware/core/wire/merkle";
import { nobleCrypto } from "../../firmware/device/noble";

const crypto = nobleCrypto();

/** The eight inputs of the reference tests of Certificate Transparency, and the roots over the first n of them. */
const inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"].map(
  fromHex,
);
const roots = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const leavesOf = (count: number) => Array.from({ length: count }, (_, index) => Uint8Array.of(index >> 8, index & 255));

describe("the Merkle tree over block references", () => {
  it("has the roots of Certificate Transparency's reference tests, the one of nothing too", () => {
    for (let count = 0; count <= 8; count++) {
      expect(toHex(merkleRoot(crypto, inputs.slice(0, count)))).toBe(roots[count]);
    }
  });

  it("is leaf = SHA-256(00 || bytes) and node = SHA-256(01 || left || right), as PROTOCOL 4 says", () => {
    const [a, b, c] = leavesOf(3).map((leaf) => crypto.sha256(concat([Uint8Array.of(0), leaf])));
    const node = (left: Uint8Array, right: Uint8Array) => crypto.sha256(concat([Uint8Array.of(1), left, right]));
    expect(merkleRoot(crypto, leavesOf(3))).toEqual(node(node(a!, b!), c!));
  });

  it("proves each leaf of trees of 1 to 9 leaves by its path", () => {
    for (let count = 1; count <= 9; count++) {
      const leaves = leavesOf(count);
      const root = merkleRoot(crypto, leaves);
      for (const [index, leaf] of leaves.entries()) {
        const path = merklePath(crypto, leaves, index);
        expect(verifyMerklePath(crypto, leaf, index, count, path, root)).toBe(true);
      }
    }
  });

  it("refuses every leaf at every other index, and in a tree of another size where the path's shape differs", () => {
    for (let count = 1; count <= 9; count++) {
      const leaves = leavesOf(count);
      const root = merkleRoot(crypto, leaves);
      for (const [index, leaf] of leaves.entries()) {
        const path = merklePath(crypto, leaves, index);
        for (let other = -1; other <= count; other++) {
          expect(verifyMerklePath(crypto, leaf, other, count, path, root)).toBe(other === index);
        }
        expect(verifyMerklePath(crypto, leaf, index, 2 * count + 1, path, root)).toBe(false);
      }
    }
  });

  it("refuses a path that is cut, grown, reordered or has one bit changed, and another leaf or root", () => {
    const leaves = leavesOf(7);
    const root = merkleRoot(crypto, leaves);
    const flipped = (bytes: Uint8Array) => Uint8Array.from(bytes, (byte, index) => (index === 5 ? byte ^ 1 : byte));
    for (const [index, leaf] of leaves.entries()) {
      const path = merklePath(crypto, leaves, index);
      const verify = (tampered: readonly Uint8Array[]) => verifyMerklePath(crypto, leaf, index, 7, tampered, root);
      expect(verify(path.slice(1))).toBe(false);
      expect(verify(path.slice(0, -1))).toBe(false);
      expect(verify([...path, path[0]!])).toBe(false);
      expect(verify([...path].reverse())).toBe(false);
      for (let step = 0; step < path.length; step++) {
        expect(verify(path.map((hash, at) => (at === step ? flipped(hash) : hash)))).toBe(false);
      }
      expect(verifyMerklePath(crypto, flipped(concat([leaf, leaf, leaf])), index, 7, path, root)).toBe(false);
      expect(verifyMerklePath(crypto, leaf, index, 7, path, flipped(root))).toBe(false);
    }
  });

  it("does not take an inner node for a leaf", () => {
    const leaves = leavesOf(2);
    const [left, right] = leaves.map((leaf) => crypto.sha256(concat([Uint8Array.of(0), leaf])));
    expect(verifyMerklePath(crypto, concat([left!, right!]), 0, 1, [], merkleRoot(crypto, leaves))).toBe(false);
  });

  it("has no path longer than the bound in the largest metablock", () => {
    const leaves = leavesOf(maxReferences);
    const path = merklePath(crypto, leaves, 777);
    expect(path.length).toBe(maxPathLength);
    expect(verifyMerklePath(crypto, leaves[777]!, 777, maxReferences, path, merkleRoot(crypto, leaves))).toBe(true);
  });
});
