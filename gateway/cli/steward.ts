import { Command } from "commander";
import { toHex } from "../../firmware/core/wire/bytes";
import { controlClient } from "../channels/control-client";
import type { StewardAsked, StewardsJson } from "../channels/stewards";
import { isExpelled } from "../world/catalog";
import { stewardsNeeded, stewardsOf } from "../world/stewarding";
import type { World } from "../world/world";
import { showDefined } from "./defined";
import { dryRun, shownId, type WorldOptions, worldCommand, worldOf } from "./options";
import { print, printJson, printTable } from "./output";

interface ChangeOptions extends WorldOptions {
  readonly dryRun?: boolean;
}

export function stewardCommand(): Command {
  return new Command("steward")
    .description("who may define what the world has")
    .addCommand(
      changeCommand("add", "make a member a steward, too: what it defines from then on counts for all").addHelpText(
        "after",
        "\nMore than two thirds of the stewards must agree on what is defined: of two both, of three all, of four three.\nA gateway takes commands that define; make it a member first: `vertebra world export NAME`.",
      ),
    )
    .addCommand(
      changeCommand(
        "revoke",
        "have a steward be none any more; it stays a member, as which `board expel` ends it",
      ).addHelpText(
        "after",
        "\nThe stewards of now must agree on it, the one that is revoked among them where the others are too few.",
      ),
    )
    .addCommand(
      worldCommand("list", "list the stewards, and how many of them must agree", [
        "vertebra steward list",
        "vertebra steward list --json",
      ]).action((options: WorldOptions) => {
        const listed = listedIn(worldOf(options));
        if (options.json) return printJson(listed);
        printTable([
          ["STEWARD", "AVATAR", ""],
          ...listed.stewards.map(({ name, avatar, expelled }) => [
            name,
            `${avatar.slice(0, 16)}…`,
            expelled ? "expelled" : "",
          ]),
        ]);
        print(agreeing(listed.needed, listed.stewards.length));
      }),
    );
}

function changeCommand(what: "add" | "revoke", summary: string): Command {
  return worldCommand(what, summary, [`vertebra steward ${what} second`, `vertebra steward ${what} second --dry-run`])
    .argument("<name>", "which member", shownId)
    .option(...dryRun)
    .action(async (name: string, options: ChangeOptions) => {
      const asked: StewardAsked = { name, dry: options.dryRun === true };
      const path = what === "add" ? "/stewards" : "/stewards/revoked";
      const defined = await controlClient(options.dir).post<StewardsJson>(path, asked);
      if (options.json) return printJson(defined);
      showDefined(defined);
      print(`stewards: ${defined.stewards.join(", ")}; ${agreeing(defined.needed, defined.stewards.length)}`);
    });
}

function listedIn(world: World) {
  const { owners } = stewardsOf(world);
  const stewards = owners.map((avatar) => ({
    name: world.catalog.memberName(avatar),
    avatar: toHex(avatar),
    expelled: isExpelled(world.catalog, avatar),
  }));
  return { stewards, needed: stewardsNeeded(owners.length) };
}

function agreeing(needed: number, count: number): string {
  if (count === 1) return "what it defines counts at once";
  return `${needed} of ${count} must agree on what is defined`;
}
