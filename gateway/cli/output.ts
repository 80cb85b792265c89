import type { VertebraError } from "../../firmware/core/errors";
import { asVertebraError, errnoOf } from "../system/errors";
import { escapedJson, fit, jsonText, padEnd, paint, rendered, type Text, widthOf } from "../system/text";

/** How commands end. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  notRunning: 3,
  /** Nobody reads the output any more: 128 and the number of SIGPIPE, as shells tell of other programs. */
  unread: 141,
} as const;

/** Bytes that wait for whoever reads the output of a command that waits for no reader; beyond, lines are left out and counted. */
const mostUnread = 1 << 20;

/** A line for people on the standard output. Resolves when there is room for another: what prints without end waits for that. */
export function print(...line: readonly Text[]): Promise<void> {
  return write(process.stdout, `${rendered(line, coloured(process.stdout))}\n`);
}

export function printJson(value: unknown): Promise<void> {
  return write(process.stdout, `${jsonText(value)}\n`);
}

/** A line of JSON that a board printed. */
export function printJsonLine(line: string): Promise<void> {
  return write(process.stdout, `${escapedJson(line)}\n`);
}

/** Columns as wide as their widest cell, two spaces apart. */
export function printTable(rows: readonly (readonly Text[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => widthOf(row[column] ?? ""))));
  for (const row of rows) {
    const filled = row.map((cell) => widthOf(cell) > 0).lastIndexOf(true) + 1;
    print(
      row.slice(0, filled).map((cell, column) => (column + 1 < filled ? [padEnd(cell, widths[column]!), "  "] : cell)),
    );
  }
}

/** A line as far as the terminal shows it in one, where so many characters stand in it already; whole where there is no terminal. */
export function fitting(line: Text, taken = 0): Text {
  return process.stdout.isTTY ? fit(line, process.stdout.columns - taken) : line;
}

/** What a command does, or waits for, on the standard error: its output is what it was asked for. */
export function say(...line: readonly Text[]): void {
  write(process.stderr, `${rendered(line, coloured(process.stderr))}\n`);
}

/** The same as a JSON object for programs. */
export function sayJson(value: unknown): void {
  write(process.stderr, `${jsonText(value)}\n`);
}

/** The terminal's alternate screen, where lines are drawn again and again: what was there before is back afterwards. */
export function openScreen() {
  let open = false;
  const close = () => {
    if (open) process.stdout.write("\x1b[?25h\x1b[?1049l");
    open = false;
    process.off("exit", close);
  };
  return {
    draw(lines: readonly Text[]) {
      if (!open) process.stdout.write("\x1b[?1049h\x1b[?25l");
      if (!open) process.once("exit", close);
      open = true;
      process.stdout.write(`\x1b[H${lines.map((line) => rendered(line, true)).join("\x1b[K\n")}\x1b[J`);
    },
    close,
  };
}

/** Prints for one who waits for no reader: where nobody reads, lines are left out, and how many is said where they go on. */
export function createLog(json: boolean) {
  let missed = 0;
  return (line: Text | object) => {
    if (process.stdout.writableLength > mostUnread) return void missed++;
    if (missed > 0) tell(json ? { event: "unread", lines: missed } : `(${missed} lines were not read in time)`);
    missed = 0;
    tell(line);
  };

  function tell(line: Text | object): void {
    if (json) printJson(line);
    else print(line as Text);
  }
}

/** What is wrong and what to do about it, on the standard error; returns the exit code. */
export function reportError(error: unknown, json: boolean): number {
  const { code, message, remedy } = asVertebraError(error, "The system refused what this command needs");
  if (json) sayJson({ error: { code, message, remedy } });
  else {
    const [first, ...more] = sentence(message).split("\n");
    say(paint("red", "vertebra:"), " ", first!);
    for (const line of [...more, sentence(remedy)]) say("  ", line);
  }
  if (code === "not-running") return exitCodes.notRunning;
  return code === "usage" ? exitCodes.usage : exitCodes.failed;
}

/** One line about something that the program goes on after. */
export function printNotice({ code, message, remedy }: VertebraError, json: boolean): void {
  if (json) sayJson({ notice: { code, message, remedy } });
  else say(paint("yellow", "note:"), ` ${sentence(message)} ${sentence(remedy)}`);
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) || text === "" ? text : `${text}.`;
}

/** Colours are for terminals, and for people who don't mind them (no-color.org). */
function coloured(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && !process.env.NO_COLOR;
}

/** Resolves when all that was printed is out, or nobody reads it. */
export async function written(): Promise<void> {
  const out = [process.stdout, process.stderr].map(
    (stream) => new Promise<void>((resolve) => (stream.destroyed ? resolve() : stream.write("", () => resolve()))),
  );
  await Promise.all(out);
}

/** Of each stream that has no room now: when it has again. */
const draining = new Map<NodeJS.WriteStream, Promise<void>>();

function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  if (stream.destroyed || stream.write(text)) return Promise.resolve();
  const drained =
    draining.get(stream) ?? new Promise<void>((resolve) => stream.once("drain", resolve).once("close", resolve));
  draining.set(stream, drained);
  drained.then(() => draining.delete(stream));
  return drained;
}

/** What to do when the output can't be written any more, as after `| head`: nobody is there to be told. */
export function whenUnread(then: () => void): void {
  process.stdout.removeAllListeners("error").on("error", (error) => {
    // A terminal that has hung up fails so.
    if (!["EPIPE", "EIO"].includes(errnoOf(error) ?? "")) throw error;
    then();
  });
  process.stderr.removeAllListeners("error").on("error", () => {});
}

/** For what others rely on: it goes on without a reader, or with a disk that is too full for its log. */
export function goOnUnread(): void {
  process.stdout.removeAllListeners("error").on("error", () => {});
}
