import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../firmware/core/wire/bytes";
import { verifySignature } from "../../firmware/core/wire/signature";
import { nobleCrypto } from "../../firmware/device/noble";
import { awkwardSignatures, groupOrder, rfc8032 } from "./ed25519-vectors";

const crypto = nobleCrypto();
const message = Uint8Array.from({ length: 32 }, (_, index) => index);
const signer = crypto.signer(new Uint8Array(32).fill(7));
const signature = signer.sign(message);

/** S + L, which verifies where S is not checked: the same signature in other bytes. */
function withOrderAdded(bytes: Uint8Array): Uint8Array {
  const sum = bytes.slice();
  let carry = 0;
  for (const [index, byte] of fromHex(groupOrder).entries()) {
    carry += sum[32 + index]! + byte;
    sum[32 + index] = carry & 255;
    carry >>= 8;
  }
  return sum;
}

describe("strict Ed25519", () => {
  for (const { test, seed, key, message, signature } of rfc8032) {
    it(`signs and verifies RFC 8032, 7.1, ${test}`, () => {
      const signer = crypto.signer(fromHex(seed));
      expect(toHex(signer.publicKey)).toBe(key);
      expect(toHex(signer.sign(fromHex(message)))).toBe(signature);
      expect(verifySignature(crypto, fromHex(key), fromHex(message), fromHex(signature))).toBe(true);
    });
  }

  for (const { name, key, message, signature, strict } of awkwardSignatures) {
    it(`${strict ? "takes" : "refuses"} ${name}`, () => {
      expect(verifySignature(crypto, fromHex(key), fromHex(message), fromHex(signature))).toBe(strict);
    });
  }

  it("refuses a signature with any one byte changed, and one over other bytes or by another key", () => {
    for (let index = 0; index < 64; index += 7) {
      const changed = Uint8Array.from(signature, (byte, at) => (at === index ? byte ^ 1 : byte));
      expect(verifySignature(crypto, signer.publicKey, message, changed)).toBe(false);
    }
    const other = crypto.signer(new Uint8Array(32).fill(8)).publicKey;
    expect(verifySignature(crypto, signer.publicKey, message.slice(1), signature)).toBe(false);
    expect(verifySignature(crypto, other, message, signature)).toBe(false);
    expect(verifySignature(crypto, signer.publicKey, message, signature)).toBe(true);
  });

  it("refuses the same signature with the group's order added to S", () => {
    const malleable = withOrderAdded(signature);
    expect(malleable).not.toEqual(signature);
    expect(verifySignature(crypto, signer.publicKey, message, malleable)).toBe(false);
  });

  it("refuses keys and signatures of another length before any library sees them", () => {
    const never = {
      verify: () => {
        throw new Error("reached the library");
      },
    };
    expect(verifySignature(never, signer.publicKey.slice(1), message, signature)).toBe(false);
    expect(verifySignature(never, signer.publicKey, message, signature.slice(1))).toBe(false);
    expect(verifySignature(never, signer.publicKey, message, new Uint8Array(65))).toBe(false);
    expect(verifySignature(never, new Uint8Array(0), message, signature)).toBe(false);
  });

  it("refuses all encodings of points of small order, as key and as R, before any library sees them", () => {
    const trusting = { verify: () => true };
    const honest = toHex(signature);
    for (const y of smallOrderEncodings) {
      expect([y, verifySignature(trusting, fromHex(y), message, signature)]).toEqual([y, false]);
      const withR = fromHex(y + honest.slice(64));
      expect([y, verifySignature(trusting, signer.publicKey, message, withR)]).toEqual([y, false]);
    }
    expect(verifySignature(trusting, signer.publicKey, message, signature)).toBe(true);
  });

  it("refuses a y of 2^255 - 19 and above, and takes the greatest below that is no point of small order", () => {
    const trusting = { verify: () => true };
    const ones = "ff".repeat(30);
    for (let low = 0xed; low <= 0xff; low++) {
      const y = `${low.toString(16)}${ones}7f`;
      expect(verifySignature(trusting, fromHex(y), message, signature)).toBe(false);
      expect(verifySignature(trusting, fromHex(`${y.slice(0, -2)}ff`), message, signature)).toBe(false);
    }
    expect(verifySignature(trusting, fromHex(`eb${ones}7f`), message, signature)).toBe(true);
    expect(verifySignature(trusting, fromHex(`ed${ones.slice(2)}fe7f`), message, signature)).toBe(true);
  });
});

/** Every encoding of the eight points whose order divides 8, the non-canonical ones too: the table of C2SP's CCTV. */
const smallOrderEncodings = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000080",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
] as const;
