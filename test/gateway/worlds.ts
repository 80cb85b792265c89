import { mkdirSync, readFileSync } from "node:fs";
import { avatarSeed } from "../../firmware/core/identity/avatar";
import { decodeProvision } from "../../firmware/core/identity/provision";
import { encodeEntry, objectToValues } from "../../firmware/core/pact/entry";
import { pactId } from "../../firmware/core/pact/pact";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import { readLink } from "../../gateway/avatars/address";
import type { BoardEvents } from "../../gateway/fleet/board-process";
import { type GatewayEvents, startGateway } from "../../gateway/gateway";
import { nodeCrypto } from "../../gateway/participant/crypto";
import { type Disk, nodeDisk } from "../../gateway/participant/disk";
import { nodeRandom } from "../../gateway/participant/platform";
import { createCatalog, type KnownGroup } from "../../gateway/world/catalog";
import { firstPacts } from "../../gateway/world/pacts";
import { boardOf, createWorld, plainWorld, type World } from "../../gateway/world/world";

export const crypto = nodeCrypto();

/** A world of one: the gateway alone owns its group of pact `machine`, so that what it seals is final at once. */
export function worldOfOne(directory: string): World {
  const world = createWorld(crypto, nodeRandom(), directory, plainWorld(0));
  const { machine } = firstPacts(crypto);
  const avatar = crypto.signer(avatarSeed(crypto, world.seed, world.provision.worldId)).publicKey;
  const group = encodeSyncGroup({ pact: pactId(crypto, machine), owners: [avatar] });
  const catalog = createCatalog(
    crypto,
    world.provision.pacts,
    [{ name: "machine", bytes: group }],
    [{ name: "gateway", avatar }],
  );
  return { ...world, catalog, provision: { ...world.provision, groups: [group] } };
}

/** The board's side of a world as if the board were a gateway: the same core on Node, with a store of its own. */
export function worldOfBoard(world: World, name: string, directory: string): World {
  const { seed, worlds } = decodeProvision(new Uint8Array(readFileSync(boardOf(world, name).provisionFile)));
  mkdirSync(directory);
  return { ...world, directory, seed, provision: worlds[0]! };
}

/** A gateway whose notices and links are kept for the test to look at. */
export async function gatewayOf(world: World, paths: readonly string[] = [], named = false, disk: Disk = nodeDisk) {
  const told: string[] = [];
  const notices: string[] = [];
  const events: GatewayEvents = {
    final: () => {},
    defined: () => {},
    say: () => {},
    link: (_path, avatar, error) => told.push(`${world.catalog.memberName(avatar)} ${error ? error.code : "up"}`),
    notice: (error) => notices.push(error.code),
    failed: (error) => told.push(`failed ${error}`),
  };
  const links = paths.map((path) => ({ address: readLink(path), named }));
  return Object.assign(await startGateway({ world, crypto, disk, links, events }), { told, notices });
}

export type TestGateway = Awaited<ReturnType<typeof gatewayOf>>;

/** Gateways that a test starts, and stops where it goes on without them; those that are left end with it. */
export function startedGateways() {
  const open: TestGateway[] = [];
  return {
    async start(world: World): Promise<TestGateway> {
      const gateway = await gatewayOf(world);
      open.push(gateway);
      return gateway;
    },
    async stop(gateway: TestGateway): Promise<void> {
      open.splice(open.indexOf(gateway), 1);
      await gateway.close();
    },
    async stopAll(): Promise<void> {
      for (const each of open.splice(0)) await each.close();
    },
  };
}

/** `accepted`, or the code of what refused it. */
export function refused(act: Promise<unknown>): Promise<string> {
  return act.then(
    () => "accepted",
    ({ code }) => code,
  );
}

/** What a board is to tell a test: the lines that it prints; what it complains of is for whoever runs the test. */
export function boardEvents(printed: (line: string) => void): BoardEvents {
  return { printed, complained: console.error, notice: console.error };
}

export const reading = (load: number) => ({ load, memory: 512, temperature: null, uptime: 60 });

/** The same, encoded, for a group whose pact has the fields of `machine`. */
export function encodedReading({ pact: { fields, pact } }: KnownGroup, load: number): Uint8Array {
  return encodeEntry(fields, objectToValues(fields, reading(load)), pact.policy);
}

/** All that a pull gives without waiting for more. */
export async function pulled(gateway: Awaited<ReturnType<typeof gatewayOf>>, group: string, from = 0, pending = false) {
  const entries = [];
  const options = { pending, follow: false, signal: new AbortController().signal };
  for await (const entry of gateway.channel.pull(gateway.world.catalog.group(group), from, options))
    entries.push(entry);
  return entries;
}
