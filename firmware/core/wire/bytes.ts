import { VertebraError } from "../errors";

/** Byte strings: comparing, joining, and hex for people. */

export { compare, equal, joined, toHex } from "./bulk";

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (let at = 0; at < parts.length; at++) length += parts[at]!.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (let at = 0; at < parts.length; at++) {
    const part = parts[at]!;
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

const digits = "0123456789abcdef";

/** The bytes of hex digits in either case; throws `hex` for any other text. */
export function fromHex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length >> 1);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = digit(text, 2 * i) * 16 + digit(text, 2 * i + 1);
  }
  if (text.length % 2 !== 0) {
    throw new VertebraError(
      "hex",
      `${text.length} hex digits are not whole bytes`,
      "Give two hex digits for each byte.",
    );
  }
  return bytes;
}

function digit(text: string, index: number): number {
  const value = digits.indexOf(text.charAt(index).toLowerCase());
  if (value < 0) {
    const message = `'${text.charAt(index)}' at ${index} is not a hex digit`;
    throw new VertebraError("hex", message, "Give digits 0 to 9 and a to f, two for each byte.");
  }
  return value;
}
