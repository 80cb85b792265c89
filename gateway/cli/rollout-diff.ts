import type { Command } from "commander";
import { controlClient } from "../channels/control-client";
import type { DiffJson } from "../channels/rollout-diff";
import { paint } from "../system/text";
import { type WorldOptions, worldCommand } from "./options";
import { print, printJson } from "./output";

export function rolloutDiffCommand(): Command {
  return worldCommand("diff", "show what changed between the version that rolls out and the one before", [
    "vertebra rollout diff watch",
    "vertebra rollout diff watch --json",
  ])
    .argument("<saga>", "its name")
    .addHelpText(
      "after",
      "\nThe source is what was deployed: the modules of the saga in one, without types and comments, laid out again.",
    )
    .action(async (saga: string, options: WorldOptions) => {
      const diff = await controlClient(options.dir).get<DiffJson>("/rollouts/diff", { saga });
      if (options.json) printJson(diff);
      else showDiff(diff);
    });
}

export function showDiff({ saga, from, to, parts, source }: DiffJson): void {
  for (const line of parts) print(line);
  if (parts.length > 0 && source.length > 0) print();
  if (source.length > 0) print(paint("bold", `--- ${saga} v${from}`));
  if (source.length > 0) print(paint("bold", `+++ ${saga} v${to}`));
  for (const line of source) print(coloured(line));
}

function coloured(line: string) {
  if (line.startsWith("@@")) return paint("cyan", line);
  if (line.startsWith("+")) return paint("green", line);
  return line.startsWith("-") ? paint("red", line) : line;
}
