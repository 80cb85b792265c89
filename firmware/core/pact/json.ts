import { VertebraError } from "../errors";
import { fromHex, toHex } from "../wire/bytes";
import type { Field, FieldType } from "../wire/types";
import type { Value } from "./entry";
import { isIntegerType } from "./field";

/**
 * Entries as JSON objects by field name, for people and programs outside. Bytes are hex text; integers beyond 2^53 decimal
 * text; NaN is null and the infinities text, since JSON has neither; a reference is `{ group, sequence }`; a map is an object.
 * -0 is a float like another; an integer has none.
 */

/** A bigint only as it is given: an integer beyond 2^53. */
export type Json = null | boolean | number | bigint | string | readonly Json[] | { readonly [name: string]: Json };

type MapType = Extract<FieldType, { kind: "map" }>;

export function fieldsToObject(fields: readonly Field[], values: readonly Value[]): { readonly [name: string]: Json } {
  return Object.fromEntries(fields.map((field, index) => [field.name, toJson(field.type, values[index]!)]));
}

/**
 * The values in field order. Throws `entry-missing` and `entry-unknown-field` by name; a value of the wrong kind is passed on
 * for `encodeEntry` to refuse, which knows the bounds, save text that should be hex or a number (`entry-json`).
 */
export function objectToValues(fields: readonly Field[], object: { readonly [name: string]: Json }): Value[] {
  const given = new Map(Object.entries(object));
  const values = fields.map(({ name, type }) => {
    const json = given.get(name);
    if (json === undefined) throw refused("entry-missing", `field '${name}' is missing`);
    given.delete(name);
    return fromJson(`field '${name}'`, type, json);
  });
  for (const name of given.keys()) throw refused("entry-unknown-field", `the pact has no field '${name}'`);
  return values;
}

function toJson(type: FieldType, value: Value): Json {
  switch (type.kind) {
    case "bytes":
      return toHex(value as Uint8Array);
    case "f32":
    case "f64":
      return floatToJson(type.kind === "f32" ? shortestSingle(value as number) : (value as number));
    case "reference": {
      const [group, sequence] = value as readonly [Uint8Array, number];
      return { group: toHex(group), sequence };
    }
    case "array":
      return (value as readonly Value[]).map((each) => toJson(type.items, each));
    case "map":
      return Object.fromEntries(
        [...(value as ReadonlyMap<Value, Value>)].map(([key, each]) => [
          `${toJson(type.keys, key)}`,
          toJson(type.values, each),
        ]),
      );
    default:
      return typeof value === "bigint" ? `${value}` : (value as Json);
  }
}

function floatToJson(value: number): Json {
  if (Number.isNaN(value)) return null;
  return Number.isFinite(value) ? value : `${value}`;
}

/** The number of fewest digits that rounds to this f32: what was pushed as 0.35 is not shown as 0.3499999940395355. */
function shortestSingle(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Object.is(Math.fround(short), value)) return short;
  }
  return value;
}

function fromJson(where: string, type: FieldType, json: Json): Value {
  const { kind } = type;
  if (kind === "bytes" && typeof json === "string") return hexOf(where, json);
  if (kind === "f32" || kind === "f64") return floatOf(where, json);
  if (isIntegerType(kind) && typeof json === "string") return integerOf(where, json);
  if (kind === "reference") return referenceOf(where, json);
  if (kind === "array" && Array.isArray(json)) {
    return json.map((each: Json, index) => fromJson(`${where}[${index}]`, type.items, each));
  }
  if (kind === "map") {
    if (json === null || typeof json !== "object" || Array.isArray(json)) {
      throw refused("entry-json", `${where} is a map, and is given as an object`);
    }
    return mapOf(where, type, Object.entries(json));
  }
  if (json === null || (typeof json === "object" && !Array.isArray(json))) {
    throw refused("entry-json", `${where} is ${json === null ? "null" : "an object"}, and its type is ${kind}`);
  }
  return json as Value;
}

/** Two texts may be one key, as `1` and `01`, or `AB` and `ab` of bytes. */
function mapOf(where: string, { keys, values }: MapType, entries: readonly (readonly [string, Json])[]): Value {
  const map = new Map<Value, Value>();
  const known = new Set<string>();
  for (const [text, json] of entries) {
    const key = keyOf(`a key of ${where}`, keys, text);
    const told = `${toJson(keys, key)}`;
    if (known.has(told)) throw refused("entry-json", `${where} has the key '${told.slice(0, 40)}' twice`);
    known.add(told);
    map.set(key, fromJson(`a value of ${where}`, values, json));
  }
  return map;
}

/** JSON has keys of text alone. */
function keyOf(where: string, type: FieldType, key: string): Value {
  if (type.kind !== "bool") return fromJson(where, type, key);
  if (key !== "true" && key !== "false") throw refused("entry-json", `${where} is '${key}', neither true nor false`);
  return key === "true";
}

function hexOf(where: string, text: string): Uint8Array {
  try {
    return fromHex(text);
  } catch {
    throw refused("entry-json", `${where} is bytes, and is given as hex text, two digits a byte`);
  }
}

function floatOf(where: string, json: Json): number {
  if (json === null) return Number.NaN;
  if (typeof json === "number") return json;
  if (typeof json === "bigint") return Number(json);
  if (json === "Infinity") return Number.POSITIVE_INFINITY;
  if (json === "-Infinity") return Number.NEGATIVE_INFINITY;
  throw refused("entry-json", `${where} is a number, null for none, or the text 'Infinity' or '-Infinity'`);
}

function integerOf(where: string, text: string): number | bigint {
  const digits = text.charAt(0) === "-" ? text.slice(1) : text;
  const decimal =
    digits.length > 0 && digits.length <= 20 && [...digits].every((digit) => digit >= "0" && digit <= "9");
  if (!decimal) throw refused("entry-json", `${where} is '${text.slice(0, 40)}', which is not an integer`);
  const value = BigInt(text);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function referenceOf(where: string, json: Json): Value {
  const given = new Map<string, Json>(json === null || typeof json !== "object" ? [] : Object.entries(json));
  const group = given.get("group");
  const sequence = given.get("sequence");
  if (typeof group !== "string" || typeof sequence !== "number" || given.size > 2) {
    throw refused("entry-json", `${where} is a reference, and is given as { "group": hex, "sequence": number }`);
  }
  return [hexOf(where, group), sequence];
}

function refused(code: string, message: string): VertebraError {
  return new VertebraError(code, message, "Give each field by its name: `vertebra pact list` shows them.");
}
