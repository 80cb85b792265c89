import { encodePublished } from "../capability/published";
import { fromHex, toHex } from "../wire/bytes";
import type { AvatarId, Hash } from "../wire/types";
import type { FinalEntry } from "./entries";
import type { Head, Invocation, Step } from "./invocation";
import type { Book } from "./ledger";
import type { Known } from "./runtime";
import type { KeptBook, KeptEntry, KeptInvocation, KeptInvocations, KeptStep, Snapshot } from "./snapshot";
import { encodeState } from "./state";

/** What a participant knows of sagas, as what is kept of it. */

/** The tables of a snapshot as they fill. */
interface Tables {
  /** Indexes of groups, by the hex of their ids. */
  readonly groups: ReadonlyMap<string, number>;
  readonly avatars: { readonly list: AvatarId[]; readonly at: Map<string, number> };
  /** By reference. */
  readonly entries: { readonly list: KeptEntry[]; readonly at: Map<string, number> };
  /** States by identity: a step ends with the very bytes that the next one begins with. */
  readonly states: { readonly list: (Uint8Array | number)[]; readonly at: Map<Uint8Array, number> };
  /** The sequence in a group from which on its blocks are in the store for sure. */
  readonly storedFrom: (group: string) => number;
}

/** Entries from the sequence `storedFrom` on stand in it by reference alone: who starts again reads them in the store. */
export function snapshotOf(known: Known, storedFrom: (group: string) => number): Snapshot {
  const { ledger, effects, capable } = known;
  const { definitions, views } = ledger;
  const groups = [...definitions.groups.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  const tables: Tables = {
    groups: new Map(groups.map(({ key }, index) => [key, index])),
    avatars: { list: [], at: new Map() },
    entries: { list: [], at: new Map() },
    states: { list: [], at: new Map() },
    storedFrom,
  };
  const kept = {
    views: [...views.groups].map(([key, entries]) => ({
      group: groupAt(tables, key),
      entries: entries.map((entry) => entryAt(tables, entry)),
    })),
    books: [...ledger.books.values()].map((book) => bookOf(tables, book)),
    effects: [...effects.waiting.values()].map(({ id, group, entry, patience }) => {
      return { id, group: groupAt(tables, toHex(group)), entry, patience };
    }),
    early: [...effects.seen].map(fromHex),
    published: [...capable].map(([key, published]) => {
      return { avatar: avatarAt(tables, fromHex(key)), entry: encodePublished(published) };
    }),
  };
  return {
    groups: groups.map(({ id, key }) => ({ id, seen: views.seen.get(key) ?? 0 })),
    avatars: tables.avatars.list,
    entries: tables.entries.list,
    states: tables.states.list,
    ...kept,
  };
}

function groupAt({ groups }: Tables, key: string): number {
  return groups.get(key)!;
}

function avatarAt({ avatars: { list, at } }: Tables, avatar: AvatarId): number {
  const key = toHex(avatar);
  const found = at.get(key) ?? list.push(avatar) - 1;
  at.set(key, found);
  return found;
}

type Referenced = Omit<FinalEntry, "entry"> & { readonly key: string };

function entryAt(tables: Tables, entry: FinalEntry & { readonly key: string }): number {
  return placeOf(tables, entry, () => entry.entry);
}

function placeOf(tables: Tables, { group, key, sequence, issuer, id }: Referenced, bytes: () => Uint8Array): number {
  const { list, at } = tables.entries;
  const known = at.get(key);
  if (known !== undefined) return known;
  const stored = sequence >= tables.storedFrom(toHex(group));
  const body = stored ? null : { issuer: avatarAt(tables, issuer), id, entry: bytes() };
  const place = list.push({ group: groupAt(tables, toHex(group)), sequence, body }) - 1;
  at.set(key, place);
  return place;
}

function headAt(tables: Tables, { newest }: Book, { reference, key, issuer, state }: Head): number {
  const [group, sequence] = reference;
  const { policy } = newest.stateGroup.pact.pact;
  return placeOf(tables, { group, sequence, key, issuer, id: null }, () => encodeState(state, policy));
}

function stateAt({ states: { list, at } }: Tables, state: Uint8Array): number | null {
  if (state.length === 0) return null;
  const found = at.get(state) ?? list.push(state) - 1;
  at.set(state, found);
  return found;
}

function bookOf(tables: Tables, book: Book): KeptBook {
  const versions = [...book.versions.values()].sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ id }) => id);
  return { versions, held: book.standsStill ? null : heldBy(tables, book, versions) };
}

function heldBy(tables: Tables, book: Book, versions: readonly Hash[]): KeptInvocations {
  const places = new Map([...book.invocations.keys()].map((key, index) => [key, index]));
  // In whatever order they came to be here, which means nothing.
  const reaches = [...book.reaches.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  const idle = reaches.filter(({ running }) => running === null);
  return {
    invocations: [...book.invocations.values()].map((each) => invocationOf(tables, book, versions, each)),
    reaches: idle.flatMap(({ key, tip }) =>
      tip === null ? [] : [{ key, tip: tip.reference[1], state: stateAt(tables, tip.state.state) }],
    ),
    unconsumed: [...book.unconsumed.values()].map((entry) => entryAt(tables, entry)),
    taken: [...book.taken].flatMap(([groupKey, sequences]) => {
      const group = groupAt(tables, groupKey);
      return [...sequences].map((sequence) => ({ group, sequence }));
    }),
    causes: causesOf(tables, book).map(([id, key]) => ({ id, invocation: places.get(key) ?? null })),
    backlog: book.backlog.map((head) => headAt(tables, book, head)),
  };
}

/** An id that an entry here has is named by that. */
function causesOf(tables: Tables, { causes, unconsumed }: Book): [id: Hash | number, invocation: string][] {
  const having = new Map<string, number>();
  for (const entry of unconsumed.values()) {
    if (entry.id !== null) having.set(toHex(entry.id), entryAt(tables, entry));
  }
  return [...causes].map(([id, key]) => [having.get(id) ?? fromHex(id), key]);
}

function invocationOf(
  tables: Tables,
  book: Book,
  versions: readonly Hash[],
  invocation: Invocation,
): number | KeptInvocation {
  const { entry, head, saga, next, consumed, before, steps } = invocation;
  if (head === null) return entryAt(tables, entry);
  const place = headAt(tables, book, head);
  const { list, at } = tables.states;
  const left = head.state.state;
  // The state that it left stands in its saga state: not twice.
  if (left.length > 0 && !at.has(left)) at.set(left, list.push(place) - 1);
  return {
    entry: entryAt(tables, entry),
    version: versions.indexOf(saga.id),
    next,
    head: place,
    consumed: consumed && entryAt(tables, consumed),
    before: stateAt(tables, before),
    steps: steps.map((step) => stepOf(tables, invocation, step)),
  };
}

function stepOf(tables: Tables, { spent }: Invocation, step: Step): KeptStep {
  const { stage, outcome, consumed, before, after, produced, places, acted } = step;
  return {
    ...{ stage, acted, done: outcome === "done", produced: places },
    consumed: consumed && entryAt(tables, consumed),
    before: stateAt(tables, before),
    after: stateAt(tables, after),
    spent: produced.flatMap((id, index) => (spent.has(toHex(id)) ? [index] : [])),
  };
}
