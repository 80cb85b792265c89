import type { Command } from "commander";
import { controlClient } from "../channels/control-client";
import type { DefinedJson } from "../channels/defining";
import type { SagaAsked } from "../channels/deploying";
import { loadSaga } from "../saga/load";
import { buildSandbox } from "../saga/sandbox";
import { showDefined } from "./defined";
import { collect, type WorldOptions, worldCommand } from "./options";
import { printJson, say } from "./output";

interface Options extends WorldOptions {
  readonly owner: readonly string[];
  readonly group: readonly string[];
  readonly dryRun?: boolean;
}

export function sagaDeployCommand(): Command {
  return worldCommand(
    "deploy",
    "give a saga to the members of the world, while it runs: they begin once its source is there",
    ["vertebra saga deploy watch/watch.ts", "vertebra saga deploy watch/watch.ts --owner gateway --owner board-1"],
  )
    .argument("<file>", "the file of the saga")
    .option("--owner <member>", "who is to run it, given once for each; otherwise all that can", collect, [])
    .option("--group <group>", "the group that entries of its pact are in, where several could be", collect, [])
    .option("--dry-run", "say what would be defined, and define nothing")
    .addHelpText(
      "after",
      "\nA version after the first goes to those who run the one before. What was begun ends on the version that it began with.",
    )
    .action(async (file: string, options: Options) => {
      const sandbox = await buildSandbox((text) => say(text));
      const { source, described } = await loadSaga(sandbox, file);
      const { owner: owners, group: groups } = options;
      const asked: SagaAsked = {
        ...{ file, source: source.text, described, owners, groups, dry: options.dryRun === true },
      };
      const defined = await controlClient(options.dir).post<DefinedJson>("/deployed", asked);
      if (options.json) printJson(defined);
      else showDefined(defined);
    });
}
