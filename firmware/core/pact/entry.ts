import { VertebraError } from "../errors";
import { toHex } from "../wire/bytes";
import { type Cbor, decode, encode, type Float } from "../wire/cbor";
import { maxEntryBytes } from "../wire/limits";
import { encodeText } from "../wire/text";
import type { Field, FieldType, Policy } from "../wire/types";
import { integerRanges, isIntegerType } from "./field";
import { readMoved, readProduced } from "./produced";

export { fieldsToObject, objectToValues } from "./json";

/**
 * Entries: CBOR arrays of values in the order of the pact's fields (PROTOCOL 3). Nothing passes that breaks its pact, neither
 * from a writer nor from a peer, and each refusal names the field, the bound and the value.
 */

/**
 * bool; an integer (number within 2^53, bigint beyond); a number for f32 and f64; text, also for an enum's value; bytes;
 * an array, also `[group, sequence]` for a reference; a Map.
 */
export type Value = boolean | number | bigint | string | Uint8Array | readonly Value[] | ReadonlyMap<Value, Value>;

/** Encodes values for the fields of a resolved pact. A number for an f32 is rounded to it. Throws `entry-…`. */
export function encodeEntry(fields: readonly Field[], values: readonly Value[], policy: Policy): Uint8Array {
  if (values.length !== fields.length) {
    throw broken("entry-shape", `the entry has ${values.length} values, and its pact ${fields.length} fields`);
  }
  const bytes = encodeItems(fields.map((field, index) => toItem(named(field), field.type, values[index]!, field)));
  checkSize(bytes, policy.largestEntry);
  return bytes;
}

/** The values of an encoded entry, with an id or without, checked; not of a gap entry. Throws `entry-…`. */
export function decodeEntry(fields: readonly Field[], encoded: Uint8Array, policy?: Policy): Value[] {
  const bytes = readProduced(encoded).entry;
  checkSize(bytes, policy?.largestEntry ?? maxEntryBytes);
  const items = decodeItems(bytes);
  if (!Array.isArray(items)) throw broken("entry-shape", "the entry is not an array of its pact's fields");
  if (items.length !== fields.length) {
    throw broken("entry-shape", `the entry has ${items.length} values, and its pact ${fields.length} fields`);
  }
  return fields.map((field, index) => fromItem(named(field), field.type, items[index] as Cbor, field));
}

/** Throws `entry-…` unless the bytes are an entry of these fields as it is pushed, or a gap entry. */
export function checkEntry(fields: readonly Field[], policy: Policy, bytes: Uint8Array): void {
  if (readMoved(bytes) !== undefined) throw broken("entry-shape", "the entry says that it was moved");
  if (gapCount(bytes) === undefined) decodeEntry(fields, bytes, policy);
}

/** A gap entry: so many entries were dropped by a full buffer since the one before. It is an integer in place of an array. */
export function encodeGap(count: number): Uint8Array {
  return encode(count);
}

/** How many entries a gap entry stands for; undefined for any other entry. */
export function gapCount(encoded: Uint8Array): number | undefined {
  const bytes = readMoved(encoded)?.entry ?? encoded;
  // An unsigned integer has the major type 0, so the first byte tells a gap from an array.
  if (bytes.length === 0 || bytes[0]! > 0x1b) return undefined;
  const count = decodeItems(bytes);
  return typeof count === "number" && count > 0 ? count : undefined;
}

/** Bounds that stand beside a type. Only a field has them, not what is within an array or a map. */
type Bounds = Pick<Field, "min" | "max">;

function toItem(where: string, type: FieldType, value: Value, bounds: Bounds): Cbor {
  switch (type.kind) {
    case "f32":
    case "f64":
      if (typeof value !== "number") throw mistyped(where, type, value);
      return { float: checkFloat(where, type.kind === "f32" ? single(where, value) : value, bounds) };
    case "enum": {
      const index = type.values.indexOf(value as string);
      if (index < 0) throw notOfEnum(where, type.values, value);
      return index;
    }
    case "array":
      if (!Array.isArray(value)) throw mistyped(where, type, value);
      checkLength(where, value.length, "items", bounds);
      return value.map((each: Value, index) => toItem(`${where}[${index}]`, type.items, each, {}));
    case "map":
      if (!(value instanceof Map)) throw mistyped(where, type, value);
      checkLength(where, value.size, "keys", bounds);
      checkKeys(where, value as ReadonlyMap<Value, Value>);
      return mapEntries(value, (key, each) => [
        toItem(`a key of ${where}`, type.keys, key, {}),
        toItem(`a value of ${where}`, type.values, each, {}),
      ]);
    default:
      return checkScalar(where, type, value, bounds);
  }
}

function fromItem(where: string, type: FieldType, item: Cbor, bounds: Bounds): Value {
  switch (type.kind) {
    case "f32":
    case "f64": {
      const value = (item as Float | null)?.float;
      if (typeof value !== "number") throw mistyped(where, type, item);
      if (type.kind === "f32" && !Object.is(Math.fround(value), value)) {
        throw broken("entry-range", `${where} is ${value}, which f32 can't hold`);
      }
      return checkFloat(where, value, bounds);
    }
    case "enum": {
      const value = typeof item === "number" ? type.values[item] : undefined;
      if (value === undefined) throw notOfEnum(where, type.values, item);
      return value;
    }
    case "array":
      if (!Array.isArray(item)) throw mistyped(where, type, item);
      checkLength(where, item.length, "items", bounds);
      return item.map((each: Cbor, index) => fromItem(`${where}[${index}]`, type.items, each, {}));
    case "map":
      if (!(item instanceof Map)) throw mistyped(where, type, item);
      checkLength(where, item.size, "keys", bounds);
      return mapEntries(item as ReadonlyMap<Cbor, Cbor>, (key, each) => [
        fromItem(`a key of ${where}`, type.keys, key, {}),
        fromItem(`a value of ${where}`, type.values, each, {}),
      ]);
    default:
      return checkScalar(where, type, item, bounds);
  }
}

type Scalar = boolean | number | bigint | string | Uint8Array | readonly [Uint8Array, number];

/** A value that is the same in memory and in CBOR. */
function checkScalar(where: string, type: FieldType, value: Value | Cbor, bounds: Bounds): Scalar {
  const { kind } = type;
  if (isIntegerType(kind)) {
    const whole = typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value));
    if (!whole) throw mistyped(where, type, value);
    const { least, most } = integerRanges[kind];
    if (value < least || value > most) {
      throw broken("entry-range", `${where} is ${value}, outside the ${least} to ${most} of ${kind}`);
    }
    // Of integers -0 is 0.
    return checkBounds(where, value === 0 ? 0 : value, bounds);
  }
  if (kind === "bool" && typeof value === "boolean") return value;
  if (kind === "text" && typeof value === "string") {
    checkLength(where, textLength(where, value), "bytes", bounds);
    return value;
  }
  if (kind === "bytes" && value instanceof Uint8Array) {
    checkLength(where, value.length, "bytes", bounds);
    return value;
  }
  if (kind === "reference" && isReference(value)) return value;
  throw mistyped(where, type, value);
}

/** `[group, sequence]`, PROTOCOL 3, "Entry reference". */
function isReference(value: Value | Cbor): value is readonly [Uint8Array, number] {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [group, sequence] = value as readonly unknown[];
  return (
    group instanceof Uint8Array &&
    group.length === 32 &&
    typeof sequence === "number" &&
    Number.isSafeInteger(sequence) &&
    sequence >= 0
  );
}

function single(where: string, value: number): number {
  const rounded = Math.fround(value);
  if (Number.isFinite(value) && !Number.isFinite(rounded)) {
    throw broken("entry-range", `${where} is ${value}, which f32 can't hold`);
  }
  return rounded;
}

function checkFloat(where: string, value: number, bounds: Bounds): number {
  // NaN is neither below nor above anything, and must not slip through to an actuator by that.
  if (Number.isNaN(value) && (bounds.min !== undefined || bounds.max !== undefined)) {
    throw broken("entry-bound", `${where} is not a number, and has bounds`);
  }
  return checkBounds(where, value, bounds);
}

function checkBounds<T extends number | bigint>(where: string, value: T, { min, max }: Bounds): T {
  if (min !== undefined && value < min) throw broken("entry-bound", `${where} is ${value}, below its least of ${min}`);
  if (max !== undefined && value > max) throw broken("entry-bound", `${where} is ${value}, above its most of ${max}`);
  return value;
}

function checkLength(where: string, length: number, of: string, { min, max }: Bounds): void {
  if (min !== undefined && length < min) {
    throw broken("entry-bound", `${where} has ${length} ${of}, below its least of ${min}`);
  }
  if (max !== undefined && length > max) {
    throw broken("entry-bound", `${where} has ${length} ${of}, above its most of ${max}`);
  }
}

/** Bytes of two arrays, and a number and its bigint, are one key. */
function checkKeys(where: string, map: ReadonlyMap<Value, Value>): void {
  const known = new Set<unknown>();
  for (const key of map.keys()) {
    const one = key instanceof Uint8Array ? toHex(key) : typeof key === "bigint" ? `${key}` : key;
    const same = typeof one === "number" ? `${one}` : one;
    if (known.has(same)) throw broken("entry-type", `${where} has the key ${shown(key)} twice`);
    known.add(same);
  }
}

function checkSize(bytes: Uint8Array, largest: number): void {
  if (bytes.length > largest) {
    throw broken("entry-size", `the entry has ${bytes.length} bytes, and its pact's largest is ${largest}`);
  }
}

/** Bytes of text in UTF-8. */
function textLength(where: string, text: string): number {
  try {
    return encodeText(text).length;
  } catch {
    throw broken("entry-type", `${where} is text with half of a surrogate pair`);
  }
}

/** What still can't be encoded when each value is sound: a map with two keys of the same bytes. */
function encodeItems(items: readonly Cbor[]): Uint8Array {
  try {
    return encode(items);
  } catch (error) {
    throw broken("entry-cbor", error instanceof VertebraError ? error.message : "the entry can't be encoded");
  }
}

function decodeItems(bytes: Uint8Array): Cbor {
  try {
    return decode(bytes);
  } catch (error) {
    throw broken("entry-cbor", error instanceof VertebraError ? error.message : "the entry is not CBOR");
  }
}

function mapEntries<K, V, T>(map: ReadonlyMap<K, V>, convert: (key: K, value: V) => readonly [T, T]): Map<T, T> {
  const converted = new Map<T, T>();
  for (const [key, value] of map) converted.set(...convert(key, value));
  return converted;
}

function named(field: Field): string {
  return `field '${field.name}'`;
}

function mistyped(where: string, type: FieldType, value: Value | Cbor): VertebraError {
  return broken("entry-type", `${where} is ${shown(value)}, and its type is ${type.kind}`);
}

function notOfEnum(where: string, values: readonly string[], value: Value | Cbor): VertebraError {
  return broken("entry-enum", `${where} is ${shown(value)}, and its values are ${values.join(", ")}`);
}

/** A value in a few words, whatever it is. */
function shown(value: Value | Cbor): string {
  if (typeof value === "string") return `the text '${value.slice(0, 40)}'`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (value instanceof Map) return `a map of ${value.size}`;
  if (typeof value === "object" && value !== null) {
    return "float" in value ? `the float ${value.float}` : "an object";
  }
  return String(value);
}

function broken(code: string, message: string): VertebraError {
  return new VertebraError(code, message, "Give the entry as its pact says: `vertebra pact list` shows the fields.");
}
