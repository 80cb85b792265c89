import { describe, expect, it } from "vitest";
import { createProcessSandbox } from "../../firmware/device/sandbox";
import type { Reply, Request } from "../../firmware/sandbox/request";
import { buildForXs } from "../../gateway/fleet/xs-program";
import { hostOrReason, startOnXs } from "./host";
import { startSandboxMachine } from "./machine-sandbox";
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

const stateOf = (reply: Reply) => ("state" in reply ? reply.state : "error" in reply ? reply.error : reply.kind);

describe("the sandbox of a board in processes", () => {
  it("tries again where the machine has no room for another one, and says so", () => {
    const alarms: (() => void)[] = [];
    const timer = { open: (act: () => void) => alarms.push(act) - 1, set: () => {}, stop: () => {} };
    const clock = { monotonic: () => 0, wall: () => 0 };
    let room = false;
    const process = {
      start(_program: string, _line: string, _patience: number, ended: (status: number, output: string) => void) {
        if (!room) throw Object.assign(new Error("no memory"), { code: "process-start", remedy: "Free some." });
        ended(75, "");
      },
    };
    const said: string[] = [];
    const sandbox = createProcessSandbox({ process, timer, clock }, "", ({ code }) => said.push(code));
    for (let run = 0; run < 9; run++) {
      sandbox(requestOf(""), new Uint8Array(32), (reply) => said.push(String(stateOf(reply))));
    }
    expect(said).toEqual(Array.from({ length: 8 }, () => "process-start"));
    room = true;
    alarms[0]!();
    expect(said.slice(8)).toEqual(Array.from({ length: 9 }, () => "it reached its limit of computation"));
  });
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
      const sandbox = createProcessSandbox(native, ${JSON.stringify(program)}, () => {});
      for (const [index, request] of ${JSON.stringify(bodies.map(requestOf))}.entries()) {
        sandbox(request, new Uint8Array(32), (reply) => native.print(JSON.stringify([index, reply])));
      }`);
    const { lines, ended } = startOnXs(host, started);
    expect((await ended).status).toBe(0);
    const replies = new Map(lines.map((line) => JSON.parse(line) as [number, Reply]));
    expect(bodies.map((_, index) => stateOf(replies.get(index)!))).toEqual([
      "5",
      "it reached its limit of computation",
      "it called itself without end, or nearly",
      "it ran out of memory",
      "no",
      "2",
      ...Array.from({ length: 12 }, (_, index) => String(index)),
    ]);
  });

  it("in its own machine, ends with it once, and is quarantined from then on; others run", async () => {
    const machine = await startSandboxMachine(host);
    const ways: readonly (readonly [body: string, status: number, reason: string])[] = [
      ["for (;;);", 75, "it reached its limit of computation"],
      ["const again = () => 1 + again(); again();", 72, "it called itself without end, or nearly"],
      ["const all = []; for (;;) all.push(new Uint8Array(10000));", 71, "it ran out of memory"],
      ["return String(10n ** 400000n).length;", 142, "it took longer than a run may"],
    ];
    for (const [body, , why] of ways) {
      const reply = { kind: "failed", error: `it is quarantined on this board: ${why}`, retry: false };
      expect(await machine.run(requestOf(body))).toMatchObject(reply);
      expect(stateOf(await machine.run(requestOf("return context.now;")))).toBe("5");
    }
    await machine.cutPower();
    for (const [body] of ways) expect(stateOf(await machine.run(requestOf(body)))).toContain("quarantined");
    expect(machine.ends).toEqual(ways.map(([, status]) => status));
    await machine.end();
  });

  it("runs as often as it likes in the machine of a board, and each time has its limits anew", async () => {
    const machine = await startSandboxMachine(host);
    const most = "let sum = 0; for (let i = 0; i < 60000; i++) sum += i; return new Uint8Array(2000000).length;";
    for (let time = 0; time < 20; time++) expect(stateOf(await machine.run(requestOf(most)))).toBe("2000000");
    expect(machine.ends).toEqual([]);
    await machine.end();
  });
});
