import type { Crypto } from "../../ports";
import { fromHex, toHex } from "./bytes";

/**
 * Ed25519 in the strict form of suite 1 (PROTOCOL 1). Libraries differ in which odd encodings they let through, and a
 * signature that some owners take and others don't would split a world, so the odd ones are refused here, before any library.
 */

/** The order of the base point, L, little-endian. */
const order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
/** The y of every point whose order divides 8, in canonical form; the sign bit of x is left out. */
const smallOrder = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
] as const;

/** Whether `signature` (64 bytes) over `message` is by `publicKey` (32 bytes), and all three are in canonical form. */
export function verifySignature(
  crypto: Pick<Crypto, "verify">,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  if (!canonicalScalar(signature.subarray(32))) return false;
  if (!soundPoint(publicKey) || !soundPoint(signature.subarray(0, 32))) return false;
  return crypto.verify(publicKey, message, signature);
}

/** S < L. */
function canonicalScalar(s: Uint8Array): boolean {
  if (s[31]! < 0x10) return true;
  const limit = fromHex(order);
  for (let i = 31; i >= 0; i--) if (s[i] !== limit[i]) return s[i]! < limit[i]!;
  return false;
}

/** Whether an encoded point has y < 2^255 - 19, and not that of a point of small order. */
function soundPoint(point: Uint8Array): boolean {
  const y = point.slice();
  y[31]! &= 0x7f;
  const canonical = y[0]! < 0xed || y[31] !== 0x7f || y.subarray(1, 31).some((byte) => byte !== 0xff);
  const text = toHex(y);
  return canonical && !smallOrder.some((encoding) => encoding === text);
}
