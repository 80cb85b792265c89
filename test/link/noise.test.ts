import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../firmware/core/wire/bytes";
import { encodeText } from "../../firmware/core/wire/text";
import { nobleCrypto } from "../../firmware/device/noble";
import {
  createNoise,
  finishNoise,
  type Noise,
  noiseNonce,
  readNoise,
  remoteStatic,
  writeNoise,
} from "../../firmware/link/noise";

const crypto = nobleCrypto();
const none = new Uint8Array(0);

// The vectors of Noise_XXpsk0_25519_ChaChaPoly_SHA256 in github.com/flynn/noise, vectors.txt: the same keys in all four, with and
// without payloads and prologue.
const keys = {
  initiatorStatic: fromHex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
  responderStatic: fromHex("0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"),
  initiatorEphemeral: fromHex("202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"),
  responderEphemeral: fromHex("4142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60"),
  psk: fromHex("2176657279736563726574766572797365637265747665727973656372657421"),
};
const prologue = fromHex("6e6f74736563726574");
const payloads = ["test_msg_0", "test_msg_1", "test_msg_2"].map(encodeText);
const vectors = [
  {
    prologue: none,
    payloads: [none, none, none],
    messages: [
      "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254555f63b2499511e3b299a5649351a5b7",
      "64b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d4846622df46c0ac1e0fc71795a84e37cc0e963d131c8e84c02cd5cfcfe8def3fe128b324ab54fd3be59ac143dfdc68996211170078c960e051d6ed971da20bde0fcf1",
      "462127adbe047db3d1fce0581b5447d99b606c591545a7719132e0c91fe93d123be3fe89ffd8af56e02cefda863080ecee5651dcecddde76b8237c66740d7c8f",
    ],
  },
  {
    prologue: none,
    payloads,
    messages: [
      "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd1662547f533cf20723ac4407c8e51516d7c7382d8aa777424dba78813d",
      "64b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d4846622df46c0ac1e0fc71795a84e37cc0e963d131c8e84c02cd5cfcfe8def3fe128b1146c1820dc4d08bf16b5c682badf2ef2dc6c1642ae7e8ae8c8e1e38a06064341a604c21b70227181c04",
      "462127adbe047db3d1fce0581b5447d99b606c591545a7719132e0c91fe93d122132c2cde2bc69209884f77756f265744111b0bfa4fdeb4704a42c7f8750279908327b545416cf81f828",
    ],
  },
  {
    prologue,
    payloads: [none, none, none],
    messages: [
      "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd16625454a218352d64c1f8c239416ccb542aec",
      "64b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d4846622df46c0ac1e0fc71795a84e37cc0e963d131c8e84c02cd5cfcfe8def3fe128b58733b0ab529b3f48ed3fbe90840f1a27404f52be696831ccb795d1bdee31d33",
      "462127adbe047db3d1fce0581b5447d99b606c591545a7719132e0c91fe93d12fb91ca67cf72f381bab072bd9e6efef157067416654408489b43ba2fb6173b66",
    ],
  },
  {
    prologue,
    payloads,
    messages: [
      "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd1662547f533cf20723ac4407c87f43dc5dc6f6d1867a322a706af81adb",
      "64b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d4846622df46c0ac1e0fc71795a84e37cc0e963d131c8e84c02cd5cfcfe8def3fe128b59d623ffc18ae67b1acba43eb87910b02dc6c1642ae7e8ae8c8e861ed15d8d6b65ff99f73d8286cc9819",
      "462127adbe047db3d1fce0581b5447d99b606c591545a7719132e0c91fe93d1294b31017013e8ac0a697b42922a5fe204111b0bfa4fdeb4704a4b5492137b40088f810ee4d1a58882e25",
    ],
  },
] as const;
const transport = {
  first: { plain: "yellowsubmarine", sealed: "75fff8afebd2f14da1cac9cc5b5201395cdf2ad65f3a97804e360c16f4e2ac" },
  second: { plain: "submarineyellow", sealed: "150cc85f79f9ca0f0730b8b4707805ed1969ff6b2770a5d466cd2754802805" },
};

function initiator(own: { prologue: Uint8Array; psk?: Uint8Array }): Noise {
  const { initiatorStatic: staticSecret, initiatorEphemeral: ephemeralSecret, psk } = keys;
  return createNoise({ crypto, initiator: true, staticSecret, ephemeralSecret, psk, ...own });
}

function responder(own: { prologue: Uint8Array; psk?: Uint8Array }): Noise {
  const { responderStatic: staticSecret, responderEphemeral: ephemeralSecret, psk } = keys;
  return createNoise({ crypto, initiator: false, staticSecret, ephemeralSecret, psk, ...own });
}

describe("Noise_XXpsk0_25519_ChaChaPoly_SHA256", () => {
  it("writes the published messages, reads their payloads, and seals the published transport messages", () => {
    for (const vector of vectors) {
      const [alice, bob] = [initiator(vector), responder(vector)];
      for (const [index, expected] of vector.messages.entries()) {
        const [writer, reader] = index % 2 === 0 ? [alice, bob] : [bob, alice];
        const written = writeNoise(writer, vector.payloads[index]!);
        expect(toHex(written)).toBe(expected);
        expect(readNoise(reader, written)).toEqual(vector.payloads[index]);
      }
      const [left, right] = [finishNoise(alice), finishNoise(bob)];
      const seal = (key: Uint8Array, text: string) => toHex(crypto.seal(key, noiseNonce(0), none, encodeText(text)));
      expect(seal(left.send, transport.first.plain)).toBe(transport.first.sealed);
      expect(seal(right.send, transport.second.plain)).toBe(transport.second.sealed);
      expect([left.receive, left.handshakeHash, left.chainingKey]).toEqual([
        right.send,
        right.handshakeHash,
        right.chainingKey,
      ]);
      expect(remoteStatic(alice)).toEqual(crypto.x25519Public(keys.responderStatic));
      expect(remoteStatic(bob)).toEqual(crypto.x25519Public(keys.initiatorStatic));
    }
  });

  it("refuses every message that a bit was flipped in, at each byte, and takes the right one after all of them", () => {
    const vector = vectors[3]!;
    const [alice, bob] = [initiator(vector), responder(vector)];
    for (const [index, payload] of vector.payloads.entries()) {
      const [writer, reader] = index % 2 === 0 ? [alice, bob] : [bob, alice];
      const written = writeNoise(writer, payload);
      for (let at = 0; at < written.length; at++) {
        const flipped = written.slice();
        // Not the topmost bit of a curve point, which X25519 leaves aside: the hash sees that one, below.
        flipped[at]! ^= 1 << (at % 7);
        expect(() => readNoise(reader, flipped)).toThrow(/refused/);
      }
      const highBit = written.slice();
      highBit[31]! ^= 0x80;
      expect(() => readNoise(reader, highBit)).toThrow(/refused/);
      expect(readNoise(reader, written)).toEqual(payload);
    }
    expect(finishNoise(alice).send).toEqual(finishNoise(bob).receive);
  });

  it("refuses every message that was cut short, at each byte", () => {
    const vector = vectors[0]!;
    const [alice, bob] = [initiator(vector), responder(vector)];
    for (let index = 0; index < 3; index++) {
      const [writer, reader] = index % 2 === 0 ? [alice, bob] : [bob, alice];
      const written = writeNoise(writer, none);
      for (let length = 0; length < written.length; length++) {
        expect(() => readNoise(reader, written.subarray(0, length))).toThrow(/refused/);
      }
      readNoise(reader, written);
    }
  });

  it("fails at the first tag where the psk or the prologue differ, before any public-key work", () => {
    const first = writeNoise(initiator({ prologue }), none);
    let agreements = 0;
    const counting = {
      ...crypto,
      x25519: (secret: Uint8Array, key: Uint8Array) => {
        agreements++;
        return crypto.x25519(secret, key);
      },
    };
    for (const wrong of [
      { prologue, psk: new Uint8Array(32) },
      { prologue: none, psk: keys.psk },
    ]) {
      const bob = createNoise({
        crypto: counting,
        initiator: false,
        staticSecret: keys.responderStatic,
        ephemeralSecret: keys.responderEphemeral,
        ...wrong,
      });
      expect(() => readNoise(bob, first)).toThrow(/World id/);
    }
    expect(agreements).toBe(0);
  });

  it("refuses an ephemeral key of small order", () => {
    const smallOrder = { ...crypto, x25519Public: () => new Uint8Array(32) };
    const mallory = createNoise({
      crypto: smallOrder,
      initiator: true,
      prologue,
      psk: keys.psk,
      staticSecret: keys.initiatorStatic,
      ephemeralSecret: keys.initiatorEphemeral,
    });
    const bob = responder({ prologue });
    readNoise(bob, writeNoise(mallory, none));
    expect(() => writeNoise(bob, none)).toThrow(/small order/);
  });

  it("counts in nonces of 64 bits, little-endian, behind four zero bytes", () => {
    expect(toHex(noiseNonce(0))).toBe("000000000000000000000000");
    expect(toHex(noiseNonce(258))).toBe("000000000201000000000000");
    expect(toHex(noiseNonce(Number.MAX_SAFE_INTEGER))).toBe("00000000ffffffffffff1f00");
  });
});
