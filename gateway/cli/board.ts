import { createInterface } from "node:readline";
import { Argument, Command } from "commander";
import type { BoardEvents, RunningBoard, Telling } from "../fleet/board-process";
import { buildFirmware, startLinuxBoard } from "../fleet/linux-board";
import { buildRv32Firmware, startRv32Board } from "../fleet/rv32-board";
import { isInForeground } from "../system/foreground";
import { paint } from "../system/text";
import { type Board, boardOf } from "../world/world";
import { askedToEnd } from "./ending";
import { type WorldOptions, worldCommand, worldOf } from "./options";
import { exitCodes, goOnUnread, print, printJson, printJsonLine, printNotice, say } from "./output";

export function boardCommand(): Command {
  return new Command("board").description("run boards").addCommand(runCommand());
}

function runCommand(): Command {
  return worldCommand("run", "run a board on this machine: the firmware on the XS engine, until Ctrl-C", [
    "vertebra board run linux board-1",
    "vertebra board run rv32 board-3",
    "vertebra board run linux board-2 --json | jq 'select(.event == \"final\")'",
    "echo halt | vertebra board run linux board-1",
  ])
    .addArgument(
      new Argument("<platform>", "a process (linux), or an emulated microcontroller (rv32)").choices(["linux", "rv32"]),
    )
    .argument("<name>", "which of the world's boards, such as board-1")
    .addHelpText(
      "after",
      "\nPrints what the board tells, in words; with --json, a JSON object a line. What is typed goes to the board, a line each:\nhalt, resume, status, stop, and pin 8 1 for an input that is simulated (boards/linux/README.md).\nWhat a board of rv32 is, and what it needs: boards/rv32/README.md.",
    )
    .action((platform: Platform, name: string, options: WorldOptions) => run(platform, name, options));
}

type Platform = "linux" | "rv32";

async function start(platform: Platform, board: Board, telling: Telling, events: BoardEvents): Promise<RunningBoard> {
  if (platform === "rv32") return startRv32Board(await buildRv32Firmware((text) => say(text)), board, telling, events);
  return startLinuxBoard(await buildFirmware((text) => say(text)), board, telling, events);
}

async function run(platform: Platform, name: string, options: WorldOptions): Promise<void> {
  const json = options.json === true;
  const asked = askedToEnd(json);
  goOnUnread();
  const board = boardOf(worldOf(options), name);
  const running = await start(platform, board, json ? "json" : "words", {
    printed: (line) => (json ? printJsonLine(line) : print(line)),
    complained: (line) => say(line),
    notice: (error) => printNotice(error, json),
  });
  if (json) printJson({ event: "started", board: name, pid: running.pid, terminal: board.terminal });
  else print(paint("green", name), ` runs, its serial line is ${board.terminal}; Ctrl-C ends it`);
  passOn((line) => running.say(line));
  const status = await Promise.race([running.ended, asked.then(() => running.end())]);
  process.exitCode = status === 0 ? exitCodes.done : exitCodes.failed;
}

/** What is typed, or comes by a pipe, is for the board. Its end is not the board's: one that was started by a script has no input. */
function passOn(say: (line: string) => void): void {
  // A job in the background that reads from its terminal is stopped.
  if (process.stdin.isTTY && !isInForeground()) return;
  process.stdin.on("error", () => {});
  createInterface({ input: process.stdin }).on("line", say);
}
