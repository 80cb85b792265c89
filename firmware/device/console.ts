import { VertebraError } from "../core/errors";

/** What is said to a board on its standard input, a command a line. */

/** Bytes of a line. */
export const longestCommand = 256;
/** Characters of a line that is not understood, as it is told. */
const shown = 40;

export type Command =
  | { readonly kind: "stop" | "status" | "halt" | "resume" }
  /** Gives a simulated input a level, as who opens or closes its contact: 1 is open. */
  | { readonly kind: "pin"; readonly pin: number; readonly level: 0 | 1 };

/** What a line says, undefined where it is empty; null is a line that was too long. Throws `console-command` for what is no command. */
export function readCommand(line: string | null): Command | undefined {
  const [command, ...rest] = (line ?? "").trim().split(/\s+/);
  const text = rest.join(" ");
  if (line === null) throw unknown(`A line of more than ${longestCommand} bytes`);
  if (command === "") return undefined;
  if (command === "pin" && /^\d{1,3} [01]$/.test(text)) {
    return { kind: "pin", pin: Number(rest[0]), level: rest[1] === "1" ? 1 : 0 };
  }
  const known = text === "" && ["stop", "status", "halt", "resume"].includes(command!);
  if (!known) throw unknown(quoted(line));
  return { kind: command as "stop" | "status" | "halt" | "resume" };
}

function unknown(what: string): VertebraError {
  return new VertebraError(
    "console-command",
    `${what} is no command of a board`,
    "Say one of: halt, resume, pin 8 1, pin 8 0, status, stop.",
  );
}

/** What may come from anywhere goes to a terminal: only what can be seen of it. */
function quoted(line: string): string {
  const visible = line
    .trim()
    .slice(0, shown)
    .replace(/[^ -~\u00a1-\u024f]/g, "?");
  return `'${visible}${line.trim().length > shown ? "…" : ""}'`;
}
