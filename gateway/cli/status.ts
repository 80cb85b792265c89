import type { Command } from "commander";
import { controlClient } from "../channels/control-client";
import type { StatusJson } from "../channels/status";
import { type WorldOptions, worldCommand } from "./options";
import { paint, printJson, printTable } from "./terminal";

export function statusCommand(): Command {
  return worldCommand("status", "show how far the running gateway's groups are, and which links stand", [
    "vertebra status",
    "vertebra status --json",
  ]).action(async (options: WorldOptions) => {
    const status = await controlClient(options.dir).get<StatusJson>("/status");
    if (options.json) printJson(status);
    else show(status);
  });
}

function show(status: StatusJson): void {
  const { highestFinalizableGeneration: finalizable, highestCertifiedGeneration: certified, attempt } = status;
  process.stdout.write(`${paint("bold", "World")} ${status.world}, gateway ${status.avatar.slice(0, 16)}…\n`);
  process.stdout.write(`generation ${finalizable} finalizable, ${certified} certified, attempt ${attempt}\n\n`);
  printTable([
    ["GROUP", "FINAL ENTRIES", "BLOCKS", "PENDING", "BUFFERED", ""],
    ...status.groups.map((group) => [
      group.name,
      `${group.finalEntries}`,
      `${group.finalBlocks}`,
      `${group.pendingBlocks}`,
      `${group.buffered}`,
      group.observesUntil > 0 ? `observes until block ${group.observesUntil} is final` : "",
    ]),
  ]);
  process.stdout.write("\n");
  printTable([
    ["LINK", "STATE", "PEER", ""],
    ...status.links.map(({ path, state, peer, error }) => [path, state, peer ?? "", error?.message ?? ""]),
  ]);
}
