import { describe, expect, it } from "vitest";
import type { Reply, Request } from "../../firmware/sandbox/request";
import { buildForXs } from "../../gateway/fleet/xs-program";
import { hostOrReason, startOnXs } from "./host";
import { bundleProgram } from "./suites";

const { path: host, reason } = await hostOrReason();

/** A saga of one stage whose behavior has this body. */
const sourceOf = (body: string) =>
  `export default { options: { stages: [{ options: { run(context) { ${body} } } }] } };`;

const requestOf = (body: string): Request => ({
  kind: "run",
  source: sourceOf(body),
  limits: { computation: 1_000_000, memory: 4_194_304 },
  pacts: [],
  stage: 0,
  undoes: null,
  entry: null,
  state: "",
  reads: [],
  now: 5,
});

describe.skipIf(reason)(`the sandbox of a board on Linux${reason ? ` (skipped: ${reason})` : ""}`, () => {
  it("runs each behavior in a process of its own: one that ends its process ends nothing else", async () => {
    const { program } = await buildForXs("firmware/sandbox/main.ts", "build/sandbox/sandbox.js", () => {});
    const bodies = [
      "return context.now;",
      "for (;;);",
      "const again = () => 1 + again(); again();",
      "const all = []; for (;;) all.push(new Uint8Array(10000));",
      "context.fail('no');",
      "Promise.reject(1); return 2;",
      ...Array.from({ length: 12 }, (_, index) => `return ${index};`),
    ];
    const started = await bundleProgram(`
      import { createProcessSandbox } from "./firmware/device/sandbox";
      const sandbox = createProcessSandbox(native, ${JSON.stringify(program)});
      for (const [index, request] of ${JSON.stringify(bodies.map(requestOf))}.entries()) {
        sandbox(request, new Uint8Array(32), (reply) => native.print(JSON.stringify([index, reply])));
      }`);
    const { lines, ended } = startOnXs(host, started);
    expect((await ended).status).toBe(0);
    const replies = new Map(lines.map((line) => JSON.parse(line) as [number, Reply]));
    const said = bodies.map((_, index) => {
      const reply = replies.get(index)!;
      return "state" in reply ? reply.state : "error" in reply ? reply.error : reply.kind;
    });
    expect(said).toEqual([
      "5",
      "it reached its limit of computation",
      "it called itself without end, or nearly",
      "it ran out of memory",
      "no",
      "2",
      ...Array.from({ length: 12 }, (_, index) => String(index)),
    ]);
  });
});
