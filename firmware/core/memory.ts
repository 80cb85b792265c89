import { ample, type Bounds } from "./bounds";
import type { GroupDefinition } from "./definitions/definition";
import { VertebraError } from "./errors";
import type { ProvisionedWorld } from "./identity/provision";
import { decodePact } from "./pact/pact";
import { equal } from "./wire/bytes";
import { decodeSyncGroup } from "./wire/structures";
import type { AvatarId } from "./wire/types";

/** What a board holds of what, by the memory that its `board.json` gives it: all of it here. */

/** Bytes of RAM. */
export interface Memory {
  readonly size: number;
  /** Of these, what the firmware takes before it has a world: static data, stacks, the engine, the program, what a start needs for a moment. */
  readonly firmware: number;
}

/** What is asked of a board. */
export interface Asked {
  readonly groups: readonly AskedGroup[];
  /** Those that a world is made with, and run together. */
  readonly sagas: number;
  /** Those that were deployed since, each by itself. */
  readonly deployed: number;
}

export interface AskedGroup {
  readonly owners: number;
  /** Bytes of the largest entry of its pact. */
  readonly largestEntry: number;
  /** Whether the board is one of the owners, or only follows what they agree on. */
  readonly mine: boolean;
}

/**
 * Bytes of RAM on an engine with slots of 16 bytes, as `npm run bench:board` counts them (docs/numbers.md), rounded up: of a group, and of an
 * owner of one; of a block, and of what is kept of its slot; of a metablock that names one block, and of a certificate; of a hash told; of
 * an entry in a buffer, beside its bytes. Of a saga's runtime and of an invocation that waits: `npm run bench:memory`.
 */
const costs = {
  ...{
    group: 3_500,
    owner: 220,
    block: 1_400,
    slot: 2_000,
    metablock: 3_000,
    certificate: 1_050,
    told: 58,
    entry: 240,
  },
  sagas: 17_500,
};

/** What is made for a moment: of the largest message in its groups, or of all that one event makes final. */
const momentBytes = 32 * 1024;

/** What a board may hold, the least first, which the agreement needs. A board has the largest that fits. What it told follows from the rest. */
const classes: readonly Bounds[] = [
  {
    ...{ finalTail: 16, told: 0, metablocks: 16, blocksInFlight: 2, blocksUnasked: 2 },
    ...{ bufferEntries: 24, bufferBytes: 2_048, queue: 16 * 1024, sagaBytes: 96 * 1024, epochsKept: 8 },
  },
  {
    ...{ finalTail: 64, told: 0, metablocks: 64, blocksInFlight: 4, blocksUnasked: 8 },
    ...{ bufferEntries: 64, bufferBytes: 4_096, queue: 40 * 1024, sagaBytes: 384 * 1024, epochsKept: 16 },
  },
  { ...ample, finalTail: 64, sagaBytes: 8 * 1024 * 1024, epochsKept: 64 },
];

/** Of a provisioned world. Throws `structure-…` where it can't be read. */
export function askedOf(world: Pick<ProvisionedWorld, "groups" | "pacts" | "sagas" | "definitions">): Asked {
  const { groups, pacts, sagas, definitions } = world;
  const largestEntry = Math.max(0, ...pacts.map((pact) => decodePact(pact).policy.largestEntry));
  const ownersOf = (group: Uint8Array) => decodeSyncGroup(group).owners.length;
  const owned = groups.map((group) => ({ owners: ownersOf(group), largestEntry, mine: true }));
  const followed = definitions === undefined ? [] : [{ owners: ownersOf(definitions), largestEntry, mine: false }];
  return { groups: [...owned, ...followed], sagas: sagas.descriptions.length, deployed: 0 };
}

/** The bounds of a board with memory by the megabyte, of which nothing is said: a store that is a flash, else all that there may be. */
export const roomy: Bounds = classes[classes.length - 1]!;

/** Of a group that was defined for this participant. Throws `structure-…` where its pact can't be read. */
export function askedOfDefined({ group, pacts }: GroupDefinition, avatar: AvatarId): AskedGroup {
  const { owners } = decodeSyncGroup(group);
  const { largestEntry } = decodePact(pacts[0]!).policy;
  return { owners: owners.length, largestEntry, mine: owners.some((owner) => equal(owner, avatar)) };
}

/** The largest bounds that fit. Throws `board-memory` where the least do not. */
export function boundsFor(memory: Memory, asked: Asked): Bounds {
  const room = memory.size - memory.firmware;
  const fitting = classes.map((bounds) => withTold(bounds, asked)).filter((bounds) => bytesFor(bounds, asked) <= room);
  if (fitting.length === 0) throw tooMuch(memory, asked);
  return fitting[fitting.length - 1]!;
}

/**
 * As `boundsFor`, of a board for which groups were defined besides, and sagas deployed: with as many of them as fit, the first first.
 * `spareBytes` is what is left for them.
 */
export function boundsWithDefined(
  memory: Memory,
  asked: Asked,
  defined: readonly AskedGroup[],
  deployed: number,
): { readonly bounds: Bounds; readonly spareBytes: number } {
  const room = memory.size - memory.firmware;
  let fitting = asked;
  const tryWith = (more: Asked) => {
    if (bytesFor(leastFor(more), more) <= room) fitting = more;
  };
  for (const each of defined) tryWith({ ...fitting, groups: [...fitting.groups, each] });
  for (let each = 0; each < deployed; each++) tryWith({ ...fitting, deployed: fitting.deployed + 1 });
  const bounds = boundsFor(memory, fitting);
  return { bounds, spareBytes: room - bytesFor(withTold(bounds, asked), asked) };
}

/** All that it holds is told to a peer once: of more than it remembers it would tell again and again. */
function withTold(bounds: Bounds, { groups }: Asked): Bounds {
  const blocks = groups.reduce((sum, { owners, mine }) => sum + (mine ? blocksOf(bounds, owners) : 0), 0);
  return { ...bounds, told: Math.max(bounds.told, bounds.metablocks * (1 + mostOwners(groups)) + blocks) };
}

/** The least that a board may hold of what it is asked to. */
export function leastFor(asked: Asked): Bounds {
  return withTold(classes[0]!, asked);
}

function mostOwners(groups: Asked["groups"]): number {
  return groups.reduce((most, { owners }) => Math.max(most, owners), 1);
}

function blocksOf(bounds: Bounds, owners: number): number {
  return bounds.blocksInFlight + (owners - 1) * bounds.blocksUnasked;
}

/** Bytes that a board takes within these bounds, its firmware apart, where its metablocks have the certificates of half their owners. */
export function bytesFor(bounds: Bounds, { groups, sagas, deployed }: Asked): number {
  const metablocks = bounds.metablocks * (costs.metablock + (mostOwners(groups) / 2) * costs.certificate);
  const links = bounds.queue + bounds.told * costs.told;
  const ofGroups = groups.reduce((sum, group) => sum + bytesOfGroup(bounds, group), 0);
  const ofSagas = sagas === 0 ? 0 : costs.sagas + sagas * bounds.sagaBytes;
  const ofDeployed = deployed === 0 ? 0 : deployed * bytesOfDeployed(bounds);
  return metablocks + links + momentBytes + ofGroups + ofSagas + ofDeployed;
}

/** The bytes that one saga more takes which is deployed. */
export function bytesOfDeployed({ sagaBytes }: Bounds): number {
  return costs.sagas + sagaBytes;
}

/** The bytes that one group more takes beside these, and what is to be remembered of what was told then. */
export function another(
  bounds: Bounds,
  groups: readonly AskedGroup[],
  more: AskedGroup,
): { readonly bytes: number; readonly told: number } {
  const alone = { sagas: 0, deployed: 0 };
  const asked = { groups: [...groups, more], ...alone };
  const grown = withTold(bounds, asked);
  return { bytes: bytesFor(grown, asked) - bytesFor(bounds, { groups, ...alone }), told: grown.told };
}

function bytesOfGroup(bounds: Bounds, { owners, largestEntry, mine }: AskedGroup): number {
  // Of one owner what comes is final, and is not kept.
  const followed = owners === 1 ? 0 : owners * bounds.blocksUnasked;
  if (!mine) return costs.group + owners * costs.owner + followed * (costs.block + costs.slot);
  // As much again may wait beside the buffer.
  const buffered = 2 * (bounds.bufferEntries * costs.entry + Math.max(bounds.bufferBytes, largestEntry));
  return costs.group + owners * costs.owner + blocksOf(bounds, owners) * (costs.block + costs.slot) + buffered;
}

function tooMuch(memory: Memory, asked: Asked): VertebraError {
  const room = memory.size - memory.firmware;
  const least = leastFor(asked);
  const owned = asked.groups.filter(({ mine }) => mine);
  const followed = asked.groups.filter(({ mine }) => !mine);
  let fitting = 0;
  while (
    fitting < owned.length &&
    bytesFor(least, { groups: [...followed, ...owned.slice(0, fitting + 1)], sagas: 0, deployed: 0 }) <= room
  )
    fitting++;
  const kb = (bytes: number) => `${Math.ceil(bytes / 1024)} KB`;
  const owners = owned.map((group) => group.owners).join(", ");
  const sagas = asked.sagas === 0 ? "" : ` and ${asked.sagas === 1 ? "1 saga" : `${asked.sagas} sagas`}`;
  const groups = owned.length === 1 ? "1 group" : `${owned.length} groups`;
  const what = `${groups} (of ${owners} owners)${sagas}`;
  const fits = fitting === owned.length ? "the groups fit without sagas" : `${fitting} of the groups fit`;
  return new VertebraError(
    "board-memory",
    `The board has ${kb(memory.size)} of memory, of which its firmware leaves ${kb(room)}; ${what} take up to ${kb(bytesFor(least, asked))}, and ${fits}`,
    "Give it fewer groups, groups of fewer owners or fewer sagas, or take a board with more memory.",
  );
}
