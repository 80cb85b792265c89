import { describe, expect, it } from "vitest";
import {
  checkEntry,
  decodeEntry,
  encodeEntry,
  encodeGap,
  fieldsToObject,
  gapCount,
  objectToValues,
  type Value,
} from "../../firmware/core/pact/entry";
import { toHex } from "../../firmware/core/wire/bytes";
import { encode } from "../../firmware/core/wire/cbor";
import type { Field, FieldType } from "../../firmware/core/wire/types";
import { nobleCrypto } from "../../firmware/device/noble";
import { refusal } from "./refusal";
import { everyTypePact, everyValue, machinePact } from "./samples";

const { fields: everyField, policy } = everyTypePact(nobleCrypto());
const [group] = everyValue[9] as [Uint8Array];

const everyObject = {
  flag: true,
  small: -10,
  large: "18446744073709551615",
  exact: 0.1,
  note: "gr\u00fc\u00df dich",
  blob: "01ff",
  mode: "auto",
  samples: [-1, 32767],
  named: { a: [1, 2], b: [] },
  cause: { group: toHex(group), sequence: 7 },
};

const one = (type: FieldType, bounds: Partial<Field> = {}): readonly Field[] => [{ name: "load", type, ...bounds }];
const push = (fields: readonly Field[], value: unknown) => refusal(() => encodeEntry(fields, [value as Value], policy));
const receive = (fields: readonly Field[], bytes: Uint8Array) => refusal(() => checkEntry(fields, policy, bytes));

describe("an entry", () => {
  it("is the same after encoding and decoding, with a value of every type", () => {
    const encoded = encodeEntry(everyField, everyValue, policy);
    expect(decodeEntry(everyField, encoded, policy)).toEqual(everyValue);
    expect(receive(everyField, encoded)).toBe("accepted");
  });

  it("carries f32 as f32: rounded when pushed, and never more when received", () => {
    const fields = one({ kind: "f32" });
    const encoded = encodeEntry(fields, [0.1], policy);
    expect(toHex(encoded)).toBe("81fa3dcccccd");
    expect(decodeEntry(fields, encoded)).toEqual([Math.fround(0.1)]);
    expect(encodeEntry(fields, decodeEntry(fields, encoded), policy)).toEqual(encoded);
    expect(receive(fields, encode([{ float: 0.1 }]))).toBe("entry-range: field 'load' is 0.1, which f32 can't hold");
    expect(push(fields, 1e300)).toBe("entry-range: field 'load' is 1e+300, which f32 can't hold");
  });

  it("takes NaN and the infinities where there are no bounds, and no NaN where there are", () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0]) {
      for (const kind of ["f32", "f64"] as const) {
        expect(decodeEntry(one({ kind }), encodeEntry(one({ kind }), [value], policy))).toEqual([value]);
      }
    }
    const bounded = one({ kind: "f32" }, { min: 0 });
    expect(push(bounded, Number.NaN)).toBe("entry-bound: field 'load' is not a number, and has bounds");
    expect(receive(bounded, encode([{ float: Number.NaN }]))).toMatch(/^entry-bound/);
  });

  it("that breaks a bound is refused by the field, the value and the bound, pushed and received alike", () => {
    const number = one({ kind: "f64" }, { min: 0, max: 10 });
    expect(push(number, -3)).toBe("entry-bound: field 'load' is -3, below its least of 0");
    expect(receive(number, encode([{ float: 11 }]))).toBe("entry-bound: field 'load' is 11, above its most of 10");
    const integer = one({ kind: "i64" }, { min: -5n, max: 2n ** 60n });
    expect(push(integer, -6)).toBe("entry-bound: field 'load' is -6, below its least of -5");
    expect(receive(integer, encode([2n ** 60n + 1n]))).toBe(
      "entry-bound: field 'load' is 1152921504606846977, above its most of 1152921504606846976",
    );
    expect(push(one({ kind: "text" }, { max: 3 }), "\u00fc\u00fc")).toBe(
      "entry-bound: field 'load' has 4 bytes, above its most of 3",
    );
    expect(push(one({ kind: "bytes" }, { min: 1 }), new Uint8Array(0))).toMatch(/has 0 bytes, below its least of 1$/);
    expect(push(one({ kind: "array", items: { kind: "u8" } }, { max: 1 }), [1, 2])).toMatch(
      /has 2 items, above its most/,
    );
    expect(push(one({ kind: "map", keys: { kind: "u8" }, values: { kind: "u8" } }, { min: 1 }), new Map())).toMatch(
      /0 keys/,
    );
  });

  it("with an integer outside its type's range is refused", () => {
    const ranges: readonly (readonly [FieldType["kind"], readonly (number | bigint)[]])[] = [
      ["u8", [-1, 256]],
      ["u16", [-1, 65_536]],
      ["u32", [-1, 2 ** 32]],
      ["u64", [-1, 2n ** 64n]],
      ["i8", [-129, 128]],
      ["i16", [-32_769, 32_768]],
      ["i32", [-(2 ** 31) - 1, 2 ** 31]],
      ["i64", [-(2n ** 63n) - 1n, 2n ** 63n]],
    ];
    for (const [kind, [below, above]] of ranges) {
      const fields = one({ kind } as FieldType);
      expect(push(fields, below)).toMatch(/^entry-range: field 'load' is -\d+, outside the /);
      expect(push(fields, above)).toMatch(/^entry-range: /);
      const within = [BigInt(below!) + 1n, BigInt(above!) - 1n];
      for (const value of within) expect([kind, value, push(fields, value)]).toEqual([kind, value, "accepted"]);
    }
  });

  it("with a value of another type is refused, pushed and received alike", () => {
    for (const [index, field] of everyField.entries()) {
      const good = everyValue[index]!;
      for (const value of everyValue) {
        if (typeof value === typeof good && Array.isArray(value) === Array.isArray(good)) continue;
        if ([typeof value, typeof good].every((type) => type === "bigint" || type === "number")) continue;
        expect(push([field], value)).toMatch(new RegExp(`^entry-(type|enum): field '${field.name}' is `));
      }
      for (const value of [undefined, null, {}, Symbol.iterator]) {
        expect(push([field], value)).toMatch(/^entry-(type|enum): /);
      }
      expect(receive([field], encode([null]))).toMatch(/^entry-(type|enum): /);
    }
    expect(push(one({ kind: "u8" }), 1.5)).toBe("entry-type: field 'load' is 1.5, and its type is u8");
    expect(receive(one({ kind: "f32" }), encode([1]))).toBe("entry-type: field 'load' is 1, and its type is f32");
    expect(receive(one({ kind: "u8" }), encode([{ float: 1 }]))).toMatch(/is the float 1, and its type is u8$/);
    expect(push(one({ kind: "text" }), "\ud800")).toBe(
      "entry-type: field 'load' is text with half of a surrogate pair",
    );
  });

  it("with something wrong inside an array or a map is refused by where it is", () => {
    const nested = one({ kind: "array", items: { kind: "array", items: { kind: "u8" } } });
    expect(push(nested, [[1], [2, 300]])).toBe("entry-range: field 'load'[1][1] is 300, outside the 0 to 255 of u8");
    const map = one({ kind: "map", keys: { kind: "u8" }, values: { kind: "text" } });
    expect(push(map, new Map([[1, 2]]))).toMatch(/^entry-type: a value of field 'load' is 2/);
    expect(push(map, new Map([["1", "2"]]))).toMatch(/^entry-type: a key of field 'load' is the text '1'/);
    const byBytes = one({ kind: "map", keys: { kind: "bytes" }, values: { kind: "u8" } });
    expect(
      push(
        byBytes,
        new Map([
          [Uint8Array.of(1), 1],
          [Uint8Array.of(1), 2],
        ]),
      ),
    ).toMatch(/^entry-type: field 'load' has the key 1 bytes twice/);
  });

  it("with an enum's value that the pact has not is refused with those that it has", () => {
    const fields = one({ kind: "enum", values: ["off", "on"] });
    expect(push(fields, "auto")).toBe("entry-enum: field 'load' is the text 'auto', and its values are off, on");
    for (const index of [2, -1, 2n ** 60n]) expect(receive(fields, encode([index]))).toMatch(/^entry-enum/);
    expect(toHex(encodeEntry(fields, ["on"], policy))).toBe("8101");
  });

  it("with a reference that is not a group and a sequence is refused", () => {
    for (const value of [[group], [group.slice(1), 0], [group, -1], [group, 1.5], [0, group], [group, 0, 0]]) {
      expect(push(one({ kind: "reference" }), value)).toMatch(/^entry-type/);
    }
  });

  it("with fields missing or added, larger than its policy allows, or not in our CBOR is refused", () => {
    const fields = one({ kind: "bytes" });
    expect(refusal(() => encodeEntry(fields, [], policy))).toBe(
      "entry-shape: the entry has 0 values, and its pact 1 fields",
    );
    expect(receive(fields, encode([group, 1]))).toBe("entry-shape: the entry has 2 values, and its pact 1 fields");
    expect(receive(fields, encode(new Map()))).toMatch(/^entry-shape/);
    const exact = new Uint8Array(policy.largestEntry - 4);
    expect(push(fields, exact)).toBe("accepted");
    expect(push(fields, new Uint8Array(exact.length + 1))).toBe(
      "entry-size: the entry has 4097 bytes, and its pact's largest is 4096",
    );
    expect(receive(fields, encode([new Uint8Array(exact.length + 1)]))).toMatch(/^entry-size/);
    expect(receive(fields, Uint8Array.of(0x81, 0x58, 0x01, 0x00))).toMatch(/^entry-cbor: CBOR at byte 1: /);
    expect(receive(fields, new Uint8Array(0))).toMatch(/^entry-cbor/);
  });
});

describe("a gap entry", () => {
  it("says how many entries were dropped, in place of an entry of any pact", () => {
    for (const count of [1, 23, 24, 255, 256, 70_000, 2 ** 40]) {
      expect(gapCount(encodeGap(count))).toBe(count);
      expect(receive(everyField, encodeGap(count))).toBe("accepted");
    }
  });

  it("is no entry of 0 dropped, nor anything else", () => {
    for (const bytes of [
      encode(0),
      encode([]),
      encode(-1),
      encode({ float: 1 }),
      encode(2n ** 60n),
      new Uint8Array(0),
    ]) {
      expect(gapCount(bytes)).toBeUndefined();
      expect(receive(everyField, bytes)).not.toBe("accepted");
    }
    expect(gapCount(encodeEntry(everyField, everyValue, policy))).toBeUndefined();
    expect(refusal(() => decodeEntry(everyField, encodeGap(1)))).toMatch(/^entry-shape/);
  });
});

describe("entries as JSON", () => {
  it("have their fields by name, and are the same after the way through JSON text", () => {
    expect(fieldsToObject(everyField, everyValue)).toEqual(everyObject);
    const parsed = JSON.parse(JSON.stringify(everyObject));
    expect(objectToValues(everyField, parsed)).toEqual(everyValue);
  });

  it("show an f32 with the fewest digits that give it, NaN as null and infinities as text", () => {
    const fields = one({ kind: "f32" });
    const shown = (value: number) => fieldsToObject(fields, [Math.fround(value)]).load;
    const numbers = [0.35, 41.5, 16777216, 1e-45, 3.4028235e38, -0.1, 123456.79, 0];
    for (const value of numbers) expect([value, shown(value)]).toEqual([value, value]);
    expect(shown(Number.NaN)).toBeNull();
    expect(shown(Number.POSITIVE_INFINITY)).toBe("Infinity");
    for (const json of [0.35, null, "Infinity", "-Infinity"]) {
      expect(fieldsToObject(fields, objectToValues(fields, { load: json })).load).toBe(json);
    }
  });

  it("take an integer as a number or as decimal text", () => {
    const fields = one({ kind: "u64" });
    expect(objectToValues(fields, { load: 12 })).toEqual([12]);
    expect(objectToValues(fields, { load: "12" })).toEqual([12]);
    expect(objectToValues(fields, { load: "9007199254740993" })).toEqual([9_007_199_254_740_993n]);
    for (const text of ["", "-", "1.5", "0x10", "1e3", " 1", "123456789012345678901"]) {
      expect(refusal(() => objectToValues(fields, { load: text }))).toMatch(/^entry-json: field 'load' is '/);
    }
  });

  it("name a field that is missing, one that the pact has not, and one of another kind", () => {
    const given = { load: 1, temperature: null, uptime: 3 };
    expect(objectToValues(machinePact.fields, given)).toEqual([1, Number.NaN, 3]);
    expect(refusal(() => objectToValues(machinePact.fields, { load: 1 }))).toBe(
      "entry-missing: field 'temperature' is missing",
    );
    expect(refusal(() => objectToValues(machinePact.fields, { ...given, humidity: 1 }))).toBe(
      "entry-unknown-field: the pact has no field 'humidity'",
    );
    for (const [name, json] of [
      ["blob", "0g"],
      ["note", null],
      ["mode", {}],
      ["named", [1]],
      ["cause", "x"],
      ["cause", { group: "00" }],
      ["exact", "warm"],
    ] as const) {
      expect(refusal(() => objectToValues(everyField, { ...everyObject, [name]: json }))).toMatch(
        new RegExp(`^entry-json: field '${name}' is `),
      );
    }
  });

  it("take keys of every type of key from JSON's text", () => {
    const keyed = (kind: "u8" | "i64" | "bool" | "bytes", key: Value) => {
      const fields = one({ kind: "map", keys: { kind }, values: { kind: "u8" } });
      const values = [new Map([[key, 1]])];
      expect(objectToValues(fields, JSON.parse(JSON.stringify(fieldsToObject(fields, values))))).toEqual(values);
    };
    keyed("u8", 7);
    keyed("i64", -(2n ** 60n));
    keyed("bool", false);
    keyed("bytes", Uint8Array.of(1, 2));
  });
});
