import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile } from "../../gateway/saga/described";
import { mistakesIn } from "../../gateway/saga/mistakes";
import { crypto } from "./worlds";

/** What the engine says of a saga is what a person wrote: whatever that is, it is named as a mistake, or is a saga. */

const pact = (name: string, fields: object) => ({ name, version: 1, fields });
const order = pact("order", {
  number: "u32",
  price: { type: "f32", unit: "ct", min: 0, max: 9 },
  kind: { enum: ["a", "b"] },
});
const paid = pact("paid", { number: "u8", tags: { array: "text", max: 4 } });
const state = { initial: { left: 3 } };
const sound = {
  kind: "saga",
  options: {
    name: "shop",
    version: 1,
    reach: { key: "number" },
    stages: [
      {
        kind: "behavior",
        options: {
          ...{
            name: "take",
            state,
            consumes: order,
            produces: [paid],
            requires: { relay: true, servo: { min: 2 }, board: ["esp32"] },
          },
          ...{
            run: true,
            compensate: true,
            retry: { times: 2, backoff: 5 },
            limits: { computation: 5, memory: 5, output: 5 },
          },
        },
      },
      {
        kind: "behavior",
        options: {
          name: "collect",
          state,
          consumes: paid,
          reads: [order],
          correlate: ["number"],
          deadline: 5,
          run: true,
        },
      },
    ],
  },
};

/** All places in it, as paths. */
function pathsOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([name, each]) => pathsOf(each, [...path, name]))];
}

function changed(value: unknown, [name, ...rest]: readonly string[], to: unknown): unknown {
  if (name === undefined) return to;
  const copy: Record<string, unknown> = Array.isArray(value) ? ([...value] as never) : { ...(value as object) };
  copy[name] = changed(copy[name], rest, to);
  return copy;
}

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    "",
    "a".repeat(65),
    "NaN",
    -1,
    0.5,
    2 ** 53,
    [],
    {},
    "é",
    "__proto__",
    "constructor",
    "\u0007",
  ),
  fc.jsonValue({ maxDepth: 2 }),
);

describe("what is found wrong with a saga", () => {
  it("is nothing where nothing is", () => {
    expect(mistakesIn(sound, [null, null])).toEqual([]);
  });

  it("is all that could not be compiled, whatever stands in one place or two of it", () => {
    const source = { file: "shop.ts", text: "" };
    const servo = ["options", "stages", "0", "options", "requires", "servo"];
    let named = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...pathsOf(sound)), odd), { minLength: 1, maxLength: 2 }),
        (changes) => {
          let described: unknown = sound;
          for (const [path, to] of changes) {
            // A place may be gone by the change before.
            if (path.slice(0, -1).every((_, length) => isObject(at(described, path.slice(0, length)))))
              described = changed(described, path, to);
          }
          const mistakes = mistakesIn(described, [null, null]);
          if (mistakes.length > 0) named++;
          else compile(crypto, source, described, [crypto.sha256(new Uint8Array(32))]);
        },
      ),
      // A list may have a property beside its items, and stays a list.
      {
        numRuns: 3_000,
        examples: [
          [
            [
              [servo, []],
              [[...servo, "min"], "many"],
            ],
          ],
        ],
      },
    );
    expect(named).toBeGreaterThan(1_000);
  });
});

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce((each, name) => (isObject(each) ? (each as Record<string, unknown>)[name] : undefined), value);
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
