import { relative } from "node:path";
import { Command } from "commander";
import { toHex } from "../../firmware/core/wire/bytes";
import { nodeCrypto } from "../participant/crypto";
import { nodeRandom } from "../participant/platform";
import { createWorld, mostBoards, type World } from "../world/world";
import { defaultDirectory, type WorldOptions, wholeNumber, worldCommand, worldOf } from "./options";
import { paint, printJson, printTable } from "./terminal";

export function worldCommands(): Command {
  return new Command("world")
    .description("make and show worlds: those who share a world agree on data with each other")
    .addCommand(createCommand())
    .addCommand(showCommand());
}

function createCommand(): Command {
  return worldCommand("create", "make a world: a gateway, its boards, and the groups they share", [
    "vertebra world create --boards 3",
    "vertebra world create --dir /var/lib/vertebra/home --boards 1",
  ])
    .option("--boards <count>", "how many boards it is made for", wholeNumber(0, mostBoards), 1)
    .action((options: WorldOptions & { boards: number }) => {
      const world = createWorld(nodeCrypto(), nodeRandom(), options.dir, options.boards);
      if (options.json) return printJson(worldJson(world));
      show(world);
      process.stdout.write(`\nNext: ${paint("bold", `vertebra up${atDirectory(options)}`)}\n`);
    });
}

function showCommand(): Command {
  return worldCommand("show", "show who is in the world and which groups they share; never its secrets", [
    "vertebra world show",
    "vertebra world show --json",
  ]).action((options: WorldOptions) => {
    const world = worldOf(options);
    if (options.json) printJson(worldJson(world));
    else show(world);
  });
}

function atDirectory(options: WorldOptions): string {
  return options.dir === defaultDirectory ? "" : ` --dir ${options.dir}`;
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

function show(world: World): void {
  const { catalog } = world;
  process.stdout.write(`${paint("bold", "World")} ${world.tag} in ${world.directory}\n\n`);
  printTable([
    ["MEMBER", "AVATAR", "PROVISION (SECRET)"],
    ...catalog.members.map(({ name, avatar }) => {
      const board = world.boards.find((each) => each.name === name);
      return [name, `${toHex(avatar).slice(0, 16)}…`, board ? relative(world.directory, board.provisionFile) : ""];
    }),
  ]);
  process.stdout.write("\n");
  printTable([
    ["GROUP", "PACT", "OWNERS"],
    ...catalog.groups.map(({ name, pact, owners }) => [
      name,
      `${pact.pact.name} v${pact.pact.version}`,
      owners.map(catalog.memberName).sort().join(", "),
    ]),
  ]);
}
