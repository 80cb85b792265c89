import { styleText } from "node:util";
import { VertebraError } from "../../firmware/core/errors";

/** How commands end. */
export const exitCodes = { done: 0, failed: 1, usage: 2, notRunning: 3 } as const;

type Style = Parameters<typeof styleText>[0];

/** Colours are for terminals, and for people who don't mind them (no-color.org). */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return stream.isTTY && !process.env.NO_COLOR ? styleText(style, text) : text;
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Columns as wide as their widest cell, two spaces apart. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) {
    process.stdout.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd()}\n`,
    );
  }
}

/** A line as far as the terminal shows it in one; whole where the output is no terminal. */
export function fit(
  line: string,
  width = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY,
): string {
  return line.length <= width ? line : `${line.slice(0, width - 1)}…`;
}

/** `240 ms`, `3.2 s`, `4 min 5 s`, `2 h 4 min` or `3 d 2 h`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const parts = [
    [86_400_000, "d", 3_600_000, "h"],
    [3_600_000, "h", 60_000, "min"],
    [60_000, "min", 1_000, "s"],
  ] as const;
  const [large, one, small, other] = parts.find(([least]) => ms >= least)!;
  return `${Math.floor(ms / large)} ${one} ${Math.floor((ms % large) / small)} ${other}`;
}

/** What is wrong and what to do about it, on the standard error; returns the exit code. */
export function reportError(error: unknown, json: boolean): number {
  const { code, message, remedy } = told(error);
  if (json) {
    process.stderr.write(`${JSON.stringify({ error: { code, message, remedy } })}\n`);
  } else {
    process.stderr.write(`${paint("red", "vertebra:", process.stderr)} ${sentence(message)}\n  ${sentence(remedy)}\n`);
  }
  if (code === "not-running") return exitCodes.notRunning;
  return code === "usage" ? exitCodes.usage : exitCodes.failed;
}

function told(error: unknown): { code: string; message: string; remedy: string } {
  if (error instanceof VertebraError) return error;
  const { stack, message } = error instanceof Error ? error : new Error(String(error));
  return { code: "unexpected", message: stack ?? message, remedy: "Report this as a bug" };
}

/** One line about something that the program goes on after. */
export function printNotice({ code, message, remedy }: VertebraError, json: boolean): void {
  if (json) process.stderr.write(`${JSON.stringify({ notice: { code, message, remedy } })}\n`);
  else process.stderr.write(`${paint("yellow", "note:", process.stderr)} ${sentence(message)} ${sentence(remedy)}\n`);
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** Resolves when the person or the system asks the program to end: Ctrl-C, or SIGTERM. Asked twice, it ends at once. */
export function askedToEnd(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (asked) process.exit(130);
        asked = true;
        resolve();
      });
    }
  });
}
