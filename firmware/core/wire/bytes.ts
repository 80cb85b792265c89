import { VertebraError } from "../errors";
import { bytesFromHex, toHex } from "./bulk";

/** Byte strings: comparing, joining, and hex for people. */

export { compare, equal, joined, toHex } from "./bulk";

/** Each of them once, in the order of their first. */
export function distinct(all: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(all.map((each) => [toHex(each), each])).values()];
}

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

/** The bytes of hex digits in either case; throws `hex` for any other text. */
export function fromHex(text: string): Uint8Array {
  const bytes = bytesFromHex(text);
  if (bytes === undefined) throw noHex(text);
  return bytes;
}

function noHex(text: string): VertebraError {
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if ("0123456789abcdefABCDEF".includes(character)) continue;
    const message = `'${character}' at ${at} is not a hex digit`;
    return new VertebraError("hex", message, "Give digits 0 to 9 and a to f, two for each byte.");
  }
  return new VertebraError(
    "hex",
    `${text.length} hex digits are not whole bytes`,
    "Give two hex digits for each byte.",
  );
}
