import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../../firmware/core/wire/bytes";
import { encodeText } from "../../../firmware/core/wire/text";
import { nobleCrypto } from "../../../firmware/device/noble";
import { judged } from "../../../firmware/device/sodium";
import { buildRv32Image } from "../../../gateway/fleet/rv32-image";
import { awkwardSignatures, groupOrder, rfc8032 } from "../../core/ed25519-vectors";
import { type Case, resultOf } from "./crypto-cases";
import { firmwareOrReason, runOnRv32 } from "./emulated";

const { reason } = await firmwareOrReason();
const noble = nobleCrypto();
const hex = (byte: number, length = 32) => toHex(new Uint8Array(length).fill(byte));

function cases(): Case[] {
  const honest = rfc8032.flatMap(({ seed, key, message, signature }): Case[] => [
    { does: "sign", seed, message },
    { does: "verify", key, message, signature },
    { does: "verify", key, message: `${message}00`, signature },
    { does: "verify", key, message, signature: signature.slice(0, 64) + groupOrder },
  ]);
  const awkward = awkwardSignatures.map((each): Case => ({ ...each, does: "verify" }));
  const mixed = judged().map(({ key, message, commitment, answer }): Case => {
    return { does: "verify", key, message: toHex(Uint8Array.of(message)), signature: commitment + answer };
  });
  const small = ["00".repeat(32), `01${"00".repeat(31)}`, `ec${"ff".repeat(30)}7f`, `ed${"ff".repeat(30)}7f`];
  const others = [0, 1, 63, 64, 65, 300].flatMap((length): Case[] => {
    const sealing = { key: hex(7), nonce: hex(length & 255, 12), more: hex(3, length >> 1) };
    const sealed = toHex(
      noble.seal(fromHex(sealing.key), fromHex(sealing.nonce), fromHex(sealing.more), fromHex(hex(9, length))),
    );
    return [
      { does: "sha256", bytes: hex(length & 255, length) },
      { does: "seal", ...sealing, text: hex(9, length) },
      { does: "open", ...sealing, text: sealed },
      { does: "open", ...sealing, text: sealed.slice(0, -2) },
      { does: "open", ...sealing, text: (sealed.startsWith("00") ? "01" : "00") + sealed.slice(2) },
      { does: "x25519", secret: hex(length & 255), point: toHex(noble.x25519Public(fromHex(hex(11)))) },
    ];
  });
  return [
    ...honest,
    ...awkward,
    ...mixed,
    ...others,
    ...small.map((point): Case => ({ does: "x25519", secret: hex(5), point })),
  ];
}

describe.skipIf(reason)("the cryptography that is linked into the firmware of the emulated board", () => {
  it("is libsodium's, and gives what noble gives: keys, signatures, verdicts, secrets, ciphertexts", {
    timeout: 90_000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "vertebra-rv32-"));
    const image = await buildRv32Image("test/boards/rv32/crypto-on-rv32.ts", "crypto", () => {});
    const all = cases();
    const { status, lines } = await runOnRv32(image, folder, [["cases", encodeText(JSON.stringify(all))]]);
    rmSync(folder, { recursive: true });
    expect(lines[0]).toMatch(/^libsodium 1\./);
    expect(lines.slice(1)).toEqual(all.map((each) => resultOf(noble, each, fromHex, toHex)));
    expect(status).toBe(0);
  });
});
