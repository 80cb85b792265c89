import { VertebraError } from "../errors";
import { compare } from "./bytes";
import { type Cbor, decode, type Limits } from "./cbor";
import { encodeText } from "./text";

/**
 * Reading a structure out of decoded CBOR. `where` names the structure and the field, such as "block header: counter", and
 * stands in every refusal.
 */

/** Throws `structure-shape` where bytes are not an array of `length` items. */
export function readStructure(where: string, bytes: Uint8Array, length: number, limits?: Limits): readonly Cbor[] {
  return tuple(where, decode(bytes, limits), length);
}

/** An array of `length` items, or where they may be left out of up to `most`. */
export function tuple(where: string, value: Cbor | undefined, length: number, most = length): readonly Cbor[] {
  if (!Array.isArray(value)) throw wrong("structure-shape", where, "is not an array");
  if (value.length < length || value.length > most)
    throw wrong("structure-shape", where, `has ${value.length} items in place of ${length}`);
  return value;
}

/** An array of at most `most` items, each read by `item`. */
export function list<T>(
  where: string,
  value: Cbor | undefined,
  most: number,
  item: (where: string, value: Cbor) => T,
): T[] {
  if (!Array.isArray(value)) throw wrong("structure-shape", where, "is not an array");
  if (value.length > most) throw wrong("structure-bound", where, `has ${value.length} items, and the most is ${most}`);
  return value.map((each: Cbor, index) => item(`${where} ${index}`, each));
}

/** A safe integer of at least `least` and at most `most`. */
export function integer(
  where: string,
  value: Cbor | undefined,
  least = 0,
  most: number = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== "number") throw wrong("structure-field", where, "is not an integer within 2^53");
  if (value < least) throw wrong("structure-field", where, `is ${value}, below its least of ${least}`);
  if (value > most) throw wrong("structure-bound", where, `is ${value}, above its most of ${most}`);
  return value;
}

export function bytes(where: string, value: Cbor | undefined): Uint8Array {
  if (!(value instanceof Uint8Array)) throw wrong("structure-field", where, "is not a byte string");
  return value;
}

/** A byte string of exactly `length` bytes. */
export function bytesOf(where: string, value: Cbor | undefined, length: number): Uint8Array {
  const read = bytes(where, value);
  if (read.length !== length) throw wrong("structure-field", where, `has ${read.length} bytes in place of ${length}`);
  return read;
}

/** A reference or a public key. */
export function hash32(where: string, value: Cbor | undefined): Uint8Array {
  return bytesOf(where, value, 32);
}

export function signature64(where: string, value: Cbor | undefined): Uint8Array {
  return bytesOf(where, value, 64);
}

/** Text of at most `mostBytes` in UTF-8. */
export function text(where: string, value: Cbor | undefined, mostBytes: number): string {
  if (typeof value !== "string") throw wrong("structure-field", where, "is not text");
  if (encodeText(value).length > mostBytes) {
    throw wrong("structure-bound", where, `is longer than its most of ${mostBytes} bytes`);
  }
  return value;
}

export function boolean(where: string, value: Cbor | undefined): boolean {
  if (typeof value !== "boolean") throw wrong("structure-field", where, "is neither true nor false");
  return value;
}

/** What `read` makes of the value, or null where the value is null. */
export function nullable<T>(
  where: string,
  value: Cbor | undefined,
  read: (where: string, value: Cbor | undefined) => T,
): T | null {
  return value === null ? null : read(where, value);
}

/** At most `most` hashes, each once, sorted by bytes. */
export function sortedHashes(where: string, value: Cbor | undefined, most: number): Uint8Array[] {
  const hashes = list(where, value, most, hash32);
  for (let i = 1; i < hashes.length; i++) {
    if (compare(hashes[i - 1]!, hashes[i]!) >= 0) {
      throw wrong("structure-order", `${where} ${i}`, "is out of order or there twice");
    }
  }
  return hashes;
}

export function wrong(code: string, where: string, what: string): VertebraError {
  return new VertebraError(code, `${where} ${what}`, "Its sender must follow the wire format in docs/wire.");
}
