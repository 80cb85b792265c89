import { join } from "node:path";
import { contentKey } from "../firmware/core/block/records";
import { ample } from "../firmware/core/bounds";
import type { WorldStatus } from "../firmware/core/chain/explain";
import { wallError } from "../firmware/core/clock";
import type { Definition } from "../firmware/core/definitions/definition";
import type { Event, FinalBlock } from "../firmware/core/events";
import { avatarSeed, noiseStatic } from "../firmware/core/identity/avatar";
import { Credentials } from "../firmware/core/identity/credentials";
import { syncGroupId } from "../firmware/core/pact/pact";
import { createParticipant, type Participant } from "../firmware/core/participant";
import { equal, fromHex, toHex } from "../firmware/core/wire/bytes";
import { decodeSyncGroup } from "../firmware/core/wire/structures";
import type { AvatarId } from "../firmware/core/wire/types";
import type { Crypto } from "../firmware/ports";
import type { LinkAddress } from "./avatars/address";
import { createLinks, type Links, type LinksStatus } from "./avatars/links";
import { type Channel, createChannel, gatewayEnds } from "./channels/channel";
import { createFollowing } from "./channels/definitions";
import { blocksOf } from "./channels/history";
import { carryOn } from "./channels/rollouts";
import type { Disk } from "./participant/disk";
import { type Driver, type Outcome, startDriver } from "./participant/driver";
import { createMending, type Mending } from "./participant/mending";
import { createPeers, type LinkEvents, type Peers } from "./participant/peers";
import { nodeClock, nodeRandom } from "./participant/platform";
import { createPledges } from "./participant/pledges";
import { type BlockReader, openStore, type Store } from "./participant/store";
import type { GatewayConducting } from "./saga/conducting";
import { createConductings } from "./saga/conductings";
import { buildSandbox } from "./saga/sandbox";
import type { World } from "./world/world";

/** One participant on Node: its store, its links, its channels. */
export interface Gateway {
  readonly world: World;
  readonly crypto: Crypto;
  readonly participant: Pick<Participant, "status" | "why" | "membership">;
  readonly store: BlockReader & Pick<Store, "read">;
  readonly channel: Channel;
  /** Those that the world was made with, where it was made with some, and each that was deployed since. */
  readonly sagas: readonly GatewayConducting[];
  /**
   * Keeps pieces of content, by the hex of their hashes, for whoever needs them when they are named by a definition. Until it is told that
   * one does (`named`), they stay though another saga that had them, too, is let go of.
   */
  keepContent(pieces: ReadonlyMap<string, Uint8Array>): Promise<{ named(): void }>;
  status(): GatewayStatus;
  readonly links: Pick<Links, "open" | "shut" | "cable" | "provision">;
  close(): Promise<void>;
}

export interface GatewayStatus extends WorldStatus, LinksStatus {
  /** Which library does the cryptography. */
  readonly engine: string;
}

/** What whoever runs the gateway is told. */
export interface GatewayEvents extends LinkEvents {
  final(block: FinalBlock): void;
  /** The world has this from now on. */
  defined(definition: Definition): void;
  /** There is something to wait for, as the engine that behaviors run on is built. */
  say(text: string): void;
  /** The store or the participant failed: nothing was sent after that, and the process should end. */
  failed(error: unknown): void;
}

export interface LinkPlace {
  readonly address: LinkAddress;
  /** A person named it, and is told when it can't be opened; it is tried again until it can. */
  readonly named: boolean;
}

export interface GatewayOptions {
  readonly world: World;
  readonly crypto: Crypto;
  readonly disk: Disk;
  /** Those that it starts with; more can be opened while it runs. */
  readonly links: readonly LinkPlace[];
  readonly events: GatewayEvents;
}

/** Errors: those of `openStore`, of a record that can't be read, and of sagas that can't be run. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { world, crypto } = options;
  const secret = avatarSeed(crypto, world.seed, world.provision.worldId);
  const avatar = crypto.signer(secret).publicKey;
  const groupOf = (bytes: Uint8Array) => ({
    id: toHex(syncGroupId(crypto, bytes)),
    soleOwner: decodeSyncGroup(bytes).owners.length === 1,
  });
  const store = await openStore({
    ...{ disk: options.disk, directory: join(world.directory, "store"), crypto, notice: options.events.notice },
    owner: crypto.signer(world.seed).publicKey,
    world: {
      tag: world.tag,
      avatar,
      staticSecret: noiseStatic(crypto, secret),
      groups: groupsOf(world.provision).map(groupOf),
      definitions: definitionsKey(crypto, world.provision),
    },
  });
  try {
    const worlds = [world.provision];
    const records = store.records();
    const participant = createParticipant({ crypto, seed: world.seed, worlds, bounds: ample, records });
    return await startParts(options, store, participant);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The hex of the SyncGroupId of its definitions; null in a world that stays as it was made. */
function definitionsKey(crypto: Crypto, { definitions }: World["provision"]): string | null {
  return definitions === undefined ? null : toHex(syncGroupId(crypto, definitions));
}

/** All that it begins with: what was defined since, it finds in its own records. */
function groupsOf({ groups, definitions }: World["provision"]): readonly Uint8Array[] {
  return definitions === undefined ? groups : [...groups, definitions];
}

async function startParts(options: GatewayOptions, store: Store, participant: Participant): Promise<Gateway> {
  const { world, crypto, events } = options;
  const clock = nodeClock();
  const unset = wallError(Date.now());
  if (unset !== undefined) events.notice(unset);
  const { avatar } = participant.avatars()[0]!;
  const mending = mendingOf(options, store, avatar, (event) => driver.handle(event));
  const { reader } = mending;
  const conductings = createConductings({
    ...{ world, crypto, clock, avatar, notice: events.notice, failed: events.failed },
    handle: (event) => driver.handle(event),
    store: { read: reader.read, write: store.write },
    blocksOf: (group, from) => blocksOf({ ...store, ...reader }, world.tag, group, from),
    buildSandbox: () => buildSandbox(events.say, events.notice),
  });
  await conductings.open();
  const channel = createChannel({
    crypto,
    clock,
    store: reader,
    catalog: world.catalog,
    tag: world.tag,
    avatar,
    handle: (event) => driver.handle(event),
    heldBack: (group) => store.trouble() ?? conductings.heldBack(group),
  });
  const definitions = createFollowing(crypto, world, events);
  const pledges = createPledges();
  const peers = createPeers(world.tag, clock, (event) => driver.handle(event), events);
  const identity = identityOf(options, participant);
  const links = createLinks({ crypto, clock, random: nodeRandom(), identity }, peers.eventsOf, events.notice);
  const driver: Driver = startDriver({
    participant,
    clock,
    store: {
      read: reader.read,
      async write(puts, deletes) {
        await store.write(puts, pledges.deletable(deletes));
        channel.changed();
      },
    },
    perform(outcome) {
      if (outcome.kind === "final") definitions.take(outcome.block);
      perform(outcome, peers, channel, events);
      if (outcome.kind === "expelled") links.renew();
      if (outcome.kind === "recovered") mending.take(outcome.block).then(channel.changed, events.failed);
      conductings.take(outcome);
    },
    failed(error) {
      conductings.stop();
      channel.end(error);
      events.failed(error);
    },
  });
  try {
    await definitions.begin(reader);
    await driver.handle({ kind: "boot" });
    await mending.begin(
      world.tag,
      participant.status(world.tag).groups.map(({ group }) => group),
    );
    conductings.boot();
  } catch (error) {
    conductings.stop();
    await driver.stop();
    throw error;
  }
  for (const { address, named } of options.links) links.open(address, named);
  const ending = new AbortController();
  const close = async () => {
    ending.abort();
    conductings.stop();
    store.giveUp();
    await links.close();
    await driver.stop();
    channel.end(gatewayEnds());
    await store.close();
  };
  const status = () => ({
    ...participant.status(world.tag),
    ...links.status(),
    engine: crypto.engine,
  });
  const keepContent = async (pieces: ReadonlyMap<string, Uint8Array>) => {
    const kept = new Map([...pieces].map(([hash, bytes]) => [contentKey(world.tag, hash), bytes]));
    const named = pledges.keep(kept.keys());
    await store.write(kept, new Set());
    return { named };
  };
  const parts = { world, crypto, participant, store: reader, channel };
  const gateway: Gateway = {
    ...{ ...parts, links, keepContent, status, close },
    get sagas() {
      return conductings.running;
    },
  };
  carryOn(gateway, ending.signal).catch((error) => ending.signal.aborted || events.failed(error));
  return gateway;
}

function mendingOf(
  { world, crypto, events }: GatewayOptions,
  store: Store,
  avatar: AvatarId,
  handle: (event: Event) => Promise<void>,
): Mending {
  const known = (group: string) => world.catalog.groupOf(fromHex(group));
  return createMending({
    ...{ crypto, store, handle, notice: events.notice },
    isShared: (group) => known(group)?.owners.some((owner) => !equal(owner, avatar)) ?? false,
    nameOf: (group) => known(group)?.name ?? group.slice(0, 16),
  });
}

/** Does what the participant asked for, its writes being durable. */
function perform(outcome: Outcome, peers: Peers, channel: Channel, events: GatewayEvents): void {
  channel.tell(outcome);
  if (outcome.kind === "send") peers.send(outcome.peer, outcome.bytes);
  else if (outcome.kind === "cut") peers.cut(outcome.peer, outcome.reason);
  else if (outcome.kind === "notice") events.notice(outcome.error);
  else if (outcome.kind === "final") events.final(outcome.block);
}

/** Whom its links let in: members by the names that are defined, too. */
function identityOf({ world, crypto }: GatewayOptions, participant: Participant): Credentials {
  const { catalog, tag } = world;
  const identity = new Credentials(crypto, world.seed, world.provision.worldId);
  identity.members = {
    membership: participant.membership(tag),
    knows: (avatar) => participant.knows(tag, avatar) || catalog.members.some((each) => equal(each.avatar, avatar)),
    nameOf: catalog.memberName,
  };
  return identity;
}
