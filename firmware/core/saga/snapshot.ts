import { VertebraError } from "../errors";
import { type Cbor, defaultLimits, encode } from "../wire/cbor";
import { maxGroups, maxOwners } from "../wire/limits";
import { boolean, bytes, hash32, integer, list, nullable, readStructure, text, tuple, wrong } from "../wire/shape";
import type { AvatarId, Hash } from "../wire/types";
import type { Next } from "./invocation";
import {
  maxBacklog,
  maxInvocations,
  maxOutputs,
  maxReaches,
  maxRemembered,
  maxStages,
  maxUnconsumed,
  readWindow,
} from "./limits";

/**
 * What a conductor knows of final entries, as it is kept in a store: who starts again needs no more than this and what came after
 * it. Groups, avatars, entries and states stand in tables once, and are named by their index.
 */
export interface Snapshot {
  readonly groups: readonly KeptGroup[];
  readonly avatars: readonly AvatarId[];
  readonly entries: readonly KeptEntry[];
  /** What stages left: bytes, or the index of the saga state in `entries` that has them. */
  readonly states: readonly (Uint8Array | number)[];
  readonly views: readonly { readonly group: number; readonly entries: readonly number[] }[];
  readonly books: readonly KeptBook[];
  readonly effects: readonly KeptEffect[];
  /** Ids that became final before the state that they follow from. */
  readonly early: readonly Hash[];
  /** Encoded entries of the capabilities pact. */
  readonly published: readonly { readonly avatar: number; readonly entry: Uint8Array }[];
}

export interface KeptGroup {
  readonly id: Hash;
  /** The sequence before which all was told. */
  readonly seen: number;
}

export interface KeptEntry {
  readonly group: number;
  readonly sequence: number;
  /** null where the store has its block for sure. */
  readonly body: { readonly issuer: number; readonly id: Hash | null; readonly entry: Uint8Array } | null;
}

/** One saga's part, in the versions that were known. */
export interface KeptBook {
  readonly versions: readonly Hash[];
  /** null where it stood still. */
  readonly held: KeptInvocations | null;
}

export interface KeptInvocations {
  /** In their order; those without a state are the entry that initiates them alone. */
  readonly invocations: readonly (number | KeptInvocation)[];
  /** Last states that nothing runs on. */
  readonly reaches: readonly { readonly key: string; readonly tip: number; readonly state: number | null }[];
  readonly unconsumed: readonly number[];
  readonly taken: readonly { readonly group: number; readonly sequence: number }[];
  /** Ids, or entries that have them, with the invocation that produced them; null for one that has ended. */
  readonly causes: readonly { readonly id: Hash | number; readonly invocation: number | null }[];
  readonly backlog: readonly number[];
}

/** One that has a state. Entries, versions and states by their index; null for no entry, and for the empty state. */
export interface KeptInvocation {
  readonly entry: number;
  readonly version: number;
  readonly next: Next;
  readonly head: number;
  readonly consumed: number | null;
  readonly before: number | null;
  readonly steps: readonly KeptStep[];
}

export interface KeptStep {
  readonly stage: number;
  /** false where it is unknown whether it was done. */
  readonly done: boolean;
  readonly consumed: number | null;
  readonly before: number | null;
  readonly after: number | null;
  /** Indexes of the entries that it produced among its outputs; and which of these stages consumed. */
  readonly produced: readonly number[];
  readonly spent: readonly number[];
  readonly acted: boolean;
}

export interface KeptEffect {
  readonly id: Hash;
  readonly group: number;
  readonly entry: Uint8Array;
  readonly patience: number;
}

/** The first item: a later form is a new number. */
const form = 1;
const waits: readonly Exclude<Next, { kind: "ended" }>[] = [
  { kind: "stage", stage: 0 },
  { kind: "outcome", stage: 0, undoes: false },
  { kind: "outcome", stage: 0, undoes: true },
  { kind: "undo", stage: 0 },
];

export function encodeSnapshot(snapshot: Snapshot): Uint8Array {
  const { groups, avatars, entries, states, views, books, effects, early, published } = snapshot;
  return encode([
    form,
    groups.map(({ id, seen }) => [id, seen]),
    avatars,
    entries.map(({ group, sequence, body }) =>
      body === null ? [group, sequence] : [group, sequence, body.issuer, body.id, body.entry],
    ),
    states,
    views.map((view) => [view.group, view.entries]),
    books.map(({ versions, held }) => [versions, held && heldItem(held)]),
    effects.map(({ id, group, entry, patience }) => [id, group, entry, patience]),
    early,
    published.map(({ avatar, entry }) => [avatar, entry]),
  ]);
}

function heldItem({ invocations, reaches, unconsumed, taken, causes, backlog }: KeptInvocations): Cbor {
  return [
    invocations.map((each) => (typeof each === "number" ? each : invocationItem(each))),
    reaches.map(({ key, tip, state }) => [key, tip, state]),
    unconsumed,
    takenItem(taken),
    causes.map(({ id, invocation }) => [id, invocation]),
    backlog,
  ];
}

function invocationItem({ entry, version, next, head, consumed, before, steps }: KeptInvocation): Cbor {
  const wait = waits.findIndex(({ kind, ...each }) => {
    const undoes = "undoes" in each ? each.undoes : undefined;
    return kind === next.kind && undoes === (next.kind === "outcome" ? next.undoes : undefined);
  });
  const stage = next.kind === "ended" ? 0 : next.stage;
  return [entry, version, wait, stage, head, consumed, before, steps.map(stepItem)];
}

function stepItem({ stage, done, consumed, before, after, produced, spent, acted }: KeptStep): Cbor {
  return [stage, done, consumed, before, after, produced, spent, acted];
}

/**
 * Group and distance from the one of that group before it, one after the other; a number below zero for so many more that each are
 * the next of the same group. Most are.
 */
function takenItem(taken: KeptInvocations["taken"]): number[] {
  const items: number[] = [];
  const last = new Map<number, number>();
  let group = -1;
  let more = 0;
  for (const each of taken) {
    const distance = each.sequence - (last.get(each.group) ?? 0);
    last.set(each.group, each.sequence);
    if (each.group === group && distance === 1) {
      more++;
      continue;
    }
    if (more > 0) items.push(-more);
    more = 0;
    group = each.group;
    items.push(group, distance);
  }
  if (more > 0) items.push(-more);
  return items;
}

/** Throws `saga-snapshot` where the bytes are none, naming the field. */
export function decodeSnapshot(encoded: Uint8Array): Snapshot {
  try {
    return readSnapshot(encoded);
  } catch (error) {
    if (!(error instanceof VertebraError)) throw error;
    throw new VertebraError(
      "saga-snapshot",
      `What the store keeps of the sagas can't be read: ${error.message}`,
      "Nothing is lost where the store has all final entries: they are read again. Otherwise erase it and provision anew.",
    );
  }
}

function readSnapshot(encoded: Uint8Array): Snapshot {
  const items = readStructure("snapshot", encoded, 10);
  const [first, groupItems, avatarItems, entryItems, stateItems, viewItems, bookItems, effectItems, early, told] =
    items;
  if (first !== form) throw wrong("structure-field", "snapshot: form", "is none that this version knows");
  const groups = list("snapshot: group", groupItems, maxGroups, (where, item): KeptGroup => {
    const [id, seen] = tuple(where, item, 2);
    return { id: hash32(where, id).slice(), seen: integer(`${where}: seen`, seen) };
  });
  const avatars = list("snapshot: avatar", avatarItems, maxGroups * maxOwners, (where, item) =>
    hash32(where, item).slice(),
  );
  const entries = list("snapshot: entry", entryItems, defaultLimits.items, (where, item) =>
    readEntry(where, item, groups.length, avatars.length),
  );
  const of = entries.length;
  const states = list("snapshot: state", stateItems, defaultLimits.items, (where, item) =>
    item instanceof Uint8Array ? item.slice() : indexOf(where, item, of),
  );
  return {
    ...{ groups, avatars, entries, states },
    views: list("snapshot: view", viewItems, maxGroups, (where, item) => {
      const [group, kept] = tuple(where, item, 2);
      return { group: indexOf(where, group, groups.length), entries: indexes(where, kept, readWindow, of) };
    }),
    books: list("snapshot: saga", bookItems, maxGroups, (where, item) =>
      readBook(where, item, { groups: groups.length, entries: of, states: states.length }),
    ),
    effects: list("snapshot: effect", effectItems, maxRemembered, (where, item) => {
      const [id, group, entry, patience] = tuple(where, item, 4);
      return {
        id: hash32(where, id).slice(),
        group: indexOf(`${where}: group`, group, groups.length),
        entry: bytes(`${where}: entry`, entry).slice(),
        patience: integer(`${where}: patience`, patience),
      };
    }),
    early: list("snapshot: early id", early, maxRemembered, (where, item) => hash32(where, item).slice()),
    published: list("snapshot: published", told, maxGroups * maxOwners, (where, item) => {
      const [avatar, entry] = tuple(where, item, 2);
      return { avatar: indexOf(where, avatar, avatars.length), entry: bytes(where, entry).slice() };
    }),
  };
}

function readEntry(where: string, item: Cbor, groups: number, avatars: number): KeptEntry {
  const alone = Array.isArray(item) && item.length === 2;
  const [group, sequence, issuer, id, entry] = tuple(where, item, alone ? 2 : 5);
  return {
    group: indexOf(`${where}: group`, group, groups),
    sequence: integer(`${where}: sequence`, sequence),
    body: alone
      ? null
      : {
          issuer: indexOf(`${where}: issuer`, issuer, avatars),
          id: nullable(`${where}: id`, id, hash32)?.slice() ?? null,
          entry: bytes(where, entry).slice(),
        },
  };
}

/** How many of each table there are. */
interface Tables {
  readonly groups: number;
  readonly entries: number;
  readonly states: number;
}

function readBook(where: string, item: Cbor, tables: Tables): KeptBook {
  const [ids, held] = tuple(where, item, 2);
  const versions = list(`${where}: version`, ids, maxGroups, (each, id) => hash32(each, id).slice());
  if (versions.length === 0) throw wrong("structure-field", `${where}: versions`, "are none");
  if (held === null) return { versions, held };
  const [invocationItems, reaches, unconsumed, taken, causes, backlog] = tuple(where, held, 6);
  const invocations = list(`${where}: invocation`, invocationItems, maxInvocations, (each, one) =>
    typeof one === "number"
      ? indexOf(each, one, tables.entries)
      : readInvocation(each, one, { ...tables, versions: versions.length }),
  );
  return {
    versions,
    held: {
      invocations,
      reaches: list(`${where}: reach`, reaches, maxReaches, (each, one) => {
        const [key, tip, state] = tuple(each, one, 3);
        return {
          key: text(`${each}: key`, key, 65_536),
          tip: integer(`${each}: tip`, tip),
          state: indexOrNull(`${each}: state`, state, tables.states),
        };
      }),
      unconsumed: indexes(`${where}: unconsumed`, unconsumed, maxUnconsumed, tables.entries),
      taken: readTaken(`${where}: taken`, taken, tables.groups),
      causes: list(`${where}: cause`, causes, maxRemembered, (each, one) => {
        const [id, invocation] = tuple(each, one, 2);
        return {
          id: id instanceof Uint8Array ? hash32(each, id).slice() : indexOf(each, id, tables.entries),
          invocation: indexOrNull(`${each}: invocation`, invocation, invocations.length),
        };
      }),
      backlog: indexes(`${where}: backlog`, backlog, maxBacklog, tables.entries),
    },
  };
}

function readInvocation(where: string, item: Cbor, tables: Tables & { readonly versions: number }): KeptInvocation {
  const [entry, version, wait, stage, head, consumed, before, steps] = tuple(where, item, 8);
  const next = waits[indexOf(`${where}: wait`, wait, waits.length)]!;
  return {
    entry: indexOf(`${where}: entry`, entry, tables.entries),
    version: indexOf(`${where}: version`, version, tables.versions),
    next: { ...next, stage: integer(`${where}: stage`, stage, 0, maxStages - 1) },
    head: indexOf(`${where}: head`, head, tables.entries),
    consumed: indexOrNull(`${where}: consumed`, consumed, tables.entries),
    before: indexOrNull(`${where}: before`, before, tables.states),
    steps: list(`${where}: step`, steps, maxStages, (each, one): KeptStep => {
      const [at, done, took, found, left, produced, spent, acted] = tuple(each, one, 8);
      return {
        stage: integer(`${each}: stage`, at, 0, maxStages - 1),
        done: boolean(`${each}: done`, done),
        consumed: indexOrNull(`${each}: consumed`, took, tables.entries),
        before: indexOrNull(`${each}: before`, found, tables.states),
        after: indexOrNull(`${each}: after`, left, tables.states),
        produced: indexes(`${each}: produced`, produced, maxOutputs, maxOutputs),
        spent: indexes(`${each}: spent`, spent, maxOutputs, maxOutputs),
        acted: boolean(`${each}: acted`, acted),
      };
    }),
  };
}

function readTaken(where: string, value: Cbor | undefined, groups: number): KeptInvocations["taken"] {
  const items = list(where, value, 2 * maxRemembered, (each, item) => integer(each, item, Number.MIN_SAFE_INTEGER));
  const last = new Map<number, number>();
  const taken: { group: number; sequence: number }[] = [];
  let group: number | undefined;
  for (let at = 0; at < items.length; ) {
    const item = items[at++]!;
    if (item < 0 && group === undefined) throw wrong("structure-field", where, "begins with more of what it has not");
    const count = item < 0 ? -item : 1;
    const distance = item < 0 ? 1 : (items[at++] ?? 0);
    if (item >= 0) group = indexOf(where, item, groups);
    if (taken.length + count > maxRemembered) throw wrong("structure-bound", where, `has more than ${maxRemembered}`);
    for (let each = 0; each < count; each++) {
      const sequence = integer(where, (last.get(group!) ?? 0) + distance);
      last.set(group!, sequence);
      taken.push({ group: group!, sequence });
    }
  }
  const again = takenItem(taken);
  if (again.length !== items.length || again.some((item, index) => item !== items[index])) {
    throw wrong("structure-order", where, "is not in its shortest form");
  }
  return taken;
}

function indexOf(where: string, value: Cbor | undefined, length: number): number {
  return integer(where, value, 0, length - 1);
}

function indexOrNull(where: string, value: Cbor | undefined, length: number): number | null {
  return value === null ? null : indexOf(where, value, length);
}

function indexes(where: string, value: Cbor | undefined, most: number, length: number): number[] {
  return list(where, value, most, (each, item) => indexOf(each, item, length));
}
