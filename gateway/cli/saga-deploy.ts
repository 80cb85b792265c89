import { type Command, Option } from "commander";
import { maxOwners } from "../../firmware/core/wire/limits";
import type { SagaAsked } from "../channels/deploying";
import { loadSaga } from "../saga/load";
import { buildSandbox } from "../saga/sandbox";
import { askToDefine } from "./defined";
import { collect, dryRun, type WorldOptions, wholeNumber, worldCommand } from "./options";
import { say } from "./output";

/** What is asked about a saga that the world is to run. */
export interface SagaOptions extends WorldOptions {
  readonly owner: readonly string[];
  readonly group: readonly string[];
  readonly cells: number;
  readonly dryRun?: boolean;
}

export function sagaDeployCommand(): Command {
  return worldCommand(
    "deploy",
    "give a saga to the members of the world, while it runs: they begin once its source is there",
    [
      "vertebra saga deploy watch/watch.ts",
      "vertebra saga deploy watch/watch.ts --owner gateway --owner board-1",
      "vertebra saga deploy watch/watch.ts --cells 25",
    ],
  )
    .argument("<file>", "the file of the saga")
    .option("--owner <member>", "who is to run it, given once for each; otherwise all that can", collect, [])
    .option("--group <group>", "the group that entries of its pact are in, where several could be", collect, [])
    .addOption(cellsOption())
    .option(...dryRun)
    .addHelpText(
      "after",
      "\nA version after the first goes to those who run the one before. What was begun ends on the version that it began with.",
    )
    .action(async (file: string, options: SagaOptions) => {
      await askToDefine(options, "/deployed", await sagaAsked(file, options));
    });
}

/** Of a saga that is not deployed yet. */
function cellsOption(): Option {
  const what =
    "how many members may run it together: the others do so in cells of their own (more than 64 do in any case)";
  return new Option("--cells <count>", what)
    .argParser(wholeNumber(1, maxOwners))
    .default(0, "as few cells as there can be");
}

/** Bundles the saga, and has the engine say what is in it. Errors: those of `loadSaga`. */
export async function sagaAsked(file: string, { owner, group, cells, dryRun }: SagaOptions): Promise<SagaAsked> {
  const sandbox = await buildSandbox((text) => say(text));
  const { source, described } = await loadSaga(sandbox, file);
  return { file, source: source.text, described, owners: owner, groups: group, cells, dry: dryRun === true };
}
