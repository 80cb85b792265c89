import { VertebraError } from "../core/errors";
import type { Board } from "./board";

/** What is said to a board on its standard input, a command a line. */

/** Bytes of a line. */
export const longestCommand = 256;
/** Characters of a line that is not understood, as it is told. */
const shown = 40;

/** Does what the line says; null is a line that was too long. Throws `console-command` for what is no command. */
export function obey(board: Board, line: string | null): void {
  const [command, ...rest] = (line ?? "").trim().split(/\s+/);
  const text = rest.join(" ");
  if (line === null) throw unknown(`A line of more than ${longestCommand} bytes`);
  if (command === "") return;
  if (command === "pin" && /^\d{1,3} [01]$/.test(text)) board.drivePin(Number(rest[0]), rest[1] === "1" ? 1 : 0);
  else if (text !== "") throw unknown(quoted(line));
  else if (command === "stop") board.stop();
  else if (command === "status") board.tellStats();
  else if (command === "halt") board.halt();
  else if (command === "resume") board.resume();
  else throw unknown(quoted(line));
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
