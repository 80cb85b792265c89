import { isCapabilitiesPact, readPublished } from "../../firmware/core/capability/published";
import type { Published } from "../../firmware/core/pact/requirement";
import { finalEntries } from "../../firmware/core/saga/conductor";
import type { Definitions, GroupKnown } from "../../firmware/core/saga/definitions";
import { type FinalEntry, referenceKey, type SeenEntry } from "../../firmware/core/saga/entries";
import { concerns } from "../../firmware/core/saga/gap";
import type { Head, Invocation, Reach, Standing } from "../../firmware/core/saga/invocation";
import { type Change, createLedger, type Ledger, takeEntry } from "../../firmware/core/saga/ledger";
import { readWindow } from "../../firmware/core/saga/limits";
import type { Status } from "../../firmware/core/saga/state";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { type BlocksOf, pastOf } from "./past";

/** What became of invocations, read from the final entries alone. */
export interface Stories {
  /** As it stands after the last entry; its times are those of blocks. */
  readonly ledger: Ledger;
  /** In the order in which they began. */
  readonly stories: readonly Story[];
  /** By the keys of the ledger's books. */
  readonly counts: ReadonlyMap<string, Counts>;
  /** Final entries that sagas produced, by the hex of their ids. */
  readonly produced: ReadonlyMap<string, SeenEntry>;
  /** Ids that a reversal entry names. */
  readonly reversed: ReadonlySet<string>;
  /** What each participant published last, by the hex of its AvatarId. */
  readonly capable: ReadonlyMap<string, Published>;
  /** The time of an entry's block; 0 where its issuer has no clock. */
  timeOf(entry: SeenEntry): number;
}

export interface Story {
  readonly invocation: Invocation;
  readonly states: Counted[];
  readonly lost: Lost[];
}

/** A state that counts. */
export interface Counted {
  readonly head: Head;
  readonly was: Standing;
  readonly consumed: SeenEntry | null;
  /** Of its block. */
  readonly time: number;
  /** Of the state before it in its reach; 0 where there is none. */
  readonly after: number;
}

/** A state that does not. */
export interface Lost {
  readonly head: Head;
  readonly reason: string;
  readonly time: number;
}

/** Of the invocations of a saga that have ended: how. */
export interface Counts {
  done: number;
  failed: number;
  cancelled: number;
}

/** So many are told at most: those under way before those that have ended, and then the latest. */
const mostTold = 20;

interface Reading extends Stories {
  readonly prefix: string;
  readonly stories: Story[];
  readonly counts: Map<string, Counts>;
  readonly produced: Map<string, SeenEntry>;
  readonly reversed: Set<string>;
  readonly capable: Map<string, Published>;
  readonly times: WeakMap<SeenEntry, number>;
  /** Of states that wait for what they consumed. */
  readonly stateTimes: Map<string, number>;
  readonly last: WeakMap<Reach, number>;
  /** By which status an invocation turned back. */
  readonly turned: WeakMap<Invocation, Status>;
}

/** Reads all that is final of the sagas' groups; tells the stories of the invocations whose ids in hex begin with `prefix`. */
export async function readStories(definitions: Definitions, blocksOf: BlocksOf, prefix: string): Promise<Stories> {
  const ledger = createLedger(definitions, readWindow, Number.POSITIVE_INFINITY);
  const times = new WeakMap<SeenEntry, number>();
  const reading: Reading = {
    ...{ ledger, prefix, times, timeOf: (entry) => times.get(entry) ?? 0, stories: [], produced: new Map() },
    ...{ reversed: new Set(), capable: new Map(), stateTimes: new Map(), last: new WeakMap(), turned: new WeakMap() },
    counts: new Map([...ledger.books.keys()].map((key) => [key, { done: 0, failed: 0, cancelled: 0 }])),
  };
  for await (const block of pastOf(definitions, groupsOfSagas(ledger), blocksOf)) {
    for (const entry of finalEntries(block)) take(reading, entry, block.time);
  }
  return reading;
}

/** By which status an invocation turned back; undefined where it did not. */
export function turnedBy({ states }: Story): Status | undefined {
  return states.find(turns)?.head.state.status;
}

function turns({ was, head }: Pick<Counted, "was" | "head">): boolean {
  const forward = was.next.kind === "stage" || (was.next.kind === "outcome" && !was.next.undoes);
  return forward && head.state.status !== "done" && head.state.status !== "intent";
}

/** The groups that sagas are told by, and that of capabilities. */
export function groupsOfSagas({ definitions, books }: Ledger): string[] {
  const concernsAny = (group: GroupKnown) => [...books.values()].some((book) => concerns(definitions, book, group));
  return [...definitions.groups.values()]
    .filter((group) => isCapabilitiesPact(group.pact.pact) || concernsAny(group))
    .map(({ key }) => key);
}

function take(reading: Reading, entry: FinalEntry, time: number): void {
  const { ledger, times, stateTimes, produced, reversed } = reading;
  const { definitions } = ledger;
  const group = definitions.groups.get(toHex(entry.group))!;
  if (entry.sequence < group.from) return;
  if (isCapabilitiesPact(group.pact.pact)) takePublished(reading, entry);
  stateTimes.set(referenceKey([entry.group, entry.sequence]), time);
  const { seen, changes } = takeEntry(ledger, entry, time);
  if (seen !== undefined) {
    times.set(seen, time);
    if (seen.id !== null) produced.set(toHex(seen.id), seen);
    if (group === definitions.reversals) {
      for (const id of seen.values[0] as readonly Uint8Array[]) reversed.add(toHex(id));
    }
  }
  for (const change of changes) follow(reading, change);
  const waits = [...ledger.books.values()].some(({ backlog }) => backlog.length > 0);
  if (!waits) stateTimes.clear();
}

function takePublished({ capable }: Reading, { issuer, entry }: FinalEntry): void {
  const published = readPublished(entry);
  if (published !== undefined) capable.set(toHex(issuer), published);
}

function follow(reading: Reading, change: Change): void {
  if (change.kind === "started") begin(reading, change.invocation);
  else if (change.kind === "accepted") count(reading, change);
  else if (change.kind === "void") {
    const { head, reason } = change;
    storyOfLost(reading, head)?.lost.push({ head, reason, time: reading.stateTimes.get(head.key) ?? 0 });
  }
}

function begin({ stories, prefix }: Reading, invocation: Invocation): Story | undefined {
  if (!invocation.key.startsWith(prefix)) return undefined;
  const story = { invocation, states: [], lost: [] };
  stories.push(story);
  if (stories.length > mostTold) {
    const ended = stories.findIndex(({ invocation: each }) => each.next.kind === "ended");
    stories.splice(Math.max(0, ended), 1);
  }
  return story;
}

function count(reading: Reading, change: Extract<Change, { kind: "accepted" }>): void {
  const { stories, last, stateTimes, turned } = reading;
  const { invocation, head, was, consumed } = change;
  const time = stateTimes.get(head.key) ?? 0;
  const after = last.get(invocation.reach) ?? 0;
  last.set(invocation.reach, time);
  if (turns(change) && !turned.has(invocation)) turned.set(invocation, head.state.status);
  const begins = was.next.kind === "stage" && was.next.stage === 0;
  const known = stories.find((each) => each.invocation === invocation);
  const story = known ?? (begins ? beginOther(reading, invocation) : undefined);
  story?.states.push({ head, was, consumed, time, after });
  if (invocation.next.kind !== "ended") return;
  const { books } = reading.ledger;
  const [key] = [...books].find(([, { versions }]) => versions.has(invocation.saga.key))!;
  const counts = reading.counts.get(key)!;
  const status = turned.get(invocation);
  if (status === undefined) counts.done++;
  else if (status === "cancelled") counts.cancelled++;
  else counts.failed++;
}

/** Whoever was first knew another version: the invocation is another than that which was begun. */
function beginOther(reading: Reading, invocation: Invocation): Story | undefined {
  const { stories } = reading;
  const other = stories.findIndex(
    (each) =>
      each.invocation.entry === invocation.entry &&
      each.states.length === 0 &&
      each.invocation.saga.description.name === invocation.saga.description.name,
  );
  if (other >= 0) stories.splice(other, 1);
  return begin(reading, invocation);
}

/** Of a first stage it is the invocation of the entry that it consumed, else that of the state before it. */
function storyOfLost({ stories }: Reading, { state }: Head): Story | undefined {
  const { previous, consumed, stage, description } = state;
  if (stage === 0 && consumed !== null) {
    const key = referenceKey(consumed);
    return stories.find(({ invocation: { entry, saga } }) => entry.key === key && equal(saga.id, description));
  }
  if (previous === null) return undefined;
  const key = referenceKey(previous);
  const is = ({ head }: { readonly head: Head }) => head.key === key;
  return stories.find(({ states, lost }) => states.some(is) || lost.some(is));
}
