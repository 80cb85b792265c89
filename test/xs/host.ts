import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildHost } from "../../firmware/native/build.mjs";

/** Where the host is, or why it can't be had on this machine. */
export async function hostOrReason(): Promise<{ path: string; reason: string | undefined }> {
  try {
    return { path: await buildHost(), reason: undefined };
  } catch (error) {
    const { code, message, remedy } = error as Error & { code?: string; remedy?: string };
    if (code !== "no-compiler") throw error;
    return { path: "", reason: `${message}. ${remedy}` };
  }
}

export function scratchFolder(): string {
  return mkdtempSync(join(tmpdir(), "vertebra-xs-"));
}

/** A program on the host: what it printed so far, and how it ended. */
export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly lines: string[];
  readonly ended: Promise<{ status: number | null; stdout: string; stderr: string }>;
  /** Resolves when a line that holds `text` was printed. */
  printed(text: string): Promise<void>;
}

/** Milliseconds: more than anything takes on a busy machine. */
const patience = 25_000;

export function startOnXs(
  host: string,
  source: string,
  parameters: string[] = [],
  env: Record<string, string> = {},
): Running {
  const program = join(scratchFolder(), "program.js");
  writeFileSync(program, source);
  return startProgram(host, [program, ...parameters], env);
}

export function startProgram(host: string, parameters: string[], env: Record<string, string> = {}): Running {
  const child = spawn(host, parameters, { env: { ...process.env, ...env } });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    lines.splice(0, lines.length, ...stdout.split("\n").slice(0, -1));
    for (const look of waiting) look();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<{ status: number | null; stdout: string; stderr: string }>((resolve) => {
    child.on("close", (status) => resolve({ status, stdout, stderr }));
  });
  const printed = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => fail(`It did not print "${text}" in ${patience / 1000} s`), patience);
      const stop = () => {
        clearTimeout(late);
        waiting.delete(look);
      };
      const fail = (words: string) => {
        stop();
        reject(new Error(`${words}: ${stdout}${stderr}`));
      };
      const look = () => {
        if (!lines.some((line) => line.includes(text))) return;
        stop();
        resolve();
      };
      waiting.add(look);
      look();
      ended.then(() => waiting.has(look) && fail(`It ended before it printed "${text}"`));
    });
  return { child, lines, ended, printed };
}
