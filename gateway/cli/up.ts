import { existsSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import type { Definition } from "../../firmware/core/definitions/definition";
import type { VertebraError } from "../../firmware/core/errors";
import { decodePact } from "../../firmware/core/pact/pact";
import { toHex } from "../../firmware/core/wire/bytes";
import { type LinkAddress, readPlace } from "../avatars/address";
import { startControl } from "../channels/control";
import { checkSocketPath } from "../channels/socket";
import { type Gateway, type GatewayEvents, type LinkPlace, startGateway } from "../gateway";
import { nodeCrypto } from "../participant/crypto";
import { nodeDisk } from "../participant/disk";
import { paint, type Text } from "../system/text";
import { readLinks } from "../world/links";
import type { World } from "../world/world";
import { askedToEnd } from "./ending";
import { collect, type WorldOptions, wholeNumber, worldCommand, worldOf } from "./options";
import { createLog, goOnUnread, printNotice, say } from "./output";

interface UpOptions extends WorldOptions {
  readonly serial: readonly string[];
  readonly baud: number;
  readonly listen?: LinkAddress;
  readonly connect: readonly LinkAddress[];
}

export function upCommand(): Command {
  return worldCommand("up", "run the world's gateway, until Ctrl-C", [
    "vertebra up",
    "vertebra up --serial /dev/ttyUSB0 --serial /dev/ttyACM0 --baud 115200",
    "vertebra up --listen 192.168.1.5:7000",
    "vertebra up --connect 192.168.1.5:7000 --connect '[fd00::7]:7000'",
    "vertebra up --json | jq .",
    "nohup vertebra up --json > vertebra.log &",
  ])
    .option("--serial <path>", "a serial port with a board on it; may be given several times", collect, [])
    .option("--baud <rate>", "the rate of those ports", wholeNumber(300, 4_000_000), 115_200)
    .option("--listen <[host:]port>", "let other gateways of the world dial this one; host: 127.0.0.1", place("listen"))
    .option("--connect <host:port>", "dial another gateway; may be given several times", placesToDial, [])
    .addHelpText(
      "after",
      "\nBoards of the world that run on this machine are found without --serial. A port that is not there yet is told, and\nopened when it comes. Links that are to stay: `vertebra link add`. To be dialed from other machines, name an address of\nthis one, or 0.0.0.0 for all of them. Who stops reading the output stops nothing: lines are left out then, and counted.",
    )
    .action(up);
}

async function up(options: UpOptions): Promise<void> {
  goOnUnread();
  const world = worldOf(options);
  checkSocketPath(world.directory);
  const json = options.json === true;
  const asked = askedToEnd(json);
  const log = createLog(json);
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // Looked at once the gateway runs; what fails before is what `startGateway` throws.
  failed.catch(() => {});
  const events = eventsFor(world, json, log, fail);
  const machine = { crypto: nodeCrypto(), disk: nodeDisk };
  const gateway = await startGateway({ world, ...machine, links: namedLinks(world, options), events });
  // Once it runs: which boards there are it knows from what is final.
  for (const { terminal, provisionFile } of world.boards) {
    // One that another gateway added runs at its place.
    if (!existsSync(provisionFile)) continue;
    gateway.links.open({ kind: "serial", path: terminal, baudRate: options.baud }, false);
  }
  try {
    const control = await startControl(gateway, events.notice);
    try {
      log(json ? upJson(gateway) : [paint("green", "up"), `: gateway of world ${world.tag}; Ctrl-C ends it`]);
      await Promise.race([asked, failed]);
    } finally {
      await control.close();
    }
  } finally {
    await gateway.close();
  }
  if (json) log({ event: "ended" });
}

function upJson(gateway: Gateway) {
  const { avatar, epoch } = gateway.status();
  return { event: "up", world: gateway.world.tag, avatar, epoch };
}

/** Those of the command line, and those that were added to stay. */
function namedLinks({ directory }: World, { serial, baud, listen, connect }: UpOptions): LinkPlace[] {
  const ports = serial.map((path): LinkAddress => ({ kind: "serial", path, baudRate: baud }));
  const addresses = [...ports, ...(listen ? [listen] : []), ...connect, ...readLinks(directory)];
  return addresses.map((address) => ({ address, named: true }));
}

/** For commander, which tells what is wrong with its option. */
function place(kind: "listen" | "tcp"): (text: string) => LinkAddress {
  return (text) => {
    try {
      return readPlace(kind, text);
    } catch (error) {
      throw new InvalidArgumentError((error as VertebraError).message);
    }
  };
}

function placesToDial(text: string, before: readonly LinkAddress[]): readonly LinkAddress[] {
  return [...before, place("tcp")(text)];
}

function eventsFor(
  { catalog }: World,
  json: boolean,
  log: (line: Text | object) => void,
  fail: (error: unknown) => void,
): GatewayEvents {
  return {
    link(address, avatar, error) {
      const peer = catalog.memberName(avatar);
      if (json) log({ event: error ? "down" : "link", address, peer, avatar: toHex(avatar), why: error?.code });
      else log([`${peer} on ${address} `, error ? [paint("red", "down"), `: ${error.message}`] : paint("green", "up")]);
    },
    final(block) {
      if (!json) return;
      const { position, firstEntry, issuer, entries } = block;
      const group = catalog.groupOf(block.group)?.name ?? toHex(block.group);
      const count = entries?.length ?? null;
      const id = toHex(block.block);
      log({ event: "final", group, position, firstEntry, count, block: id, issuer: catalog.memberName(issuer) });
    },
    defined(definition) {
      const { kind } = definition;
      const name = nameOf(catalog, definition);
      log(json ? { event: "defined", kind, name } : [`${kind} `, paint("bold", name), " is defined"]);
    },
    say: (text) => say(text),
    notice: (error) => printNotice(error, json),
    failed: fail,
  };
}

function nameOf(catalog: World["catalog"], definition: Definition): string {
  switch (definition.kind) {
    case "pact":
      return decodePact(definition.pact).name;
    case "retire":
      return `of ${catalog.groupOf(definition.group)?.name}`;
    case "expel":
      return `of ${catalog.memberName(definition.avatar)}`;
    case "epoch":
      return `for ${definition.sealed.length} members`;
    case "step":
      return `of rollout ${definition.rollout} to ${definition.open}`;
    case "pause":
      return `of rollout ${definition.rollout} ${definition.paused ? "begins" : "ends"}`;
    case "stop":
      return `of rollout ${definition.rollout}`;
    case "undeploy":
      return catalog.sagaOf(definition.stateGroup);
    default:
      return definition.name;
  }
}
