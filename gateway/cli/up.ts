import type { Command } from "commander";
import { toHex } from "../../firmware/core/wire/bytes";
import { startControl } from "../channels/control";
import { type GatewayEvents, type SerialPlace, startGateway } from "../gateway";
import { nodeCrypto } from "../participant/crypto";
import type { World } from "../world/world";
import { collect, type WorldOptions, wholeNumber, worldCommand, worldOf } from "./options";
import { askedToEnd, paint, printJson, printNotice } from "./terminal";

interface UpOptions extends WorldOptions {
  readonly serial: readonly string[];
  readonly baud: number;
}

export function upCommand(): Command {
  return worldCommand("up", "run the world's gateway, until Ctrl-C", [
    "vertebra up",
    "vertebra up --serial /dev/ttyUSB0 --serial /dev/ttyACM0 --baud 115200",
    "vertebra up --json | jq .",
  ])
    .option("--serial <path>", "a serial port with a board on it; may be given several times", collect, [])
    .option("--baud <rate>", "the rate of those ports", wholeNumber(300, 4_000_000), 115_200)
    .addHelpText("after", "\nBoards of the world that run on this machine are found without --serial.")
    .action(up);
}

async function up(options: UpOptions): Promise<void> {
  const ended = askedToEnd();
  const world = worldOf(options);
  const json = options.json === true;
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // Looked at once the gateway runs; what fails before is what `startGateway` throws.
  failed.catch(() => {});
  const events = eventsFor(world, json, fail);
  const gateway = await startGateway({ world, crypto: nodeCrypto(), serial: portsOf(world, options), events });
  const control = await startControl(gateway);
  const { avatar, epoch } = gateway.status();
  if (json) printJson({ event: "up", world: world.tag, avatar, epoch });
  else process.stdout.write(`${paint("green", "up")}: gateway of world ${world.tag}; Ctrl-C ends it\n`);
  try {
    await Promise.race([ended, failed]);
  } finally {
    await control.close();
    await gateway.close();
  }
  if (json) printJson({ event: "ended" });
}

function portsOf(world: World, { serial, baud }: UpOptions): SerialPlace[] {
  const here = world.boards.map(({ terminal }) => ({ path: terminal, baudRate: baud, required: false }));
  return [...here, ...serial.map((path) => ({ path, baudRate: baud, required: true }))];
}

function eventsFor(world: World, json: boolean, fail: (error: unknown) => void): GatewayEvents {
  const { catalog } = world;
  return {
    link(path, avatar, error) {
      const peer = catalog.memberName(avatar);
      if (json)
        return printJson({ event: error ? "down" : "link", path, peer, avatar: toHex(avatar), why: error?.code });
      const state = error ? `${paint("red", "down")}: ${error.message}` : paint("green", "up");
      process.stdout.write(`${peer} on ${path} ${state}\n`);
    },
    final(block) {
      if (!json) return;
      const { position, firstEntry, issuer, entries } = block;
      const group = catalog.groupOf(block.group)?.name ?? toHex(block.group);
      const count = entries?.length ?? null;
      const id = toHex(block.block);
      printJson({ event: "final", group, position, firstEntry, count, block: id, issuer: catalog.memberName(issuer) });
    },
    say: (text) => void process.stderr.write(`${text}\n`),
    notice: (error) => printNotice(error, json),
    failed: fail,
  };
}
