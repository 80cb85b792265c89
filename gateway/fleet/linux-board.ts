import { spawn } from "node:child_process";
import { constants } from "node:os";
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
  /** Of the process that it is now. */
  readonly pid: number;
}

/** What runs a board: the XS host, the board's program, and that of a behavior in a process of its own. */
export interface BoardFirmware extends Firmware {
  readonly sandbox: string;
}

/** `say` and errors: those of `buildForXs`. */
export async function buildFirmware(say: (text: string) => void): Promise<BoardFirmware> {
  const firmware = await buildForXs("firmware/device/main.ts", "build/device/participant.js", say);
  const { program: sandbox } = await buildForXs("firmware/sandbox/main.ts", "build/sandbox/sandbox.js", say);
  return { ...firmware, sandbox };
}

/** How the process of a board ends that met a limit (firmware/native/native.ts): it is started again, as a chip resets itself. */
const resets: readonly number[] = [71, 72, 73, 75, 142];
/** A board that is reset more often than this in a minute stays down. */
const mostResets = 8;

/** How a board tells what it does: a JSON object a line, for programs, or in words. */
export type Telling = "json" | "words";

/**
 * Starts a board, and again where it met a limit, with the status that it ended with. Each line that it prints goes to `printed`, what
 * it complains of to the standard error.
 */
export function startLinuxBoard(
  firmware: BoardFirmware,
  board: Board,
  telling: Telling,
  printed: (line: string) => void,
): LinuxBoard {
  const files = ["--provision", board.provisionFile, "--flash", board.flashFile, "--pty", board.terminal];
  const parameters = [firmware.program, ...files, "--board", board.definitionFile, "--sandbox", firmware.sandbox];
  if (telling === "json") parameters.push("--json");
  let child = startProcess(firmware.host, parameters, printed);
  let ending = false;
  const ended = stayUp();

  async function stayUp(): Promise<number> {
    const ends: number[] = [];
    for (;;) {
      const status = await exitStatus(child, firmware.host);
      ends.unshift(performance.now());
      if (ending || !resets.includes(status) || ends[0]! - (ends[mostResets] ?? Number.NEGATIVE_INFINITY) < 60_000)
        return status;
      child = startProcess(firmware.host, [...parameters, "--reset", String(status)], printed);
    }
  }

  return {
    board,
    ended,
    get pid() {
      return child.pid ?? 0;
    },
    say: (line) => void child.stdin.write(`${line}\n`),
    end() {
      ending = true;
      child.kill("SIGTERM");
      return ended;
    },
  };
}

type BoardProcess = ReturnType<typeof startProcess>;

function startProcess(host: string, parameters: readonly string[], printed: (line: string) => void) {
  const child = spawn(host, parameters, {
    stdio: ["pipe", "pipe", "inherit"],
    // Ctrl-C in the terminal is for us: we end the board ourselves, in order.
    detached: true,
  });
  // Told by `ended`: a board that is gone reads nothing.
  child.stdin.on("error", () => {});
  createInterface({ input: child.stdout }).on("line", printed);
  const orphaned = () => void child.kill("SIGKILL");
  // Before any other listener, so that nobody writes any more to what those take away.
  process.prependOnceListener("exit", orphaned);
  child.once("exit", () => process.off("exit", orphaned));
  return child;
}

function exitStatus(child: BoardProcess, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) =>
      reject(new VertebraError("board-failed", `${host} can't run: ${error.message}`, "")),
    );
    // `close` comes after the last line was printed.
    child.once("close", (status, signal) => resolve(status ?? 128 + constants.signals[signal!]));
  });
}
