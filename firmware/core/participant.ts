import type { Time } from "../ports";
import { ample, type Bounds, checkBounds } from "./bounds";
import { forgetReport } from "./chain/attempt";
import { type Waiting, type WhyTarget, type WorldStatus, why, worldStatus } from "./chain/explain";
import { recordChanges, recordGivenUp } from "./chain/records";
import { pushEntry, withdrawEntry } from "./chain/seal";
import { createRoom, nextToGiveUp, noteWritten, type Room } from "./chain/store-room";
import { pushOn } from "./chain/succession";
import { type ChainCrypto, type Changes, noChanges, type World } from "./chain/world";
import { withSoundWall } from "./clock";
import { askForContents, tellSagas } from "./definitions/content";
import { takeDefinitions } from "./definitions/defined";
import { knows } from "./definitions/epochs";
import { letGo } from "./definitions/sagas";
import { boot, createWorld, drive, wakeAt } from "./drive";
import { assert, VertebraError } from "./errors";
import type { Action, Event, PeerId } from "./events";
import {
  answerRead,
  createReads,
  pullWhereBehind,
  readContents,
  readFor,
  readRecentFinals,
  serveOn,
} from "./gossip/catchup";
import { greet, repeat, sendChangedFrontiers, tellWhoWasBehind } from "./gossip/frontier";
import { askForMissing, noteWhoSpoke } from "./gossip/missing";
import { charge, createPeer, invalidAllowed, type Peer, withinBudget } from "./gossip/peer";
import { answerWants, receive } from "./gossip/receive";
import { askForLost, noteLost } from "./gossip/recovery";
import { noteLines, takeRoom } from "./gossip/room";
import { type Outgoing, sendCertificates, spread } from "./gossip/tell";
import { NotingCrypto, unitsOf, type Work } from "./gossip/work";
import { isExpelled, type Membership } from "./identity/membership";
import type { WorldProvision } from "./identity/provision";
import { toHex } from "./wire/bytes";
import { decodeMessage } from "./wire/messages";
import type { AvatarId } from "./wire/types";

export interface ParticipantOptions {
  readonly crypto: ChainCrypto;
  /** 32 bytes: the participant's identity in all worlds. */
  readonly seed: Uint8Array;
  readonly worlds: readonly WorldProvision[];
  /** Those of its platform; `ample` where nothing is said. */
  readonly bounds?: Bounds;
  /** Bytes of memory that are left for groups which are defined while it runs; no bound where nothing is said. */
  readonly spareBytes?: number;
  /** What it may take of a store that has a bound: bytes of all its records, and the sizes of those that are read alone, in the order of their keys. */
  readonly room?: { readonly bytes: number; readonly alone: Iterable<readonly [key: string, bytes: number]> };
  /** All records of the store but those that are read alone (`block/records`). */
  readonly records: Iterable<readonly [string, Uint8Array]>;
}

/** The one door: events and time in, ordered actions out (`events`). The same events give the same actions, byte for byte. */
export interface Participant {
  handle(event: Event, now: Time): Action[];
  avatars(): readonly { readonly world: string; readonly avatar: AvatarId }[];
  /** Throws `world-unknown` where the participant has no avatar in it. */
  status(world: string): WorldStatus;
  /** Who is in the world no more, and by which keys the others are met: what changes there is told with `expelled`. */
  membership(world: string): Membership;
  /** Whether it knows an avatar by name. */
  knows(world: string, avatar: AvatarId): boolean;
  /** What an entry or a block that is not final waits for. */
  why(world: string, target: WhyTarget): Waiting;
}

/** A class, whose methods take no RAM of a board. */
class Door implements Participant {
  readonly peers = new Map<PeerId, Peer>();
  readonly reads = createReads();

  constructor(
    readonly worlds: ReadonlyMap<string, World>,
    readonly room: Room,
    readonly work: Work,
  ) {}

  handle(event: Event, now: Time): Action[] {
    return handle(this, event, now);
  }

  avatars(): readonly { readonly world: string; readonly avatar: AvatarId }[] {
    return [...this.worlds.values()].map(({ tag, avatar }) => ({ world: tag, avatar }));
  }

  status(tag: string): WorldStatus {
    const world = worldOf(this, tag);
    return worldStatus(
      world,
      peersOf(this, world).map(({ avatarKey }) => avatarKey),
    );
  }

  membership(tag: string): Membership {
    return worldOf(this, tag).membership;
  }

  knows(tag: string, avatar: AvatarId): boolean {
    return knows(worldOf(this, tag), avatar);
  }

  why(tag: string, target: WhyTarget): Waiting {
    return why(worldOf(this, tag), target);
  }
}

function worldOf({ worlds }: Door, tag: string): World {
  return worlds.get(tag) ?? unknownWorld(tag);
}

/** Throws `record-…`, `pact-…` or `structure-…` where the provision or the store can't be read. */
export function createParticipant(options: ParticipantOptions): Participant {
  const { bounds = ample, spareBytes = Number.POSITIVE_INFINITY } = options;
  checkBounds(bounds);
  const records = [...options.records];
  const room = createRoom(options.room?.bytes ?? null, records, options.room?.alone ?? []);
  const work = { done: 0 };
  const crypto = new NotingCrypto(options.crypto, work);
  const worlds = options.worlds.map((provision) =>
    createWorld({ ...options, bounds, spareBytes, crypto }, room, provision, records),
  );
  return new Door(new Map(worlds.map((world) => [world.tag, world])), room, work);
}

function unknownWorld(tag: string): never {
  throw new VertebraError(
    "world-unknown",
    `This participant has no avatar in world ${tag}.`,
    "Provision it with the world first.",
  );
}

function peersOf(door: Door, world: World): Peer[] {
  const peers: Peer[] = [];
  for (const peer of door.peers.values()) if (peer.world === world) peers.push(peer);
  return peers;
}

function handle(door: Door, event: Event, now: Time): Action[] {
  const outgoing: Outgoing[] = [];
  const actions: Action[] = [];
  const causedBy = whoCauses(door, event);
  const before = door.work.done;
  for (const world of door.worlds.values()) {
    world.now = withSoundWall(now);
    world.unsettled = event.kind !== "message" && event.kind !== "room";
  }
  take(door, event, outgoing, actions);
  let wake = Number.POSITIVE_INFINITY;
  for (const world of door.worlds.values()) {
    const peers = peersOf(door, world);
    noteLines(world, peers);
    const attemptFailed = isUnsettled(world) && drive(world, event.kind === "flush").attemptFailed;
    if (event.kind === "message") noteWhoSpoke(world, event.peer);
    if (world.toDefine.length > 0) {
      takeDefinitions(world, peers, outgoing);
      // What was sealed in a group that was retired goes into its successor in the same write.
      drive(world, false);
      leaveExpelled(door, peers);
    }
    if (world.contents.unread.length > 0) readContents(door.reads, world, actions);
    if (attemptFailed) for (const peer of peers) repeat(peer, outgoing);
    spread(world, peers, outgoing);
    tellWhoWasBehind(peers, outgoing);
    askForMissing(world, peers, outgoing);
    sendChangedFrontiers(peers, outgoing);
    pullWhereBehind(peers, outgoing);
    askForLost(world, peers, outgoing);
    askForContents(world, peers, outgoing);
    if (world.contents.changed && !world.contents.unread.length) tellSagas(world);
    sendCertificates(peers, outgoing);
    noteLines(world, peers);
    world.wakesAt = wakeAt(world, peers);
    wake = Math.min(wake, world.wakesAt);
  }
  if (causedBy !== undefined) {
    charge(causedBy, door.work.done - before + unitsOf(bytesOf(event) + bytesFor(causedBy, outgoing)));
  }
  return inOrder(door, outgoing, actions, wake);
}

/** Who was expelled is no peer any more: nothing is said to it, nor heard of it, until its link has ended. */
function leaveExpelled(door: Door, peers: Peer[]): void {
  for (let at = peers.length - 1; at >= 0; at--) {
    const { id, avatar, world } = peers[at]!;
    if (!isExpelled(world.membership, avatar)) continue;
    peers.splice(at, 1);
    forgetPeer(door, id);
  }
}

/** Whose word the event is, or the answer to it: the work that follows is taken from its budget. */
function whoCauses(door: Door, event: Event): Peer | undefined {
  if (event.kind === "message") return door.peers.get(event.peer);
  return event.kind === "record" ? readFor(door.reads, event.request) : undefined;
}

function bytesOf(event: Event): number {
  return event.kind === "message" ? event.bytes.length : 0;
}

function bytesFor(peer: Peer, outgoing: readonly Outgoing[]): number {
  let bytes = 0;
  for (let at = 0; at < outgoing.length; at++) {
    const each = outgoing[at]!;
    if (each.peer === peer.id) bytes += each.bytes.length;
  }
  return bytes;
}

/** Most messages in a mesh were heard before from another: where nothing is new and nothing due, nothing follows. */
function isUnsettled({ unsettled, news, changed, wakesAt, now }: World): boolean {
  return unsettled || news.length > 0 || isMarked(changed) || now.monotonic >= wakesAt;
}

function isMarked({ state, tip, footing, groups, slots, puts, deletes }: Changes): boolean {
  return state || tip || footing || groups.size + slots.size + puts.size + deletes.size > 0;
}

/** The contract of `events`: what must be durable, then what may be sent, then what is delivered, then when to wake. */
function inOrder(door: Door, outgoing: Outgoing[], actions: Action[], wake: number): Action[] {
  let writes: Pick<Changes, "puts" | "deletes"> | null = null;
  const delivered: Action[] = [];
  for (const world of door.worlds.values()) {
    if (isMarked(world.changed)) {
      recordChanges(world);
      if (writes === null) writes = world.changed;
      else addWrites(writes, world.changed);
      world.changed = noChanges();
    }
    if (world.delivered.length > 0) delivered.push(...world.delivered.splice(0));
  }
  const puts = writes?.puts ?? new Map<string, Uint8Array>();
  const deletes = writes?.deletes ?? new Set<string>();
  giveUp(door, puts, deletes);
  const ordered: Action[] = puts.size + deletes.size > 0 ? [{ kind: "write", puts, deletes }] : [];
  if (outgoing.length > 1) outgoing.sort((a, b) => a.order - b.order);
  for (const { peer, bytes } of outgoing) ordered.push({ kind: "send", peer, bytes });
  ordered.push(...actions, ...delivered);
  if (wake !== Number.POSITIVE_INFINITY) ordered.push({ kind: "wake", at: wake });
  return ordered;
}

function addWrites({ puts, deletes }: Pick<Changes, "puts" | "deletes">, more: Changes): void {
  for (const [key, value] of more.puts) puts.set(key, value);
  for (const key of more.deletes) deletes.add(key);
}

/** What is final gives way to what is not, in the same write. */
function giveUp({ room, worlds }: Door, puts: Map<string, Uint8Array>, deletes: Set<string>): void {
  noteWritten(room, puts, deletes);
  for (let key = nextToGiveUp(room); key !== undefined; key = nextToGiveUp(room)) {
    if (!puts.delete(key)) deletes.add(key);
    const [, tag, group] = key.split("/");
    const record = recordGivenUp(worlds.get(tag!), group!, puts);
    if (record === undefined) continue;
    puts.set(...record);
    noteWritten(room, new Map([record]), new Set());
  }
}

function take(door: Door, event: Event, outgoing: Outgoing[], actions: Action[]): void {
  switch (event.kind) {
    case "boot":
      for (const world of door.worlds.values()) {
        boot(world);
        readRecentFinals(door.reads, world, actions);
      }
      break;
    case "connected": {
      const world = worldOf(door, event.world);
      assert(!door.peers.has(event.peer), "a peer's number is used once");
      const { membership } = world;
      // It was expelled while its session came to stand: the link is told.
      if (isExpelled(membership, event.avatar)) break;
      const peer = createPeer(event.peer, world, event.avatar, event.epoch ?? membership.epoch);
      door.peers.set(event.peer, peer);
      world.linesChanged = true;
      if (event.room !== undefined) takeRoom(peer, event.room);
      greet(peer, outgoing);
      break;
    }
    case "disconnected":
      forgetPeer(door, event.peer);
      break;
    case "room": {
      const peer = door.peers.get(event.peer);
      if (peer === undefined) break;
      takeRoom(peer, event.room);
      // What brings it to where the others are goes first: where a line is always short of room, the rest would take all of it.
      sendChangedFrontiers([peer], outgoing);
      serveOn(door.reads, peer, actions);
      answerWants({ peer, outgoing, actions, reads: door.reads });
      break;
    }
    case "message":
      takeMessage(door, event.peer, event.bytes, outgoing, actions);
      break;
    case "push": {
      const world = worldOf(door, event.world);
      const group = world.groups.get(toHex(event.group));
      if (group?.retired) pushOn(world, group, event, event.token);
      else if (group !== undefined) pushEntry(world, group, event, event.token);
      else actions.push({ kind: "refused", token: event.token, error: unknownGroup(event.group) });
      break;
    }
    case "withdraw": {
      const world = worldOf(door, event.world);
      const group = world.groups.get(toHex(event.group));
      if (group !== undefined) withdrawEntry(world, group, event.token);
      break;
    }
    case "record":
      answerRead(door.reads, event.request, event.value, outgoing, actions);
      break;
    case "lost":
      noteLost(worldOf(door, event.world), event.group, event.position);
      break;
    case "let-go":
      letGo(worldOf(door, event.world), event.stateGroup);
      break;
    case "flush":
    case "alarm":
      break;
  }
}

function forgetPeer(door: Door, id: PeerId): void {
  const peer = door.peers.get(id);
  if (peer === undefined) return;
  door.peers.delete(id);
  peer.world.linesChanged = true;
  forgetReport(peer.world, peer.avatarKey);
}

function unknownGroup(group: Uint8Array): VertebraError {
  return new VertebraError(
    "group-unknown",
    `No group ${toHex(group).slice(0, 16)} is known here.`,
    "Push to a group that this participant was provisioned with.",
  );
}

function takeMessage(door: Door, id: PeerId, bytes: Uint8Array, outgoing: Outgoing[], actions: Action[]): void {
  const peer = door.peers.get(id);
  if (peer === undefined || !withinBudget(peer, peer.world.now.monotonic)) return;
  try {
    const message = decodeMessage(bytes);
    peer.world.unsettled ||= message.type === "frontier" || message.type === "proof" || message.type === "hello";
    receive({ peer, outgoing, actions, reads: door.reads }, message);
  } catch (error) {
    if (!(error instanceof VertebraError) || error.code === "assertion") throw error;
    blame(door, peer, error, actions);
  }
}

/** "Invalid messages are counted against their sender, who is cut off" (PROTOCOL 7). */
function blame(door: Door, peer: Peer, error: VertebraError, actions: Action[]): void {
  peer.invalid++;
  actions.push({ kind: "notice", world: peer.world.tag, error });
  if (peer.invalid < invalidAllowed) return;
  forgetPeer(door, peer.id);
  const reason = new VertebraError(
    "peer-cut-off",
    `${peer.avatarKey.slice(0, 16)} sent ${peer.invalid} invalid messages, the last of them: ${error.message}`,
    "Look at this participant: it is broken, of another version, or it lies.",
  );
  actions.push({ kind: "cut", peer: peer.id, reason });
}
