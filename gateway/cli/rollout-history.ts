import type { Command } from "commander";
import { controlClient } from "../channels/control-client";
import type { HistoryJson } from "../channels/rollout-history";
import { paint } from "../system/text";
import { type WorldOptions, worldCommand } from "./options";
import { fitting, print, printJson } from "./output";

export function rolloutHistoryCommand(): Command {
  return worldCommand("history", "show all rollouts that there were: who did what, how each ended, and who failed", [
    "vertebra rollout history",
    "vertebra rollout history watch --json",
  ])
    .argument("[saga]", "of this saga alone")
    .action(async (saga: string | undefined, options: WorldOptions) => {
      const query = saga === undefined ? {} : { saga };
      const rollouts = await controlClient(options.dir).get<HistoryJson[]>("/rollouts/history", query);
      if (options.json) return printJson(rollouts);
      if (rollouts.length === 0)
        print("Nothing was rolled out in this world: vertebra rollout start FILE --ring 1 --ring all");
      for (const rollout of rollouts) showHistory(rollout);
    });
}

export function showHistory({ saga, version, state, why, steps, failed }: HistoryJson): void {
  const colour = state === "done" ? "green" : state === "taken back" ? "red" : "yellow";
  print(fitting([paint("bold", `${saga} v${version}`), " ", paint(colour, state), `: ${why}`]));
  for (const { definition, time, by, what, open } of steps) {
    const at = time > 0 ? new Date(time).toISOString().slice(0, 19).replace("T", " ") : "at an unknown time";
    print(fitting(`  ${`${definition}`.padStart(5)}  ${at}  ${by} ${what}${what === "opened" ? ` ring ${open}` : ""}`));
  }
  for (const { name, reason } of failed) print(fitting(`  failed  ${name}: ${reason}`));
}
