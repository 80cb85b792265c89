import type { Command } from "commander";
import { controlClient } from "../channels/control-client";
import type { WaitingJson } from "../channels/waiting";
import { shownId, type WorldOptions, worldCommand } from "./options";
import { print, printJson, printTable } from "./output";

export function whyCommand(): Command {
  return worldCommand("why", "say what an entry waits for, and whose certificate is missing", [
    "vertebra why machine-shared/17",
    "vertebra why 9f86d081884c7d65",
  ])
    .argument("<entry>", "GROUP/SEQUENCE, or the id of a block, as `push` prints it, or its first digits", shownId)
    .action(async (of: string, options: WorldOptions) => {
      const waiting = await controlClient(options.dir).get<WaitingJson>("/why", { of });
      if (options.json) printJson(waiting);
      else showWaiting(waiting);
    });
}

export function showWaiting({ sentence, metablocks }: WaitingJson): void {
  print(sentence);
  if (metablocks.length === 0) return;
  const rows = metablocks.flatMap(({ view, issuer, missingToCertify, children }) => [
    [view, issuer, missingToCertify.length > 0 ? `not certified by ${missingToCertify.join(", ")}` : "certified"],
    ...children.map((child) => [
      `  child ${child.view}`,
      "",
      child.missingToClose.length > 0 ? `not closed by ${child.missingToClose.join(", ")}` : "closed",
    ]),
  ]);
  print();
  printTable([["METABLOCK", "ISSUER", "STATE"], ...rows]);
}
