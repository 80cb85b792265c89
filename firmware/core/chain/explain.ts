import { VertebraError } from "../errors";
import { toHex } from "../wire/bytes";
import type { Hash } from "../wire/types";
import type { Group } from "./group";
import { certifiedBy, closedBy, isCertified, isClosed, type Metablock, releases } from "./metablock";
import { isFinalizable } from "./predicates";
import { referencesOf } from "./references";
import { showView } from "./view";
import type { World } from "./world";

/** What a person is shown of a world. */
export interface WorldStatus {
  readonly world: string;
  readonly avatar: string;
  readonly epoch: number;
  /** HFG and HCG of the patent. */
  readonly highestFinalizableGeneration: number;
  readonly highestCertifiedGeneration: number;
  readonly attempt: number;
  /** Avatars, in hex, with which a session stands. */
  readonly peers: readonly string[];
  readonly groups: readonly GroupStatus[];
}

export interface GroupStatus {
  readonly group: string;
  readonly pact: string;
  readonly owners: readonly string[];
  readonly mine: boolean;
  readonly finalBlocks: number;
  readonly finalEntries: number;
  readonly buffered: number;
  /** Blocks held that are not final. */
  readonly pendingBlocks: number;
  /** Of them, this participant's own. */
  readonly ownPendingBlocks: number;
  readonly lockedSlots: number;
  /** Only observes, until so many blocks are final; 0 where it votes. */
  readonly observesUntil: number;
}

export function worldStatus(world: World, peers: readonly string[]): WorldStatus {
  return {
    world: world.tag,
    avatar: world.avatarKey,
    epoch: world.epoch,
    highestFinalizableGeneration: world.highestFinalizableGeneration,
    highestCertifiedGeneration: world.highestCertifiedGeneration,
    attempt: world.attempt,
    peers,
    groups: [...world.groups.values()].map((group) => groupStatus(world, group)),
  };
}

function groupStatus(world: World, group: Group): GroupStatus {
  const own = [...group.blocks.values()].filter(({ header }) => toHex(header.value.issuer) === world.avatarKey);
  return {
    group: group.key,
    pact: group.pact.name,
    owners: group.ownerKeys,
    mine: group.mine,
    finalBlocks: group.position,
    finalEntries: group.entries,
    buffered: group.buffer.held.entries.length + group.buffer.waiting.entries.length,
    pendingBlocks: group.blocks.size,
    ownPendingBlocks: own.length,
    lockedSlots: [...group.slots.values()].filter((slot) => slot.lock !== null).length,
    observesUntil: group.observesUntil > group.position ? group.observesUntil : 0,
  };
}

export type WhyTarget = { readonly group: Hash; readonly sequence: number } | { readonly block: Hash };

/** What a block that is not final waits for: in each metablock that holds it, whose certificate is missing. */
export interface Waiting {
  readonly state: "final" | "unknown" | "waiting";
  /** For a person. */
  readonly sentence: string;
  readonly metablocks: readonly {
    readonly metablock: string;
    readonly view: string;
    readonly issuer: string;
    /** The patent's state of the metablock as a whole, as far as it is shown here. */
    readonly state: "prepared" | "finalizable";
    /** Owners, in hex, without whose certificate it is not certified; empty where it is. */
    readonly missingToCertify: readonly string[];
    /** For each child that could close it, the owners whose certificate is missing. */
    readonly children: readonly {
      readonly metablock: string;
      readonly view: string;
      readonly missingToClose: readonly string[];
    }[];
  }[];
}

/** Throws `group-unknown` where the group is not known here. */
export function why(world: World, target: WhyTarget): Waiting {
  if ("block" in target) return whyBlock(world, toHex(target.block));
  const group = world.groups.get(toHex(target.group));
  if (group === undefined) {
    throw new VertebraError(
      "group-unknown",
      `No group ${toHex(target.group).slice(0, 16)} is known here.`,
      "List the groups with: vertebra pact list",
    );
  }
  if (target.sequence < group.entries)
    return told("final", `Entry ${target.sequence} is final: ${group.entries} entries of its group are.`);
  const next = nextBlock(world, group, target.sequence);
  if (next === undefined) {
    return told(
      "unknown",
      `No block here holds entry ${target.sequence} yet: ${group.entries} entries are final, and nothing sealed follows so far.`,
    );
  }
  return whyBlock(world, next);
}

function told(state: Waiting["state"], sentence: string): Waiting {
  return { state, sentence, metablocks: [] };
}

/** The block that would hold the sequence, by the references that metablocks give to its group. */
function nextBlock(world: World, group: Group, sequence: number): string | undefined {
  for (const metablock of world.metablocks.values()) {
    for (const { value } of referencesOf(metablock, group.key)) {
      if (value.firstEntry <= sequence && sequence < value.firstEntry + value.count) return toHex(value.block);
    }
  }
  return sequence === group.entries ? [...group.blocks.keys()][0] : undefined;
}

function whyBlock(world: World, key: string): Waiting {
  for (const group of world.groups.values()) {
    for (const final of group.recentFinal.values()) {
      if (toHex(final) === key) return told("final", `Block ${key.slice(0, 16)} is final.`);
    }
    if (group.blocks.has(key)) return whyWaiting(world, group, key);
  }
  return told("unknown", `No block ${key.slice(0, 16)} is held here that waits for anything.`);
}

function whyWaiting(world: World, group: Group, key: string): Waiting {
  const metablocks = metablocksWith(world, group, key);
  const sentence = sentenceOf(group, key, metablocks) ?? behindOthers(world, group, key);
  return { state: "waiting", sentence, metablocks };
}

/** A block that no metablock puts forward waits for the end of those that are under way, and so for whom these wait for: its own group's first. */
function behindOthers(world: World, group: Group, key: string): string {
  const waits = `${nameOf(group, key)} waits for a metablock that puts it forward`;
  for (const each of [group, ...world.groups.values()]) {
    for (const other of each.blocks.keys()) {
      const sentence = sentenceOf(each, other, metablocksWith(world, each, other));
      if (sentence !== undefined) return `${waits}, and until then for what is under way: ${sentence}`;
    }
  }
  return `${waits}.`;
}

function metablocksWith(world: World, group: Group, key: string): Waiting["metablocks"] {
  const metablocks: Waiting["metablocks"][number][] = [];
  for (const metablock of world.metablocks.values()) {
    const reference = referencesOf(metablock, group.key).find(({ blockKey }) => blockKey === key);
    if (reference === undefined) continue;
    const { index } = reference;
    metablocks.push({
      metablock: metablock.key,
      view: showView(metablock.view),
      issuer: metablock.issuerKey,
      state: isFinalizable(world, metablock) ? "finalizable" : "prepared",
      missingToCertify: isCertified(metablock, group, index)
        ? []
        : group.ownerKeys.filter((owner) => !certifiedBy(metablock, owner, index)),
      children: childrenThatClose(world, group, metablock, index),
    });
  }
  return metablocks;
}

function childrenThatClose(world: World, group: Group, parent: Metablock, index: number) {
  return [...world.metablocks.values()].flatMap((child) => {
    const place = child.header.value.parents.findIndex((id) => toHex(id) === parent.key);
    if (place === -1 || releases(child, group.id)) return [];
    const missing = isClosed(child, group, place, index)
      ? []
      : group.ownerKeys.filter((owner) => !closedBy(child, group, owner, place, index));
    return [{ metablock: child.key, view: showView(child.view), missingToClose: missing }];
  });
}

function nameOf(group: Group, key: string): string {
  return `Block ${key.slice(0, 16)} of pact ${group.pact.name}`;
}

/** Undefined where no metablock holds the block. */
function sentenceOf(group: Group, key: string, metablocks: Waiting["metablocks"]): string | undefined {
  const name = nameOf(group, key);
  const names = (owners: readonly string[]) => owners.map((owner) => owner.slice(0, 16)).join(", ");
  const latest = metablocks[metablocks.length - 1];
  if (latest === undefined) return undefined;
  if (latest.missingToCertify.length > 0) {
    return `${name} waits in metablock ${latest.view} for ${group.quorum} of ${group.ownerKeys.length} certificates; missing: ${names(latest.missingToCertify)}.`;
  }
  const child = latest.children[latest.children.length - 1];
  if (child === undefined) return `${name} is certified in metablock ${latest.view} and waits for a child of it.`;
  return `${name} is certified in metablock ${latest.view} and waits in its child ${child.view} for ${group.closingQuorum} certificates; missing: ${names(child.missingToClose)}.`;
}
