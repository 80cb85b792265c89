import { VertebraError } from "../errors";
import { equal, toHex } from "../wire/bytes";
import type { Hash } from "../wire/types";
import { type Definitions, isOfPact, type PactKnown, type Saga } from "./definitions";
import {
  createViews,
  type FinalEntry,
  keyOf,
  referenceKey,
  referenceOf,
  type SeenEntry,
  seeEntry,
  type Views,
} from "./entries";
import {
  type Head,
  type Invocation,
  nextOnTheWayBack,
  producedIds,
  type Reach,
  reachKey,
  type Standing,
  standingOf,
} from "./invocation";
import { maxBacklog, maxInvocations, maxLeftOpen, maxReaches, maxRemembered, maxUnconsumed } from "./limits";
import { checkPutOut } from "./output";
import { bytesHeld } from "./room";
import { decodeState, type EntryReference, invocationId, isWithoutRun, type Output, type SagaState } from "./state";
import { addTaken, isTaken, type Taken } from "./taken";

/**
 * What the final entries alone say of all sagas: the same for whoever saw the same entries, in whatever order their groups
 * came. It decides nothing and runs nothing.
 */
export interface Ledger {
  readonly definitions: Definitions;
  readonly views: Views;
  readonly books: ReadonlyMap<string, Book>;
  /** Bytes of memory for what is under way in each saga. */
  readonly room: number;
}

/** One saga's part, in all its versions: an invocation ends on that with which it began, and new ones begin with the newest. */
export interface Book {
  readonly name: string;
  readonly newest: Saga;
  /** The newest by which this participant may begin; null where there is none, and it counts what others begin. */
  readonly begins: Saga | null;
  readonly versions: ReadonlyMap<string, Saga>;
  readonly invocations: Map<string, Invocation>;
  /** Those without a state, by the reference of the entry that initiates them. */
  readonly opened: Map<string, Invocation>;
  readonly reaches: Map<string, Reach>;
  /** The reach whose last state this is. */
  readonly tips: Map<string, Reach>;
  /** Entries that a stage after the first could consume, by reference, in the order in which they came. */
  readonly unconsumed: Map<string, SeenEntry>;
  /** References of entries that a stage after the first consumed, or that only an invocation which has ended could have. */
  readonly taken: Taken;
  /** Ids of what its invocations produced for a stage after the first and none consumed yet, with the invocation. */
  readonly causes: Map<string, string>;
  /** Final states that wait until what they consumed is seen. */
  readonly backlog: Head[];
  /**
   * More came than it holds, or it was not told all: it counts and does nothing any more, since what it would count from here on
   * could be other than what others do.
   */
  standsStill: boolean;
}

/** What an entry changed. */
export type Change =
  | { readonly kind: "started"; readonly invocation: Invocation }
  /** A state that counts; `was` is how the invocation stood before it, `consumed` the entry of its stage. */
  | {
      readonly kind: "accepted";
      readonly invocation: Invocation;
      readonly head: Head;
      readonly was: Standing;
      readonly consumed: SeenEntry | null;
    }
  | { readonly kind: "void"; readonly head: Head; readonly reason: string }
  | { readonly kind: "notice"; readonly error: VertebraError };

export function createLedger(definitions: Definitions, keeps: number, room: number): Ledger {
  const books = new Map<string, Book>();
  for (const { description, stateGroup } of definitions.sagas.values()) {
    const { name } = description;
    const inGroup = (saga: Saga) => saga.description.name === name && saga.stateGroup === stateGroup;
    const versions = [...definitions.sagas.values()].filter(inGroup);
    const later = (one: Saga, other: Saga) => (other.description.version > one.description.version ? other : one);
    const newest = versions.reduce(later);
    const mine = versions.filter(({ key }) => definitions.begins?.has(key) ?? true);
    const begins = mine.length === 0 ? null : mine.reduce(later);
    const empty = { invocations: new Map(), opened: new Map(), reaches: new Map(), tips: new Map() };
    books.set(`${name} ${stateGroup.key}`, {
      ...{ name, newest, begins, versions: new Map(versions.map((saga) => [saga.key, saga])), ...empty },
      ...{ unconsumed: new Map(), taken: new Map(), causes: new Map(), backlog: [], standsStill: false },
    });
  }
  return { definitions, views: createViews(definitions, keeps), books, room };
}

/** Takes one final entry, in the order of its group. Throws `saga-entry` for one of a group that is not known. */
export function takeEntry(ledger: Ledger, final: FinalEntry, now: number): { seen?: SeenEntry; changes: Change[] } {
  const changes: Change[] = [];
  const seen = seeOrTell(ledger, final, now, changes);
  if (seen === undefined) return { changes };
  for (const book of ledger.books.values()) {
    if (book.standsStill) continue;
    if (equal(book.newest.stateGroup.id, final.group)) takeState(ledger.definitions, book, final, changes);
    start(ledger, book, seen, now, changes);
    if (isConsumedLater(book, seen.pact)) keepUnconsumed(book, seen);
    settleBacklog(ledger, book, now, changes);
    const bytes = ledger.room === Number.POSITIVE_INFINITY ? 0 : bytesHeld(book);
    if (bytes > ledger.room) overflow(book, `${bytes} bytes of invocations, entries and states`, changes);
    if (book.standsStill) standStill(book);
  }
  return { seen, changes };
}

/** A final entry that breaks its pact is one that a quorum of liars let pass: it is told, and nothing comes of it. */
function seeOrTell({ views }: Ledger, final: FinalEntry, now: number, changes: Change[]): SeenEntry | undefined {
  try {
    return seeEntry(views, final, now);
  } catch (error) {
    if (!(error instanceof VertebraError) || error.code === "saga-entry") throw error;
    changes.push({ kind: "notice", error });
    return undefined;
  }
}

function isConsumedLater({ versions }: Book, pact: PactKnown): boolean {
  for (const { stages } of versions.values()) {
    if (stages.some((stage, index) => index > 0 && isOfPact(pact, stage.consumedPact))) return true;
  }
  return false;
}

/** What an invocation produced is its own: once that has ended, it is as if it had consumed it. */
function keepUnconsumed(book: Book, seen: SeenEntry): void {
  const cause = seen.id === null ? undefined : book.causes.get(toHex(seen.id));
  if (cause !== undefined && !book.invocations.has(cause)) {
    noteTaken(book, seen);
    return;
  }
  book.unconsumed.set(seen.key, seen);
  bound(book.unconsumed, maxUnconsumed);
}

function noteTaken(book: Book, { groupKey, sequence, id }: Pick<SeenEntry, "groupKey" | "sequence" | "id">): void {
  book.unconsumed.delete(keyOf(groupKey, sequence));
  if (id !== null) book.causes.delete(toHex(id));
  addTaken(book.taken, groupKey, sequence, maxRemembered);
}

/** "An entry of the initiating pact, once final, starts an invocation." */
function start({ definitions, room }: Ledger, book: Book, seen: SeenEntry, now: number, changes: Change[]): void {
  if (!isOfPact(seen.pact, book.newest.description.initiatingPact)) return;
  const full = book.invocations.size >= maxInvocations || book.reaches.size >= maxReaches;
  const enough = room !== Number.POSITIVE_INFINITY && book.opened.size >= maxLeftOpen;
  if (definitions.undeployed && book.opened.size > 0 && (full || enough)) forgetOpened(book);
  else if (full) {
    overflow(book, `${book.invocations.size} invocations and ${book.reaches.size} states of their own`, changes);
    return;
  }
  changes.push({ kind: "started", invocation: open(definitions, book, book.begins ?? book.newest, seen, now) });
}

/** The oldest that nobody began, of a saga by which nobody should. */
function forgetOpened(book: Book): void {
  const [oldest] = book.opened.values();
  if (oldest === undefined) return;
  close(book, oldest);
  book.invocations.delete(oldest.key);
  const { key, tip, running, waiting } = oldest.reach;
  if (tip === null && running === null && waiting.length === 0) book.reaches.delete(key);
}

/** An invocation that this entry initiates and that has no state yet. */
export function open(definitions: Definitions, book: Book, saga: Saga, seen: SeenEntry, now: number): Invocation {
  const id = invocationId(definitions.crypto, referenceOf(seen), saga.id);
  const shared = reachKey(saga, seen);
  const reach = book.reaches.get(shared) ?? { key: shared, tip: null, running: null, waiting: [] };
  book.reaches.set(shared, reach);
  const invocation: Invocation = {
    ...{
      id,
      key: toHex(id),
      saga,
      entry: seen,
      reach,
      next: { kind: "stage", stage: 0 },
      head: null,
      since: now,
      away: 0,
      began: now,
    },
    ...{ consumed: null, before: new Uint8Array(0), steps: [], spent: new Set() },
  };
  book.invocations.set(invocation.key, invocation);
  book.opened.set(seen.key, invocation);
  reach.waiting.push(invocation);
  return invocation;
}

/** Its reach is its own until it ends. */
export function begin(book: Book, invocation: Invocation): void {
  invocation.reach.running = invocation;
  close(book, invocation);
}

/** Takes what has no state yet out of its queue: it has its first one, or another version has the entry. */
function close(book: Book, { entry, reach }: Invocation): void {
  book.opened.delete(entry.key);
  reach.waiting.splice(
    reach.waiting.findIndex((each) => each.entry === entry),
    1,
  );
}

/**
 * Of a saga that was deployed a version may be known to others before it is here: its states wait for it, as do those after them, since what they
 * took another would be taken for free.
 */
function takeState({ growing }: Definitions, book: Book, final: FinalEntry, changes: Change[]): void {
  const { group, sequence, issuer } = final;
  try {
    const state = decodeState(final.entry);
    if (!growing && !book.versions.has(toHex(state.description))) return;
    const head: Head = { reference: [group, sequence], key: referenceKey([group, sequence]), issuer, state };
    if (book.backlog.length < maxBacklog) book.backlog.push(head);
    else overflow(book, `${maxBacklog} states that wait for entries that they consumed`, changes);
  } catch (error) {
    if (!(error instanceof VertebraError)) throw error;
    changes.push({ kind: "notice", error });
  }
}

/** It counts and does nothing any more, and holds nothing. */
export function standStill(book: Book): void {
  const { invocations, opened, reaches, tips, unconsumed, taken, causes, backlog } = book;
  for (const held of [invocations, opened, reaches, tips, unconsumed, taken, causes]) held.clear();
  backlog.length = 0;
  book.standsStill = true;
}

function overflow(book: Book, what: string, changes: Change[]): void {
  book.standsStill = true;
  const message = `Saga '${book.name}' has ${what}, more than this participant holds: it takes no part in it any more`;
  const remedy = "Let it see the groups of all pacts of the saga, and start it anew when there is less under way.";
  changes.push({ kind: "notice", error: new VertebraError("saga-full", message, remedy) });
}

/** Groups have no order among each other: a state may be final here before what it consumed. It waits, and those after it too. */
function settleBacklog({ definitions, views }: Ledger, book: Book, now: number, changes: Change[]): void {
  for (let head = book.backlog[0]; head !== undefined; head = book.backlog[0]) {
    if (waitsForVersion(book)) return;
    if (waitsForConsumed(definitions, views, head.state)) return;
    book.backlog.shift();
    changes.push(accept(definitions, book, head, now));
  }
}

/** Whether the next of its states is of a version that is not known here yet. */
export function waitsForVersion({ backlog, versions }: Book): boolean {
  return backlog.length > 0 && !versions.has(toHex(backlog[0]!.state.description));
}

function waitsForConsumed({ groups }: Definitions, { seen }: Views, { consumed }: SagaState): boolean {
  if (consumed === null) return false;
  const [group, sequence] = consumed;
  // Of a group that no saga knows nothing will ever be seen.
  return groups.has(toHex(group)) && sequence >= (seen.get(toHex(group)) ?? 0);
}

/** "The first Saga State final for a given `previous` wins; any later one is void." */
function accept(definitions: Definitions, book: Book, head: Head, now: number): Change {
  const found = invocationOf(definitions, book, head.state, now);
  const wrong =
    typeof found === "string"
      ? found
      : (stranger(definitions, head.state) ??
        refusal(book, found, head.state) ??
        excess(definitions, found, head.state));
  if (typeof found === "string" || wrong !== null) return { kind: "void", head, reason: wrong ?? "" };
  const { reach } = found;
  const was = standingOf(found);
  const consumed = consumedBy(book, found, head.state);
  if (reach.running !== found) begin(book, found);
  noteConsumed(book, found, head.state, consumed);
  advance(definitions, book, found, head.state, consumed, was);
  if (reach.tip !== null) book.tips.delete(reach.tip.key);
  reach.tip = head;
  book.tips.set(head.key, reach);
  found.head = head;
  found.since = now;
  found.away = 0;
  if (found.next.kind === "ended") end(book, found, now);
  return { kind: "accepted", invocation: found, head, was, consumed };
}

/** The invocation that a state belongs to, or why it is void. */
function invocationOf(definitions: Definitions, book: Book, state: SagaState, now: number): Invocation | string {
  const reach = state.previous === null ? undefined : book.tips.get(referenceKey(state.previous));
  if (state.previous !== null && reach === undefined) return "another state came first";
  if (reach?.running) {
    return equal(reach.running.saga.id, state.description) ? reach.running : "its invocation is of another version";
  }
  if (state.stage !== 0 || state.consumed === null) return "no invocation begins with it";
  const opened = book.opened.get(referenceKey(state.consumed));
  if (opened === undefined) return "no entry waits to initiate it";
  const saga = book.versions.get(toHex(state.description))!;
  const shared = book.reaches.get(reachKey(saga, opened.entry));
  const { tip, running } = shared ?? { tip: null, running: null };
  if (running !== null || (tip === null) !== (state.previous === null)) return "another state came first";
  if (reach !== undefined && reach !== shared) return "its previous state is of another key";
  return opened.saga === saga ? opened : ofVersion(definitions, book, opened, saga, now);
}

/** Whoever was first knew another version than this one: the entry is that one's. */
function ofVersion(definitions: Definitions, book: Book, opened: Invocation, saga: Saga, now: number): Invocation {
  close(book, opened);
  book.invocations.delete(opened.key);
  return open(definitions, book, saga, opened.entry, now);
}

function stranger({ groups }: Definitions, { consumed }: SagaState): string | null {
  return consumed === null || groups.has(toHex(consumed[0])) ? null : "what it consumed is of no group here";
}

/** Why a state does not answer what its invocation waits for; null where it does. */
function refusal(book: Book, invocation: Invocation, { stage, status, ...state }: SagaState): string | null {
  const { next } = invocation;
  if (next.kind === "ended" || next.stage !== stage) return "the invocation waits for another stage";
  const takes: Record<typeof next.kind, readonly SagaState["status"][]> = {
    stage: ["done", "intent", "failed", "expired", "cancelled"],
    outcome: next.kind === "outcome" && next.undoes ? ["compensated", "unknown"] : ["done", "refused", "unknown"],
    undo: ["compensated", "intent", "unknown"],
  };
  if (!takes[next.kind].includes(status)) return `status ${status} is no answer here`;
  if (next.kind !== "stage") return null;
  if (state.consumed === null) return isWithoutRun(status) ? null : "it consumed nothing";
  return stage === 0 ? null : claimed(book, invocation, state.consumed);
}

/**
 * One entry is one event: of two pending states that both found it, the first in final order has it. And what an invocation
 * produced is its own: who took it for another had not seen the state that it follows from.
 */
function claimed(book: Book, { key }: Invocation, [group, sequence]: EntryReference): string | null {
  const groupKey = toHex(group);
  if (isTaken(book.taken, groupKey, sequence)) return "what it consumed is taken";
  const id = book.unconsumed.get(keyOf(groupKey, sequence))?.id ?? null;
  const cause = id === null ? undefined : book.causes.get(toHex(id));
  return cause === undefined || cause === key ? null : "what it consumed is another invocation's";
}

/** What a state puts out beyond what its stage may; null where nothing. */
function excess(definitions: Definitions, { next, saga }: Invocation, { stage, produced }: SagaState): string | null {
  const undoes = next.kind === "undo" || (next.kind === "outcome" && next.undoes);
  try {
    for (const output of produced) checkPutOut(definitions, saga.stages[stage]!, undoes, output);
    return null;
  } catch (error) {
    if (!(error instanceof VertebraError)) throw error;
    return error.message;
  }
}

function consumedBy(book: Book, invocation: Invocation, state: SagaState): SeenEntry | null {
  if (invocation.next.kind !== "stage" || state.consumed === null) return invocation.consumed;
  return state.stage === 0 ? invocation.entry : (book.unconsumed.get(referenceKey(state.consumed)) ?? null);
}

function noteConsumed(
  book: Book,
  { next, spent, entry }: Invocation,
  state: SagaState,
  consumed: SeenEntry | null,
): void {
  if (next.kind !== "stage" || state.consumed === null) return;
  if (consumed?.id) spent.add(toHex(consumed.id));
  // What initiates is not asked for again, unless a later stage could consume it too.
  if (next.stage === 0 && !isConsumedLater(book, entry.pact)) return;
  const [group, sequence] = state.consumed;
  noteTaken(book, { groupKey: toHex(group), sequence, id: consumed?.id ?? null });
}

function advance(
  definitions: Definitions,
  book: Book,
  invocation: Invocation,
  { stage, status, produced, state: after }: SagaState,
  consumed: SeenEntry | null,
  was: Standing,
): void {
  const { next, steps } = invocation;
  const undoes = next.kind === "undo" || (next.kind === "outcome" && next.undoes);
  invocation.consumed = status === "intent" ? consumed : null;
  const before = next.kind === "outcome" ? invocation.before : was.state;
  if (status === "intent") {
    invocation.before = before;
    invocation.next = { kind: "outcome", stage, undoes };
    return;
  }
  const ids = producedIds(definitions, invocation, stage, undoes, produced);
  remember(definitions, book, invocation, produced, ids);
  if (undoes) steps.pop();
  else if (status === "done" || status === "unknown") {
    const done = status === "done";
    const acted = done && produced.some(({ kind }) => kind === "operation");
    const places = produced.flatMap(({ kind }, index) => (done && kind === "entry" ? [index] : []));
    steps.push({ stage, outcome: status, consumed, before, after, produced: done ? ids : [], places, acted });
  }
  if (status !== "done") invocation.next = nextOnTheWayBack(invocation);
  else if (stage + 1 < invocation.saga.stages.length) invocation.next = { kind: "stage", stage: stage + 1 };
  else invocation.next = { kind: "ended" };
}

function remember(
  { groups }: Definitions,
  book: Book,
  { key }: Invocation,
  produced: readonly Output[],
  ids: readonly Hash[],
): void {
  const entries = produced.flatMap((output) => (output.kind === "entry" ? [output] : []));
  for (const [index, { group }] of entries.entries()) {
    const known = groups.get(toHex(group));
    if (known !== undefined && isConsumedLater(book, known.pact)) book.causes.set(toHex(ids[index]!), key);
  }
  bound(book.causes, maxRemembered);
}

function end(book: Book, { key, reach, saga }: Invocation, now: number): void {
  book.invocations.delete(key);
  for (const each of book.unconsumed.values()) {
    if (each.id !== null && book.causes.get(toHex(each.id)) === key) noteTaken(book, each);
  }
  reach.running = null;
  const [first] = reach.waiting;
  if (first !== undefined) {
    first.since = now;
    first.away = 0;
  }
  if (saga.description.reach !== "invocation") return;
  book.reaches.delete(reach.key);
  if (reach.tip !== null) book.tips.delete(reach.tip.key);
}

/** Forgets the oldest of more than `most`. */
function bound(all: Map<string, unknown>, most: number): void {
  for (const oldest of all.keys()) {
    if (all.size <= most) return;
    all.delete(oldest);
  }
}
