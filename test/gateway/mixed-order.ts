import { ED25519_TORSION_SUBGROUP, ed25519 } from "@noble/curves/ed25519.js";
import { bytesToNumberLE, numberToBytesLE } from "@noble/curves/utils.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { concat, fromHex } from "../../firmware/core/wire/bytes";

/**
 * Signatures by keys A + T, where A is an honest key and T a point of order 8: all verify where both sides are multiplied by
 * the cofactor, and about one in eight where they are not.
 */
export function mixedOrderSignatures(count: number) {
  const { Point } = ed25519;
  // The torsion subgroup lists its points as multiples of its generator, which has order 8.
  const torsion = Point.fromBytes(fromHex(ED25519_TORSION_SUBGROUP[1]!));
  return Array.from({ length: count }, (_, index) => {
    const message = Uint8Array.of(index);
    const [secret, nonce] = [scalar([message, Uint8Array.of(1)]), scalar([message, Uint8Array.of(2)])];
    const key = Point.BASE.multiply(secret).add(torsion).toBytes();
    const commitment = Point.BASE.multiply(nonce).toBytes();
    const answer = Point.Fn.create(nonce + scalar([commitment, key, message]) * secret);
    return { key, message, signature: concat([commitment, numberToBytesLE(answer, 32)]) };
  });
}

function scalar(parts: readonly Uint8Array[]): bigint {
  return ed25519.Point.Fn.create(bytesToNumberLE(sha512(concat(parts))));
}
