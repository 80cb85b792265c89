import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Reply, Request } from "../../firmware/sandbox/request";
import { type Running, scratchFolder, startProgram } from "./host";
import { bundleProgram } from "./suites";

/** A machine with the sandbox of a board that has no room for a second one, started again whenever a run ended it. */
export interface SandboxMachine {
  /** A behavior is named by the hash of its source, where no other name is given. */
  run(request: Request, behavior?: string): Promise<Reply>;
  /** Ends it as a loss of power does; the next run starts it again. */
  cutPower(): Promise<void>;
  /** How its machines ended so far. */
  readonly ends: readonly number[];
  end(): Promise<void>;
}

const source = `
  import { openQuarantine } from "./firmware/device/quarantine";
  import { createMachineSandbox } from "./firmware/device/sandbox";
  import { hostFlash } from "./firmware/device/ports";
  import { openJournal } from "./firmware/store/journal";
  import { fromHex } from "./firmware/core/wire/bytes";
  const [flash, reset] = native.arguments;
  const journal = openJournal(hostFlash(native, flash), new Uint8Array(32), () => {});
  const quarantine = openQuarantine(journal, reset === undefined ? undefined : Number(reset));
  const sandbox = createMachineSandbox(native, quarantine);
  native.print("up");
  native.input((line) => {
    if (line === undefined) return;
    const [behavior, request] = JSON.parse(line);
    native.print("begun");
    sandbox(request, fromHex(behavior), (reply) => native.print("reply " + JSON.stringify(reply)));
  });`;

export async function startSandboxMachine(host: string): Promise<SandboxMachine> {
  const folder = scratchFolder();
  const program = join(folder, "program.js");
  writeFileSync(program, await bundleProgram(source));
  const ends: number[] = [];
  let running: Running | undefined;

  async function machine(reset: readonly string[] = []): Promise<Running> {
    running ??= startProgram(host, [program, join(folder, "flash"), ...reset]);
    await running.printed("up");
    return running;
  }

  async function run(request: Request, behavior: string, reset?: readonly string[]): Promise<Reply> {
    const { child, lines, ended } = await machine(reset);
    const replies = () => lines.filter((line) => line.startsWith("reply "));
    const before = replies().length;
    const answered = new Promise<Reply>((resolve) => {
      const look = () => {
        const reply = replies()[before];
        if (reply === undefined) return;
        child.stdout.off("data", look);
        resolve(JSON.parse(reply.slice("reply ".length)));
      };
      child.stdout.on("data", look);
    });
    child.stdin.write(`${JSON.stringify([behavior, request])}\n`);
    const reply = await Promise.race([answered, ended]);
    if ("kind" in reply) return reply;
    running = undefined;
    const status = reply.status ?? 142;
    ends.push(status);
    return run(request, behavior, [String(status)]);
  }

  return {
    ends,
    run: (request, behavior = createHash("sha256").update(request.source).digest("hex")) => run(request, behavior),
    async cutPower() {
      running?.child.kill("SIGKILL");
      await running?.ended;
      running = undefined;
    },
    async end() {
      running?.child.stdin.end();
      await running?.ended;
    },
  };
}
