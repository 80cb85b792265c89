import { Command, InvalidArgumentError } from "commander";
import { toHex } from "../../firmware/core/wire/bytes";
import type { GroupAsked } from "../channels/defining";
import type { RetireAsked } from "../channels/succeeding";
import { everyGroup } from "../world/catalog";
import type { World } from "../world/world";
import { askToDefine } from "./defined";
import { collect, dryRun, shownId, timeOf, type WorldOptions, worldCommand, worldOf } from "./options";
import { printJson, printTable } from "./output";

export function groupCommand(): Command {
  return new Command("group")
    .description("the groups of the world: who shares what with whom")
    .addCommand(addCommand())
    .addCommand(retireCommand())
    .addCommand(
      worldCommand("list", "list the groups with their pacts and owners", [
        "vertebra group list",
        "vertebra group list --json",
      ]).action((options: WorldOptions) => {
        const groups = groupsJson(worldOf(options));
        if (options.json) printJson(groups);
        else
          printTable([
            ["GROUP", "ID", "PACT", "OWNERS"],
            ...groups.map(({ name, id, pact, owners, retired }) => [
              name,
              `${id.slice(0, 16)}…`,
              pact,
              retired ? `retired: ${owners.join(", ")}` : owners.join(", "),
            ]),
          ]);
      }),
    );
}

interface AddOptions extends WorldOptions {
  readonly pact: string;
  readonly owner: readonly string[];
  readonly reading: GroupAsked["readings"];
  readonly dryRun?: boolean;
}

function addCommand(): Command {
  return worldCommand("add", "add a group to the world, while it runs: its owners begin as soon as they hear of it", [
    "vertebra group add rooms --pact room --owner gateway --owner board-1",
    "vertebra group add rooms --pact room --owner board-1 --owner board-2 --reading board-1=2s",
  ])
    .argument("<name>", "what the world is to call it")
    .requiredOption("--pact <pact>", "the pact of what is shared in it, in its newest version")
    .option("--owner <member>", "who agrees on it; given once for each", collect, [])
    .option("--reading <board=time>", "an owner that pushes its sensors into it, and how often", reading, [])
    .option(...dryRun)
    .addHelpText(
      "after",
      "\nThe owners of a group stay what they are: its id is made of them. The gateway relays a group that it does not own.",
    )
    .action(async (name: string, options: AddOptions) => {
      const { pact, owner: owners, reading: readings } = options;
      const asked: GroupAsked = { name, pact, owners, readings, dry: options.dryRun === true };
      await askToDefine(options, "/groups", asked);
    });
}

interface RetireOptions extends WorldOptions {
  readonly owner: readonly string[];
  readonly reading: GroupAsked["readings"];
  readonly dryRun?: boolean;
}

function retireCommand(): Command {
  return worldCommand("retire", "retire a group: nothing more is pushed into it, or it goes on with other owners", [
    "vertebra group retire rooms",
    "vertebra group retire rooms --owner gateway --owner board-1 --owner board-4",
  ])
    .argument("<name>", "which group", shownId)
    .option("--owner <member>", "who agrees on what succeeds it; given once for each", collect, [])
    .option("--reading <board=time>", "an owner that pushes its sensors into that, and how often", reading, [])
    .option(...dryRun)
    .addHelpText(
      "after",
      "\nWith --owner it goes on under its name, as a row with what was final before: what its owners sealed and is not final goes\ninto the new one, and what they push, too. `vertebra board replace` does this for all groups of a board.",
    )
    .action(async (group: string, options: RetireOptions) => {
      const { owner: owners, reading: readings } = options;
      const asked: RetireAsked = { group, owners, readings, dry: options.dryRun === true };
      await askToDefine(options, "/groups/retired", asked);
    });
}

function reading(text: string, before: GroupAsked["readings"]): GroupAsked["readings"] {
  const [, member, time] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  const everyMs = timeOf(time ?? "") ?? 0;
  if (member !== undefined && everyMs > 0) return [...before, { member, everyMs }];
  throw new InvalidArgumentError("Give it like board-1=500ms, board-1=2s, board-1=1min or board-1=1h.");
}

function groupsJson({ catalog }: World) {
  return everyGroup(catalog).map((group) => ({
    name: group.name,
    id: toHex(group.id),
    pact: `${group.pact.pact.name} v${group.pact.pact.version}`,
    owners: group.owners.map(catalog.memberName),
    retired: catalog.retired.includes(group),
    succeeds: group.before === null ? null : toHex(group.before.id),
  }));
}
