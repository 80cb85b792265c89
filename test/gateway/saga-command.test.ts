import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { root } from "../house/sources";
import { hostOrReason } from "../xs/host";
import { run } from "./command";

const folder = mkdtempSync(join(tmpdir(), "vertebra-saga-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
const { reason } = await hostOrReason();

const example = join(root, "examples/order/order.ts");

/** A file of a saga with one stage, which these lines change. */
function sagaFile(
  name: string,
  change: { readonly behavior?: string; readonly before?: string; readonly run?: string } = {},
): string {
  const file = join(folder, `${name}.ts`);
  writeFileSync(
    file,
    `import { defineBehavior, definePact, defineSaga, defineState } from "vertebra/saga";
${change.before ?? ""}
const order = definePact("order", { number: "u32", product: "text" });
const shipped = definePact("shipped", { number: "u32" });
const one = defineBehavior({
  name: "one", state: defineState({ count: 0 }), consumes: order, produces: [shipped], ${change.behavior ?? ""}
  run({ entry, state, produce, capability }) {
    ${change.run ?? "produce(shipped, { number: entry.number }); return { count: state.count + 1 };"}
  },
});
export default defineSaga({ name: "${name}", version: 1, stages: [one] });
`,
  );
  return file;
}

describe.skipIf(reason)(`vertebra saga${reason ? ` (skipped: ${reason})` : ""}`, { timeout: 90_000 }, () => {
  describe("check", () => {
    const wrongWith = async (file: string) => {
      const { status, stderr } = await run("saga", "check", file, "--json");
      expect(status).toBe(1);
      return JSON.parse(stderr).error as { code: string; message: string; remedy: string };
    };

    it("finds nothing wrong with the example", async () => {
      const { status, stdout } = await run("saga", "check", example, "--json");
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ name: "order", stages: ["retrieve", "collect"], typed: true });
    });

    it("says which file is not there", async () => {
      expect((await wrongWith(join(folder, "none.ts"))).message).toContain("none.ts is not there");
    });

    it("says on which line the language is wrong", async () => {
      const { code, message } = await wrongWith(sagaFile("syntax", { run: "produce(;" }));
      expect([code, message]).toEqual(["saga-source", expect.stringMatching(/syntax\.ts:8:13: Unexpected ";"/)]);
    });

    it("says on which line a type does not follow from the pact", async () => {
      const { code, message } = await wrongWith(
        sagaFile("types", { run: "produce(shipped, { number: entry.product });" }),
      );
      expect(code).toBe("saga-types");
      expect(message).toMatch(/types\.ts:8:\d+: TS2322: Type 'string' is not assignable to type 'number'/);
    });

    it("refuses a pact to be produced into that the behavior does not name", async () => {
      const { message } = await wrongWith(sagaFile("produces", { run: "produce(order, { number: 1, product: '' });" }));
      expect(message).toMatch(/produces\.ts:8:\d+: /);
    });

    it("refuses an operation that the interface does not have, and a capability that the stage does not require", async () => {
      const behavior = "requires: { relay: true, left: true },";
      const operates = (name: string, operation: string) =>
        wrongWith(sagaFile(`operates-${name}`, { behavior, run: `capability("${name}", ${operation});` }));
      expect((await operates("relay", "{ on: 1 }")).message).toMatch(
        /:8:\d+: TS2322: Type 'number' is not assignable to type 'boolean'/,
      );
      expect((await operates("left", "{ faster: true }")).message).toMatch(/:8:\d+: TS2353: .*'faster'/);
      expect((await operates("lamp", "{ on: true }")).message).toMatch(/:8:\d+: TS2345: Argument of type '"lamp"'/);
      const { status } = await run(
        "saga",
        "check",
        sagaFile("motor", { behavior, run: 'capability("left", { speed: 0.5 });' }),
      );
      expect(status).toBe(0);
    });

    it("refuses a module of Node", async () => {
      const { message, remedy } = await wrongWith(
        sagaFile("node", { before: 'import { readFileSync } from "node:fs"; readFileSync;' }),
      );
      expect(message).toMatch(/node\.ts:2:\d+: Could not resolve "node:fs"/);
      expect(remedy).toContain("no module of Node");
    });

    it("refuses what the engine of a board does not have, when the file needs it at once", async () => {
      const { code } = await wrongWith(sagaFile("engine", { before: "const made = structuredClone({}); made;" }));
      expect(code).toBe("saga-global");
    });

    it("refuses a file without a saga", async () => {
      const file = join(folder, "empty.ts");
      writeFileSync(file, "export const nothing = 1;\n");
      expect((await wrongWith(file)).message).toContain("no saga as its default export");
    });

    it("refuses a field that two entries are to have in common, where one has it not", async () => {
      const { message } = await wrongWith(sagaFile("field", { behavior: 'correlate: ["place" as never],' }));
      expect(message).toContain("behavior 'one' correlates by field 'place', which pact 'order' does not have");
    });
  });

  describe("the examples", () => {
    const sagas = readdirSync(join(root, "examples")).filter((name) => name !== "pacts");
    for (const name of sagas) {
      it(`are sound, and give what their entries expect: ${name}`, async () => {
        const file = join(root, "examples", name, `${name}.ts`);
        for (const command of ["check", "test"]) {
          const { status, stderr } = await run("saga", command, file, "--json");
          expect([command, status, stderr]).toEqual([command, 0, ""]);
        }
      });
    }
  });

  describe("test", () => {
    it("gives the example's stock back when a payment fails, as its entries expect", async () => {
      const { status, stdout } = await run("saga", "test", example);
      expect(stdout).toContain("retrieve compensated (insufficient funds; stage 0 undone by retrieve.compensate)");
      expect([status, stdout.trimEnd().split("\n").at(-1)]).toEqual([0, "as expected"]);
    });

    it("recomputes every state from the entries alone", async () => {
      const { stdout } = await run("saga", "test", example, "--json");
      const { replayed, computation, unmet } = JSON.parse(stdout);
      expect([replayed, unmet]).toEqual([computation.length, []]);
    });

    it("ends with 1 and says what came where that is not what the entries expect", async () => {
      const file = sagaFile("unmet");
      const script = {
        entries: [{ pact: "order", entry: { number: 7, product: "arm" } }],
        expect: { entries: { shipped: [] } },
      };
      writeFileSync(join(folder, "unmet.entries.json"), JSON.stringify(script));
      const { status, stdout } = await run("saga", "test", file);
      expect(status).toBe(1);
      expect(stdout).toContain(`not as expected: entries of 'shipped': expected [], and there came [{"number":7}]`);
    });

    it("says which pact the entries name that the saga has not", async () => {
      const file = sagaFile("pact");
      writeFileSync(join(folder, "pact.entries.json"), JSON.stringify({ entries: [{ pact: "wages", entry: {} }] }));
      const { status, stderr } = await run("saga", "test", file);
      expect([status, stderr]).toEqual([1, expect.stringContaining("entry 0 (pact 'wages') of")]);
    });

    it("passes a deadline in no time", async () => {
      const file = sagaFile("deadline", {
        behavior: "deadline: 86_400_000, retry: { times: 100, backoff: 600_000 },",
        run: "throw 1;",
      });
      const script = {
        entries: [{ pact: "order", entry: { number: 7, product: "arm" } }],
        expect: { states: ["one expired"] },
      };
      writeFileSync(join(folder, "deadline.entries.json"), JSON.stringify(script));
      expect((await run("saga", "test", file)).status).toBe(0);
    });
  });

  describe("new", () => {
    it("lays out a saga that is sound, with entries that it passes, and never over another", async () => {
      const name = `watch-${process.pid}`;
      const made = join(process.cwd(), name);
      try {
        expect((await run("saga", "new", name)).status).toBe(0);
        expect((await run("saga", "check", join(made, `${name}.ts`))).status).toBe(0);
        expect((await run("saga", "test", join(made, `${name}.ts`))).status).toBe(0);
        expect((await run("saga", "new", name)).status).toBe(1);
      } finally {
        rmSync(made, { recursive: true, force: true });
      }
    });
  });
});
