import { readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { Command } from "commander";
import { VertebraError } from "../../firmware/core/errors";
import { toHex } from "../../firmware/core/wire/bytes";
import { controlClient } from "../channels/control-client";
import type { ExportAsked, ExportedJson } from "../channels/exporting";
import { nodeCrypto } from "../participant/crypto";
import { nodeRandom } from "../participant/platform";
import { loadSaga } from "../saga/load";
import { buildSandbox } from "../saga/sandbox";
import { paint } from "../system/text";
import { importWorld } from "../world/exporting";
import { writeWhole } from "../world/files";
import { mostBoards, type SagaLoaded, type WorldPlan } from "../world/layout";
import { createWorld, plainWorld, readDefinition, type World } from "../world/world";
import { showDefined } from "./defined";
import { atDirectory, collect, dryRun, type WorldOptions, wholeNumber, worldCommand, worldOf } from "./options";
import { print, printJson, printTable, say } from "./output";

export function worldCommands(): Command {
  return new Command("world")
    .description("make and show worlds: those who share a world agree on data with each other")
    .addCommand(createCommand())
    .addCommand(showCommand())
    .addCommand(exportCommand())
    .addCommand(importCommand());
}

function createCommand(): Command {
  return worldCommand("create", "make a world: a gateway, its boards, and the groups they share", [
    "vertebra world create --boards 3",
    "vertebra world create --dir /var/lib/vertebra/home --boards 1",
    "vertebra world create --boards 2 --board board-2=simulated --saga examples/thermostat/thermostat.ts",
  ])
    .option("--boards <count>", "how many boards it is made for", wholeNumber(0, mostBoards), 1)
    .option(
      "--board <name=kind>",
      "what a board is: one of boards/, or a board.json; linux where not said",
      collect,
      [],
    )
    .option("--saga <file>", "a saga that all its members take part in; may be given several times", collect, [])
    .action(async (options: CreateOptions) => {
      const world = createWorld(nodeCrypto(), nodeRandom(), options.dir, await planOf(options));
      if (options.json) return printJson(worldJson(world));
      showWorld(world);
      print();
      print("Next: ", paint("bold", `vertebra up${atDirectory(options)}`));
    });
}

interface CreateOptions extends WorldOptions {
  readonly boards: number;
  readonly board: readonly string[];
  readonly saga: readonly string[];
}

async function planOf({ boards, board, saga }: CreateOptions): Promise<WorldPlan> {
  const definitions = [...plainWorld(boards).boards];
  for (const each of board) {
    const [, number, kind] = /^board-(\d+)=(.+)$/.exec(each) ?? [];
    if (kind === undefined || !(Number(number) >= 1 && Number(number) <= boards)) {
      const message = `'${each}' says of no board of this world what it is`;
      throw new VertebraError("usage", message, `Give board-1=KIND, for board-1 to board-${boards}.`);
    }
    definitions[Number(number) - 1] = readDefinition(kind);
  }
  return { boards: definitions, sagas: await loadSagas(saga) };
}

/** The engine that reads sagas is built only where there are some. */
async function loadSagas(files: readonly string[]): Promise<SagaLoaded[]> {
  if (files.length === 0) return [];
  const sandbox = await buildSandbox((text) => say(text));
  return Promise.all(files.map((file) => loadSaga(sandbox, file)));
}

function showCommand(): Command {
  return worldCommand("show", "show who is in the world and which groups they share; never its secrets", [
    "vertebra world show",
    "vertebra world show --json",
  ]).action((options: WorldOptions) => {
    const world = worldOf(options);
    if (options.json) printJson(worldJson(world));
    else showWorld(world);
  });
}

interface ExportOptions extends WorldOptions {
  readonly output?: string;
  readonly dryRun?: boolean;
}

function exportCommand(): Command {
  return worldCommand("export", "make a further gateway a member, and write the file that it is laid out of", [
    "vertebra world export second -o second.world",
    "vertebra world export second --dry-run",
  ])
    .argument("<name>", "what the world is to call that gateway")
    .option("-o, --output <file>", "where to put it; else it stays in the world's directory")
    .option(...dryRun)
    .addHelpText(
      "after",
      "\nThe file holds the secrets of that gateway alone, and lets it in: carry it as you would a key, lay out one gateway of it,\nand remove it then. Of what is defined it tells nothing: the gateway hears that over its first link.",
    )
    .action(async (name: string, options: ExportOptions) => {
      const asked: ExportAsked = { name, dry: options.dryRun === true };
      const exported = await controlClient(options.dir).post<ExportedJson>("/exported", asked);
      const file = exported.file && moved(exported.file, options.output);
      if (options.json) return printJson({ ...exported, file });
      showDefined(exported);
      if (file === null) return;
      print(paint("green", "wrote"), ` ${file} (secret)`);
      print("Next, on its machine: ", paint("bold", `vertebra world import ${file} --dir DIRECTORY`));
    });
}

/** Copies it to where it is wanted, in one piece; errors are those of the system. */
function moved(file: string, output: string | undefined): string {
  if (output === undefined) return file;
  writeWhole(resolve(output), readFileSync(file), 0o600);
  return output;
}

function importCommand(): Command {
  return worldCommand("import", "lay out a gateway of the file that another one exported for it", [
    "vertebra world import second.world --dir ./second",
  ])
    .argument("<file>", "what `vertebra world export` wrote")
    .action((file: string, options: WorldOptions) => {
      const world = importWorld(nodeCrypto(), file, options.dir);
      if (options.json) return printJson(worldJson(world));
      print(paint("green", "laid out"), ` ${world.own} of world ${world.tag} in ${world.directory}`);
      print(`Remove ${file}: whoever lays out another one of it makes a clone.`);
      print("It hears of the world over its first link.");
      print("Next: ", paint("bold", `vertebra up${atDirectory(options)} --connect HOST:PORT`));
    });
}

function worldJson(world: World) {
  const { catalog } = world;
  return {
    directory: world.directory,
    world: world.tag,
    members: catalog.members.map(({ name, avatar }) => ({ name, avatar: toHex(avatar) })),
    boards: world.boards.map(({ name, provisionFile, terminal }) => ({ name, provisionFile, terminal })),
    groups: catalog.groups.map((group) => ({
      name: group.name,
      id: toHex(group.id),
      pact: group.pact.pact.name,
      owners: group.owners.map(catalog.memberName),
    })),
  };
}

/** Owners of a group that are named where they are all members of the world. */
const mostNamed = 8;
const { compare: byNumber } = new Intl.Collator("en", { numeric: true });

export function showWorld(world: World): void {
  const { catalog } = world;
  print(paint("bold", "World"), ` ${world.tag} in ${world.directory}`);
  print();
  printTable([
    ["MEMBER", "AVATAR", "PROVISION (SECRET)"],
    ...catalog.members.map(({ name, avatar }) => {
      const board = world.boards.find((each) => each.name === name);
      return [name, `${toHex(avatar).slice(0, 16)}…`, board ? relative(world.directory, board.provisionFile) : ""];
    }),
  ]);
  print();
  printTable([
    ["GROUP", "ID", "PACT", "OWNERS"],
    ...catalog.groups.map(({ name, id, pact, owners }) => [
      name,
      `${toHex(id).slice(0, 16)}…`,
      `${pact.pact.name} v${pact.pact.version}`,
      owners.length === catalog.members.length && owners.length > mostNamed
        ? `all ${owners.length} members`
        : owners.map(catalog.memberName).sort(byNumber).join(", "),
    ]),
  ]);
}
