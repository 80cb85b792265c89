import type { Command } from "commander";
import { controlClient } from "../channels/control-client";
import type { StatusJson } from "../channels/status";
import { duration, padEnd, paint, type Text, widthOf } from "../system/text";
import { type WorldOptions, worldCommand } from "./options";
import { print, printJson, printTable } from "./output";
import { kilobytes } from "./store";

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
  showLinks(status);
}

/** Each in two lines of 80 columns: what it is, and how it goes. */
function showLinks({ directory, links, doors }: StatusJson): void {
  const peers = Math.max("PEER".length, ...links.map(({ peer }) => widthOf(peer ?? "")));
  const head = (state: Text, peer: string, link: string) =>
    print(padEnd(state, 7), " ", padEnd(peer, peers), "  ", link);
  head("STATE", "PEER", "LINK");
  // Those of boards on this machine are in its world's directory.
  const short = (text: string) => text.replaceAll(`${directory}/`, "");
  for (const link of links) {
    const { state, peer, kind, address, error } = link;
    const name = short(address);
    const colour = state === "up" ? "green" : "yellow";
    head(paint(colour, state), peer ?? "", kind === "accepted" ? `${name}, which dialed` : name);
    if (error) print("        ", short(error.message));
    else if (link.upMs !== null) print("        ", pulse(link));
  }
  for (const { address, port, open, error, strangers, turnedAway } of doors) {
    const given = address.endsWith(":0") ? `, port ${port}` : "";
    head(open ? paint("green", "listens") : paint("yellow", "closed"), "", `${address}${given}`);
    if (error) print("        ", error.message);
    if (strangers + turnedAway > 0)
      print(`        ${strangers} connected without a session, ${turnedAway} turned away`);
  }
}

function pulse(link: StatusJson["links"][number]): string {
  const carried = `${kilobytes(link.bytesIn)} in, ${kilobytes(link.bytesOut)} out, ${link.retransmissions} again`;
  const trip = link.roundTripMs === null ? "" : `, ${link.roundTripMs} ms`;
  const waits = link.queued === 0 ? "" : `, ${kilobytes(link.queued)} wait`;
  return `${duration(link.upMs ?? 0)}${link.resumed ? ", resumed" : ""}: ${carried}${trip}${waits}`;
}
