import fc from "fast-check";
import { compare } from "../../firmware/core/wire/bytes";
import type { Cbor } from "../../firmware/core/wire/cbor";
import { maxCount } from "../../firmware/core/wire/limits";
import type { Field, FieldType, Pact, Requirement } from "../../firmware/core/wire/types";

/** Any text that UTF-8 can carry. */
export const text = fc.string({ unit: "binary", maxLength: 20 });

export const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
export const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
export const signature = fc.uint8Array({ minLength: 64, maxLength: 64 });
export const counter = fc.maxSafeNat();
/** Of a generation, an attempt or a block of one issuer. */
export const turn = fc.maxSafeNat().map((number) => number % (maxCount + 1));

/** Hashes sorted by bytes, each once. */
export const sortedHashes = (minLength: number, maxLength: number) =>
  fc
    .uniqueArray(hash, { minLength, maxLength, comparator: (a, b) => compare(a, b) === 0 })
    .map((hashes) => hashes.sort(compare));

const scalar: fc.Arbitrary<Cbor> = fc.oneof(
  fc.constantFrom(null, false, true),
  fc.maxSafeInteger(),
  fc.integer(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: -(2n ** 64n), max: -(2n ** 53n) }),
  fc.double().map((float) => ({ float })),
  fc.float().map((float) => ({ float })),
  text,
  bytes(40),
);

/** Any value that deterministic CBOR has, up to five levels deep. */
export const cbor: fc.Arbitrary<Cbor> = fc.letrec<{ value: Cbor }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    scalar,
    fc.array(tie("value"), { maxLength: 5 }),
    fc
      .uniqueArray(fc.tuple(fc.oneof(fc.integer(), text), tie("value")), { maxLength: 5, selector: ([key]) => key })
      .map((entries) => new Map<Cbor, Cbor>(entries)),
  ),
})).value;

const name = fc.stringMatching(/^[a-z][a-zA-Z0-9_.-]{0,20}$/);
const integerKind = fc.constantFrom("u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64" as const);
const keyType: fc.Arbitrary<FieldType> = fc.oneof(
  fc.record({ kind: fc.oneof(integerKind, fc.constantFrom("bool", "text", "bytes" as const)) }),
  fc.record({ kind: fc.constant("enum" as const), values: fc.uniqueArray(name, { minLength: 1, maxLength: 4 }) }),
);

const type: fc.Arbitrary<FieldType> = fc.letrec<{ type: FieldType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(keyType, fc.record({ kind: fc.constantFrom("f32", "f64", "reference" as const) })),
    fc.record({ kind: fc.constant("array" as const), items: tie("type") }),
    fc.record({ kind: fc.constant("map" as const), keys: keyType, values: tie("type") }),
  ),
})).type;

const field: fc.Arbitrary<Field> = fc.oneof(
  fc.record({ name, type }),
  fc.record({ name, type, unit: fc.constantFrom("s", "\u00b0C", "MiB") }),
  fc.record({ name, type: fc.record({ kind: fc.constant("f64" as const) }), min: fc.double({ max: 0, noNaN: true }) }),
  fc.record({ name, type: fc.record({ kind: integerKind }), min: fc.nat(5), max: fc.integer({ min: 6, max: 100 }) }),
);

const requirement: fc.Arbitrary<Requirement> = fc.record({
  capability: name,
  condition: fc.oneof(
    fc.constant(null),
    fc.record({ min: counter }),
    fc.record({ oneOf: fc.array(fc.string({ maxLength: 8 }), { maxLength: 3 }) }),
  ),
});

export const pact: fc.Arbitrary<Pact> = fc.record({
  name,
  version: fc.integer({ min: 1 }),
  extends: fc.option(hash),
  fields: fc.uniqueArray(field, { maxLength: 6, selector: (each) => each.name }),
  policy: fc.record(
    {
      quorum: fc.constantFrom("all", "two-thirds", "majority" as const),
      ordered: fc.boolean(),
      private: fc.boolean(),
      writers: fc.constantFrom("owners", "members", "stewards" as const),
      retention: counter,
      largestEntry: fc.integer({ min: 1, max: 8_192 }),
      whenFull: fc.constantFrom("wait", "replace-oldest", "keep-latest" as const),
      readers: fc.constantFrom("members", "stewards" as const),
      requires: fc.array(requirement, { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: ["quorum", "ordered", "private", "writers", "retention", "largestEntry", "whenFull"] },
  ),
});
