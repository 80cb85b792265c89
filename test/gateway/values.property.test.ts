import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { decodeEntry, encodeEntry, fieldsToObject, objectToValues, type Value } from "../../firmware/core/pact/entry";
import type { Json } from "../../firmware/core/pact/json";
import { encodePact, pactId } from "../../firmware/core/pact/pact";
import { sameValue, valueText } from "../../firmware/core/pact/same";
import { sagaStatePact } from "../../firmware/core/saga/state";
import { toHex } from "../../firmware/core/wire/bytes";
import type { Field, FieldType, Pact } from "../../firmware/core/wire/types";
import { buildSandbox, type Sandbox } from "../../gateway/saga/sandbox";
import { readJson, writeJson } from "../../gateway/system/json";
import { hostOrReason } from "../xs/host";
import { crypto } from "./worlds";

/** What is pushed as JSON is what is told and what a behavior sees, or it is refused by the name of its field. */

const { reason } = await hostOrReason();

/** Names that objects have of their own besides, and others. */
const names = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "then",
  "length",
  "a",
  "b.c",
  "D-1",
];
const integers = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"] as const;
const scalar = fc.constantFrom<FieldType>(
  ...[...integers, "bool", "f32", "f64", "text", "bytes", "reference"].map((kind) => ({ kind }) as FieldType),
  { kind: "enum", values: ["constructor", "__proto__", "on"] },
);
const keyType = fc.constantFrom<FieldType>(
  ...[...integers, "bool", "text", "bytes"].map((kind) => ({ kind }) as FieldType),
  { kind: "enum", values: ["constructor", "on"] },
);
const type: fc.Arbitrary<FieldType> = fc.oneof(
  { weight: 4, arbitrary: scalar },
  scalar.map((items): FieldType => ({ kind: "array", items })),
  fc.tuple(keyType, scalar).map(([keys, values]): FieldType => ({ kind: "map", keys, values })),
);

/** JSON texts that a person may give for a type, right ones and others. */
function given(of: FieldType): fc.Arbitrary<string> {
  const odd = fc.constantFrom(
    ...["1e400", "-1e400", "-0", "0", "1.5", "null", "true", '"Infinity"', '"NaN"', '"0x10"', "9007199254740993"],
    ...[
      "18446744073709551615",
      "-9223372036854775808",
      '"18446744073709551616"',
      '"\\ud800"',
      '"\\u0000é😀"',
      "{}",
      "[]",
    ],
    ...[
      '{"a":1,"a":2}',
      '{"01":1,"1":2}',
      '{"AB":1,"ab":2}',
      '{"__proto__":1}',
      "[[[[[[1]]]]]]",
      "1e-400",
      "5e-324",
      "1e39",
    ],
  );
  const json = (value: fc.Arbitrary<unknown>) => value.map(writeJson);
  switch (of.kind) {
    case "bool":
      return fc.oneof(json(fc.boolean()), odd);
    case "f32":
    case "f64":
      return fc.oneof(
        json(fc.double({ noNaN: true, noDefaultInfinity: true })),
        json(fc.float({ noNaN: true, noDefaultInfinity: true })),
        odd,
      );
    case "text":
      return fc.oneof(json(fc.string({ unit: "binary", maxLength: 8 })), odd);
    case "bytes":
      return fc.oneof(json(fc.uint8Array({ maxLength: 6 }).map(toHex)), odd);
    case "enum":
      return fc.oneof(json(fc.constantFrom(...of.values)), odd);
    case "reference":
      return fc.oneof(json(fc.record({ group: fc.constant("ab".repeat(32)), sequence: fc.nat() })), odd);
    case "array":
      return fc.oneof(
        { weight: 3, arbitrary: fc.array(given(of.items), { maxLength: 3 }).map((items) => `[${items}]`) },
        odd,
      );
    case "map": {
      const key = fc.oneof(
        fc.string({ maxLength: 3 }),
        fc.nat(300).map(String),
        fc.constantFrom("__proto__", "ab", "AB", "true"),
      );
      const pairs = fc.array(fc.tuple(key, given(of.values)), { maxLength: 3 });
      const text = pairs.map((all) => `{${all.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`);
      return fc.oneof({ weight: 3, arbitrary: text }, odd);
    }
    default:
      return fc.oneof(
        json(fc.bigInt({ min: -(2n ** 64n), max: 2n ** 65n })),
        json(fc.integer({ min: -300, max: 300 })),
        odd,
      );
  }
}

interface Case {
  readonly pact: Pact;
  readonly text: string;
}

const cases: fc.Arbitrary<Case> = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...names), type), { minLength: 1, maxLength: 3, selector: ([name]) => name })
  .chain((fields) =>
    fc.tuple(...fields.map(([, each]) => given(each))).map((values) => ({
      pact: pactOf(fields.map(([name, each]) => ({ name, type: each }))),
      text: `{${fields.map(([name], index) => `"${name}":${values[index]}`).join(",")}}`,
    })),
  );

function pactOf(fields: readonly Field[]): Pact {
  return { name: "thing", version: 1, extends: null, fields, policy: sagaStatePact("thing", "all").policy };
}

/** The bytes of what is pushed, or the code and message by which it is refused. */
function push({ pact, text }: Case): Uint8Array | VertebraError {
  try {
    const entry = readJson(text) as { readonly [name: string]: Json };
    return encodeEntry(pact.fields, objectToValues(pact.fields, entry), pact.policy);
  } catch (error) {
    if (error instanceof VertebraError) return error;
    throw error;
  }
}

const told = ({ fields }: Pact, bytes: Uint8Array) => writeJson(fieldsToObject(fields, decodeEntry(fields, bytes)));

/** In a behavior and here: a value with all that tells it from others. */
const describeValue = `(value) => {
  const tell = (each) => {
    if (typeof each === "number") return Object.is(each, -0) ? "-0" : String(each);
    if (typeof each === "bigint") return String(each) + "n";
    if (typeof each === "string") return "'" + Array.from(each, (c) => c.codePointAt(0).toString(16)).join(" ");
    if (each instanceof Uint8Array) return "<" + Array.from(each).join(" ") + ">";
    if (Array.isArray(each)) return "[" + each.map(tell).join(",") + "]";
    if (each instanceof Map) return "{" + Array.from(each, ([k, v]) => tell(k) + ":" + tell(v)).join(",") + "}";
    return String(each);
  };
  return Object.keys(value).map((name) => name + " " + tell(value[name])).join(";");
}`;
// biome-ignore lint/security/noGlobalEval: the same text on both engines.
const describeHere = globalThis.eval(describeValue) as (value: object) => string;

describe("what is pushed as JSON", () => {
  it("is told as the JSON that gives the same entry again, or is refused by the name of its field", () => {
    let taken = 0;
    fc.assert(
      fc.property(cases, (each) => {
        const bytes = push(each);
        if (bytes instanceof VertebraError) {
          expect(bytes.code).toMatch(/^(entry|json)-/);
          expect(each.pact.fields.some(({ name }) => bytes.message.includes(`'${name}`))).toBe(true);
          return;
        }
        taken++;
        const text = told(each.pact, bytes);
        expect(toHex(push({ pact: each.pact, text }) as Uint8Array)).toBe(toHex(bytes));
      }),
      { numRuns: 2_000 },
    );
    expect(taken).toBeGreaterThan(300);
  });

  for (const [kind, text, as] of [
    ["f64", "-0", "-0"],
    ["f32", "-0", "-0"],
    ["i8", "-0", "0"],
    ["f32", "0.1", "0.1"],
    ["f64", "9007199254740993", "9007199254740992"],
    ["u64", "18446744073709551615", '"18446744073709551615"'],
    ["i64", '"-9223372036854775808"', '"-9223372036854775808"'],
    ["u8", "1.0", "1"],
    ["f64", "null", "null"],
    ["f32", '"-Infinity"', '"-Infinity"'],
  ] as const) {
    it(`is told so: ${kind} ${text} as ${as}`, () => {
      const pact = pactOf([{ name: "v", type: { kind } }]);
      expect(told(pact, push({ pact, text: `{"v":${text}}` }) as Uint8Array)).toBe(`{"v":${as}}`);
    });
  }

  for (const [kind, text, code] of [
    ["f64", "1e400", "json-number"],
    ["f32", "1e39", "entry-range"],
    ["u64", "18446744073709551616", "entry-range"],
    ["u32", "1.5", "entry-type"],
    ["u32", "1e400", "json-number"],
    ["text", '"\\udc00"', "entry-type"],
    ["bytes", '"0G"', "entry-json"],
    ["f64", '"NaN"', "entry-json"],
    ["text", `${"[".repeat(60)}${"]".repeat(60)}`, "json-depth"],
    ["text", `${"[".repeat(100_000)}${"]".repeat(100_000)}`, "json-"],
  ] as const) {
    it(`is refused: ${kind} ${text.slice(0, 24)}`, () => {
      const refused = push({ pact: pactOf([{ name: "v", type: { kind } }]), text: `{"v":${text}}` }) as VertebraError;
      expect(refused.code).toContain(code);
      expect(refused.message).toContain("'v");
    });
  }

  it("is refused where a name is there twice, in the entry or in a map, or two names are one key", () => {
    const map = pactOf([{ name: "v", type: { kind: "map", keys: { kind: "u8" }, values: { kind: "u8" } } }]);
    const bytes = pactOf([{ name: "v", type: { kind: "map", keys: { kind: "bytes" }, values: { kind: "u8" } } }]);
    const refused = (pact: Pact, text: string) => (push({ pact, text }) as VertebraError).message;
    expect(refused(map, '{"v":{},"v":{}}')).toBe("Field 'v' is there twice");
    expect(refused(map, '{"v":{"1":1,"1":2}}')).toBe("Field 'v.1' is there twice");
    expect(refused(map, '{"v":{"1":1,"01":2}}')).toBe("field 'v' has the key '1' twice");
    expect(refused(bytes, '{"v":{"ab":1,"AB":2}}')).toBe("field 'v' has the key 'ab' twice");
  });
});

describe("values that are keys", () => {
  const value = fc.oneof(
    fc.constantFrom<Value>(
      0,
      -0,
      Number.NaN,
      1,
      1n,
      2n ** 60n,
      2 ** 60,
      0.1,
      Math.fround(0.1),
      Number.POSITIVE_INFINITY,
      "1",
      "",
      true,
    ),
    fc.double(),
    fc.uint8Array({ maxLength: 2 }),
    fc.array(fc.constantFrom<Value>(0, -0, 1.5, "1", 1n), { maxLength: 2 }),
  ) as fc.Arbitrary<Value>;

  it("are the same by their worth: -0 is 0, NaN is NaN, a bigint is its number, and text is never a number", () => {
    fc.assert(
      fc.property(value, value, (one, other) => {
        expect(sameValue(one, one)).toBe(true);
        expect(sameValue(one, other)).toBe(valueText(one) === valueText(other));
      }),
      { numRuns: 2_000 },
    );
    expect([sameValue(-0, 0), sameValue(1n, 1), sameValue(2 ** 60, 2n ** 60n), sameValue("1", 1)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(sameValue(Math.fround(0.1), 0.1)).toBe(false);
  });
});

describe.skipIf(reason)(`a behavior on XS${reason ? ` (skipped: ${reason})` : ""}`, { timeout: 180_000 }, () => {
  let sandbox: Sandbox;
  const limits = { computation: 4_000_000, memory: 8_388_608 };
  beforeAll(async () => {
    sandbox = await buildSandbox(
      () => {},
      () => {},
    );
  }, 120_000);

  const sourceOf = (body: string) =>
    `const thing = { name: "thing" };
export default { kind: "saga", options: { stages: [{ options: { name: "one", state: { initial: null }, run(context) { ${body} } } }] } };`;

  async function run(pact: Pact, entry: Uint8Array, body: string, state = "") {
    const encoded = encodePact(pact);
    const id = toHex(pactId(crypto, encoded));
    const given = { pact: id, entry: toHex(entry) };
    return sandbox({
      ...{ kind: "run", source: sourceOf(body), limits, pacts: [{ id, pact: toHex(encoded) }], stage: 0, undoes: null },
      ...{ entry: given, state, reads: [{ ...given, sequence: 0 }], now: 1 },
    });
  }

  it("sees each value as it was pushed, finds it by its key, and gives the very bytes when it produces it again", async () => {
    const taken = fc.sample(cases, { numRuns: 400, seed: 7 }).flatMap((each) => {
      const bytes = push(each);
      return bytes instanceof VertebraError ? [] : [{ ...each, bytes }];
    });
    expect(taken.length).toBeGreaterThan(60);
    const body = `context.produce(thing, context.entry);
      const found = Object.keys(context.entry).map((name) => context.read.key(thing, name, context.entry[name]).length);
      return { seen: (${describeValue})(context.entry), found };`;
    await Promise.all(
      taken.slice(0, 120).map(async ({ pact, bytes, text }) => {
        const reply = await run(pact, bytes, body);
        const { fields } = pact;
        const values = decodeEntry(fields, bytes);
        const seen = describeHere(Object.fromEntries(fields.map(({ name }, index) => [name, values[index]])));
        expect([text, reply]).toMatchObject([text, { kind: "done", outputs: [{ entry: toHex(bytes) }] }]);
        const left = JSON.parse((reply as { readonly state: string }).state);
        expect([text, left]).toEqual([text, { seen, found: fields.map(() => 1) }]);
      }),
    );
  });

  const pact = pactOf([{ name: "v", type: { kind: "f32" } }]);
  const entry = encodeEntry(pact.fields, [0.1], pact.policy);

  it("finds an f32 by the number that was pushed, and -0 by 0", async () => {
    const reply = await run(
      pact,
      entry,
      "return [0.1, 0.2, context.entry.v].map((v) => context.read.key(thing, 'v', v).length);",
    );
    expect(reply).toMatchObject({ kind: "done", state: "[1,0,1]" });
    const zero = encodeEntry(pact.fields, [-0], pact.policy);
    expect(await run(pact, zero, "return [0, -0].map((v) => context.read.key(thing, 'v', v).length);")).toMatchObject({
      state: "[1,1]",
    });
  });

  it("is given the state that it left, whatever JSON can say", async () => {
    const states = fc.sample(
      fc.jsonValue({ maxDepth: 3 }).filter((each) => each !== null),
      { numRuns: 40, seed: 11 },
    );
    const odd = [
      -0,
      [-0, 5e-324, 1.7976931348623157e308],
      "\u0000\ud83d\ude00é\u2028",
      readJson('{"__proto__":1,"constructor":2}'),
    ];
    const body = "return context.state;";
    await Promise.all(
      [...states, ...odd].map(async (state) => {
        const text = writeJson(state);
        const reply = await run(pact, entry, body, text);
        expect([text, reply.kind]).toEqual([text, "done"]);
        expect(readJson((reply as { readonly state: string }).state)).toEqual(readJson(text));
        const again = await run(pact, entry, body, (reply as { readonly state: string }).state);
        expect(again).toMatchObject({ state: (reply as { readonly state: string }).state });
      }),
    );
  });

  for (const [what, body, error] of [
    ["NaN", "{ sum: 0 / 0 }", "the state.sum is NaN, which JSON can't say"],
    ["Infinity in a list", "{ all: [1, 1 / 0] }", "the state.all[1] is Infinity"],
    ["bytes", "{ raw: new Uint8Array(2) }", "the state.raw is bytes"],
    ["a map", "{ by: new Map() }", "the state.by is a map or a set"],
    ["a bigint", "{ n: 5n }", "the state.n is a bigint"],
    ["nothing in a list", "[undefined]", "the state[0] is undefined"],
    ["a function", "{ f() {} }", "the state.f is a function"],
    ["half of a pair", "{ t: '\\ud800' }", "the state.t is text with half of a surrogate pair"],
    ["itself", "(() => { const a = {}; a.a = a; return a; })()", "in more than 32 arrays and objects"],
    ["NaN to a capability", "(context.capability('servo', { degrees: NaN }), {})", "an operation.degrees is NaN"],
  ] as const) {
    it(`is told by name that JSON can't say ${what}`, async () => {
      expect(await run(pact, entry, `return ${body};`)).toMatchObject({
        kind: "failed",
        error: expect.stringContaining(error),
      });
    });
  }
});
