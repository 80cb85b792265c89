import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Argument, Command } from "commander";
import { decodeBoard } from "../../firmware/core/capability/board";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { decodeText } from "../../firmware/core/wire/text";
import { controlClient } from "../channels/control-client";
import type { BoardAsked, DefinedJson } from "../channels/defining";
import type { ExpelAsked, ExpelledJson } from "../channels/expelling";
import type { ReplaceAsked } from "../channels/succeeding";
import type { BoardEvents, LocalBoard, RunningBoard, Telling } from "../fleet/board-process";
import { buildFirmware, startLinuxBoard } from "../fleet/linux-board";
import { buildRv32Firmware, startRv32Board } from "../fleet/rv32-board";
import { isInForeground } from "../system/foreground";
import { fit, paint } from "../system/text";
import { groupsOwnedBy } from "../world/catalog";
import { type Board, boardOf, readDefinition, type World } from "../world/world";
import { blankBoard, provisionCommand } from "./board-provision";
import { askToDefine, showDefined } from "./defined";
import { askedToEnd } from "./ending";
import { atDirectory, collect, dryRun, type WorldOptions, worldCommand, worldOf } from "./options";
import { exitCodes, goOnUnread, print, printJson, printJsonLine, printNotice, printTable, say } from "./output";

export function boardCommand(): Command {
  return new Command("board")
    .description("the boards of the world: add them while it runs, show them, run them on this machine")
    .addCommand(addCommand())
    .addCommand(expelCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(replaceCommand())
    .addCommand(removeCommand())
    .addCommand(provisionCommand())
    .addCommand(runCommand());
}

function addCommand(): Command {
  return worldCommand("add", "add a board to the world, while it runs: it joins by its first cable", [
    "vertebra board add porch",
    "vertebra board add porch --kind simulated --label roof --label north",
    "vertebra board add porch --kind ./my-board.json --dry-run",
  ])
    .argument("<name>", "what the world is to call it")
    .option("--kind <kind>", "what it is: one of boards/, or a board.json", "linux")
    .option(
      "--label <label>",
      "by which it can be chosen, as for a ring of a rollout; given once for each",
      collect,
      [],
    )
    .option(...dryRun)
    .addHelpText(
      "after",
      "\nThe gateway makes the board's keys and its provision, which holds secrets, and gives it a group of pact machine with\nthe gateway. What else it is to own: `vertebra group add`.",
    )
    .action(async (name: string, options: WorldOptions & { kind: string; label: string[]; dryRun?: boolean }) => {
      const board = decodeText(readDefinition(options.kind));
      const asked: BoardAsked = { name, board, labels: options.label, dry: options.dryRun === true };
      showAdded(await controlClient(options.dir).post<DefinedJson>("/boards", asked), name, options);
    });
}

/** What was defined, and how a board that was added is run. */
function showAdded(defined: DefinedJson, name: string, options: WorldOptions & { kind: string }): Promise<void> | void {
  if (options.json) return printJson(defined);
  showDefined(defined);
  if (defined.provisionFile === undefined) return;
  print(`its provision, which is secret: ${defined.provisionFile}`);
  const host = options.kind === "rv32" ? "rv32" : "linux";
  print("Next: ", paint("bold", `vertebra board run ${host} ${name}${atDirectory(options)}`));
}

function replaceCommand(): Command {
  return worldCommand("replace", "let another board take the place of one that is gone for good, in all its groups", [
    "vertebra board replace board-2 --by porch",
    "vertebra board replace board-2 --by porch --kind simulated --dry-run",
  ])
    .argument("<name>", "which of the world's boards, such as board-2")
    .requiredOption("--by <board>", "the one that takes its place; it is added where it is none of the world's yet")
    .option("--kind <kind>", "what that is, where it is added: one of boards/, or a board.json", "linux")
    .option(...dryRun)
    .addHelpText(
      "after",
      "\nIts groups go on under their names: what the others sealed and is not final waits for it no more. What it sealed itself\nand nobody could make final is gone with it. It is expelled: if it comes back, nobody links to it.",
    )
    .action(async (name: string, options: WorldOptions & { by: string; kind: string; dryRun?: boolean }) => {
      const board = decodeText(readDefinition(options.kind));
      const asked: ReplaceAsked = { name, by: options.by, board, dry: options.dryRun === true };
      const defined = await controlClient(options.dir).post<DefinedJson>("/boards/replaced", asked);
      showAdded(defined, options.by, options);
    });
}

function removeCommand(): Command {
  return worldCommand("remove", "take a board out of all its groups: they go on without it", [
    "vertebra board remove board-2 --dry-run",
    "vertebra board remove board-2",
  ])
    .argument("<name>", "which of the world's boards, such as board-2")
    .option(...dryRun)
    .action(async (name: string, options: WorldOptions & { dryRun?: boolean }) => {
      await askToDefine(options, "/boards/removed", { name, dry: options.dryRun === true });
    });
}

function expelCommand(): Command {
  return worldCommand(
    "expel",
    "expel a board that is lost or stolen: it neither connects any more, nor reads what is new",
    ["vertebra board expel porch --dry-run", "vertebra board expel porch"],
  )
    .argument("<name>", "which of the world's members")
    .option(...dryRun)
    .addHelpText(
      "after",
      "\nAll others get new keys, and go on by themselves, as soon as they hear of it. What the board has read it keeps, and in its\ngroups it counts as an owner: what needs its vote there waits.",
    )
    .action(async (name: string, options: WorldOptions & { dryRun?: boolean }) => {
      const asked: ExpelAsked = { name, dry: options.dryRun === true };
      const expelled = await controlClient(options.dir).post<ExpelledJson>("/boards/expelled", asked);
      if (options.json) return printJson(expelled);
      showDefined(expelled);
      if (expelled.groups.length === 0) return;
      print(`${name} is an owner of ${expelled.groups.join(", ")}, which can't agree without it where all must.`);
      print("Next: ", paint("bold", `vertebra board remove ${name}${atDirectory(options)}`), ", or replace");
    });
}

function listCommand(): Command {
  return worldCommand("list", "list the boards of the world, and the groups that each owns", [
    "vertebra board list",
    "vertebra board list --json",
  ]).action((options: WorldOptions) => {
    const world = worldOf(options);
    const boards = world.boards.map((board) => boardJson(world, board));
    if (options.json) printJson(boards);
    else
      printTable([
        ["BOARD", "AVATAR", "LABELS", "GROUPS"],
        ...boards.map(({ name, avatar, labels, groups, expelled }) => [
          ...[name, `${avatar.slice(0, 8)}…`, labels.join(", ")],
          // `board show` tells all of them.
          expelled === null
            ? fit(groups.join(", "), widestGroups)
            : paint("red", fit(`expelled ${expelled.time ?? ""}`, widestGroups)),
        ]),
      ]);
  });
}

const widestGroups = 40;

function showCommand(): Command {
  return worldCommand("show", "show a board: who it is, what it is, and what it shares with whom", [
    "vertebra board show board-1",
    "vertebra board show board-1 --json",
  ])
    .argument("<name>", "which of the world's boards, such as board-1")
    .action((name: string, options: WorldOptions) => {
      const world = worldOf(options);
      const board = boardJson(world, boardOf(world, name));
      if (options.json) return printJson(board);
      print(paint("bold", board.name), board.kind === null ? "" : `, ${board.kind}`);
      print(`  avatar ${board.avatar}`);
      if (board.expelled !== null) print("  ", paint("red", inWords(board.expelled)));
      if (board.labels.length > 0) print(`  labels ${board.labels.join(", ")}`);
      print(`  provision ${board.provisionFile ?? "not in this directory"}`);
      print(`  groups ${board.groups.join(", ") || "none"}`);
    });
}

/** When it was, as who expelled it tells. */
function inWords({ epoch, time }: { readonly epoch: number; readonly time: string | null }): string {
  return `expelled${time === null ? "" : ` ${time}`}, in epoch ${epoch} of the membership`;
}

function boardJson({ catalog }: World, { name, avatar, provisionFile, definitionFile, terminal }: Board) {
  const kind = existsSync(definitionFile) ? decodeBoard(new Uint8Array(readFileSync(definitionFile))).kind : null;
  const expel = catalog.expelled.find((each) => equal(each.avatar, avatar));
  const time = expel === undefined || expel.time === 0 ? null : new Date(expel.time).toISOString();
  return {
    name,
    avatar: toHex(avatar),
    kind,
    expelled: expel === undefined ? null : { epoch: expel.epoch, time },
    labels: catalog.members.find((member) => equal(member.avatar, avatar))?.labels ?? [],
    provisionFile: existsSync(provisionFile) ? provisionFile : null,
    terminal,
    groups: groupsOwnedBy(catalog, avatar).map((group) => group.name),
  };
}

function runCommand(): Command {
  return worldCommand("run", "run a board on this machine: the firmware on the XS engine, until Ctrl-C", [
    "vertebra board run linux board-1",
    "vertebra board run rv32 board-3",
    "vertebra board run rv32 --blank ./porch",
    "vertebra board run linux board-2 --json | jq 'select(.event == \"final\")'",
    "echo halt | vertebra board run linux board-1",
  ])
    .addArgument(
      new Argument("<platform>", "a process (linux), or an emulated microcontroller (rv32)").choices(["linux", "rv32"]),
    )
    .argument("[name]", "which of the world's boards, such as board-1")
    .option("--blank <directory>", "instead: one with its files there that is of no world, and waits for its identity")
    .addHelpText(
      "after",
      "\nPrints what the board tells, in words; with --json, a JSON object a line. What is typed goes to the board, a line each:\nhalt, resume, status, stop, and pin 8 1 for an input that is simulated (boards/linux/README.md).\nWhat a board of rv32 is, and what it needs: boards/rv32/README.md.",
    )
    .action((platform: Platform, name: string | undefined, options: RunOptions, command: Command) => {
      if ((name === undefined) === (options.blank === undefined))
        command.error("error: give the name of a board, or --blank and a directory", { exitCode: exitCodes.usage });
      const board = name === undefined ? blankBoard(options.blank!, platform) : boardOf(worldOf(options), name);
      return run(platform, board, options);
    });
}

type RunOptions = WorldOptions & { readonly blank?: string };

type Platform = "linux" | "rv32";

async function start(
  platform: Platform,
  board: LocalBoard,
  telling: Telling,
  events: BoardEvents,
): Promise<RunningBoard> {
  if (platform === "rv32") return startRv32Board(await buildRv32Firmware((text) => say(text)), board, telling, events);
  return startLinuxBoard(await buildFirmware((text) => say(text)), board, telling, events);
}

async function run(platform: Platform, board: LocalBoard, options: WorldOptions): Promise<void> {
  const json = options.json === true;
  const asked = askedToEnd(json);
  goOnUnread();
  const running = await start(platform, board, json ? "json" : "words", {
    printed: (line) => (json ? printJsonLine(line) : print(line)),
    complained: (line) => say(line),
    notice: (error) => printNotice(error, json),
  });
  if (json) printJson({ event: "started", board: board.name, pid: running.pid, terminal: board.terminal });
  else print(paint("green", board.name), ` runs, its serial line is ${board.terminal}; Ctrl-C ends it`);
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
