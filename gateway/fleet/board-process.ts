import { spawn } from "node:child_process";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import type { VertebraError } from "../../firmware/core/errors";
import { createTrouble, startedProcess } from "../system/process";
import type { Board } from "../world/world";

/** How long a board that is asked to end may take, in ms: then it is killed, and loses nothing that it said is sealed. */
const patienceMs = 5_000;

/** A board that is run here, by its files. */
export interface LocalBoard extends Pick<Board, "name" | "definitionFile" | "flashFile" | "terminal"> {
  /** Undefined for one that is given its identity over its line. */
  readonly provisionFile: string | undefined;
}

/** A board as a process on this machine, whatever it is that runs there. */
export interface RunningBoard {
  readonly board: LocalBoard;
  /** One line to its console. */
  say(line: string): void;
  /** Asks it to end, and resolves when it has. */
  end(): Promise<number>;
  /** The exit status, 128 and more where a signal ended it. */
  readonly ended: Promise<number>;
  /** Of the process that it is now. */
  readonly pid: number;
}

/** A program and its parameters. */
export interface Launch {
  readonly command: string;
  readonly parameters: readonly string[];
}

/** How the process of a board ends that met a limit (firmware/native/native.ts): it is started again, as a chip resets itself. */
const resets: readonly number[] = [71, 72, 73, 75, 142];
/** A board that is reset more often than this in a minute stays down. */
const mostResets = 8;

/** How a board tells what it does: a JSON object a line, for programs, or in words. */
export type Telling = "json" | "words";

/** What is told of a board, line by line, and of what it waits for. */
export interface BoardEvents {
  /** Of its standard output, as `telling` asks; a reader that takes its time slows the board's console down. */
  printed(line: string): void | Promise<void>;
  /** Of its standard error. */
  complained(line: string): void;
  /** The system can't start its process now: it is tried again. */
  notice(error: VertebraError): void;
}

/** Starts a board, and again where it met a limit: `launch` is told with which status it ended before, undefined at the first start. */
export function startBoardProcess(
  board: LocalBoard,
  launch: (reset: number | undefined) => Launch,
  events: BoardEvents,
): RunningBoard {
  const trouble = createTrouble(events.notice);
  const ending = new AbortController();
  let child: BoardProcess | undefined;

  function start(reset: number | undefined): Promise<BoardProcess> {
    const begin = () => {
      child = spawnBoard(launch(reset));
      return child;
    };
    return startedProcess(begin, `The process of ${board.name} can't be started`, trouble, ending.signal);
  }

  async function stayUp(): Promise<number> {
    const ends: number[] = [];
    let reset: number | undefined;
    for (;;) {
      const status = await endOf(await start(reset), events);
      ends.unshift(performance.now());
      const soon = ends[0]! - (ends[mostResets] ?? Number.NEGATIVE_INFINITY) < 60_000;
      if (ending.signal.aborted || !resets.includes(status) || soon) return status;
      reset = status;
    }
  }

  const ended = stayUp().catch((error) => {
    if (ending.signal.aborted) return 0;
    throw error;
  });
  return {
    board,
    ended,
    get pid() {
      return child?.pid ?? 0;
    },
    say: (line) => void child?.stdin?.write(`${line}\n`),
    async end() {
      ending.abort();
      child?.kill("SIGTERM");
      const kill = setTimeout(() => child?.kill("SIGKILL"), patienceMs);
      return ended.finally(() => clearTimeout(kill));
    },
  };
}

type BoardProcess = ReturnType<typeof spawnBoard>;

function spawnBoard({ command, parameters }: Launch) {
  const child = spawn(command, parameters, {
    stdio: ["pipe", "pipe", "pipe"],
    // Ctrl-C in the terminal is for us: we end the board ourselves, in order.
    detached: true,
  });
  const orphaned = () => void child.kill("SIGKILL");
  // Before any other listener, so that nobody writes any more to what those take away.
  process.prependOnceListener("exit", orphaned);
  const over = () => process.off("exit", orphaned);
  return child.once("exit", over).once("error", over);
}

/** The status that the process of a board ends with, once all that it printed is told. */
async function endOf(child: BoardProcess, events: BoardEvents): Promise<number> {
  // Told by its end: a board that is gone reads nothing.
  child.stdin.on("error", () => {});
  const complaints = createInterface({ input: child.stderr }).on("line", events.complained);
  const closed = new Promise<number>((resolve) => {
    child.once("close", (status, signal) => resolve(status ?? 128 + constants.signals[signal!]));
  });
  for await (const line of createInterface({ input: child.stdout })) await events.printed(line);
  const status = await closed;
  complaints.close();
  return status;
}
