import { Argument, Command } from "commander";
import { buildFirmware, startLinuxBoard } from "../fleet/linux-board";
import { boardOf } from "../world/world";
import { type WorldOptions, worldCommand, worldOf } from "./options";
import { askedToEnd, exitCodes, paint, printJson } from "./terminal";

export function boardCommand(): Command {
  return new Command("board").description("run boards").addCommand(runCommand());
}

function runCommand(): Command {
  return worldCommand("run", "run a board as a process on this machine: the firmware on the XS engine, until Ctrl-C", [
    "vertebra board run linux board-1",
    "vertebra board run linux board-2 --json | jq 'select(.event == \"final\")'",
  ])
    .addArgument(new Argument("<platform>", "what it runs on").choices(["linux"]))
    .argument("<name>", "which of the world's boards, such as board-1")
    .addHelpText("after", "\nPrints what the board tells, in words; with --json, a JSON object a line.")
    .action((_platform: string, name: string, options: WorldOptions) => run(name, options));
}

async function run(name: string, options: WorldOptions): Promise<void> {
  const asked = askedToEnd();
  const board = boardOf(worldOf(options), name);
  const firmware = await buildFirmware((text) => process.stderr.write(`${text}\n`));
  const telling = options.json ? "json" : "words";
  const running = startLinuxBoard(firmware, board, telling, (line) => process.stdout.write(`${line}\n`));
  if (options.json) printJson({ event: "started", board: name, pid: running.pid, terminal: board.terminal });
  else process.stdout.write(`${paint("green", name)} runs, its serial line is ${board.terminal}; Ctrl-C ends it\n`);
  const status = await Promise.race([running.ended, asked.then(() => running.end())]);
  process.exitCode = status === 0 ? exitCodes.done : exitCodes.failed;
}
