import { spawn } from "node:child_process";
import { VertebraError } from "../../firmware/core/errors";
import type { Reply, Request } from "../../firmware/sandbox/request";
import { buildForXs } from "../fleet/xs-program";

/** Runs a request on the XS engine, in a process of its own. */
export type Sandbox = (request: Request) => Promise<Reply>;

/** ms: beyond its limit of computation a behavior can only wait for the machine it runs on. */
const patience = 20_000;

/** How a machine ends that met a limit (firmware/native/exits.h). */
const ends = new Map([
  [70, "it left a promise behind that failed"],
  [71, "it ran out of memory"],
  [72, "it called itself without end, or nearly"],
  [73, "it ran out of property names"],
  [75, "it reached its limit of computation"],
]);

/** The XS host and the program of the sandbox. `say` and errors: those of `buildForXs`. */
export async function buildSandbox(say: (text: string) => void): Promise<Sandbox> {
  const { host, program } = await buildForXs("firmware/sandbox/main.ts", "build/sandbox/sandbox.js", say);
  return (request) => ask(host, program, request);
}

function ask(host: string, program: string, request: Request): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const child = spawn(host, [program], { stdio: ["pipe", "pipe", "pipe"], timeout: patience, killSignal: "SIGKILL" });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.stdin.on("error", () => {});
    child.once("error", (error) => reject(new VertebraError("sandbox-failed", error.message, "Report this as a bug.")));
    child.once("close", (status) => {
      if (status === 0) resolve(JSON.parse(stdout) as Reply);
      else resolve(ended(request, ends.get(status ?? 0) ?? `its machine ended: ${stderr.trim()}`));
    });
    child.stdin.end(`${JSON.stringify(request)}\n`);
  });
}

/** One that met a limit may go well another time, with other things to read. */
function ended({ kind }: Request, error: string): Reply {
  return kind === "describe"
    ? { kind: "broken", error }
    : { kind: "failed", error, retry: true, outputs: [], logs: [], computation: 0 };
}
