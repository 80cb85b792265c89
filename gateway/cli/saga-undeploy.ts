import type { Command } from "commander";
import type { UndeployAsked } from "../channels/deploying";
import { askToDefine } from "./defined";
import { dryRun, type WorldOptions, worldCommand } from "./options";

export function sagaUndeployCommand(): Command {
  return worldCommand("undeploy", "end a saga: nobody begins by it any more, and what was begun ends on its version", [
    "vertebra saga undeploy watch",
    "vertebra saga undeploy watch --dry-run",
  ])
    .argument("<name>", "its name")
    .option(...dryRun)
    .addHelpText(
      "after",
      "\nMembers let go of its source and its memory once all that it began is over. Deployed again, with a version above those\nbefore, it begins anew: with states of its own.",
    )
    .action(async (saga: string, options: WorldOptions & { dryRun?: boolean }) => {
      const asked: UndeployAsked = { saga, dry: options.dryRun === true };
      await askToDefine(options, "/undeployed", asked);
    });
}
