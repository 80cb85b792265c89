import type { Crypto, Signer, Time } from "../../ports";
import type { Bounds } from "../bounds";
import type { Contents } from "../definitions/content";
import type { OfferedSecret } from "../definitions/epochs";
import { assert, VertebraError } from "../errors";
import type { Action, FinalBlock } from "../events";
import type { LostBlocks } from "../gossip/recovery";
import type { Membership } from "../identity/membership";
import type { AvatarId, Block, ReceivedCertificate, View } from "../wire/types";
import type { Defining } from "./defining";
import type { Group } from "./group";
import type { Metablock } from "./metablock";
import type { Missing } from "./missing";
import { emptySlot, type Slot } from "./slots";
import { hasRoom, type Room, recordFrame, roomFor, takeRoom } from "./store-room";

/** Certificates of one signer that wait for their metablock: what a flood can cost. */
export const certificatesWaiting = 16;

/**
 * Generations up to HFG in which votes are still given: what is under way there may finish while other groups go on. The fastest pair of
 * a hub goes through several in a second, and a board that computes slowly, or has just come back, answers after seconds.
 */
export const generationsOpen = 32;

/** N more than this above what a quorum of a group reports is refused (PROTOCOL 6, "A generation can't be run away with"). */
export const furthestAhead = 2 ** 20;

/** What is believed for waiting alone ends here, where half of all generations are left. */
export const furthestByWaiting = 2 ** 47;

/** HFG rises by more than so much once in so many ms: by what others lead to in a second, all generations last for years. */
export const leap = { generations: 2 ** 16, everyMs: 1_000 };

/** What an owner reported last of its generation, or proved by signing. */
export interface Report {
  readonly highestFinalizableGeneration: number;
  readonly attempt: number;
  /** Monotonic ms: when it last told so, or signed something that tells it. */
  readonly heardAt: number;
}

/** What a chain needs of cryptography, and who is sealed something; links need more. */
export type ChainCrypto = Pick<Crypto, "sha256" | "signer" | "verify" | "x25519Public" | "x25519" | "open">;

export interface Footing {
  readonly metablock: Metablock;
  /** From the first timeout on: most are passed before, and cost the store nothing. */
  durable: boolean;
}

/** Something observed that peers may have to hear of (figure 6A); `from` already has it. */
export type News =
  | { readonly kind: "block"; readonly group: Group; readonly block: Block }
  | { readonly kind: "metablock"; readonly metablock: Metablock }
  | { readonly kind: "certificate"; readonly certificate: ReceivedCertificate };

/**
 * One avatar's metablockchain and groups: the state that events drive. What changes durably is only marked here
 * (`changed`); the participant writes it in one piece before anything is sent.
 */
export interface World {
  readonly crypto: ChainCrypto;
  /** The worldTag, and its hex by which events name the world. */
  readonly tagBytes: Uint8Array;
  readonly tag: string;
  readonly avatar: AvatarId;
  readonly avatarKey: string;
  readonly signer: Signer;
  /** The static X25519 secret of this avatar, 32 bytes. */
  readonly staticSecret: Uint8Array;
  /** Who is in the world no more, and the secrets that may be used next, by the sequence of their definitions. */
  readonly membership: Membership;
  readonly offered: Map<number, OfferedSecret>;
  /** By SyncGroupId in hex. Those that are defined while it runs come to it (`definitions/defined`). */
  readonly groups: Map<string, Group>;
  /** In hex: who owns one of them. */
  readonly owners: Set<string>;
  /** Those in which its stewards define what it has, the present one last, and what became final there and is still to be taken. */
  readonly definitions: Defining[];
  readonly toDefine: { readonly group: Group; readonly index: number; readonly entry: Uint8Array }[];
  /** Bytes of memory that are left for groups which are defined while it runs. */
  spareBytes: number;
  /** In hex: who may write where a pact's writers are its stewards. Who is one no more stays here: what it wrote must be judged alike by all. */
  readonly stewards: Set<string>;
  /** What is remembered of what was told grows with groups that are defined. */
  bounds: Bounds;
  /** Of this participant's records in its store, all worlds together. */
  readonly room: Room;

  /** Raised and made durable at each start. */
  epoch: number;
  /** HFG and HCG of the patent; -1 before the first. */
  highestFinalizableGeneration: number;
  highestCertifiedGeneration: number;
  /** Monotonic ms of the last leap of HFG. */
  leapedAt: number;
  /** The metablock that raised HFG: kept through restarts, as the next generation's parent. */
  tip: Metablock | null;
  /**
   * The parent of the highest generation above HFG + 1 in which this participant certified, until HFG is as high: its claims can be passed
   * above it alone, and nobody else may have it any more.
   */
  footing: Footing | null;
  /** The first timeout, ms: several times as long as certificates have lately taken, so that a slow board is waited for. */
  patience: number;
  /**
   * The attempt for generation HFG + 1, since when, how often it timed out and went on, how many timeouts there were since HFG
   * rose, and when it ends if nothing finishes.
   */
  attempt: number;
  attemptBegan: number;
  attemptStays: number;
  attemptsFailed: number;
  /** What attempts in this generation and the last ones taught: each halves what a metablock puts forward. */
  caution: number;
  attemptEnds: number | null;
  /** The highest view in which this participant ever issued. */
  issued: View | null;
  /**
   * That view as it was at the last start: at or below it, nothing is issued any more. Above it, the views used since, of each
   * generation the first and the highest.
   */
  issuedBefore: View | null;
  issuedViews: readonly View[];
  /** The highest generation below which views were forgotten since there were too many, and the highest attempt in any of these. */
  issuedForgotten: View | null;
  /** A first proposal that waits for its rank's turn. */
  proposal: { readonly view: View; readonly at: number } | null;

  readonly metablocks: Map<string, Metablock>;
  /** By signer in hex, of owners of groups that are known here. */
  readonly certificatesWaiting: Map<string, ReceivedCertificate[]>;
  readonly reports: Map<string, Report>;
  /** Hashes that were looked for in vain, in hex, and when they were last asked for. */
  readonly missing: Map<string, Missing>;
  /** Final blocks that the store can't read any more, by group in hex. */
  readonly lost: Map<string, LostBlocks>;

  /** The sources of sagas that were deployed for this participant. */
  readonly contents: Contents;

  /** Whether a line to a neighbour became full, or is so no more, since the groups were told. */
  linesChanged: boolean;
  /** Whether the present event told something that no news and no change shows; and when time alone calls for something, ms. */
  unsettled: boolean;
  wakesAt: number;
  now: Time;
  changed: Changes;
  readonly news: News[];
  readonly delivered: Action[];
}

/** What is to be written before anything is sent. */
export interface Changes {
  state: boolean;
  tip: boolean;
  footing: boolean;
  readonly groups: Set<Group>;
  readonly slots: Map<Group, Set<number>>;
  readonly puts: Map<string, Uint8Array>;
  readonly deletes: Set<string>;
}

export function noChanges(): Changes {
  return {
    state: false,
    tip: false,
    footing: false,
    groups: new Set(),
    slots: new Map(),
    puts: new Map(),
    deletes: new Set(),
  };
}

/** Writes this record with the answer to the present event. */
export function put(world: Pick<World, "changed">, key: string, value: Uint8Array): void {
  world.changed.deletes.delete(key);
  world.changed.puts.set(key, value);
}

export function remove(world: Pick<World, "changed">, key: string): void {
  world.changed.puts.delete(key);
  world.changed.deletes.add(key);
}

/** The slot at this position, made where there is none; what is changed in it is written. */
export function changeSlot(world: World, group: Group, position: number): Slot {
  assert(position >= group.position, "a slot that is final does not change");
  let slot = group.slots.get(position);
  if (slot === undefined) {
    slot = emptySlot();
    group.slots.set(position, slot);
  }
  markSlot(world, group, position);
  return slot;
}

export function markSlot(world: World, group: Group, position: number): void {
  const marked = world.changed.slots.get(group) ?? new Set();
  marked.add(position);
  world.changed.slots.set(group, marked);
}

/**
 * Whether the record of this slot may have a proof of so many bytes, which are then taken for it, in place of one of `before`. The next
 * slot of a group goes first: all others wait for it.
 */
export function takeSlotRoom(
  { room }: World,
  group: Group,
  position: number,
  proof: number,
  before: number | undefined,
): boolean {
  const more = before === undefined ? proof + recordFrame : proof - before;
  const taken = hasRoom(room, roomForSlot(group, position), more);
  if (taken) takeRoom(room, more);
  return taken;
}

/** The limit up to which the record of this slot may be added to. */
export function roomForSlot(group: Group, position: number): number {
  return position === group.position ? roomFor.nextSlot : roomFor.slot;
}

/** Says once, until there is room again, that something is not taken. */
export function tellShort(world: World, what: string): void {
  const { room } = world;
  if (room.told) return;
  room.told = true;
  notice(
    world,
    "store-short",
    `The store is short of room: what is not final takes ${room.taken} of ${room.bytes} bytes, and ${what} is not taken for now`,
    "See that the owners of its groups hear each other, so that what waits becomes final. If it goes on: fewer groups, or a larger flash.",
  );
}

export function deliverFinal(world: World, block: FinalBlock): void {
  world.delivered.push({ kind: "final", block });
}

export function notice(world: World, code: string, message: string, remedy: string): void {
  world.delivered.push({ kind: "notice", world: world.tag, error: new VertebraError(code, message, remedy) });
}
