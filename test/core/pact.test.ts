import { describe, expect, it } from "vitest";
import {
  closingQuorumSize,
  decodePact,
  encodePact,
  extendsPact,
  pactId,
  quorumSize,
  resolveFields,
} from "../../firmware/core/pact/pact";
import { toHex } from "../../firmware/core/wire/bytes";
import { type Cbor, decode, encode } from "../../firmware/core/wire/cbor";
import { maxFields, maxPactDepth } from "../../firmware/core/wire/limits";
import type { Field, FieldType, Hash, Pact } from "../../firmware/core/wire/types";
import { nobleCrypto } from "../../firmware/device/noble";
import { refusal } from "./refusal";
import { everyTypePact, machinePact } from "./samples";

const crypto = nobleCrypto();
const child = everyTypePact(crypto);

const withFields = (...fields: Field[]): Pact => ({ ...machinePact, fields });
const field = (type: FieldType, bounds: Partial<Field> = {}): Field => ({ name: "x", type, ...bounds });
const decodeFields = (...fields: Field[]) => decodePact(encodePact(withFields(...fields))).fields;

/** What is made of the pact's bytes when item `index` is another. */
function replaced(index: number, value: Cbor): Uint8Array {
  return encode((decode(encodePact(machinePact)) as readonly Cbor[]).map((item, at) => (at === index ? value : item)));
}

function lookupOf(...pacts: Pact[]): (id: Hash) => Pact | undefined {
  const byId = new Map(pacts.map((pact) => [toHex(pactId(crypto, encodePact(pact))), pact]));
  return (id) => byId.get(toHex(id));
}

/** `length` pacts in a row, each extending the one before it by a field of its own. */
function row(length: number): Pact[] {
  const pacts: Pact[] = [];
  for (let index = 0; index < length; index++) {
    const before = pacts[index - 1];
    pacts.push({
      ...machinePact,
      name: `pact-${index}`,
      extends: before === undefined ? null : pactId(crypto, encodePact(before)),
      fields: [{ name: `field-${index}`, type: { kind: "bool" } }],
    });
  }
  return pacts;
}

describe("a pact", () => {
  it("is the same after encoding and decoding, with every type, bound and unit", () => {
    expect(decodePact(encodePact(machinePact))).toEqual(machinePact);
    expect(decodePact(encodePact(child))).toEqual(child);
  });

  it("has another id when anything in it changes", () => {
    const variants: Pact[] = [
      machinePact,
      { ...machinePact, version: 2 },
      { ...machinePact, name: "machinf" },
      { ...machinePact, policy: { ...machinePact.policy, ordered: false } },
      withFields(...machinePact.fields.slice(1)),
    ];
    const ids = variants.map((pact) => toHex(pactId(crypto, encodePact(pact))));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("has a name of letters, digits, '-', '_' and '.', and so have its fields", () => {
    for (const name of ["", "a b", "a\u001b[31m", "\u00e4", "a/b", "a".repeat(65)]) {
      expect(refusal(() => decodePact(replaced(0, name)))).toMatch(/^(pact-name|structure-bound): pact: name/);
      expect(refusal(() => decodeFields({ name, type: { kind: "u8" } }))).toMatch(
        /^(pact-name|structure-bound): pact: field 0/,
      );
    }
    expect(decodePact(replaced(0, "A-z_0.9")).name).toBe("A-z_0.9");
  });

  it("has a unit that can't play tricks on a terminal", () => {
    expect(refusal(() => decodeFields(field({ kind: "u8" }, { unit: "\u001b[2J" })))).toMatch(
      /^pact-name: field 'x': unit/,
    );
    expect(refusal(() => decodeFields(field({ kind: "u8" }, { unit: "" })))).toMatch(/^pact-name/);
  });

  it("has no field twice and no more fields than the bound", () => {
    expect(refusal(() => decodeFields(field({ kind: "u8" }), field({ kind: "i8" })))).toBe(
      "pact-field: field 'x' is there twice",
    );
    const many = Array.from({ length: maxFields + 1 }, (_, index) => ({ ...field({ kind: "u8" }), name: `f${index}` }));
    expect(decodeFields(...many.slice(1)).length).toBe(maxFields);
    expect(refusal(() => decodeFields(...many))).toMatch(/^structure-bound/);
  });

  it("has types that are known and not nested without end, enums with values, and map keys that are whole", () => {
    const nested = (depth: number): FieldType =>
      depth === 0 ? { kind: "u8" } : { kind: "array", items: nested(depth - 1) };
    expect(decodeFields(field(nested(4)))[0]!.type).toEqual(nested(4));
    for (const type of [
      { kind: "u128" } as unknown as FieldType,
      nested(5),
      { kind: "enum", values: [] } as const,
      { kind: "enum", values: ["on", "on"] } as const,
      { kind: "map", keys: { kind: "f32" }, values: { kind: "u8" } } as const,
      { kind: "map", keys: nested(1), values: { kind: "u8" } } as const,
    ]) {
      expect(refusal(() => decodeFields(field(type)))).toMatch(/^pact-type: field 'x': type/);
    }
  });

  it("has bounds within the type's range, the least not above the most, and none where a type has none", () => {
    const refused: readonly (readonly [FieldType["kind"], Partial<Field>])[] = [
      ["u8", { min: -1 }],
      ["u8", { max: 256 }],
      ["i64", { max: 2n ** 63n }],
      ["i8", { min: 3, max: 2 }],
      ["f32", { min: 1, max: 0.5 }],
      ["text", { min: -1 }],
      ["bool", { min: 0 }],
      ["reference", { max: 0 }],
    ];
    for (const [kind, bounds] of refused) {
      expect(refusal(() => decodeFields(field({ kind } as FieldType, bounds)))).toMatch(/^pact-field: field 'x'/);
    }
    expect(decodeFields(field({ kind: "i64" }, { min: -(2n ** 63n), max: 2n ** 63n - 1n }))[0]!.max).toBe(
      2n ** 63n - 1n,
    );
  });

  it("has no more bytes than the bound, so that a proof can carry it", () => {
    const values = Array.from({ length: 40 }, (_, index) => `${index}`.padStart(64, "-"));
    expect(refusal(() => decodeFields(field({ kind: "enum", values })))).toMatch(
      /^structure-bound: pact has \d+ bytes/,
    );
    expect(decodeFields(field({ kind: "enum", values: values.slice(10) })).length).toBe(1);
  });

  it("has a policy of known words and an entry size within the bound", () => {
    const policies: readonly Cbor[] = [
      ["one", true, false, "owners", 0, 256, "wait"],
      ["all", 1, false, "owners", 0, 256, "wait"],
      ["all", true, false, "all", 0, 256, "wait"],
      ["all", true, false, "owners", -1, 256, "wait"],
      ["all", true, false, "owners", 0, 0, "wait"],
      ["all", true, false, "owners", 0, 8_193, "wait"],
      ["all", true, false, "owners", 0, 256, "drop"],
      ["all", true, false, "owners", 0, 256],
      ["all", true, false, "owners", 0, 256, "wait", "owners"],
      ["all", true, false, "owners", 0, 256, "wait", null],
      ["all", true, false, "owners", 0, 256, "wait", null, []],
      ["all", true, false, "owners", 0, 256, "wait", null, [["relay", null, null]]],
      ["all", true, false, "owners", 0, 256, "wait", null, [["relay", -1]]],
      ["all", true, false, "owners", 0, 256, "wait", null, [["relay", [1]]]],
      ["all", true, false, "owners", 0, 256, "wait", null, new Array(17).fill(["relay", null])],
      ["all", true, false, "owners", 0, 256, "wait", "members", [["relay", null]], null],
    ];
    for (const policy of policies) {
      expect(refusal(() => decodePact(replaced(4, policy)))).toMatch(/^structure-.*: pact: policy/);
    }
  });
});

describe("inheritance", () => {
  it("puts the fields of the pact that is extended first", () => {
    const names = resolveFields(child, lookupOf(machinePact)).map(({ name }) => name);
    expect(names.slice(0, 4)).toEqual(["load", "temperature", "uptime", "flag"]);
    expect(names.length).toBe(13);
  });

  it("accepts a pact wherever one is accepted that it extends, and not the other way round", () => {
    const pacts = row(3);
    const ids = pacts.map((pact) => pactId(crypto, encodePact(pact)));
    for (let a = 0; a < 3; a++) {
      for (let b = 0; b < 3; b++) expect(extendsPact(ids[a]!, ids[b]!, lookupOf(...pacts))).toBe(a >= b);
    }
    expect(extendsPact(ids[2]!, ids[0]!, lookupOf(pacts[2]!))).toBe(false);
  });

  it("names the pact that is extended and not known", () => {
    expect(refusal(() => resolveFields(child, () => undefined))).toMatch(
      /^pact-unknown: Pact 'every-type' extends pact [0-9a-f]{64}, which is not known here$/,
    );
  });

  it("refuses a field that the pact extended has too, too many fields in all, and too many pacts in a row", () => {
    const again = { ...child, fields: [{ name: "load", type: { kind: "u8" } }] } as Pact;
    expect(refusal(() => resolveFields(again, lookupOf(machinePact)))).toBe("pact-field: field 'load' is there twice");
    const many = Array.from({ length: maxFields - 2 }, (_, index) => ({ ...field({ kind: "u8" }), name: `f${index}` }));
    expect(refusal(() => resolveFields({ ...child, fields: many }, lookupOf(machinePact)))).toMatch(
      /has 65 fields in all/,
    );
    const pacts = row(maxPactDepth + 1);
    expect(resolveFields(pacts[maxPactDepth - 1]!, lookupOf(...pacts)).length).toBe(maxPactDepth);
    expect(refusal(() => resolveFields(pacts[maxPactDepth]!, lookupOf(...pacts)))).toMatch(
      /^pact-depth: pact 'pact-8'/,
    );
  });
});

describe("the quorums of PROTOCOL 5", () => {
  it("ask for all, for more than two-thirds, or for the majority, to certify", () => {
    expect([1, 2, 3, 4, 7].map((owners) => quorumSize("all", owners))).toEqual([1, 2, 3, 4, 7]);
    expect([1, 2, 3, 4, 6, 7].map((owners) => quorumSize("two-thirds", owners))).toEqual([1, 2, 3, 3, 5, 5]);
    expect([1, 2, 3, 4, 7].map((owners) => quorumSize("majority", owners))).toEqual([1, 2, 2, 3, 4]);
  });

  it("ask for more than two-thirds to close, or the majority where that is the pact's", () => {
    expect([1, 2, 3, 4, 6, 7].map((owners) => closingQuorumSize("all", owners))).toEqual([1, 2, 3, 3, 5, 5]);
    expect([1, 2, 3, 4, 7].map((owners) => closingQuorumSize("majority", owners))).toEqual([1, 2, 2, 3, 4]);
  });

  it("of two votes always share an owner, and with fewer than a third of liars an honest one", () => {
    for (let owners = 1; owners <= 64; owners++) {
      for (const quorum of ["all", "two-thirds", "majority"] as const) {
        const shared = quorumSize(quorum, owners) + closingQuorumSize(quorum, owners) - owners;
        const liars = quorum === "majority" ? 0 : Math.ceil(owners / 3) - 1;
        expect(shared).toBeGreaterThan(liars);
      }
    }
  });
});
