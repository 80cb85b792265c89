import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { VertebraError } from "../../firmware/core/errors";
import { compile } from "../../gateway/saga/described";
import { readScript, unmet } from "../../gateway/saga/expectation";
import { layOut } from "../../gateway/saga/layout";
import { examineSaga } from "../../gateway/saga/load";
import { rehearse } from "../../gateway/saga/rehearsal";
import { buildSandbox, type Sandbox } from "../../gateway/saga/sandbox";
import { typeFaults } from "../../gateway/saga/types";
import { hostOrReason } from "../xs/host";
import { crypto } from "./worlds";

const { reason } = await hostOrReason();
const folder = mkdtempSync(join(tmpdir(), "vertebra-saga-check-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The lines of a sound saga; a test puts others in their place. */
const sound = {
  1: 'import { defineBehavior, definePact, defineSaga, defineState } from "vertebra/saga";',
  2: 'const order = definePact("order", { number: "u32", price: "f32", product: "text" });',
  3: 'const paid = definePact("paid", { number: "u32", price: "f64" });',
  4: "const stock = defineState({ left: 3 });",
  5: "const take = defineBehavior({",
  6: '  name: "take",',
  7: "  state: stock,",
  8: "  consumes: order,",
  9: "  requires: { relay: true },",
  10: "  run({ entry, state, capability }) {",
  11: "    capability('relay', { on: entry.number > 0 });",
  12: "    return { left: state.left - 1 };",
  13: "  },",
  14: "});",
  15: "const collect = defineBehavior({",
  16: '  name: "collect",',
  17: "  state: stock, consumes: paid,",
  18: '  correlate: ["number"],',
  19: "  deadline: 20_000,",
  20: "  run() {},",
  21: "});",
  22: 'export default defineSaga({ name: "shop", version: 1, stages: [take, collect] });',
} as const;

type Lines = Partial<Record<keyof typeof sound, string>>;

let files = 0;
function fileWith(lines: Lines): string {
  const file = join(folder, `saga-${files++}.ts`);
  writeFileSync(file, `${Object.values({ ...sound, ...lines }).join("\n")}\n`);
  return file;
}

/** One at a time: a line that is put in place, and the code, place and words of what is said of it. */
const mistakes: readonly (readonly [what: string, lines: Lines, code: string, place: string, words: string])[] = [
  [
    "a module that is missing",
    { 3: `${sound[3]} import "./none";` },
    "saga-source",
    "3:74",
    'Could not resolve "./none"',
  ],
  ["a syntax error", { 12: "    return { left: };" }, "saga-source", "12:20", "Unexpected"],
  [
    "an import that is not there",
    { 1: sound[1].replace("defineState }", "defineStock as defineState }") },
    "saga-source",
    "1:50",
    "No matching export",
  ],
  ["a wait at load", { 2: `await 1; ${sound[2]}` }, "saga-source", "2:1", "Top-level await"],
  ["Date", { 12: "    return { left: Date.now() };" }, "saga-global", "12:20", "no Date"],
  ["a new Date", { 12: "    return { left: Number(new Date()) };" }, "saga-global", "12:31", "no Date"],
  ["Math.random", { 12: "    return { left: Math.random() };" }, "saga-global", "12:20", "no Math.random"],
  ["setTimeout", { 12: "    setTimeout(() => 1, 5); return { left: 1 };" }, "saga-global", "12:5", "no setTimeout"],
  ["process by globalThis", { 12: "    globalThis.process; return { left: 1 };" }, "saga-global", "12:5", "no process"],
  [
    "an error at load",
    { 4: `${sound[4]} if (stock.initial.left > 2) throw new Error("too many");` },
    "saga-broken",
    "4:41",
    "too many",
  ],
  [
    "a name that is not known at load",
    { 4: 'const stock = defineState({ left: stock2["a"] });' },
    "saga-broken",
    "4:1",
    "stock2",
  ],
  ["a loop without end at load", { 3: `${sound[3]} for (;;);` }, "saga-broken", "3:67", "limit of computation"],
  [
    "a limit beyond what the engine counts",
    { 19: "  limits: { computation: 1e15 }," },
    "saga-number",
    "19:3",
    "1000000000000000",
  ],
  [
    "no default export",
    { 22: 'export const shop = defineSaga({ name: "shop", version: 1, stages: [take, collect] });' },
    "saga-export",
    "1:1",
    "no saga",
  ],
  ["a default export that is no saga", { 22: "export default [take, collect];" }, "saga-export", "1:1", "no saga"],
  ["a name too long", { 6: `  name: "${"take".repeat(20)}",` }, "saga-name", "6:3", "80 characters"],
  [
    "a name of a saga too long for its pact",
    { 22: sound[22].replace('"shop"', `"${"s".repeat(60)}"`) },
    "saga-name",
    "22:29",
    "60 characters",
  ],
  [
    "a name too long with its compensation",
    { 6: `  name: "${"t".repeat(60)}", compensate() {},` },
    "saga-name",
    "6:3",
    "60 characters",
  ],
  ["a negative deadline", { 19: "  deadline: -1," }, "saga-number", "19:3", "is -1 ms"],
  ["a deadline that is no number", { 19: "  deadline: 0 / 0," }, "saga-number", "19:3", "is NaN ms"],
  ["a deadline without end", { 19: "  deadline: 1 / 0," }, "saga-number", "19:3", "is Infinity ms"],
  ["a part of a ms", { 19: "  deadline: 0.5," }, "saga-number", "19:3", "is 0.5 ms"],
  ["too many retries", { 19: "  retry: { times: 1000, backoff: 1 }," }, "saga-number", "19:3", "is 1000"],
  ["a version of none", { 22: sound[22].replace("version: 1", "version: 0") }, "saga-number", "22:43", "is 0"],
  [
    "a correlate by what is not there",
    { 18: '  correlate: ["nummer" as never],' },
    "saga-correlate",
    "18:3",
    "pact 'paid' does not have",
  ],
  [
    "a correlate by other types",
    { 18: '  correlate: ["price"],' },
    "saga-correlate",
    "18:3",
    "is f64 in one pact and f32 in the other",
  ],
  ["a state that is no state", { 7: "  state: { left: 3 } as never," }, "saga-state", "7:3", "is no state"],
  [
    "a state with NaN",
    { 4: "const stock = defineState({ left: 0 / 0 });" },
    "saga-state",
    "4:15",
    "the state.left is NaN",
  ],
  [
    "a state of a map",
    { 4: "const stock = defineState({ left: 3, by: new Map() });", 12: "    return state;" },
    "saga-state",
    "4:15",
    "a map or a set",
  ],
  ["two states", { 17: "  state: defineState({ left: 4 }), consumes: paid," }, "saga-state", "17:3", "another state"],
  [
    "a stage twice",
    { 22: sound[22].replace("collect]", "collect, take]") },
    "saga-stages",
    "22:55",
    "both called 'take'",
  ],
  ["no stages", { 22: sound[22].replace("[take, collect]", "[]") }, "saga-stages", "22:55", "no list of stages"],
  [
    "a stage that is no behavior",
    { 22: sound[22].replace("collect]", "collect, order as never]") },
    "saga-stages",
    "22:55",
    "is no behavior",
  ],
  [
    "a pact that nobody names",
    { 3: `${sound[3]} const refund = definePact("refund", { number: "u32" });` },
    "saga-unused",
    "3:82",
    "no behavior",
  ],
  ["a behavior that is no stage", { 22: sound[22].replace(", collect]", "]") }, "saga-unused", "15:17", "no stage"],
  ["a pact of another kind", { 8: "  consumes: stock as never," }, "saga-pact", "8:3", "no pact"],
  [
    "a pact twice with other fields",
    { 3: 'const paid = definePact("order", { number: "u32", price: "f32" });' },
    "saga-pact",
    "3:14",
    "defined twice",
  ],
  [
    "a type that is none",
    { 2: sound[2].replace('"text"', '"string" as never') },
    "saga-field",
    "2:66",
    "type 'string'",
  ],
  [
    "a type that objects have",
    { 2: sound[2].replace('"text"', '"constructor" as never') },
    "saga-field",
    "2:66",
    "type 'constructor'",
  ],
  [
    "a bound that is none",
    { 2: sound[2].replace('"u32"', '{ type: "u32", min: 0.5 }') },
    "saga-field",
    "2:37",
    "bound 0.5",
  ],
  [
    "a reach by what is not there",
    { 22: sound[22].replace("version: 1", 'version: 1, reach: { key: "place" }') },
    "saga-reach",
    "22:55",
    "'place'",
  ],
  ["a condition that is none", { 9: "  requires: { relay: { min: 0.5 } }," }, "saga-requires", "9:3", "no condition"],
  [
    "a capability that it does not require",
    { 11: "    capability('servo' as never, { on: true });" },
    "saga-types",
    "",
    "",
  ],
  [
    "an operation that an interface has not",
    { 11: "    capability('relay', { degrees: 3 });" },
    "saga-types",
    "11:27",
    "degrees",
  ],
  [
    "an operation of what is read",
    { 9: "  requires: { analog: true },", 11: "    capability('analog', { on: true });" },
    "saga-types",
    "11:26",
    "never",
  ],
  [
    "an actuator that is read",
    { 11: "    const on = capability('relay'); on;" },
    "saga-types",
    "11:16",
    "Expected 2 arguments",
  ],
];

describe.skipIf(reason)(
  `a saga that is looked at${reason ? ` (skipped: ${reason})` : ""}`,
  { timeout: 120_000 },
  () => {
    let sandbox: Sandbox;
    beforeAll(async () => {
      sandbox = await buildSandbox(() => {});
    }, 120_000);

    /** As `file:line:column code: words` each. */
    async function faultsOf(file: string): Promise<string[]> {
      const named = ({ place, code, message }: { place: string; code: string; message: string }) =>
        `${place} ${code}: ${message}`;
      try {
        const { faults } = await examineSaga(sandbox, file);
        const types = (await typeFaults(file)) ?? [];
        return [...faults, ...types].map(named);
      } catch (error) {
        const { code, message } = error as VertebraError;
        return message.split("\n").map((line) => `${line.replace(/: .*/, "")} ${code}: ${line}`);
      }
    }

    it("is sound where nothing is wrong with it", async () => {
      expect(await faultsOf(fileWith({}))).toEqual([]);
    });

    for (const [what, lines, code, place, words] of mistakes.filter(([, , , at]) => at !== "")) {
      it(`is told its file and line for ${what}`, async () => {
        const file = fileWith(lines);
        const faults = await faultsOf(file);
        const start = `${relative(process.cwd(), file)}:${place} ${code}: `;
        const found = faults.filter((each) => each.startsWith(start) && each.includes(words));
        expect([what, faults, found.length]).toEqual([what, faults, 1]);
      });
    }

    it("is not called sound where TypeScript is there and can't be run", async () => {
      const before = process.env.NODE_OPTIONS;
      process.env.NODE_OPTIONS = "--no-such-option";
      try {
        await expect(typeFaults(fileWith({}))).rejects.toMatchObject({ code: "saga-types-unchecked" });
      } finally {
        if (before === undefined) delete process.env.NODE_OPTIONS;
        else process.env.NODE_OPTIONS = before;
      }
    });

    it("is told the file that it imports, where the mistake is there", async () => {
      writeFileSync(
        join(folder, "pacts.ts"),
        `${sound[1].replace(/\{.*\}/, "{ definePact }")}\n\nexport const paid = definePact("paid", { number: "u23" as never, price: "f64" });\n`,
      );
      const file = fileWith({ 3: 'import { paid } from "./pacts";' });
      const place = `${relative(process.cwd(), join(folder, "pacts.ts"))}:3:42`;
      expect((await faultsOf(file)).filter((each) => each.startsWith(`${place} saga-field`))).toHaveLength(1);
    });

    it("may have what it calls as globals elsewhere are called, and ask whether one is there", async () => {
      const line =
        "    const Date = { now: () => 1 }; const has = typeof setTimeout; return { left: Date.now() + has.length };";
      expect((await faultsOf(fileWith({ 12: line }))).filter((each) => each.includes("saga-global"))).toEqual([]);
    });

    it("is told all that is wrong at once", async () => {
      const faults = await faultsOf(
        fileWith({ 6: '  name: "",', 12: "    return { left: Date.now() };", 19: "  deadline: -1," }),
      );
      expect(faults.map((each) => each.split(" ")[1])).toEqual(["saga-global:", "saga-name:", "saga-number:"]);
    });

    describe("with entries", () => {
      /** What `vertebra saga test` comes to, or throws. */
      async function test(lines: Lines, script: unknown): Promise<string[]> {
        const file = fileWith(lines);
        const entries = join(folder, "test.entries.json");
        writeFileSync(entries, typeof script === "string" ? script : JSON.stringify(script));
        const read = readScript(entries);
        const { loaded } = await examineSaga(sandbox, file);
        const saga = compile(crypto, loaded!.source, loaded!.described, [crypto.sha256(new Uint8Array(32))]);
        const rehearsed = await rehearse(crypto, sandbox, loaded!.source, saga, read);
        return [...unmet(read, rehearsed), ...rehearsed.moments.map((moment) => JSON.stringify(moment))];
      }
      const order = (more = {}) => ({ pact: "order", entry: { number: 1, price: 1, product: "arm" }, ...more });
      const refusals: readonly (readonly [what: string, script: unknown, words: string])[] = [
        [
          "an 'at' that is text",
          { entries: [order(), order({ at: "soon" })] },
          "entry 1 (pact 'order') has 'at' \"soon\"",
        ],
        ["an 'at' that is null", { entries: [order({ at: null })] }, "entry 0 (pact 'order') has 'at' null"],
        ["an 'at' before the start", { entries: [order({ at: -1 })] }, "has 'at' -1"],
        ["an 'at' beyond 30 days", { entries: [order({ at: 1e12 })] }, "has 'at' 1000000000000"],
        [
          "an 'at' beyond all numbers",
          '{"entries":[{"pact":"order","entry":{},"at":1e400}]}',
          "Field 'entries[0].at' is 1e400",
        ],
        ["a field that says nothing", { entries: [order({ when: 1 })] }, "entry 0 (pact 'order') has 'when'"],
        ["an entry that is none", { entries: [null] }, "entry 0 has no 'pact'"],
        ["a pact that the saga has not", { entries: [order({ pact: "wages" })] }, "entry 0 (pact 'wages')"],
        [
          "an entry that breaks its pact",
          { entries: [order(), order({ entry: { number: -1, price: 1, product: "" } })] },
          "entry 1 (pact 'order') of",
        ],
        ["states that are no list", { entries: [], expect: { states: "done" } }, "expects 'states'"],
        ["no JSON", "{", "can't be read"],
      ];
      for (const [what, script, words] of refusals) {
        it(`names the entry for ${what}`, async () => {
          await expect(test({}, script)).rejects.toMatchObject({
            code: "saga-entries",
            message: expect.stringContaining(words),
          });
        });
      }

      it("comes to an end where a saga begins itself without end, and names the entry that began it", async () => {
        const lines: Lines = {
          9: "  produces: [order],",
          10: "  run({ entry, produce }) {",
          11: "    produce(order, entry);",
          12: "",
          15: "export const collect = defineBehavior({",
          22: 'export default defineSaga({ name: "shop", version: 1, reach: "saga", stages: [take] });',
        };
        await expect(test(lines, { entries: [order(), order({ at: 5 })] })).rejects.toMatchObject({
          code: "saga-endless",
          message: expect.stringContaining("After entry 0 (pact 'order') of"),
        });
      });

      it("comes to an end where a behavior loops for ever", async () => {
        const told = await test({ 12: "    for (;;);" }, { capabilities: { relay: 1 }, entries: [order()] });
        expect(told.join()).toContain("it reached its limit of computation");
      });

      it("refuses an operation as a board would", async () => {
        const lines: Lines = { 11: "    capability('relay', { on: 'yes' } as never);" };
        const told = await test(lines, { capabilities: { relay: 1 }, entries: [order()] });
        expect(told.join()).toContain("an operation of capability 'relay'");
      });
    });
  },
);

describe("a saga that is laid out in a folder of one's own", () => {
  it("has types for an editor and `tsc`, which find nothing wrong with it and what is made wrong in it", () => {
    const own = join(folder, "own");
    mkdirSync(own);
    const before = process.cwd();
    process.chdir(own);
    try {
      layOut("watch");
    } finally {
      process.chdir(before);
    }
    const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
    const run = () => {
      try {
        return execFileSync(process.execPath, [tsc, "-p", join(own, "watch")], { encoding: "utf8" });
      } catch (error) {
        return String((error as { stdout: string }).stdout);
      }
    };
    expect(run()).toBe("");
    const file = join(own, "watch/watch.ts");
    writeFileSync(file, readFileSync(file, "utf8").replace("entry.celsius > 60", "entry.kelvin > 60"));
    expect(run()).toMatch(/watch\.ts\(\d+,\d+\): error TS2339: Property 'kelvin' does not exist/);
  });
});
