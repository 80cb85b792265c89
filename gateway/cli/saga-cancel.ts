import type { Command } from "commander";
import { controlClient } from "../channels/control-client";
import type { CancelledJson } from "../channels/sagas";
import { shownId, type WorldOptions, worldCommand } from "./options";
import { print, printJson } from "./output";

export function sagaCancelCommand(): Command {
  return worldCommand("cancel", "end an invocation that waits for a stage, and have taken back what it did", [
    `vertebra saga cancel 5f2c81ab --reason "the customer changed his mind"`,
    `vertebra saga cancel 5f2c81ab --reason "wrong address" --final`,
  ])
    .argument("<id>", "four digits of its id or more; `vertebra saga list` shows them", shownId)
    .requiredOption("--reason <text>", "why, for all who look at it later")
    .option("--final", "return when it is cancelled for all")
    .action(async (id: string, options: WorldOptions & { reason: string; final?: boolean }) => {
      const body = { reason: options.reason, final: options.final === true };
      const path = `/sagas/${encodeURIComponent(id)}/cancel`;
      const cancelled = await controlClient(options.dir).post<CancelledJson>(path, body);
      if (options.json) printJson(cancelled);
      else print(told(cancelled));
    });
}

function told({ id, final }: CancelledJson): string {
  const short = id.slice(0, 8);
  const next = `\`vertebra saga timeline ${short}\` tells what is taken back`;
  return final
    ? `cancelled: ${next}`
    : `asked to cancel; it counts once it is final, unless its stage comes first: ${next}`;
}
