import type { Command } from "commander";
import { controlClient } from "../channels/control-client";
import type { StatusJson } from "../channels/status";
import { paint } from "../system/text";
import { type WorldOptions, worldCommand } from "./options";
import { print, printJson, printTable } from "./output";

export function statusCommand(): Command {
  return worldCommand("status", "show how far the running gateway's groups are, and which links stand", [
    "vertebra status",
    "vertebra status --json",
  ]).action(async (options: WorldOptions) => {
    const status = await controlClient(options.dir).get<StatusJson>("/status");
    if (options.json) printJson(status);
    else showStatus(status);
  });
}

export function showStatus(status: StatusJson): void {
  const { highestFinalizableGeneration: finalizable, highestCertifiedGeneration: certified, attempt } = status;
  print(paint("bold", "World"), ` ${status.world}, gateway ${status.avatar.slice(0, 16)}…`);
  print(`generation ${finalizable} finalizable, ${certified} certified, attempt ${attempt}`);
  const { epoch, expelled } = status.membership;
  if (epoch > 0) print(`epoch ${epoch} of the membership, expelled: ${expelled.join(", ")}`);
  print();
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
  print();
  printTable([
    ["LINK", "STATE", "PEER", ""],
    ...status.links.map(({ path, state, peer, error }) => [path, state, peer ?? "", error?.message ?? ""]),
  ]);
}
