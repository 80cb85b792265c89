import type { Command } from "commander";
import type { Waiting } from "../../firmware/core/chain/explain";
import { controlClient } from "../channels/control-client";
import { type WorldOptions, worldCommand } from "./options";
import { printJson, printTable } from "./terminal";

export function whyCommand(): Command {
  return worldCommand("why", "say what an entry waits for, and whose certificate is missing", [
    "vertebra why machine-shared/17",
    "vertebra why 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  ])
    .argument("<entry>", "GROUP/SEQUENCE, or the id of a block")
    .action(async (of: string, options: WorldOptions) => {
      const waiting = await controlClient(options.dir).get<Waiting>("/why", { of });
      if (options.json) return printJson(waiting);
      process.stdout.write(`${waiting.sentence}\n`);
      if (waiting.metablocks.length > 0) show(waiting);
    });
}

function show({ metablocks }: Waiting): void {
  const rows = metablocks.flatMap(({ view, issuer, missingToCertify, children }) => [
    [view, issuer, missingToCertify.length > 0 ? `not certified by ${missingToCertify.join(", ")}` : "certified"],
    ...children.map((child) => [
      `  child ${child.view}`,
      "",
      child.missingToClose.length > 0 ? `not closed by ${child.missingToClose.join(", ")}` : "closed",
    ]),
  ]);
  process.stdout.write("\n");
  printTable([["METABLOCK", "ISSUER", "STATE"], ...rows]);
}
