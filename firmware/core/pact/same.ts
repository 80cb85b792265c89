import { equal, toHex } from "../wire/bytes";
import { type Cbor, encode } from "../wire/cbor";
import type { Value } from "./entry";

/**
 * When two values of entries are one key: by what they are worth, whatever types their fields have. -0 is 0, NaN is NaN, a bigint is
 * the number of its worth; an f32 is what it was rounded to, so it equals an f64 only where that is the same number.
 */
export function sameValue(one: Value, other: Value): boolean {
  if (one instanceof Uint8Array) return other instanceof Uint8Array && equal(one, other);
  if (Array.isArray(one)) {
    const same = (each: Value, index: number) => sameValue(each, (other as readonly Value[])[index]!);
    return Array.isArray(other) && one.length === other.length && one.every(same);
  }
  if (isNumeric(one) && isNumeric(other)) {
    // biome-ignore lint/suspicious/noDoubleEquals: the one comparison of a number with a bigint by worth.
    return one == other || (Number.isNaN(one) && Number.isNaN(other));
  }
  if (one instanceof Map) return other instanceof Map && valueText(one) === valueText(other);
  return one === other;
}

/** Text that is the same for the same values, and for no others. Throws `cbor-value` for what is no value. */
export function valueText(value: Value): string {
  return toHex(encode(worth(value)));
}

function isNumeric(value: Value): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function worth(value: Value): Cbor {
  if (typeof value === "number") return Number.isSafeInteger(value) ? value + 0 : wholeOrFloat(value);
  if (Array.isArray(value)) return (value as readonly Value[]).map(worth);
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [worth(key), worth(each)]));
  return value as Exclude<Value, readonly Value[] | ReadonlyMap<Value, Value>>;
}

/** A float beyond 2^53 is whole, too, and may be the worth of an integer of 64 bits. */
function wholeOrFloat(value: number): Cbor {
  const fits = Number.isInteger(value) && Math.abs(value) < 2 ** 64;
  return fits ? BigInt(value) : { float: value };
}
