import { VertebraError } from "../errors";
import { encodePlain } from "./bulk";
import { compare, equal } from "./bytes";
import { type FloatWidth, halfBits, halfValue, shortestWidth } from "./float";
import { decodeText, encodeText } from "./text";

/**
 * Deterministic CBOR (RFC 8949, 4.2.1; PROTOCOL 1): every value has one encoding, and only that one is taken. Shortest
 * integers and floats, definite lengths, map keys in the order of their encodings, no tags, no other simple values.
 */

/** A float is always wrapped: a bare number is an integer, so 1 and 1.0 stay two things on every engine. */
export interface Float {
  readonly float: number;
}

/** Integers within 2^53 are numbers, beyond they are bigint, from -2^64 to 2^64 - 1. */
export type Cbor =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Float
  | readonly Cbor[]
  | ReadonlyMap<Cbor, Cbor>;

export interface Limits {
  /** Arrays and maps within each other. */
  readonly depth: number;
  /** Items in all, each key and value of a map counted. */
  readonly items: number;
  /** Bytes in all. */
  readonly length: number;
}

export const defaultLimits: Limits = { depth: 16, items: 65_536, length: 65_536 };

/** Throws `cbor-value` for what has no encoding, and `cbor-depth` for what no default decoder would take. */
export function encode(value: Cbor): Uint8Array {
  return encodePlain(value) ?? encodeWithin(value, 0);
}

function encodeWithin(value: Cbor, depth: number): Uint8Array {
  const writer = { bytes: new Uint8Array(mostBytes(value, depth)), length: 0 };
  write(writer, value, depth);
  return writer.length === writer.bytes.length ? writer.bytes : writer.bytes.slice(0, writer.length);
}

/**
 * Bytes that an encoding takes at most, and, but for text and floats, exactly: so that the writer's array need not grow, which on a board
 * costs more than to look at all twice. Of what has no encoding it says nothing: `write` refuses it.
 */
function mostBytes(value: Cbor, depth: number): number {
  if (isInteger(value)) return headBytes(value < 0 ? -1 - value : value);
  if (value === null || value === false || value === true) return 1;
  if (value instanceof Uint8Array) return headBytes(value.length) + value.length;
  if (Array.isArray(value)) {
    // Deeper than this is refused.
    if (depth >= defaultLimits.depth) return 0;
    let bytes = headBytes(value.length);
    for (let at = 0; at < value.length; at++) bytes += mostBytes(value[at], depth + 1);
    return bytes;
  }
  if (typeof value === "string") return headBytes(3 * value.length) + 3 * value.length;
  if (!(value instanceof Map)) return 9;
  if (depth >= defaultLimits.depth) return 0;
  let bytes = headBytes(value.size);
  for (const [key, each] of value) bytes += mostBytes(key, depth + 1) + mostBytes(each, depth + 1);
  return bytes;
}

/** What nearly every value is, and asked for without the text of a type: on a board each look at such a text makes a copy of it. */
function isInteger(value: Cbor): value is number {
  return Number.isSafeInteger(value);
}

function headBytes(argument: number): number {
  if (argument < 24) return 1;
  if (argument < 0x100) return 2;
  if (argument < 0x10000) return 3;
  return argument < 0x100000000 ? 5 : 9;
}

/**
 * The one value that `bytes` are the deterministic encoding of. Byte strings in it are views into `bytes`, not copies: who
 * keeps one keeps the whole, and must not let it be written to. Throws `cbor-…` naming what is wrong and at which byte.
 */
export function decode(bytes: Uint8Array, limits: Limits = defaultLimits): Cbor {
  if (bytes.length > limits.length) {
    throw refusal("cbor-length", 0, `${bytes.length} bytes are more than the limit of ${limits.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader: Reader = { bytes, view, limits, offset: 0, items: 0 };
  const value = read(reader, 0);
  if (reader.offset < bytes.length) {
    throw refusal("cbor-trailing", reader.offset, `${bytes.length - reader.offset} bytes follow the end of the value`);
  }
  return value;
}

interface Writer {
  readonly bytes: Uint8Array;
  length: number;
}

function write(writer: Writer, value: Cbor, depth: number): void {
  if (isInteger(value)) writeInteger(writer, value);
  else if (value === null) writer.bytes[writer.length++] = 0xf6;
  else if (value === false) writer.bytes[writer.length++] = 0xf4;
  else if (value === true) writer.bytes[writer.length++] = 0xf5;
  else if (value instanceof Uint8Array) writeBytes(writer, 2, value);
  else if (Array.isArray(value)) writeArray(writer, value, depth);
  else if (typeof value === "number")
    throw unencodable("cbor-value", `the number ${value}, which is not a safe integer`);
  else if (typeof value === "bigint") writeBigInteger(writer, value);
  else if (typeof value === "string") writeBytes(writer, 3, encodeText(value));
  else if (value instanceof Map) writeMap(writer, value, depth);
  else if (typeof value === "object" && typeof (value as Float).float === "number") {
    writeFloat(writer, (value as Float).float);
  } else throw unencodable("cbor-value", `a value of type ${typeof value}`);
}

function writeInteger(writer: Writer, value: number): void {
  if (value >= 0) writeHead(writer, 0, value);
  else writeHead(writer, 1, -1 - value);
}

function writeBigInteger(writer: Writer, value: bigint): void {
  const argument = value < 0n ? -1n - value : value;
  if (argument >= 1n << 64n) throw unencodable("cbor-value", `the integer ${value}, which is beyond 64 bits`);
  const major = value < 0n ? 1 : 0;
  if (argument < 1n << 32n) writeHead(writer, major, Number(argument));
  else {
    writer.bytes[writer.length++] = (major << 5) | 27;
    writeUnsigned(writer, Number(argument >> 32n), 4);
    writeUnsigned(writer, Number(argument & 0xffffffffn), 4);
  }
}

function writeBytes(writer: Writer, major: number, bytes: Uint8Array): void {
  writeHead(writer, major, bytes.length);
  writer.bytes.set(bytes, writer.length);
  writer.length += bytes.length;
}

function writeArray(writer: Writer, items: readonly Cbor[], depth: number): void {
  checkDepth(depth);
  writeHead(writer, 4, items.length);
  for (let at = 0; at < items.length; at++) write(writer, items[at]!, depth + 1);
}

function writeMap(writer: Writer, map: ReadonlyMap<Cbor, Cbor>, depth: number): void {
  checkDepth(depth);
  const entries: { key: Uint8Array; value: Cbor }[] = [];
  for (const [key, value] of map) {
    entries.push({ key: encodeWithin(key, depth + 1), value });
  }
  entries.sort((a, b) => compare(a.key, b.key));
  writeHead(writer, 5, entries.length);
  let previous: Uint8Array | undefined;
  for (const { key, value } of entries) {
    if (previous !== undefined && equal(previous, key))
      throw unencodable("cbor-value", "a map with the same key twice");
    previous = key;
    writer.bytes.set(key, writer.length);
    writer.length += key.length;
    write(writer, value, depth + 1);
  }
}

function writeFloat(writer: Writer, value: number): void {
  const width = shortestWidth(value);
  const { bytes } = writer;
  bytes[writer.length++] = width === 2 ? 0xf9 : width === 4 ? 0xfa : 0xfb;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (width === 2) view.setUint16(writer.length, halfBits(value)!);
  else if (width === 4) view.setFloat32(writer.length, value);
  else view.setFloat64(writer.length, value);
  writer.length += width;
}

function checkDepth(depth: number): void {
  if (depth < defaultLimits.depth) return;
  throw unencodable("cbor-depth", `more than ${defaultLimits.depth} arrays and maps within each other`);
}

/** A major type with its argument in the fewest bytes. */
function writeHead(writer: Writer, major: number, argument: number): void {
  const { bytes } = writer;
  const high = major << 5;
  if (argument < 24) bytes[writer.length++] = high | argument;
  else if (argument < 0x100) {
    bytes[writer.length++] = high | 24;
    writeUnsigned(writer, argument, 1);
  } else if (argument < 0x10000) {
    bytes[writer.length++] = high | 25;
    writeUnsigned(writer, argument, 2);
  } else if (argument < 0x100000000) {
    bytes[writer.length++] = high | 26;
    writeUnsigned(writer, argument, 4);
  } else {
    bytes[writer.length++] = high | 27;
    writeUnsigned(writer, Math.floor(argument / 0x100000000), 4);
    writeUnsigned(writer, argument % 0x100000000, 4);
  }
}

function writeUnsigned(writer: Writer, value: number, width: number): void {
  for (let shift = 8 * (width - 1); shift >= 0; shift -= 8) writer.bytes[writer.length++] = (value >>> shift) & 0xff;
}

interface Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly limits: Limits;
  offset: number;
  items: number;
}

function read(reader: Reader, depth: number): Cbor {
  const start = reader.offset;
  if (++reader.items > reader.limits.items) {
    throw refusal("cbor-items", start, `more than ${reader.limits.items} items`);
  }
  need(reader, 1);
  const initial = reader.bytes[reader.offset++]!;
  const major = initial >> 5;
  if (major === 7) return readSimple(reader, initial & 31, start);
  if (major === 6) throw refusal("cbor-tag", start, "a tag, and no structure has one");
  const argument = readArgument(reader, initial & 31, start);
  if (major >= 4 && depth >= reader.limits.depth) {
    throw refusal("cbor-depth", start, `more than ${reader.limits.depth} arrays and maps within each other`);
  }
  switch (major) {
    case 0:
      return argument;
    case 1:
      return negative(argument);
    case 2:
      return readBytes(reader, argument);
    case 3:
      return readText(reader, argument, start);
    case 4:
      return readArray(reader, argument, depth);
    default:
      return readMap(reader, argument, depth);
  }
}

/** The argument of a head, refused where fewer bytes would hold it. */
function readArgument(reader: Reader, additional: number, start: number): number | bigint {
  if (additional < 24) return additional;
  if (additional === 31) throw refusal("cbor-indefinite", start, "an indefinite length");
  if (additional > 27) throw refusal("cbor-reserved", start, `the reserved additional information ${additional}`);
  const width = 1 << (additional - 24);
  need(reader, width);
  const { view, offset } = reader;
  reader.offset += width;
  if (width === 1) return shortest(view.getUint8(offset), 24, start);
  if (width === 2) return shortest(view.getUint16(offset), 0x100, start);
  if (width === 4) return shortest(view.getUint32(offset), 0x10000, start);
  const high = view.getUint32(offset);
  const low = view.getUint32(offset + 4);
  const value = shortest(high * 0x100000000 + low, 0x100000000, start);
  return high < 0x200000 ? value : (BigInt(high) << 32n) | BigInt(low);
}

function shortest(value: number, least: number, start: number): number {
  if (value < least) throw refusal("cbor-not-shortest", start, `${value} is not in its shortest form`);
  return value;
}

function negative(argument: number | bigint): number | bigint {
  // -2^53 is the one whose argument is a safe integer while it is not one itself.
  if (typeof argument === "number" && argument < Number.MAX_SAFE_INTEGER) return -1 - argument;
  return -1n - BigInt(argument);
}

function readBytes(reader: Reader, length: number | bigint): Uint8Array {
  need(reader, length);
  const start = reader.offset;
  reader.offset += Number(length);
  return reader.bytes.subarray(start, reader.offset);
}

function readText(reader: Reader, length: number | bigint, start: number): string {
  const bytes = readBytes(reader, length);
  try {
    return decodeText(bytes);
  } catch (error) {
    throw refusal("cbor-text", start, error instanceof VertebraError ? error.message : "the text is not UTF-8");
  }
}

function readArray(reader: Reader, count: number | bigint, depth: number): Cbor[] {
  // Each item is a byte at least, so a count beyond what is left is refused before anything is made for it.
  need(reader, count);
  const items: Cbor[] = [];
  for (let i = 0; i < count; i++) items.push(read(reader, depth + 1));
  return items;
}

function readMap(reader: Reader, count: number | bigint, depth: number): Map<Cbor, Cbor> {
  need(reader, count);
  const map = new Map<Cbor, Cbor>();
  let previous: Uint8Array | undefined;
  for (let i = 0; i < count; i++) {
    const start = reader.offset;
    const key = read(reader, depth + 1);
    const encoded = reader.bytes.subarray(start, reader.offset);
    if (previous !== undefined && compare(previous, encoded) >= 0) {
      throw refusal("cbor-keys", start, "a map key that is out of order or there twice");
    }
    previous = encoded;
    map.set(key, read(reader, depth + 1));
  }
  return map;
}

function readSimple(reader: Reader, additional: number, start: number): Cbor {
  switch (additional) {
    case 20:
      return false;
    case 21:
      return true;
    case 22:
      return null;
    case 25:
      return readFloat(reader, 2, start);
    case 26:
      return readFloat(reader, 4, start);
    case 27:
      return readFloat(reader, 8, start);
    case 31:
      throw refusal("cbor-indefinite", start, "the end of an indefinite length");
    default:
      throw refusal("cbor-simple", start, "a simple value other than false, true and null");
  }
}

function readFloat(reader: Reader, width: FloatWidth, start: number): Float {
  need(reader, width);
  const { view, offset } = reader;
  reader.offset += width;
  const value =
    width === 2 ? halfValue(view.getUint16(offset)) : width === 4 ? view.getFloat32(offset) : view.getFloat64(offset);
  if (Number.isNaN(value) ? width !== 2 || view.getUint16(offset) !== 0x7e00 : shortestWidth(value) !== width) {
    throw refusal("cbor-not-shortest", start, `the float ${value} is not in its shortest form`);
  }
  return { float: value };
}

function need(reader: Reader, count: number | bigint): void {
  const left = reader.bytes.length - reader.offset;
  if (count > left) {
    throw refusal(
      "cbor-truncated",
      reader.offset,
      `${count} more bytes or items are announced, and ${left} bytes are left`,
    );
  }
}

function refusal(code: string, offset: number, what: string): VertebraError {
  return new VertebraError(code, `CBOR at byte ${offset}: ${what}`, "Its sender must send deterministic CBOR.");
}

function unencodable(code: string, what: string): VertebraError {
  return new VertebraError(
    code,
    `CBOR can't be made of ${what}`,
    "Give integers, {float}, text, bytes, arrays and maps.",
  );
}
