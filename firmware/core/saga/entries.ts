import { VertebraError } from "../errors";
import { decodeEntry, gapCount, type Value } from "../pact/entry";
import { toHex } from "../wire/bytes";
import type { AvatarId, Hash } from "../wire/types";
import { type Definitions, type GroupKnown, isOfPact, type PactKnown, type StageKnown } from "./definitions";
import { readWindow } from "./limits";
import type { EntryReference } from "./state";

/** A final entry as a channel tells it. `id` is that of PROTOCOL 9 where a saga produced it, else null. */
export interface FinalEntry {
  readonly group: Hash;
  readonly sequence: number;
  readonly issuer: AvatarId;
  readonly id: Hash | null;
  readonly entry: Uint8Array;
}

/** The same, read by its pact; `key` is its reference as text. */
export interface SeenEntry extends FinalEntry {
  readonly key: string;
  /** Hex. */
  readonly groupKey: string;
  readonly pact: PactKnown;
  readonly values: readonly Value[];
  /** Monotonic ms; of what was there before the start, when it started. */
  seenAt: number;
}

/** What behaviors can read, and how far every group was seen. */
export interface Views {
  readonly definitions: Definitions;
  /** Entries kept of each group; Infinity for a replay, which looks back. */
  readonly keeps: number;
  readonly groups: Map<string, SeenEntry[]>;
  /** Per group: the sequence after the last one seen. */
  readonly seen: Map<string, number>;
}

export function createViews(definitions: Definitions, keeps: number): Views {
  const seen = new Map<string, number>();
  for (const { key, from } of definitions.groups.values()) if (from > 0) seen.set(key, from);
  return { definitions, keeps, groups: new Map(), seen };
}

export function referenceKey([group, sequence]: EntryReference): string {
  return keyOf(toHex(group), sequence);
}

/** The same by the hex of the group. */
export function keyOf(groupKey: string, sequence: number): string {
  return `${groupKey}/${sequence}`;
}

export function referenceOf({ group, sequence }: FinalEntry): EntryReference {
  return [group, sequence];
}

/**
 * Reads an entry by its pact and keeps it where a stage accesses that. Undefined for a gap entry, and for what was told before.
 * Throws `saga-entry` for a group that is not known.
 */
export function seeEntry(views: Views, final: FinalEntry, seenAt: number): SeenEntry | undefined {
  const group = views.definitions.groups.get(toHex(final.group));
  if (group === undefined) {
    const message = `An entry of group ${toHex(final.group).slice(0, 16)} came, which no saga here knows`;
    throw new VertebraError("saga-entry", message, "Give the saga runtime only entries of the groups it was told of.");
  }
  if (final.sequence < (views.seen.get(group.key) ?? 0)) return undefined;
  views.seen.set(group.key, final.sequence + 1);
  if (gapCount(final.entry) !== undefined) return undefined;
  const seen = readEntry(group, final, seenAt);
  if (isRead(views.definitions, group)) {
    const kept = views.groups.get(group.key) ?? [];
    kept.push(seen);
    // Reversals and cursors of runs under way look a little back.
    if (kept.length > views.keeps) kept.shift();
    views.groups.set(group.key, kept);
  }
  return seen;
}

/** Throws `entry-…` where it breaks the group's pact. */
export function readEntry({ key: groupKey, pact }: GroupKnown, final: FinalEntry, seenAt: number): SeenEntry {
  const values = decodeEntry(pact.fields, final.entry);
  return { ...final, key: keyOf(groupKey, final.sequence), groupKey, pact, values, seenAt };
}

function isRead(definitions: Definitions, group: GroupKnown): boolean {
  if (group === definitions.reversals) return true;
  for (const { stages } of definitions.sagas.values()) {
    for (const { accessedPacts } of stages) {
      if (accessedPacts.some((pact) => isOfPact(group.pact, pact))) return true;
    }
  }
  return false;
}

/** How far the groups that a stage reads are seen now, sorted by group. */
export function readCursors(views: Views, stage: StageKnown): EntryReference[] {
  if (stage.accessedPacts.length === 0) return [];
  return readable(views, stage).map((group) => [group.id, views.seen.get(group.key) ?? 0]);
}

/** What a behavior reads: per group the latest entries before the cursor, without those that a reversal names. */
export function readsAt(views: Views, stage: StageKnown, cursors: readonly EntryReference[]): SeenEntry[] {
  const { definitions } = views;
  const before = new Map(cursors.map(([group, sequence]) => [toHex(group), sequence]));
  const upTo = (group: GroupKnown) =>
    (views.groups.get(group.key) ?? [])
      .filter(({ sequence }) => sequence < (before.get(group.key) ?? 0))
      .slice(-readWindow);
  const reversed = new Set<string>();
  for (const reversal of definitions.reversals ? upTo(definitions.reversals) : []) {
    for (const id of reversal.values[0] as readonly Uint8Array[]) reversed.add(toHex(id));
  }
  return readable(views, stage)
    .filter((group) => group !== definitions.reversals)
    .flatMap(upTo)
    .filter(({ id }) => id === null || !reversed.has(toHex(id)));
}

function readable({ definitions }: Views, stage: StageKnown): GroupKnown[] {
  const groups = [...definitions.groups.values()].filter(
    (group) => group === definitions.reversals || stage.accessedPacts.some((pact) => isOfPact(group.pact, pact)),
  );
  return groups.sort((a, b) => (a.key < b.key ? -1 : 1));
}
