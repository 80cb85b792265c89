import { describe, expect, it } from "vitest";
import { equal, fromHex } from "../../firmware/core/wire/bytes";
import { verifySignature } from "../../firmware/core/wire/signature";
import { nobleCrypto } from "../../firmware/device/noble";
import { nodeCrypto } from "../../gateway/participant/crypto";
import { awkwardSignatures, groupOrder, rfc8032 } from "../core/ed25519-vectors";
import { mixedOrderSignatures } from "./mixed-order";

const noble = nobleCrypto();
const node = nodeCrypto();
const filled = (byte: number, length = 32) => new Uint8Array(length).fill(byte);

/** One verdict, or the fact that there are two. */
function verdict(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean | "split" {
  const [a, b] = [noble, node].map((crypto) => verifySignature(crypto, key, message, signature));
  return a === b ? a! : "split";
}

describe("noble and node:crypto", () => {
  it("give one verdict on the published signatures, sound and awkward", () => {
    for (const { key, message, signature } of rfc8032) {
      expect(verdict(fromHex(key), fromHex(message), fromHex(signature))).toBe(true);
    }
    for (const { name, key, message, signature, strict } of awkwardSignatures) {
      expect([name, verdict(fromHex(key), fromHex(message), fromHex(signature))]).toEqual([name, strict]);
    }
  });

  it("give one verdict on keys of mixed order, which verifying with the cofactor would take and without does not", () => {
    const verdicts = mixedOrderSignatures(64).map(({ key, message, signature }) => verdict(key, message, signature));
    expect(verdicts).not.toContain("split");
    // About one in eight holds without the cofactor; a sample with one kind alone would have tested nothing.
    expect(verdicts).toContain(true);
    expect(verdicts).toContain(false);
  });

  it("give one verdict on any point as key and as R", () => {
    const signer = noble.signer(filled(7));
    const signature = signer.sign(filled(1));
    for (let seed = 0; seed < 100; seed++) {
      const point = node.sha256(Uint8Array.of(seed));
      expect(verdict(point, filled(1), signature)).toBe(false);
      const withR = signature.slice();
      withR.set(point);
      expect(verdict(signer.publicKey, filled(1), withR)).toBe(false);
    }
  });

  it("refuse alike an S of the group's order, of 0 and of all ones", () => {
    const signer = noble.signer(filled(7));
    for (const s of [groupOrder, "00".repeat(32), "ff".repeat(32)]) {
      const signature = signer.sign(filled(1));
      signature.set(fromHex(s), 32);
      expect(verdict(signer.publicKey, filled(1), signature)).toBe(false);
    }
  });

  it("make the same keys, signatures, shared secrets, hashes and ciphertexts", () => {
    for (let seed = 0; seed < 8; seed++) {
      const [a, b] = [noble.signer(filled(seed)), node.signer(filled(seed))];
      expect(a.publicKey).toEqual(b.publicKey);
      expect(a.sign(filled(seed, 3 * seed))).toEqual(b.sign(filled(seed, 3 * seed)));
      const peer = node.x25519Public(filled(seed + 1));
      expect(noble.x25519Public(filled(seed + 1))).toEqual(peer);
      expect(noble.x25519(filled(seed), peer)).toEqual(node.x25519(filled(seed), peer));
      expect(noble.sha256(filled(seed, 77 * seed))).toEqual(node.sha256(filled(seed, 77 * seed)));
      const sealed = noble.seal(filled(seed), filled(1, 12), filled(2, seed), filled(3, 50 * seed));
      expect(node.seal(filled(seed), filled(1, 12), filled(2, seed), filled(3, 50 * seed))).toEqual(sealed);
      for (const crypto of [noble, node]) {
        expect(crypto.open(filled(seed), filled(1, 12), filled(2, seed), sealed)).toEqual(filled(3, 50 * seed));
      }
    }
  });

  it("open nothing that was changed, cut, or sealed with another key, nonce or additional data", () => {
    const sealed = node.seal(filled(1), filled(2, 12), filled(3), filled(4, 40));
    for (const crypto of [noble, node]) {
      for (let index = 0; index < sealed.length; index++) {
        const changed = Uint8Array.from(sealed, (byte, at) => (at === index ? byte ^ 128 : byte));
        expect(crypto.open(filled(1), filled(2, 12), filled(3), changed)).toBeUndefined();
        expect(crypto.open(filled(1), filled(2, 12), filled(3), sealed.slice(0, index))).toBeUndefined();
      }
      expect(crypto.open(filled(9), filled(2, 12), filled(3), sealed)).toBeUndefined();
      expect(crypto.open(filled(1), filled(9, 12), filled(3), sealed)).toBeUndefined();
      expect(crypto.open(filled(1), filled(2, 12), filled(9), sealed)).toBeUndefined();
    }
  });

  it("give zeros for the X25519 of points of small order, for the caller to refuse", () => {
    const points = ["00".repeat(32), `01${"00".repeat(31)}`, `ec${"ff".repeat(30)}7f`, `ed${"ff".repeat(30)}7f`];
    for (const point of points) {
      expect(noble.x25519(filled(7), fromHex(point))).toEqual(filled(0));
      expect(node.x25519(filled(7), fromHex(point))).toEqual(filled(0));
    }
  });

  it("keep no more than a bounded number of parsed keys, and still know the first", () => {
    const crypto = nodeCrypto();
    const signer = crypto.signer(filled(7));
    const signature = signer.sign(filled(1));
    for (let index = 0; index < 2000; index++) {
      crypto.verify(crypto.sha256(Uint8Array.of(index >> 8, index & 255)), filled(1), signature);
    }
    expect(equal(signer.publicKey, noble.signer(filled(7)).publicKey)).toBe(true);
    expect(crypto.verify(signer.publicKey, filled(1), signature)).toBe(true);
  });
});
