import { ample, type Bounds } from "../../firmware/core/bounds";
import type { Action, Event, PeerId } from "../../firmware/core/events";
import { avatarSeed } from "../../firmware/core/identity/avatar";
import { leastFor } from "../../firmware/core/memory";
import { encodeEntry } from "../../firmware/core/pact/entry";
import { encodePact, pactId, syncGroupId } from "../../firmware/core/pact/pact";
import { createParticipant, type Participant } from "../../firmware/core/participant";
import type { Order } from "../../firmware/core/saga/conductor";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import type { AvatarId, Hash, Pact } from "../../firmware/core/wire/types";
import { packingFor } from "../../firmware/device/keeping";
import type { Crypto, Time } from "../../firmware/ports";
import type { Packing } from "../../firmware/store/values";
import { type OpenDoor, openDoor } from "../core/door";
import { worldId } from "../core/network";
import { answer, awake, type Compute, counted, createCompute, occupy, stopWork, type Work, workSince } from "./compute";
import { pactOf } from "./pacts";
import type { GroupPlan, Plan, Step } from "./plan";
import { type Draw, seeded } from "./random";
import type { Sagas } from "./sagas";
import { createSchedule, type Schedule } from "./schedule";
import { flashStore, recordStore, type Store, type StoreCopy } from "./stores";

/** The members of a plan's world, each a real participant with a store and a clock of its own, and what watches them. */

export interface Member {
  readonly name: string;
  readonly seed: Uint8Array;
  readonly avatar: AvatarId;
  /** The avatar in hex. */
  readonly key: string;
  readonly store: Store;
  /** Its store as it was, where it is to be restored from a copy. */
  copied: StoreCopy | undefined;
  /** Undefined while it has no power; what it has in RAM, seen over its shoulder. */
  participant: Participant | undefined;
  door: OpenDoor | undefined;
  /** Asleep it keeps its RAM, and is told nothing. */
  asleep: boolean;
  /** Gone for good. */
  vanished: boolean;
  boots: number;
  bootedAt: number;
  readonly peers: Map<PeerId, string>;
  nextPeer: number;
  /** Raised by each wish for an alarm, so that earlier ones are void. */
  wishes: number;
  /** Actions until its power fails; null where it does not. */
  fuse: { left: number; readonly failed: () => void } | null;
  readonly waiting: Event[];
  driving: boolean;
  readonly compute: Compute;
}

export interface Group extends GroupPlan {
  readonly id: Hash;
  /** The id in hex. */
  readonly key: string;
  /** The owners' avatars in hex. */
  readonly ownerKeys: readonly string[];
  /** Who knows it and does not own it: named as its followers. */
  readonly followers: readonly AvatarId[];
  readonly bytes: Uint8Array;
  readonly pact: Pact;
  readonly pactBytes: Uint8Array;
}

/** What is told of all that happens, to check it, count it or print it. */
export interface Watcher {
  sent(from: Member, to: Member, bytes: Uint8Array): void;
  /** A member took an event, and this is its whole answer, for which so much was computed; none of it was done yet. */
  answered(member: Member, event: Event, actions: readonly Action[], work: Work): void;
  /** Its store has this write now. */
  wrote(member: Member, write: Extract<Action, { kind: "write" }>): void;
  delivered(
    member: Member,
    action: Extract<Action, { kind: "sealed" | "refused" | "final" | "notice" | "cut" }>,
    now: number,
  ): void;
  power(member: Member, on: boolean): void;
  /** Its conductor asked this, and it is about to be done. */
  ordered(member: Member, order: Order): void;
  /** What the plan does to the world, told for people. */
  noted(who: string, what: string): void;
}

export interface World {
  readonly plan: Plan;
  readonly crypto: Crypto;
  readonly draw: Draw;
  readonly schedule: Schedule;
  readonly members: ReadonlyMap<string, Member>;
  readonly byAvatar: ReadonlyMap<string, Member>;
  readonly groups: ReadonlyMap<string, Group>;
  readonly pacts: ReadonlyMap<string, Pact>;
  /** What the plan has members push, by value. */
  readonly pushes: ReadonlyMap<number, Extract<Step, { kind: "push" }>>;
  readonly tag: string;
  readonly watcher: Watcher;
  readonly signatures: Signatures;
  /** How often power failed in a write. */
  cutWrites: number;
  /** Set by the transport: it takes what members send, and is told who comes and goes. */
  transport: Transport;
  /** Set where the plan has sagas. */
  sagas: Sagas | undefined;
}

export interface Signatures {
  made: number;
  /** Of every signature in hex: how many were made before it, when it was last made. */
  readonly serials: Map<string, number>;
}

export interface Transport {
  send(from: Member, peer: PeerId, bytes: Uint8Array): void;
  /** A member wants no more of this peer. */
  cutOff(member: Member, peer: PeerId): void;
  /** A member's power or sleep changed, or what stands in the way of a link. */
  changed(): void;
  /** Sessions that went on where they were cut, where links have such. */
  resumed?(): number;
}

export function createWorld(plan: Plan, platform: Crypto, watcher: Watcher): World {
  const signatures: Signatures = { made: 0, serials: new Map() };
  const crypto = noting(platform, signatures);
  const seeds = new Map(plan.members.map((name, index) => [name, new Uint8Array(32).fill(index + 1)]));
  const avatars = new Map(
    [...seeds].map(([name, seed]) => [name, crypto.signer(avatarSeed(crypto, seed, worldId)).publicKey] as const),
  );
  const groups = new Map(plan.groups.map((group) => [group.name, createGroup(crypto, plan, group, avatars)]));
  const all = [...groups.values()];
  const packing = packingFor(crypto, {
    groups: all.map(({ bytes }) => bytes),
    pacts: all.map(({ pactBytes }) => pactBytes),
  });
  const members = new Map(
    plan.members.map((name) => [name, createMember(plan, name, seeds.get(name)!, avatars.get(name)!, packing)]),
  );
  const world: World = {
    ...{ plan, crypto, members, groups, watcher, signatures },
    draw: seeded(plan.seed ^ 0x5eed),
    cutWrites: 0,
    schedule: createSchedule(),
    byAvatar: new Map([...members.values()].map((member) => [member.key, member])),
    pacts: new Map([...groups].map(([name, { pact }]) => [name, pact])),
    pushes: new Map(plan.steps.flatMap((step) => (step.kind === "push" ? [[step.value, step] as const] : []))),
    tag: participantOf(plan, crypto, groups, members.get(plan.members[0]!)!).avatars()[0]!.world,
    transport: { send() {}, cutOff() {}, changed() {} },
    sagas: undefined,
  };
  return world;
}

function noting(crypto: Crypto, signatures: Signatures): Crypto {
  return {
    ...crypto,
    signer(seed) {
      const signer = crypto.signer(seed);
      return {
        publicKey: signer.publicKey,
        sign(message) {
          const signature = signer.sign(message);
          signatures.serials.set(toHex(signature), signatures.made++);
          return signature;
        },
      };
    },
  };
}

function createGroup(crypto: Crypto, world: Plan, plan: GroupPlan, avatars: ReadonlyMap<string, AvatarId>): Group {
  const pact = pactOf(plan);
  const pactBytes = encodePact(pact);
  const owners = plan.owners.map((name) => avatars.get(name)!).sort(compare);
  const bytes = encodeSyncGroup({ pact: pactId(crypto, pactBytes), owners });
  const id = syncGroupId(crypto, bytes);
  const others = world.members.filter((name) => !plan.owners.includes(name) && knows(world, name, plan));
  const followers = others.map((name) => avatars.get(name)!);
  return { ...plan, pact, pactBytes, bytes, id, key: toHex(id), ownerKeys: owners.map(toHex), followers };
}

function createMember(plan: Plan, name: string, seed: Uint8Array, avatar: AvatarId, packing: Packing): Member {
  return {
    ...{ name, seed, avatar, key: toHex(avatar) },
    store:
      plan.store === "flash"
        ? flashStore(avatar, plan.sagas === undefined && plan.loadedUntil === undefined ? 56 : 512, packing)
        : recordStore(),
    copied: undefined,
    participant: undefined,
    door: undefined,
    asleep: false,
    vanished: false,
    boots: 0,
    bootedAt: 0,
    peers: new Map(),
    nextPeer: 1,
    wishes: 0,
    fuse: null,
    waiting: [],
    driving: false,
    compute: createCompute(plan.compute?.get(name)),
  };
}

/** A participant as its store has it. */
export function participantOf(
  plan: Plan,
  crypto: Crypto,
  groups: ReadonlyMap<string, Group>,
  { name, seed, store, compute }: Pick<Member, "name" | "seed" | "store" | "compute">,
): Participant {
  const known = [...groups.values()].filter((group) => knows(plan, name, group));
  const records = [...store.records()];
  const finals = records.filter(([key]) => key.startsWith("final/"));
  return createParticipant({
    crypto: counted(crypto, compute.work),
    seed,
    worlds: [
      {
        worldId,
        stewards: [],
        pacts: known.map(({ pactBytes }) => pactBytes),
        groups: known.map(({ bytes }) => bytes),
        readings: [],
        followers: [...groups.values()].flatMap(({ id, followers }) =>
          followers.map((avatar) => ({ group: id, avatar })),
        ),
      },
    ],
    bounds: plan.small ? smallest(plan, name, known) : ample,
    records: records.filter(([key]) => !key.startsWith("final/")),
    ...(store.room !== null && {
      room: { bytes: store.room, alone: finals.map(([key, { length }]) => [key, length] as const).sort() },
    }),
  });
}

/** Somebody must have the history, for who was away: in a star its middle has it, an honest one, and else all have. */
function smallest({ shape, liars, forgetful }: Plan, name: string, groups: readonly Group[]): Bounds {
  const asked = groups.map(({ ownerKeys, pact }) => ({
    owners: ownerKeys.length,
    largestEntry: pact.policy.largestEntry,
    mine: true,
  }));
  const least = leastFor({ groups: asked, sagas: 0, deployed: 0 });
  const middle = "a";
  const isAlone = shape === "star" && middle !== forgetful && liars.every((liar) => liar.name !== middle);
  return isAlone && name !== middle ? least : { ...least, finalTail: 0 };
}

/** Groups that a member owns or follows: who takes part in sagas sees all of theirs. */
export function knows({ followers, sagas }: Plan, name: string, { owners, holds }: GroupPlan): boolean {
  if (owners.includes(name) || followers.includes(name)) return true;
  return holds !== undefined && sagas?.conductors.includes(name) === true;
}

/** A member's own time: a monotonic clock that begins anew at each start and runs a little fast or slow, and a wall clock or none. */
export function timeOf(world: World, member: Member): Time {
  const { rate, wall } = world.plan.clocks.get(member.name)!;
  const now = world.schedule.now();
  return {
    monotonic: Math.floor((now - member.bootedAt) * rate),
    wall: wall === null ? 0 : Math.max(0, 1_700_000_000_000 + wall + Math.floor(now * rate)),
  };
}

/** When the member's monotonic clock will show this. */
export function whenIsIt(world: World, member: Member, monotonic: number): number {
  const { rate } = world.plan.clocks.get(member.name)!;
  let at = member.bootedAt + Math.floor(monotonic / rate);
  while (Math.floor((at - member.bootedAt) * rate) < monotonic) at++;
  return at;
}

export function isUp(member: Member): boolean {
  return member.participant !== undefined && !member.asleep;
}

/** Gives the member an event and does what it asks, in its order; what follows from that, as the answer to a read, in turn. */
export function give(world: World, member: Member, event: Event): void {
  occupy(world, member, () => giveNow(world, member, event));
}

function giveNow(world: World, member: Member, event: Event): void {
  if (member.participant === undefined) return;
  member.waiting.push(event);
  if (member.driving) return;
  member.driving = true;
  for (let next = member.waiting.shift(); next !== undefined; next = member.waiting.shift()) {
    const { participant } = member;
    if (participant === undefined) break;
    const before = { ...member.compute.work };
    const actions = participant.handle(next, timeOf(world, member));
    const work = workSince(before, member.compute.work);
    world.watcher.answered(member, next, actions, work);
    answer(member, next, actions, work, () => {
      for (const action of actions) {
        if (member.participant === undefined) break;
        perform(world, member, action);
      }
    });
  }
  member.waiting.length = 0;
  member.driving = false;
}

function perform(world: World, member: Member, action: Action): void {
  if (member.fuse !== null && --member.fuse.left < 0) {
    if (action.kind === "write") {
      world.cutWrites++;
      member.store.writeAndFail(world.draw, action.puts, action.deletes);
    }
    losePower(world, member);
    return;
  }
  switch (action.kind) {
    case "write":
      member.store.write(action.puts, action.deletes);
      world.watcher.wrote(member, action);
      break;
    case "send":
      world.transport.send(member, action.peer, action.bytes);
      break;
    case "read":
      member.waiting.push({
        kind: "record",
        request: action.request,
        value: member.store.records().get(action.key)?.slice(),
      });
      break;
    case "wake":
      wakeAt(world, member, action.at);
      break;
    case "defined":
    case "deployed":
    case "rollout":
    case "retired":
    case "moved":
    case "undeployed":
    case "expelled":
      throw new Error(`${member.name} took a definition, and these worlds have no stewards`);
    case "recovered":
      throw new Error(`${member.name} recovered a block, and nothing is ever lost in these stores`);
    case "cut":
      world.watcher.delivered(member, action, world.schedule.now());
      world.transport.cutOff(member, action.peer);
      break;
    default:
      world.watcher.delivered(member, action, world.schedule.now());
      world.sagas?.take(member, action);
  }
}

function wakeAt(world: World, member: Member, at: number): void {
  const wish = ++member.wishes;
  world.schedule.at(whenIsIt(world, member, at), () => {
    if (wish === member.wishes && !member.asleep) give(world, member, { kind: "alarm" });
  });
}

export function boot(world: World, member: Member): void {
  if (member.participant !== undefined || member.vanished) return;
  member.participant = participantOf(world.plan, world.crypto, world.groups, member);
  member.bootedAt = world.schedule.now();
  member.boots++;
  world.watcher.power(member, true);
  world.sagas?.load(member);
  member.door = openDoor(member.participant, () => give(world, member, { kind: "boot" }));
  world.sagas?.start(member);
  world.transport.changed();
}

/** What is not in the store is gone. */
export function losePower(world: World, member: Member): void {
  if (member.participant === undefined) return;
  const { fuse } = member;
  world.watcher.power(member, false);
  member.participant = undefined;
  member.door = undefined;
  member.store.reopen();
  member.asleep = false;
  member.fuse = null;
  member.wishes++;
  member.peers.clear();
  member.waiting.length = 0;
  stopWork(member.compute);
  world.transport.changed();
  fuse?.failed();
}

export function fallAsleep(world: World, member: Member, length: number): void {
  if (!isUp(member)) return;
  const { boots } = member;
  member.asleep = true;
  world.transport.changed();
  world.schedule.at(world.schedule.now() + length, () => {
    if (member.boots !== boots || !member.asleep) return;
    member.asleep = false;
    awake(world, member);
    world.transport.changed();
    give(world, member, { kind: "alarm" });
    world.sagas?.awake(member);
  });
}

export function push(world: World, member: Member, group: Group, value: number): void {
  const entry = encodeEntry(group.pact.fields, [value], group.pact.policy);
  give(world, member, { kind: "push", world: world.tag, group: group.id, entry, id: null, token: value });
}

export function numberOf(entry: Uint8Array): number {
  return entry.length === 2 ? entry[1]! : entry.slice(2).reduce((sum, byte) => sum * 256 + byte, 0);
}
