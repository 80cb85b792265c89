import type { Cbor, Float } from "../wire/cbor";
import { maxNameBytes } from "../wire/limits";
import { list, nullable, text, tuple, wrong } from "../wire/shape";
import { encodeText } from "../wire/text";
import type { Field, FieldType } from "../wire/types";

/**
 * A pact's fields as they travel: `[name, type, unit | null, min | null, max | null]`. A scalar type is its name, the others
 * are `["enum", values]`, `["array", items]` and `["map", keys, values]`. Bounds of f32 and f64 are floats, all others integers.
 */

export type IntegerType = "u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64";

/** The least and the most that each integer type holds. Not as arrays: the Moddable SDK can't preload a BigInt that is in one. */
export const integerRanges = {
  u8: { least: 0, most: 0xff },
  u16: { least: 0, most: 0xffff },
  u32: { least: 0, most: 0xffffffff },
  u64: { least: 0, most: 0xffffffffffffffffn },
  i8: { least: -0x80, most: 0x7f },
  i16: { least: -0x8000, most: 0x7fff },
  i32: { least: -0x80000000, most: 0x7fffffff },
  i64: { least: -0x8000000000000000n, most: 0x7fffffffffffffffn },
} as const;

const scalars = [
  ...(["bool", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"] as const),
  ...(["f32", "f64", "text", "bytes", "reference"] as const),
] as const;

const maxEnumValues = 256;
/** Arrays and maps of a field within each other. */
const maxTypeDepth = 4;

export function isIntegerType(kind: FieldType["kind"]): kind is IntegerType {
  return kind in integerRanges;
}

export function fieldItems(field: Field): Cbor {
  const { name, type, unit, min, max } = field;
  return [name, typeItems(type), unit ?? null, boundItem(type, min), boundItem(type, max)];
}

export function readField(where: string, value: Cbor): Field {
  const [nameItem, typeItem, unitItem, minItem, maxItem] = tuple(where, value, 5);
  const name = identifier(`${where}: name`, nameItem);
  const type = readType(`field '${name}': type`, typeItem, 0);
  const unit = nullable(`field '${name}': unit`, unitItem, readUnit);
  const min = readBound(`field '${name}': least`, type, minItem);
  const max = readBound(`field '${name}': most`, type, maxItem);
  if (min !== undefined && max !== undefined && min > max) {
    throw wrong("pact-field", `field '${name}'`, `has a least of ${min}, above its most of ${max}`);
  }
  return {
    name,
    type,
    ...(unit === null ? {} : { unit }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  };
}

/** A name that a person types and a program prints: letters, digits, `-`, `_` and `.`, at most 64. */
export function identifier(where: string, value: Cbor | undefined): string {
  const name = text(where, value, maxNameBytes);
  if (name === "") throw wrong("pact-name", where, "is empty");
  for (const character of name) {
    const letter = (character >= "a" && character <= "z") || (character >= "A" && character <= "Z");
    const other = (character >= "0" && character <= "9") || character === "-" || character === "_" || character === ".";
    if (!letter && !other) throw wrong("pact-name", where, "holds other than letters, digits, '-', '_' and '.'");
  }
  return name;
}

function readUnit(where: string, value: Cbor | undefined): string {
  return printable(where, text(where, value, maxNameBytes));
}

/** Text that can't play tricks on the terminal that shows it. */
function printable(where: string, shown: string): string {
  const control = encodeText(shown).some((byte) => byte < 0x20 || byte === 0x7f);
  if (shown === "" || control) throw wrong("pact-name", where, "is empty or holds control characters");
  return shown;
}

function typeItems(type: FieldType): Cbor {
  switch (type.kind) {
    case "enum":
      return ["enum", type.values];
    case "array":
      return ["array", typeItems(type.items)];
    case "map":
      return ["map", typeItems(type.keys), typeItems(type.values)];
    default:
      return type.kind;
  }
}

function readType(where: string, value: Cbor | undefined, depth: number): FieldType {
  if (depth > maxTypeDepth) throw wrong("pact-type", where, `has more than ${maxTypeDepth} types within each other`);
  if (typeof value === "string") {
    const kind = scalars.find((scalar) => scalar === value);
    if (kind === undefined) throw wrong("pact-type", where, "is an unknown type");
    return { kind };
  }
  if (!Array.isArray(value)) throw wrong("pact-type", where, "is neither a name nor an array");
  const [kind] = value as readonly Cbor[];
  if (kind === "enum") return { kind, values: readEnumValues(where, tuple(where, value, 2)[1]) };
  if (kind === "array") return { kind, items: readType(where, tuple(where, value, 2)[1], depth + 1) };
  if (kind !== "map") throw wrong("pact-type", where, "is an unknown type");
  const [, keyItem, valueItem] = tuple(where, value, 3);
  const keys = readType(where, keyItem, depth + 1);
  if (!isKeyType(keys)) throw wrong("pact-type", where, `is a map with keys of type ${keys.kind}`);
  return { kind, keys, values: readType(where, valueItem, depth + 1) };
}

/** Keys are whole and compare by their bytes: no floats, no references, nothing nested. */
function isKeyType({ kind }: FieldType): boolean {
  return isIntegerType(kind) || kind === "bool" || kind === "text" || kind === "bytes" || kind === "enum";
}

function readEnumValues(where: string, value: Cbor | undefined): string[] {
  const values = list(`${where}: value`, value, maxEnumValues, (each, item) =>
    printable(each, text(each, item, maxNameBytes)),
  );
  if (values.length === 0) throw wrong("pact-type", where, "is an enum without values");
  if (new Set(values).size < values.length) throw wrong("pact-type", where, "is an enum with the same value twice");
  return values;
}

function boundItem(type: FieldType, bound: number | bigint | undefined): Cbor {
  if (bound === undefined) return null;
  return type.kind === "f32" || type.kind === "f64" ? { float: Number(bound) } : bound;
}

function readBound(where: string, type: FieldType, value: Cbor | undefined): number | bigint | undefined {
  if (value === null) return undefined;
  const { kind } = type;
  if (kind === "f32" || kind === "f64") {
    const float = (value as Float | undefined)?.float;
    if (typeof float !== "number" || Number.isNaN(float)) throw wrong("pact-field", where, "is not a float");
    return float;
  }
  if (kind === "bool" || kind === "enum" || kind === "reference") {
    throw wrong("pact-field", where, `is given, and type ${kind} has no bounds`);
  }
  if (typeof value !== "number" && typeof value !== "bigint") throw wrong("pact-field", where, "is not an integer");
  const { least, most } = isIntegerType(kind) ? integerRanges[kind] : { least: 0, most: Number.MAX_SAFE_INTEGER };
  if (value < least || value > most) throw wrong("pact-field", where, `is ${value}, outside ${least} to ${most}`);
  return value;
}
