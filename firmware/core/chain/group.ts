import { createEntryBuffer, type EntryBuffer } from "../block/buffer";
import type { CounterWindow } from "../block/counters";
import { noCounters } from "../block/counters";
import type { Bounds } from "../bounds";
import { VertebraError } from "../errors";
import type { Follower } from "../identity/provision";
import {
  believedSize,
  closesByIssuing,
  closingQuorumSize,
  decodePact,
  pactId,
  quorumSize,
  resolveFields,
  syncGroupId,
} from "../pact/pact";
import { idBytes } from "../pact/produced";
import { equal, toHex } from "../wire/bytes";
import type { Sha256 } from "../wire/hash";
import { decodeSyncGroup } from "../wire/structures";
import type { Block, BlockHeader, Field, Hash, Pact, Signed, SyncGroup } from "../wire/types";
import { mayRead } from "./access";
import type { Lead } from "./lead";
import type { ProducedIds } from "./repeats";
import type { Slot } from "./slots";
import { timing } from "./timing";

/** Blocks above the last final one that a metablock may place: bounds slots, claims and locks. */
export const slotWindow = 32;
/** Blocks of one issuer in a group that are held and not final; who is honest has half as many under way at most (`bounds`). */
export const blocksPerIssuer = 16;
/** Of all issuers together who may write and own nothing of the group. */
export const blocksOfOthers = 64;
/** Issuers that a group remembers counters of: more can't write to it. */
export const issuersPerGroup = 1_024;
/** Final BlockIds kept in memory, by which a parent's reference is known to be final; as many are read back at boot. */
export const recentFinalKept = 16;

/** When an entry buffer seals: a block fits a board's RAM and a slow cable. */
const sealLimits = { sealCount: 32, sealBytes: 4_096, sealAgeMs: 200 };

/** What a participant knows of one sync group, whether it owns it or follows it. */
export interface Group {
  readonly id: Hash;
  /** The id in hex. */
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly definition: SyncGroup;
  readonly pact: Pact;
  /** The pact's bytes, then those of the pacts that it extends: what a finality proof carries. */
  readonly pactBytes: readonly Uint8Array[];
  readonly fields: readonly Field[];
  readonly ownerKeys: readonly string[];
  /** In hex: who relays it without owning it. */
  readonly followers: ReadonlySet<string>;
  /** This participant is one of the owners. */
  readonly mine: boolean;
  /** Whether it is given entries here: else, as where the pact is private, it goes by headers. */
  readable: boolean;
  /** PROTOCOL 5, lists (1) and (2). */
  readonly quorum: number;
  readonly closingQuorum: number;
  /** Whether the issuer of a child closes by issuing what its parents hold: only where each owner certified that (PROTOCOL 6). */
  readonly closesByIssuing: boolean;
  /** Of so many owners one at least is honest. */
  readonly believed: number;
  /** How many blocks, and how many entries, are final here. */
  position: number;
  entries: number;
  /** In a group of one owner, the BlockId that the next block names as its previous. */
  lastFinal: Hash | null;
  readonly slots: Map<number, Slot>;
  /** By BlockId in hex, in the order of arrival. Not final yet. */
  readonly blocks: Map<string, Block>;
  /** The numbers of these blocks in the store, and the next one. */
  readonly blockNumbers: Map<string, number>;
  nextBlockNumber: number;
  readonly finalCounters: Map<string, CounterWindow>;
  readonly recentFinal: Map<number, Hash>;
  /** Ids of final entries that sagas produced; null until the first one. */
  producedIds: ProducedIds | null;
  /** The last counter that this participant used here. */
  ownCounter: number;
  readonly buffer: EntryBuffer;
  /** How long its owners' votes are waited for before what they are for is put forward anew, ms (`chain/patience`). */
  patience: number;
  /** Monotonic ms since which its next slot waits: a block became final before it, or there was none. */
  waitsSince: number;
  /** Since then, by issuer in hex (`chain/lead`). */
  readonly leads: Map<string, Lead>;
  /** Whether all lines to its owners are full, and how long the way is to a quorum of them, ms (`gossip/room`). */
  full: boolean;
  delay: number;
  /** PROTOCOL 6, Amnesia: no vote until so many blocks are final; 0 where nothing was forgotten. */
  observesUntil: number;
  /** The highest block seen of each owner, to remind one that has forgotten it. */
  readonly highestSeen: Map<string, Signed<BlockHeader>>;
  /** Where a steward retired it (`chain/retired`). */
  retired: Retired | null;
  /** Of this participant's blocks those up to this counter went into its successor (`chain/succession`). */
  movedThrough: number;
}

export interface Retired {
  /** SyncGroupId in hex of the group that succeeds it, where one does. */
  readonly successor: string | null;
  /** Monotonic ms until which what is under way there is put forward. */
  readonly finishes: number;
}

/** The group as this participant has it, who may own it, relay it or read it. */
export function asKnownTo(group: Group, avatarKey: string, stewards: ReadonlySet<string>): Group {
  const mine = group.ownerKeys.includes(avatarKey);
  return { ...group, mine, readable: mayRead({ stewards }, group, avatarKey) };
}

/** Throws `group-…` where the definition names a pact that `pacts` does not hold. */
export function createGroup(
  crypto: Sha256,
  bytes: Uint8Array,
  pacts: ReadonlyMap<string, Uint8Array>,
  followers: readonly Follower[],
  { bufferEntries, bufferBytes }: Pick<Bounds, "bufferEntries" | "bufferBytes">,
): Group {
  const definition = decodeSyncGroup(bytes);
  const id = syncGroupId(crypto, bytes);
  const pactBytes = pactChain(definition.pact, pacts);
  const pact = decodePact(pactBytes[0]!);
  const lookup = (wanted: Hash) => decodeKnownPact(pacts.get(toHex(wanted)));
  const owners = definition.owners;
  return {
    id,
    key: toHex(id),
    bytes,
    definition,
    pact,
    pactBytes,
    fields: resolveFields(pact, lookup),
    ownerKeys: owners.map(toHex),
    followers: new Set(followers.filter(({ group }) => equal(group, id)).map(({ avatar }) => toHex(avatar))),
    mine: false,
    readable: false,
    quorum: quorumSize(pact.policy.quorum, owners.length),
    closingQuorum: closingQuorumSize(pact.policy.quorum, owners.length),
    closesByIssuing: closesByIssuing(pact.policy.quorum, owners.length),
    believed: believedSize(pact.policy.quorum, owners.length),
    position: 0,
    entries: 0,
    lastFinal: null,
    slots: new Map(),
    blocks: new Map(),
    blockNumbers: new Map(),
    nextBlockNumber: 0,
    patience: timing.attempt,
    waitsSince: 0,
    leads: new Map(),
    full: false,
    delay: 0,
    finalCounters: new Map(),
    recentFinal: new Map(),
    producedIds: null,
    ownCounter: 0,
    buffer: createEntryBuffer({
      ...{ whenFull: pact.policy.whenFull, ...sealLimits },
      capacityEntries: bufferEntries,
      capacityBytes: Math.max(bufferBytes, pact.policy.largestEntry + idBytes),
    }),
    observesUntil: 0,
    highestSeen: new Map(),
    retired: null,
    movedThrough: 0,
  };
}

/** PactIds in hex to their bytes. */
export function indexPacts(crypto: Sha256, pacts: readonly Uint8Array[]): Map<string, Uint8Array> {
  return new Map(pacts.map((bytes) => [toHex(pactId(crypto, bytes)), bytes]));
}

function decodeKnownPact(bytes: Uint8Array | undefined): Pact | undefined {
  return bytes === undefined ? undefined : decodePact(bytes);
}

/** A pact's bytes, and those of the pacts that it extends. Throws `group-…` where one of them is not in `pacts`, by PactId in hex. */
export function pactChain(id: Hash, pacts: ReadonlyMap<string, Uint8Array>): Uint8Array[] {
  const chain: Uint8Array[] = [];
  for (let next: Hash | null = id; next !== null; ) {
    const bytes = pacts.get(toHex(next));
    if (bytes === undefined || chain.length > 8) {
      throw new VertebraError(
        "pact-unknown",
        `The pact ${toHex(next).slice(0, 16)} of a group is not known here.`,
        "Provision the pact, and those that it extends, together with the group.",
      );
    }
    chain.push(bytes);
    next = decodePact(bytes).extends;
  }
  return chain;
}

/** A group of one owner needs nobody's agreement: its blocks are final when issued (PROTOCOL 3, "Sole owner"). */
export function soleOwner(group: Group): boolean {
  return group.ownerKeys.length === 1;
}

/** Whether this participant votes in the group now. */
export function votes(group: Group): boolean {
  return group.mine && !soleOwner(group) && group.position >= group.observesUntil;
}

export function countersOf(group: Group, issuerKey: string): CounterWindow {
  return group.finalCounters.get(issuerKey) ?? noCounters;
}

/** Keys of records end at 2^32: after so many blocks, of which few are left, it begins anew. */
export function nextBlockNumber(group: Group): number {
  const number = group.nextBlockNumber;
  group.nextBlockNumber = (number + 1) % 2 ** 32;
  return number;
}
