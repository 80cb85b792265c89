import { VertebraError } from "../errors";

/** Byte strings: comparing, joining, and hex for people. */

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Lexicographic by bytes, a prefix before what it begins: negative, 0 or positive, for `sort`. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

const digits = "0123456789abcdef";

/** Two lower-case digits a byte. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  // A string of XS is copied whole whenever it grows, so it grows by 32 bytes at a time.
  for (let start = 0; start < bytes.length; start += 32) {
    const codes: number[] = [];
    for (let i = start; i < bytes.length && i < start + 32; i++) {
      codes.push(digitCode(bytes[i]! >> 4), digitCode(bytes[i]! & 15));
    }
    text += String.fromCharCode(...codes);
  }
  return text;
}

function digitCode(value: number): number {
  return value < 10 ? 0x30 + value : 0x57 + value;
}

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
