import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { VertebraError } from "../../firmware/core/errors";
import { patience, replyAfter, tooMuchGiven } from "../../firmware/sandbox/ends";
import type { Reply, Request } from "../../firmware/sandbox/request";
import { createTurns } from "../../firmware/sandbox/turns";
import { buildForXs, type Firmware } from "../fleet/xs-program";
import { createTrouble, startedProcess, type Trouble } from "../system/process";

/** Runs a request on the XS engine, in a process of its own. Rejects only when the signal says that nobody waits for it any more. */
export type Sandbox = (request: Request, signal?: AbortSignal) => Promise<Reply>;

/**
 * `say` and errors: those of `buildForXs`. A process that the system can't start is tried again until it can, and `notice` told once:
 * a request is answered by its behavior, never by what the machine lacked at the moment.
 */
export async function buildSandbox(
  say: (text: string) => void,
  notice: (error: VertebraError) => void = ({ message }) => say(message),
): Promise<Sandbox> {
  const firmware = await buildForXs("firmware/sandbox/main.ts", "build/sandbox/sandbox.js", say);
  const trouble = createTrouble(notice);
  const turn = createTurns();
  return (request, signal = new AbortController().signal) =>
    new Promise((resolve, reject) =>
      turn((done) => ask(firmware, request, trouble, signal).then(resolve, reject).finally(done)),
    );
}

async function ask({ host, program }: Firmware, request: Request, trouble: Trouble, signal: AbortSignal) {
  const refused = tooMuchGiven(request);
  if (refused !== undefined) return refused;
  const start = () =>
    spawn(host, [program], {
      stdio: ["pipe", "pipe", "ignore"],
      timeout: patience.process,
      killSignal: "SIGALRM",
    });
  const child = await startedProcess(start, "No process can be started for a behavior", trouble, signal);
  const end = () => child.kill("SIGKILL");
  signal.addEventListener("abort", end, { once: true });
  return new Promise<Reply>((resolve) => {
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stdin.on("error", () => {});
    child.once("close", (status, killed) => {
      signal.removeEventListener("abort", end);
      resolve(replyAfter(request, status ?? 128 + constants.signals[killed!], output));
    });
    child.stdin.end(`${JSON.stringify(request)}\n`);
  });
}
