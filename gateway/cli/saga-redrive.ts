import type { Command } from "commander";
import { controlClient } from "../channels/control-client";
import type { RedrivenJson } from "../channels/sagas";
import { shownId, type WorldOptions, worldCommand } from "./options";
import { print, printJson } from "./output";

export function sagaRedriveCommand(): Command {
  return worldCommand("redrive", "begin again what failed or was cancelled: its first entry is pushed anew", [
    "vertebra saga redrive 5f2c81ab",
    "vertebra saga redrive 5f2c81ab --final",
  ])
    .argument("<id>", "four digits of its id or more; `vertebra saga list` shows them", shownId)
    .option("--final", "return when the entry is final, with the invocation that it begins")
    .action(async (id: string, options: WorldOptions & { final?: boolean }) => {
      const path = `/sagas/${encodeURIComponent(id)}/redrive`;
      const redriven = await controlClient(options.dir).post<RedrivenJson>(path, { final: options.final === true });
      if (options.json) printJson(redriven);
      else print(told(redriven));
    });
}

function told({ group, block, sequence, invocation }: RedrivenJson): string {
  if (invocation === undefined) return `sealed in block ${block} of ${group}; once final it begins an invocation`;
  return `final: ${group}/${sequence} begins invocation ${invocation.slice(0, 8)}`;
}
