import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../firmware/core/wire/bytes";
import { encodeText } from "../../firmware/core/wire/text";
import { nobleCrypto } from "../../firmware/device/noble";

const crypto = nobleCrypto();

describe("X25519 of the crypto port", () => {
  it("gives the two examples of RFC 7748, 5.2", () => {
    const examples = [
      [
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
      ],
      [
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
      ],
    ] as const;
    for (const [scalar, point, product] of examples) {
      expect(toHex(crypto.x25519(fromHex(scalar), fromHex(point)))).toBe(product);
    }
  });

  it("agrees as Alice and Bob do in RFC 7748, 6.1", () => {
    const alice = fromHex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    const bob = fromHex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    const [alicePublic, bobPublic] = [crypto.x25519Public(alice), crypto.x25519Public(bob)];
    expect(toHex(alicePublic)).toBe("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    expect(toHex(bobPublic)).toBe("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    for (const shared of [crypto.x25519(alice, bobPublic), crypto.x25519(bob, alicePublic)]) {
      expect(toHex(shared)).toBe("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    }
  });

  it("gives zeros for points of small order, which the handshake refuses", () => {
    for (const point of ["00".repeat(32), `01${"00".repeat(31)}`, `ec${"ff".repeat(30)}7f`]) {
      expect(crypto.x25519(new Uint8Array(32).fill(9), fromHex(point))).toEqual(new Uint8Array(32));
    }
  });
});

describe("ChaCha20-Poly1305 of the crypto port", () => {
  const key = fromHex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  const nonce = fromHex("070000004041424344454647");
  const additional = fromHex("50515253c0c1c2c3c4c5c6c7");
  const plaintext = encodeText(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );
  const sealed =
    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b" +
    "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc" +
    "3ff4def08e4b7a9de576d26586cec64b6116" +
    "1ae10b594f09e26a7e902ecbd0600691";

  it("seals the example of RFC 8439, 2.8.2, and opens it", () => {
    expect(toHex(crypto.seal(key, nonce, additional, plaintext))).toBe(sealed);
    expect(crypto.open(key, nonce, additional, fromHex(sealed))).toEqual(plaintext);
  });

  it("opens nothing that was changed by a bit, or is shorter than its tag", () => {
    for (let at = 0; at < sealed.length / 2; at++) {
      const changed = fromHex(sealed);
      changed[at]! ^= 1 << (at & 7);
      expect(crypto.open(key, nonce, additional, changed)).toBeUndefined();
    }
    for (let length = 0; length <= 16; length++) {
      expect(crypto.open(key, nonce, additional, fromHex(sealed).subarray(0, length))).toBeUndefined();
    }
  });
});
