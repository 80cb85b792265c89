import { Command } from "commander";
import { VertebraError } from "../../firmware/core/errors";
import { nameOfLink } from "../avatars/address";
import { controlClient } from "../channels/control-client";
import { added, type LinkAsked, type LinkedJson, removed } from "../channels/linking";
import type { StatusJson } from "../channels/status";
import { paint } from "../system/text";
import { readLinks } from "../world/links";
import { type WorldOptions, worldCommand, worldOf } from "./options";
import { print, printJson, printTable } from "./output";

export function linkCommand(): Command {
  return new Command("link")
    .description("the links that the gateway opens whenever it starts: add, list and remove them")
    .addCommand(addCommand())
    .addCommand(listCommand())
    .addCommand(removeCommand());
}

const dryRun = ["--dry-run", "say what would be done, and do nothing"] as const;

function addCommand(): Command {
  return worldCommand("add", "add a link, which stays: opened at once where the gateway runs, else at its next start", [
    "vertebra link add tcp://192.168.1.5:7000",
    "vertebra link add listen://0.0.0.0:7000",
    "vertebra link add /dev/ttyUSB0",
    "vertebra link add 'serial:///dev/ttyUSB0?baud=9600' --dry-run",
  ])
    .argument("<address>", "tcp://HOST:PORT to dial, listen://[HOST:]PORT to be dialed, or a serial port")
    .option(...dryRun)
    .addHelpText(
      "after",
      "\nAn IPv6 address stands in brackets: tcp://[fd00::7]:7000. listen://7000 is reached from this machine alone; for others,\nname an address of this one, or 0.0.0.0 for all of them. Who holds the world's key alone can make a session.",
    )
    .action(async (address: string, options: WorldOptions & { dryRun?: boolean }) => {
      const { directory } = worldOf(options);
      const asked: LinkAsked = { address, dry: options.dryRun === true };
      const linked = await runningOr(directory, "/links/added", asked, () => added(directory, asked, false).linked);
      show(linked, "add", options);
    });
}

function removeCommand(): Command {
  return worldCommand("remove", "remove a link that was added, and end what came by it", [
    "vertebra link remove tcp://192.168.1.5:7000",
    "vertebra link remove /dev/ttyUSB0 --dry-run",
  ])
    .argument("<address>", "as `vertebra link list` calls it")
    .option(...dryRun)
    .action(async (address: string, options: WorldOptions & { dryRun?: boolean }) => {
      const { directory } = worldOf(options);
      const asked: LinkAsked = { address, dry: options.dryRun === true };
      show(
        await runningOr(directory, "/links/removed", asked, () => removed(directory, asked, false)),
        "remove",
        options,
      );
    });
}

/** Asks the gateway, which is the one to write while it runs. */
async function runningOr(
  directory: string,
  path: string,
  asked: LinkAsked,
  alone: () => LinkedJson,
): Promise<LinkedJson> {
  try {
    return await controlClient(directory).post<LinkedJson>(path, asked);
  } catch (error) {
    if (!isNotRunning(error)) throw error;
    return alone();
  }
}

function isNotRunning(error: unknown): boolean {
  return error instanceof VertebraError && error.code === "not-running";
}

function show({ dry, address, running }: LinkedJson, does: "add" | "remove", options: WorldOptions): void {
  if (options.json) return void printJson({ dry, address, running });
  const done = does === "add" ? "added" : "removed";
  const when = running ? "" : ", as of the gateway's next start";
  print(dry ? paint("yellow", `would ${does}`) : paint("green", done), " ", paint("bold", address), when);
}

function listCommand(): Command {
  return worldCommand("list", "list the links that were added, and how they stand where the gateway runs", [
    "vertebra link list",
    "vertebra link list --json",
  ]).action(async (options: WorldOptions) => {
    const { directory } = worldOf(options);
    const status = await statusOf(directory);
    const rows = readLinks(directory)
      .map(nameOfLink)
      .map((address) => ({ address, ...stateOf(address, status) }));
    if (options.json) return void printJson(rows);
    printTable([
      ["STATE", "PEER", "LINK"],
      ...rows.flatMap(({ address, state, peer, error }) => [
        [state ?? "", peer ?? "", address],
        ...(error ? [["", "", error.message]] : []),
      ]),
    ]);
  });
}

async function statusOf(directory: string): Promise<StatusJson | undefined> {
  try {
    return await controlClient(directory).get<StatusJson>("/status");
  } catch (error) {
    if (!isNotRunning(error)) throw error;
    return undefined;
  }
}

/** Without a gateway that runs there is none. */
function stateOf(address: string, status: StatusJson | undefined) {
  const link = status?.links.find((each) => each.address === address);
  const door = status?.doors.find((each) => each.address === address);
  return {
    state: link?.state ?? (door && (door.open ? "listens" : "closed")) ?? null,
    peer: link?.peer ?? null,
    error: link?.error ?? door?.error ?? null,
  };
}
