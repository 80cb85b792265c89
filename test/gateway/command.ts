import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "../house/sources";

/** A command as a person types it: its own process. */
export interface RunningCommand {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }>;
  /** What it printed so far, whole lines. */
  lines(): string[];
  /** Resolves with the standard output once it holds `text`; rejects when the command ends before. */
  printed(text: string): Promise<string>;
  /** The same of the standard error. */
  complained(text: string): Promise<string>;
}

export function startCommand(...words: string[]): RunningCommand {
  const child = spawn(process.execPath, [join(root, "gateway/cli/vertebra.mjs"), ...words]);
  const output = { stdout: "", stderr: "" };
  const lookers = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
      for (const look of lookers) look();
    });
  }
  const ended = new Promise<{ status: number | null; stdout: string; stderr: string }>((resolve) => {
    child.once("close", (status) => resolve({ status, ...output }));
  });
  const holds = (name: keyof typeof output) => (text: string) =>
    new Promise<string>((resolve, reject) => {
      const look = () => output[name].includes(text) && resolve(output[name]);
      lookers.add(look);
      look();
      ended.then(({ stderr }) => reject(new Error(`It ended without having printed '${text}': ${stderr}`)));
    });
  return {
    child,
    ended,
    printed: holds("stdout"),
    complained: holds("stderr"),
    lines: () => output.stdout.split("\n").slice(0, -1),
  };
}

/** Runs a command to its end. */
export const run = (...words: string[]) => startCommand(...words).ended;
