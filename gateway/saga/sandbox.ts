import { spawn } from "node:child_process";
import { constants } from "node:os";
import { VertebraError } from "../../firmware/core/errors";
import { patience, replyAfter, tooMuchGiven } from "../../firmware/sandbox/ends";
import type { Reply, Request } from "../../firmware/sandbox/request";
import { createTurns } from "../../firmware/sandbox/turns";
import { buildForXs } from "../fleet/xs-program";

/** Runs a request on the XS engine, in a process of its own. */
export type Sandbox = (request: Request) => Promise<Reply>;

/** The XS host and the program of the sandbox. `say` and errors: those of `buildForXs`. */
export async function buildSandbox(say: (text: string) => void): Promise<Sandbox> {
  const { host, program } = await buildForXs("firmware/sandbox/main.ts", "build/sandbox/sandbox.js", say);
  const turn = createTurns();
  return (request) =>
    new Promise((resolve, reject) => turn((done) => ask(host, program, request).then(resolve, reject).finally(done)));
}

function ask(host: string, program: string, request: Request): Promise<Reply> {
  const refused = tooMuchGiven(request);
  if (refused !== undefined) return Promise.resolve(refused);
  return new Promise((resolve, reject) => {
    const child = spawn(host, [program], {
      stdio: ["pipe", "pipe", "ignore"],
      timeout: patience.process,
      killSignal: "SIGALRM",
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stdin.on("error", () => {});
    child.once("error", (error) => reject(new VertebraError("sandbox-failed", error.message, "Report this as a bug.")));
    child.once("close", (status, signal) =>
      resolve(replyAfter(request, status ?? 128 + constants.signals[signal!], output)),
    );
    child.stdin.end(`${JSON.stringify(request)}\n`);
  });
}
