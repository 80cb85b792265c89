import { VertebraError } from "../errors";

/** UTF-8, strict both ways: what is not the one encoding of some text is refused (PROTOCOL 1, "text that is valid UTF-8"). */

/** Throws `text-surrogate` for a lone surrogate, which no UTF-8 can carry. */
export function encodeText(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000) {
      if (code >= 0xd800 && code <= 0xdfff) throw surrogate();
      bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    } else {
      bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    }
  }
  return Uint8Array.from(bytes);
}

/** Throws `text-utf8` for overlong, truncated or stray bytes, surrogates, and code points above 10ffff. */
export function decodeText(bytes: Uint8Array): string {
  const characters: string[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const first = bytes[offset]!;
    const length = sequenceLength(first);
    if (length === 0 || offset + length > bytes.length) throw invalid(offset);
    let code = length === 1 ? first : first & (0x7f >> length);
    for (let i = 1; i < length; i++) {
      const next = bytes[offset + i]!;
      if ((next & 0xc0) !== 0x80) throw invalid(offset + i);
      code = (code << 6) | (next & 63);
    }
    if (code < leastOf(length) || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw invalid(offset);
    characters.push(String.fromCodePoint(code));
    offset += length;
  }
  return characters.join("");
}

function sequenceLength(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc0) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf8 ? 4 : 0;
}

function leastOf(length: number): number {
  if (length === 1) return 0;
  if (length === 2) return 0x80;
  return length === 3 ? 0x800 : 0x10000;
}

function surrogate(): VertebraError {
  return new VertebraError("text-surrogate", "the text holds half of a surrogate pair", "Give whole characters.");
}

function invalid(offset: number): VertebraError {
  return new VertebraError("text-utf8", `the text is not UTF-8 at byte ${offset}`, "Its sender must send valid UTF-8.");
}
