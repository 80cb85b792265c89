import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeEntry } from "../../firmware/core/pact/entry";
import { encodePact, pactId } from "../../firmware/core/pact/pact";
import { sagaStatePact } from "../../firmware/core/saga/state";
import { toHex } from "../../firmware/core/wire/bytes";
import type { Pact } from "../../firmware/core/wire/types";
import type { Reply, Request } from "../../firmware/sandbox/request";
import { buildSandbox, type Sandbox } from "../../gateway/saga/sandbox";
import { hostOrReason } from "../xs/host";
import { startSandboxMachine } from "../xs/machine-sandbox";
import { crypto } from "./worlds";

const { path: host, reason } = await hostOrReason();

const pact: Pact = {
  name: "order",
  version: 1,
  extends: null,
  fields: [{ name: "number", type: { kind: "u32" } }],
  policy: sagaStatePact("order", "all").policy,
};
const id = toHex(pactId(crypto, encodePact(pact)));
const order = (number: number) => ({ pact: id, entry: toHex(encodeEntry(pact.fields, [number], pact.policy)) });
const read = (number: number, sequence: number) => ({ ...order(number), sequence });

/** A saga of one stage whose behavior has this body. */
const sourceOf = (body: string, before = "") =>
  `${before}\nconst order = { name: "order" };
export default { kind: "saga", options: { stages: [{ options: { name: "one", state: { initial: { n: 1 } }, run(context) { ${body} } } }] } };`;

/** Where behaviors run, and how to end that. */
interface Place {
  readonly name: string;
  open(): Promise<{ readonly sandbox: Sandbox; end(): Promise<void> }>;
}

const places: readonly Place[] = [
  {
    name: "in a process of its own",
    open: async () => ({ sandbox: await buildSandbox(() => {}), end: async () => {} }),
  },
  {
    name: "in the machine of a board",
    async open() {
      const machine = await startSandboxMachine(host);
      return { sandbox: (request) => machine.run(request), end: machine.end };
    },
  },
];

describe.skipIf(reason).each(places)(`a behavior $name${reason ? ` (skipped: ${reason})` : ""}`, ({ open }) => {
  let sandbox: Sandbox;
  let end: () => Promise<void>;
  beforeAll(async () => {
    ({ sandbox, end } = await open());
  }, 120_000);
  afterAll(() => end());

  const limits = { computation: 2_000_000, memory: 8_388_608 };
  const run = (source: string, more: Partial<Extract<Request, { kind: "run" }>> = {}): Promise<Reply> =>
    sandbox({
      ...{ kind: "run", source, limits, pacts: [{ id, pact: toHex(encodePact(pact)) }], stage: 0, undoes: null },
      ...{ entry: order(7), state: "", reads: [read(1, 10), read(2, 12), read(3, 13)], now: 1_000, ...more },
    });
  const left = async (body: string, before?: string) => {
    const reply = await run(sourceOf(body, before));
    return reply.kind === "done" ? JSON.parse(reply.state) : `${reply.kind}: ${"error" in reply ? reply.error : ""}`;
  };

  it("is given its entry, its state, what it reads and the time, and what it returns is its state", async () => {
    expect(
      await left("return [context.entry.number, context.state.n, context.now, context.read.latest(order).number];"),
    ).toEqual([7, 1, 1_000, 3]);
  });

  it("reads all that is there, those of a key, and those of a range of sequences, which a reversal may have left gaps in", async () => {
    const numbers = "(entries) => entries.map(({ number }) => number)";
    expect(await left(`return (${numbers})(context.read.all(order));`)).toEqual([1, 2, 3]);
    expect(await left(`return (${numbers})(context.read.key(order, 'number', 2));`)).toEqual([2]);
    expect(await left("return context.read.range(order, 11);")).toEqual([
      { sequence: 12, entry: { number: 2 } },
      { sequence: 13, entry: { number: 3 } },
    ]);
    expect(await left("return context.read.range(order, 0, 12);")).toEqual([{ sequence: 10, entry: { number: 1 } }]);
  });

  it("gives out the entries that it produced, in their order, and what it logged", async () => {
    const reply = await run(
      sourceOf("context.produce(order, { number: 5 }); context.log('made'); context.produce(order, { number: 6 });"),
    );
    expect(reply).toMatchObject({ kind: "done", outputs: [order(5), order(6)], logs: ["made"] });
  });

  it("fails where it says so, with what it tells others; what it had produced is dropped", async () => {
    const reply = await run(
      sourceOf("context.produce(order, { number: 5 }); context.fail('no', [order, { number: 8 }]);"),
    );
    expect(reply).toMatchObject({ kind: "failed", error: "no", retry: false, outputs: [order(8)] });
  });

  it("gives the same the second time, to the bytecode", async () => {
    const source = sourceOf("let sum = 0; for (let i = 0; i < 1000; i++) sum += i; return { sum };");
    expect(await run(source)).toEqual(await run(source));
  });

  it("may fail the next time otherwise where it threw", async () => {
    expect(await run(sourceOf("throw new Error('boom');"))).toMatchObject({
      kind: "failed",
      error: "boom",
      retry: true,
    });
  });

  describe("fails alone", () => {
    const cases: readonly (readonly [what: string, body: string, error: string])[] = [
      ["when it loops", "for (;;);", "it reached its limit of computation"],
      [
        "when it recurses without end",
        "const again = () => 1 + again(); again();",
        "it called itself without end, or nearly",
      ],
      ["when it eats memory", "const all = []; for (;;) all.push(new Uint8Array(10000));", "it ran out of memory"],
      ["when it has much compiled", "(0, eval)('[' + '1,'.repeat(500000) + ']');", "it ran out of memory"],
      ["when it eats names", "const all = []; for (let i = 0; ; i++) all.push({ ['n' + i]: i });", "it r"],
      [
        "in a regular expression that never ends",
        "/(a+)+b/.test('a'.repeat(50));",
        "it reached its limit of computation",
      ],
      ["when it returns a promise", "return Promise.resolve(1);", "it returned a promise"],
      ["when it returns what is no JSON", "return () => 1;", "the state is a function, which JSON can't say"],
      ["when it operates by what is no JSON", "context.capability('relay', () => 1);", "an operation is a function"],
      [
        "when it operates by what says that it is nothing",
        "context.capability('relay', { toJSON() {} });",
        "an operation.toJSON is a function",
      ],
      ["when it returns a circle", "const a = {}; a.a = a; return a;", "in more than 32 arrays and objects"],
      ["when it throws what can't be told", "throw { toString() { throw 1; } };", "it threw what can't be told"],
      ["when it produces what breaks its pact", "context.produce(order, { number: -1 });", "field 'number' is -1"],
      ["when it forgets a field", "context.produce(order, {});", "order lacks field 'number'"],
      ["when it adds a field", "context.produce(order, { number: 1, more: 2 });", "order has no field 'more'"],
      [
        "when it produces into another pact",
        "context.produce({ name: 'wages' }, { number: 1 });",
        "wages is no pact of this saga",
      ],
      ["when it reads another pact", "context.read.latest({ name: 'wages' });", "wages is no pact of this saga"],
    ];
    for (const [what, body, error] of cases) {
      it(what, async () => {
        const reply = await run(sourceOf(body));
        expect(reply.kind).toBe("failed");
        expect("error" in reply ? reply.error : "").toContain(error);
      });
    }

    it("when it puts out more than a run may", async () => {
      const reply = await run(sourceOf("context.capability('relay', 'x'.repeat(100000));"));
      expect(reply).toMatchObject({ kind: "failed", error: "it put out more than 80000 characters", outputs: [] });
    });

    it("when it is given more than a run may be", async () => {
      const reply = await run(sourceOf(`return '${"x".repeat(1_000_000)}';`));
      expect(reply).toMatchObject({ kind: "failed", error: "it is given more than 1000000 characters" });
    });

    it("when the state before it is no JSON, for who left it may have lied", async () => {
      for (const state of ["{", null]) {
        const reply = await run(sourceOf("return 1;"), { state });
        expect(reply).toMatchObject({ kind: "failed", error: "the state before it is not JSON" });
      }
    });

    it("when its module can't be loaded", async () => {
      expect(await run("export default {")).toMatchObject({ kind: "failed", retry: true });
      expect(await run("import fs from 'node:fs'; export default fs;")).toMatchObject({ kind: "failed", retry: true });
    });
  });

  it("can't say that it called what it did not, or change what it called", async () => {
    const forged = "throw { failed: 'forged', outputs: [{ pact: 'x', entry: 'y' }], thrown: {} };";
    expect(await run(sourceOf(forged))).toMatchObject({ kind: "failed", retry: true, outputs: [] });
    const changed =
      "try { context.fail('no', [order, { number: 8 }]); } catch (e) { try { e.failed = e.outputs = 5; } catch {} throw e; }";
    expect(await run(sourceOf(changed))).toMatchObject({ error: "no", retry: false, outputs: [order(8)] });
  });

  it("gives out text that UTF-8 can carry, whatever it says", async () => {
    const said = await run(
      sourceOf("context.log('a\\ud800'); context.capability('\\udc00b', 1); context.fail('c\\ud800d');"),
    );
    expect(said).toMatchObject({ kind: "failed", error: "c\ufffdd", logs: ["a\ufffd"] });
    const done = await run(sourceOf("context.capability('\\udc00b', '\\ud83d\\ude00'); return '\\ud83d\\ude00';"));
    expect(done).toMatchObject({
      state: '"\u{1f600}"',
      outputs: [{ capability: "\ufffdb", operation: '"\u{1f600}"' }],
    });
  });

  describe("does not get out", () => {
    const gone = (body: string) => async () =>
      expect(await left(`return String(${body});`)).toMatch(/^undefined$|^failed: /);
    const ways: readonly (readonly [how: string, expression: string])[] = [
      ["by the host's natives", "typeof native"],
      ["by Function", "Function('return typeof native')()"],
      ["by the constructor of a function", "(() => {}).constructor('return native')()"],
      ["by the constructor of an async function", "(async () => {}).constructor('return native')()"],
      ["by the constructor of a generator", "(function* () {}).constructor('return native')()"],
      ["by the constructor of what it is given", "context.log.constructor('return native')()"],
      [
        "by the constructor of an error of the host",
        "(() => { try { context.produce(); } catch (e) { return e.constructor.constructor('return native')(); } })()",
      ],
      ["by eval", "(0, eval)('typeof native')"],
      ["by a compartment of its own", "typeof Compartment"],
      ["by a module of its own", "typeof ModuleSource"],
      ["by this", "(function () { return typeof this?.native; })()"],
      ["by globalThis", "globalThis.native"],
      ["by a clock", "typeof Date"],
      ["by the time in another way", "new (Object.getPrototypeOf(new (class extends Object {})()).constructor)().now"],
      ["by randomness", "Math.random()"],
      ["by shared memory and a thread that counts", "typeof SharedArrayBuffer"],
      ["by when memory is collected", "typeof WeakRef"],
      ["by the end of things", "typeof FinalizationRegistry"],
      ["by the debugger", "typeof trace"],
    ];
    for (const [how, expression] of ways) it(how, gone(expression));

    const frozen: readonly (readonly [what: string, statement: string])[] = [
      ["objects", "Object.prototype.toJSON = () => ({ n: 99 });"],
      ["arrays", "Array.prototype.push = () => 0;"],
      ["JSON", "JSON.stringify = () => 'x';"],
      ["Map", "Map.prototype.get = () => 0;"],
      ["what it is given", "context.now = 5;"],
      ["the entry", "context.entry.number = 5;"],
      ["what it can ask for", "context.produce.call = () => 0;"],
    ];
    for (const [what, statement] of frozen) {
      it(`by changing ${what}`, async () => {
        expect(await left(statement)).toMatch(/^failed: /);
      });
    }

    it("by a prototype in JSON", async () => {
      expect(await left(`return [JSON.parse('{"__proto__": {"n": 5}}').n === 5, ({}).n ?? null];`)).toEqual([
        false,
        null,
      ]);
    });

    it("by changing the class of the host's errors", async () => {
      const kinds = ["constructor.prototype", "constructor", "__proto__"];
      for (const kind of kinds) {
        const body = `let e; try { context.produce(); } catch (caught) { e = caught; } e.${kind}.code = 5;`;
        expect(await left(body)).toMatch(/^failed: /);
      }
    });

    it("by what it leaves to promises: that never runs", async () => {
      const body = "(async () => { await 1; for (;;); })(); Promise.reject(new Error('left')); return { n: 2 };";
      expect(await left(body)).toEqual({ n: 2 });
      expect(await left("return { n: 3 };")).toEqual({ n: 3 });
    });

    it("by what it left in the machine the time before", async () => {
      const source = sourceOf(
        "globalThis.count = (globalThis.count ?? 0) + 1; runs++; return [globalThis.count, runs];",
        "let runs = 0;",
      );
      for (let time = 0; time < 2; time++) expect(await run(source)).toMatchObject({ kind: "done", state: "[1,1]" });
    });
  });
});
