import type { Command } from "commander";
import { controlClient } from "../channels/control-client";
import type { ReplayJson } from "../channels/sagas";
import type { Compared } from "../saga/replaying";
import { paint } from "../system/text";
import { shownId, type WorldOptions, worldCommand } from "./options";
import { exitCodes, print, printJson, printTable } from "./output";

export function sagaReplayCommand(): Command {
  return worldCommand("replay", "recompute every state of an invocation from the entries alone, and compare", [
    "vertebra saga replay 5f2c81ab",
    "vertebra saga replay 5f2c81ab --json",
  ])
    .argument("<id>", "four digits of its id or more; `vertebra saga list` shows them", shownId)
    .addHelpText(
      "after",
      "\nEnds with 1 where a state is not what its behavior gives: whoever issued it lied, or is broken.",
    )
    .action(async (id: string, options: WorldOptions) => {
      const { states, ...of } = await controlClient(options.dir).get<ReplayJson>(
        `/sagas/${encodeURIComponent(id)}/replay`,
      );
      const wrong = states.filter(({ agrees }) => agrees === false);
      if (options.json) printJson({ ...of, states });
      else showReplay(states, wrong);
      if (wrong.length > 0) process.exitCode = exitCodes.failed;
    });
}

export function showReplay(states: readonly Compared[], wrong: readonly Compared[]): void {
  printTable([
    ["STATE", "BEHAVIOR", "STATUS", "BY", "RECOMPUTED"],
    ...states.map(({ sequence, behavior, status, by, agrees, gave }) => [
      ...[String(sequence), behavior, status, by],
      agrees === null ? "no behavior made it" : agrees ? "the same" : `other: ${gave}`,
    ]),
  ]);
  const ran = states.filter(({ agrees }) => agrees !== null).length;
  const verdict =
    wrong.length === 0 ? paint("green", "each the same") : paint("red", `${wrong.length} of them other than they say`);
  print();
  print(`${states.length} states, ${ran} of them recomputed: `, verdict);
}
