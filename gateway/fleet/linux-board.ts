import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { VertebraError } from "../../firmware/core/errors";
import type { Board } from "../world/world";
import { buildForXs, type Firmware } from "./xs-program";

/** A board as a process on this machine: the firmware on the XS engine, with a pseudo-terminal for its serial line. */
export interface LinuxBoard {
  readonly board: Board;
  /** One line to its console. */
  say(line: string): void;
  /** Asks it to end, and resolves when it has. */
  end(): Promise<number>;
  /** The exit status, 128 and more where a signal ended it. */
  readonly ended: Promise<number>;
  readonly pid: number;
}

/** The XS host and the program of a board. `say` and errors: those of `buildForXs`. */
export function buildFirmware(say: (text: string) => void): Promise<Firmware> {
  return buildForXs("firmware/device/main.ts", "build/device/participant.js", say);
}

/** How a board tells what it does: a JSON object a line, for programs, or in words. */
export type Telling = "json" | "words";

/** Starts a board; each line that it prints goes to `printed`, what it complains of to the standard error. */
export function startLinuxBoard(
  firmware: Firmware,
  board: Board,
  telling: Telling,
  printed: (line: string) => void,
): LinuxBoard {
  const files = ["--provision", board.provisionFile, "--flash", board.flashFile, "--pty", board.terminal];
  const child = spawn(firmware.host, [firmware.program, ...files, ...(telling === "json" ? ["--json"] : [])], {
    stdio: ["pipe", "pipe", "inherit"],
    // Ctrl-C in the terminal is for us: we end the board ourselves, in order.
    detached: true,
  });
  // Told by `ended`: a board that is gone reads nothing.
  child.stdin.on("error", () => {});
  createInterface({ input: child.stdout }).on("line", printed);
  const ended = exitStatus(child, firmware.host);
  const orphaned = () => void child.kill("SIGKILL");
  // Before any other listener, so that nobody writes any more to what those take away.
  process.prependOnceListener("exit", orphaned);
  child.once("exit", () => process.off("exit", orphaned));
  return {
    board,
    ended,
    pid: child.pid ?? 0,
    say: (line) => void child.stdin.write(`${line}\n`),
    end() {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

function exitStatus(child: ChildProcess, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) =>
      reject(new VertebraError("board-failed", `${host} can't run: ${error.message}`, "")),
    );
    // `close` comes after the last line was printed.
    child.once("close", (status, signal) => resolve(status ?? (signal === "SIGKILL" ? 137 : 143)));
  });
}
