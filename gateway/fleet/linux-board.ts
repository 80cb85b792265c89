import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { VertebraError } from "../../firmware/core/errors";
import { buildHost } from "../../firmware/native/build.mjs";
import { writeWhole } from "../world/files";
import type { Board } from "../world/world";

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

/** What the program was built to, by `buildFirmware`. */
export interface Firmware {
  readonly host: string;
  readonly program: string;
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * The XS host and the program of a board, built where they are missing or older than their sources. `say` is told when
 * there is something to wait for. Errors: `no-compiler`, `no-engine`, `build-failed`.
 */
export async function buildFirmware(say: (text: string) => void): Promise<Firmware> {
  const host = await buildHost(say).catch(throwTold);
  const bundle = await build({
    entryPoints: [join(root, "firmware/device/main.ts")],
    bundle: true,
    write: false,
    format: "iife",
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "es2022",
    // XS 13 refuses a static initializer that constructs its own class.
    supported: { "class-static-field": false },
    logLevel: "silent",
  });
  const program = join(root, "build/device/participant.js");
  mkdirSync(join(root, "build/device"), { recursive: true });
  writeWhole(program, bundle.outputFiles[0]!.text, 0o644);
  return { host, program };
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

function throwTold(error: Error & { code?: string; remedy?: string }): never {
  throw new VertebraError(error.code ?? "build-failed", error.message, error.remedy ?? "Report this as a bug.");
}
