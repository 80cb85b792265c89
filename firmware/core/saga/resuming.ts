import { decodePublished } from "../capability/published";
import { VertebraError } from "../errors";
import { toHex } from "../wire/bytes";
import type { Hash } from "../wire/types";
import type { Definitions, Saga } from "./definitions";
import { type FinalEntry, readEntry, referenceKey, type SeenEntry } from "./entries";
import { concerns, missing, needsHistory } from "./gap";
import type { Head, Step } from "./invocation";
import { type Book, begin, type Ledger, open, standStill } from "./ledger";
import { maxRemembered } from "./limits";
import type { Known } from "./runtime";
import type { KeptBook, KeptInvocation, KeptInvocations, KeptStep, Snapshot } from "./snapshot";
import { decodeState, producedId } from "./state";
import { addTaken } from "./taken";

/** What was kept of sagas, as a participant that starts knows it again. */

/** The sequences from which on the snapshot needs entries from the store, by the hex of their groups. */
export function neededFrom({ groups, entries }: Snapshot): Map<string, number> {
  const needed = groups.map(({ seen }) => seen);
  for (const { group, sequence, body } of entries) {
    if (body === null) needed[group] = Math.min(needed[group]!, sequence);
  }
  return new Map(groups.map(({ id }, index) => [toHex(id), needed[index]!]));
}

/** Of which sagas the snapshot does not say enough, by the keys of their books: these need the whole history. */
export function lackingIn(snapshot: Snapshot, ledger: Ledger): Map<string, VertebraError> {
  const lacking = new Map<string, VertebraError>();
  for (const [key, book] of ledger.books) {
    const kept = keptOf(snapshot, book);
    const why = kept === undefined ? newHere(snapshot, ledger.definitions, book) : unfit(book, kept);
    if (why !== null) lacking.set(key, needsHistory(book, why));
  }
  return lacking;
}

function keptOf({ books }: Snapshot, { versions }: Book): KeptBook | undefined {
  return books.find((kept) => kept.versions.some((id) => versions.has(toHex(id))));
}

function newHere({ groups }: Snapshot, definitions: Definitions, book: Book): string | null {
  const told = groups.some(({ id, seen }) => {
    const group = definitions.groups.get(toHex(id));
    return seen > 0 && group !== undefined && concerns(definitions, book, group);
  });
  return told ? "came to be known after entries of its groups were final" : null;
}

function unfit(book: Book, { versions, held }: KeptBook): string | null {
  if (held === null) return "stood still when this participant ended";
  const known = versions.flatMap((id) => book.versions.get(toHex(id)) ?? []);
  if (known.length < versions.length) return "has versions under way that are not known any more";
  return interests(known) === interests([...book.versions.values()])
    ? null
    : "has a version that begins with, consumes or reads other entries than those before it";
}

/** What of all final entries is kept for these versions of one saga: who knew some of them goes on with others that have the same. */
export function interests(versions: readonly Saga[]): string {
  const newest = versions.reduce((one, other) => (other.description.version > one.description.version ? other : one));
  const { initiatingPact, reach, keyField } = newest.description;
  const stages = versions.flatMap((saga) => saga.stages.map((stage, index) => ({ stage, index })));
  const consumed = stages.filter(({ index }) => index > 0).map(({ stage }) => toHex(stage.consumedPact));
  const read = stages.flatMap(({ stage }) => stage.accessedPacts.map(toHex));
  const sorted = (all: readonly string[]) => [...new Set(all)].sort().join();
  return [toHex(initiatingPact), reach, keyField ?? "", sorted(consumed), sorted(read)].join(" ");
}

/** A snapshot while it is taken back. */
interface Resuming {
  readonly snapshot: Snapshot;
  readonly definitions: Definitions;
  /** What the store has, by reference. */
  readonly stored: ReadonlyMap<string, FinalEntry>;
  /** Entries and states that were read, by index: the same one wherever it is named. */
  readonly read: Map<number, SeenEntry>;
  readonly heads: Map<number, Head>;
}

/**
 * Takes a snapshot into what was empty until now. `stored` has by reference the entries that it left to the store. Sagas that are
 * `lacking` something, and those whose entries the store has no more, stand still: why, is returned.
 */
export function resume(
  known: Known,
  snapshot: Snapshot,
  lacking: ReadonlyMap<string, VertebraError>,
  stored: ReadonlyMap<string, FinalEntry>,
): VertebraError[] {
  const { ledger, effects, capable } = known;
  const { definitions, views, books } = ledger;
  const from: Resuming = { snapshot, definitions, stored, read: new Map(), heads: new Map() };
  const errors: VertebraError[] = [];
  for (const { id, seen } of snapshot.groups) views.seen.set(toHex(id), seen);
  for (const [key, book] of books) {
    const error = lacking.get(key) ?? fill(from, book);
    if (error === null) continue;
    standStill(book);
    errors.push(error);
  }
  for (const { group, entries } of snapshot.views) {
    const kept = snapshot.groups[group]!;
    const key = toHex(kept.id);
    if (!definitions.groups.has(key)) continue;
    try {
      views.groups.set(
        key,
        entries.map((index) => seenAt(from, index)),
      );
    } catch (error) {
      errors.push(...readersStandStill(from, books, key, error));
    }
  }
  for (const { id, group, entry, patience } of snapshot.effects) {
    const to = snapshot.groups[group]!.id;
    if (definitions.groups.has(toHex(to))) {
      effects.waiting.set(toHex(id), { id, group: to, entry, patience, at: patience, token: null });
    }
  }
  for (const id of snapshot.early) effects.seen.add(toHex(id));
  for (const { avatar, entry } of snapshot.published) {
    capable.set(toHex(snapshot.avatars[avatar]!), decodePublished(entry));
  }
  return errors;
}

function readersStandStill({ definitions }: Resuming, books: Ledger["books"], key: string, error: unknown) {
  if (!(error instanceof VertebraError)) throw error;
  const group = definitions.groups.get(key)!;
  return [...books.values()].flatMap((book) => {
    if (book.standsStill || !concerns(definitions, book, group)) return [];
    standStill(book);
    return [needsHistory(book, error.message)];
  });
}

function fill(from: Resuming, book: Book): VertebraError | null {
  const kept = keptOf(from.snapshot, book);
  if (kept === undefined || kept.held === null) return null;
  try {
    for (const each of kept.held.invocations) fillInvocation(from, book, kept, each);
    fillRest(from, book, kept.held);
    return null;
  } catch (error) {
    if (!(error instanceof VertebraError) || error.code === "assertion") throw error;
    return needsHistory(book, error.message);
  }
}

function fillInvocation(from: Resuming, book: Book, { versions }: KeptBook, kept: number | KeptInvocation): void {
  const { definitions } = from;
  if (typeof kept === "number") {
    open(definitions, book, book.begins ?? book.newest, seenAt(from, kept), 0);
    return;
  }
  const saga = book.versions.get(toHex(versions[kept.version]!))!;
  const invocation = open(definitions, book, saga, seenAt(from, kept.entry), 0);
  begin(book, invocation);
  const head = headAt(from, kept.head);
  invocation.head = head;
  invocation.next = kept.next;
  invocation.consumed = kept.consumed === null ? null : seenAt(from, kept.consumed);
  invocation.before = stateAt(from, kept.before);
  for (const step of kept.steps) {
    const filled = stepAt(from, invocation.id, step);
    invocation.steps.push(filled);
    for (const index of step.spent) invocation.spent.add(toHex(filled.produced[index]!));
  }
  invocation.reach.tip = head;
  book.tips.set(head.key, invocation.reach);
}

function fillRest(from: Resuming, book: Book, held: KeptInvocations): void {
  const { groups } = from.snapshot;
  const stateGroup = book.newest.stateGroup.id;
  for (const { key, tip, state } of held.reaches) {
    const reference = [stateGroup, tip] as const;
    const last = { reference, key: referenceKey(reference), state: { state: stateAt(from, state) } };
    const reach = book.reaches.get(key) ?? { key, tip: null, running: null, waiting: [] };
    reach.tip = last;
    book.reaches.set(key, reach);
    book.tips.set(last.key, reach);
  }
  for (const index of held.unconsumed) {
    const entry = seenAt(from, index);
    book.unconsumed.set(entry.key, entry);
  }
  for (const { group, sequence } of held.taken) addTaken(book.taken, toHex(groups[group]!.id), sequence, maxRemembered);
  const keys = [...book.invocations.keys()];
  for (const { id, invocation } of held.causes) {
    const known = typeof id === "number" ? seenAt(from, id).id : id;
    // Of one that has ended no more is asked than that it is none of these.
    if (known !== null) book.causes.set(toHex(known), invocation === null ? "" : keys[invocation]!);
  }
  for (const index of held.backlog) {
    const head = headAt(from, index);
    // No version of one that was undeployed is to come.
    if (from.definitions.growing || book.versions.has(toHex(head.state.description))) book.backlog.push(head);
  }
}

function stepAt(from: Resuming, invocation: Hash, kept: KeptStep): Step {
  const { stage, done, consumed, before, after, produced, acted } = kept;
  const { crypto } = from.definitions;
  return {
    ...{ stage, acted, outcome: done ? "done" : "unknown", places: produced },
    produced: produced.map((index) => producedId(crypto, invocation, stage, false, index)),
    consumed: consumed === null ? null : seenAt(from, consumed),
    before: stateAt(from, before),
    after: stateAt(from, after),
  };
}

function headAt(from: Resuming, index: number): Head {
  const { group, sequence, issuer, entry } = finalAt(from, index);
  const reference = [group, sequence] as const;
  const head = from.heads.get(index) ?? { reference, key: referenceKey(reference), issuer, state: decodeState(entry) };
  from.heads.set(index, head);
  return head;
}

function stateAt(from: Resuming, index: number | null): Uint8Array {
  if (index === null) return new Uint8Array(0);
  const kept = from.snapshot.states[index]!;
  return typeof kept === "number" ? headAt(from, kept).state.state : kept;
}

function seenAt(from: Resuming, index: number): SeenEntry {
  const final = finalAt(from, index);
  const group = from.definitions.groups.get(toHex(final.group));
  if (group === undefined) throw missing(`needs group ${toHex(final.group).slice(0, 16)}, which is not known any more`);
  const seen = from.read.get(index) ?? readEntry(group, final, 0);
  from.read.set(index, seen);
  return seen;
}

/** Throws `saga-gap` where the store has it no more. */
function finalAt({ snapshot, stored }: Resuming, index: number): FinalEntry {
  const { group, sequence, body } = snapshot.entries[index]!;
  const { id } = snapshot.groups[group]!;
  if (body !== null) {
    const { issuer, entry } = body;
    return { group: id, sequence, issuer: snapshot.avatars[issuer]!, id: body.id, entry };
  }
  const found = stored.get(referenceKey([id, sequence]));
  if (found !== undefined) return found;
  throw missing(`needs entry ${sequence} of group ${toHex(id).slice(0, 16)}, which the store has no more`);
}
