/**
 * What runs over every byte of all that comes and goes. These are the reference, and what a platform without C has; a board and the
 * host on Linux put functions in C in the place of this module and of `crc32c`, which give the same (`firmware/native/bulk.c`).
 */

import { argumentAt, headSize, major } from "./items";

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

/** Whether all bytes are this one. */
export function isFilled(bytes: Uint8Array, byte: number): boolean {
  for (let at = 0; at < bytes.length; at++) if (bytes[at] !== byte) return false;
  return true;
}

/** One after the other. */
export function joined(first: Uint8Array, second: Uint8Array, third?: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length + (third?.length ?? 0));
  bytes.set(first);
  bytes.set(second, first.length);
  if (third !== undefined) bytes.set(third, first.length + second.length);
  return bytes;
}

/** The ASCII of a name, a zero byte, and the bytes. */
export function named(name: string, bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(name.length + 1 + bytes.length);
  for (let at = 0; at < name.length; at++) whole[at] = name.charCodeAt(at);
  whole.set(bytes, name.length + 1);
  return whole;
}

/** Where `wanted`, of one byte at least, lies in `bytes` first, from `from` on; -1 where it does not. */
export function find(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  const last = wanted.length - 1;
  for (let at = bytes.indexOf(wanted[0]!, from); at >= 0; at = bytes.indexOf(wanted[0]!, at + 1))
    if (bytes[at + last] === wanted[last] && equal(bytes.subarray(at, at + wanted.length), wanted)) return at;
  return -1;
}

/** Items within items. */
const deepestItem = 16;

/** Where the item of CBOR at `at` ends; -1 where none lies there whole before `end`, one is deeper than 16, or has a tag or an open length. */
export function endOfItem(bytes: Uint8Array, at: number, end: number): number {
  let next = at;
  /** Items that are left of each that it lies in. */
  const left = [1];
  while (left.length > 0) {
    const size = headSize(bytes, next, end);
    if (size < 0 || left.length > deepestItem + 1) return -1;
    const kind = major(bytes[next]!);
    const argument = kind < 2 || kind === 7 ? 0 : argumentAt(bytes, next, size);
    next += size;
    left[left.length - 1]!--;
    if (kind === 2 || kind === 3) {
      if (argument > end - next) return -1;
      next += argument;
    } else if (argument > 0) left.push(kind === 4 ? argument : 2 * argument);
    while (left.at(-1) === 0) left.pop();
  }
  return next;
}

/** Digits of a number that is padded with zeros. */
const paddedDigits = 12;

/** The number below 2^32 behind the last slash of a text, in twelve digits or in as few as it has; -1 where none stands there. */
export function numberAtEnd(text: string): number {
  const from = text.lastIndexOf("/") + 1;
  const digits = text.length - from;
  const one = digits === 1 || text.charCodeAt(from) !== 0x30;
  if (from === 0 || digits === 0 || (digits !== paddedDigits && (digits > paddedDigits || !one))) return -1;
  let number = 0;
  for (let at = from; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number < 0x100000000 ? number : -1;
}

/** Where the next byte string of `least` bytes or more begins of the items from `at` to `end`, which are whole; `end` where none does. */
export function nextString(bytes: Uint8Array, at: number, end: number, least: number): number {
  for (let next = at; next < end; ) {
    const size = headSize(bytes, next, end);
    if (size < 0) break;
    const kind = major(bytes[next]!);
    const argument = kind === 2 || kind === 3 ? argumentAt(bytes, next, size) : 0;
    if (kind === 2 && argument >= least) return next;
    next += size + argument;
  }
  return end;
}

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

/** The bytes of hex digits in either case; undefined where the text is none of whole bytes. */
export function bytesFromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0) return undefined;
  const bytes = new Uint8Array(text.length >> 1);
  for (let at = 0; at < text.length; at++) {
    const digit = digitOf(text.charCodeAt(at));
    if (digit < 0) return undefined;
    bytes[at >> 1] = at % 2 === 0 ? digit << 4 : bytes[at >> 1]! | digit;
  }
  return bytes;
}

/** -1 for what is none. */
function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** The encoding of a value of integers, booleans, nulls, texts, byte strings and arrays, all at once; undefined where `cbor` is to make it, as always here. */
export function encodePlain(_value: unknown): Uint8Array | undefined {
  return undefined;
}

/** The UTF-8 of a text; undefined where it holds a lone surrogate, which no UTF-8 can carry. */
export function utf8FromText(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000) {
      if (code >= 0xd800 && code <= 0xdfff) return undefined;
      bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    } else {
      bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    }
  }
  return Uint8Array.from(bytes);
}

/** The text of UTF-8; or the offset of what is not: overlong, truncated or stray bytes, surrogates, and code points above 10ffff. */
export function textFromUtf8(bytes: Uint8Array): string | number {
  const characters: string[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const first = bytes[offset]!;
    const length = sequenceLength(first);
    if (length === 0 || offset + length > bytes.length) return offset;
    let code = length === 1 ? first : first & (0x7f >> length);
    for (let i = 1; i < length; i++) {
      const next = bytes[offset + i]!;
      if ((next & 0xc0) !== 0x80) return offset + i;
      code = (code << 6) | (next & 63);
    }
    if (code < leastOf(length) || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return offset;
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
