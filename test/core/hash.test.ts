import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../firmware/core/wire/bytes";
import { derivations, domains, hash, hkdf, hmac, issuingHash } from "../../firmware/core/wire/hash";
import { encodeText } from "../../firmware/core/wire/text";
import { nobleCrypto } from "../../firmware/device/noble";

const crypto = nobleCrypto();
const range = (from: number, to: number) => Uint8Array.from({ length: to - from }, (_, index) => from + index);

describe("hashes", () => {
  it("put the domain and a zero byte before the bytes (PROTOCOL 1)", () => {
    const bytes = encodeText("vertebra/1 block\0abc");
    expect(hash(crypto, "block", encodeText("abc"))).toEqual(crypto.sha256(bytes));
  });

  it("have a domain of their own for every structure and purpose, and none serves a derivation too", () => {
    const names = [...Object.values(domains), ...Object.values(derivations)];
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^vertebra\/1 [a-z]+$/);
  });

  it("take the Issuing Hash of a signature plainly", () => {
    expect(toHex(issuingHash(crypto, encodeText("abc")))).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });
});

describe("HMAC-SHA-256", () => {
  it("gives RFC 4231, test cases 1, 2, 6 and 7", () => {
    const longKey = new Uint8Array(131).fill(0xaa);
    expect(toHex(hmac(crypto, new Uint8Array(20).fill(0x0b), encodeText("Hi There")))).toBe(
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    );
    expect(toHex(hmac(crypto, encodeText("Jefe"), encodeText("what do ya want for nothing?")))).toBe(
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    );
    expect(toHex(hmac(crypto, longKey, encodeText("Test Using Larger Than Block-Size Key - Hash Key First")))).toBe(
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    );
    const longData =
      "This is a test using a larger than block-size key and a larger than block-size data. " +
      "The key needs to be hashed before being used by the HMAC algorithm.";
    expect(toHex(hmac(crypto, longKey, encodeText(longData)))).toBe(
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    );
  });
});

describe("HKDF-SHA-256", () => {
  it("gives RFC 5869, appendix A.1", () => {
    const okm = hkdf(crypto, new Uint8Array(22).fill(0x0b), range(0xf0, 0xfa), range(0, 13), 42);
    expect(toHex(okm)).toBe("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  });

  it("gives RFC 5869, appendix A.2, with longer input and output", () => {
    const okm = hkdf(crypto, range(0, 0x50), range(0xb0, 0x100), range(0x60, 0xb0), 82);
    expect(toHex(okm)).toBe(
      "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09" +
        "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    );
  });

  it("gives RFC 5869, appendix A.3, with neither salt nor info", () => {
    const okm = hkdf(crypto, new Uint8Array(22).fill(0x0b), "", new Uint8Array(0), 42);
    expect(toHex(okm)).toBe("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
  });

  it("gives 32 bytes with an empty salt unless said (PROTOCOL 1), the start of any longer output", () => {
    const short = hkdf(crypto, fromHex("0102"), "vertebra/1 test");
    expect(short.length).toBe(32);
    expect(hkdf(crypto, fromHex("0102"), encodeText("vertebra/1 test"), new Uint8Array(0), 70).slice(0, 32)).toEqual(
      short,
    );
  });
});
