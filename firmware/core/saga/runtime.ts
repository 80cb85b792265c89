import type { Crypto, Time } from "../../ports";
import { assert, VertebraError } from "../errors";
import { meets, type Published } from "../pact/requirement";
import { equal, toHex } from "../wire/bytes";
import type { AvatarId, Hash } from "../wire/types";
import { cancellable } from "./cancelling";
import { readDefinitions, type SagaProvision } from "./definitions";
import { createEffects, type Effects, effectRefused, effectSeen, effectsOf, takeEffects } from "./effects";
import { type FinalEntry, referenceKey, referenceOf, type SeenEntry } from "./entries";
import type { Outcome, Run, RunResult, SagaAction, SagaEvent } from "./events";
import { type Invocation, stageOf, standingOf } from "./invocation";
import { type Book, type Change, createLedger, type Ledger, takeEntry, waitsForVersion } from "./ledger";
import { maxBacklog, readWindow } from "./limits";
import { entryFor } from "./matching";
import { reversal, stateAfter, stateOfRun, wayBack, withoutRun } from "./outcome";
import { cursorsNow, runOf } from "./run";
import { encodeState, type SagaState } from "./state";
import type { Behavior } from "./structures";
import { rankAmong } from "./turn";
import { countOn } from "./waits";

export interface SagaOptions {
  readonly crypto: Pick<Crypto, "sha256">;
  /** Its own avatar in the world. */
  readonly avatar: AvatarId;
  readonly provision: SagaProvision;
  /** ms that a rank waits for the one before it. */
  readonly lease: number;
  /** Bytes of memory for what is under way in each saga: of more it takes no part in it any more. */
  readonly room: number;
  /** Whether the source of this hash is here: what a saga that was deployed does is left to others until it is. */
  hasSource(source: Hash): boolean;
}

/** Events and time in, ordered actions out. The same events give the same actions, byte for byte. */
export interface SagaRuntime extends Known {
  handle(event: SagaEvent, now: Time): SagaAction[];
  /** Begins nothing more: another takes its place, once what it began is over. */
  drain(): void;
  /** Whether nothing of what it began is under way. */
  isIdle(): boolean;
  /** Whether no invocation that has a state is under way, and all is final that those put out. */
  isOver(): boolean;
}

/** What a participant knows of sagas from final entries, and has to know again when it starts; not to be written to by others. */
export interface Known {
  /** What the final entries say. */
  readonly ledger: Ledger;
  readonly effects: Effects;
  /** What participants can do, by the hex of their avatars. */
  readonly capable: Map<string, Published>;
}

interface Runtime extends SagaOptions, Known {
  /** Tokens of the states that this participant pushed since this start, which are final and do not count yet, by their references. */
  readonly pushes: Map<string, number>;
  /** What is under way here, by invocation. */
  readonly work: Map<string, Work>;
  draining: boolean;
  /** False until all that was final before the start is told: then nothing is done. */
  live: boolean;
  numbers: number;
  now: Time;
  actions: SagaAction[];
  wakesAt: number;
}

/** What this participant does for what an invocation waits for. It is gone when that is answered, by whomever. */
interface Work {
  run: { readonly number: number; readonly what: Run } | null;
  /** Number of an act whose outcome is awaited. */
  acting: number | null;
  /** The state that was pushed at `at` and is not final yet; without a token it was refused, and is pushed again then. */
  pushed: { readonly entry: Uint8Array; readonly token: number | null; readonly at: number } | null;
  /** Whose turn it is: this participant's rank among those who can, and among all owners. A hash for each owner is not made twice. */
  ranks: Ranks | null;
  failures: number;
  /** When a failed run may be tried again. */
  notBefore: number;
}

interface Ranks {
  readonly able: number | undefined;
  readonly any: number | undefined;
}

/** Throws `saga-…`, `structure-…` or `pact-…` where the provision can't be read. */
export function createSagaRuntime(options: SagaOptions): SagaRuntime {
  const ledger = createLedger(readDefinitions(options.crypto, options.provision), readWindow, options.room);
  const runtime: Runtime = {
    ...options,
    ...{
      ledger,
      capable: new Map(),
      work: new Map(),
      effects: createEffects(),
      pushes: new Map(),
      draining: false,
      live: false,
      numbers: 0,
    },
    ...{ now: { monotonic: 0, wall: 0 }, actions: [], wakesAt: Number.POSITIVE_INFINITY },
  };
  return {
    handle: (event, now) => handle(runtime, event, now),
    drain() {
      runtime.draining = true;
    },
    isIdle: () => isIdle(runtime),
    isOver: () => isOver(runtime),
    ledger,
    effects: runtime.effects,
    capable: runtime.capable,
  };
}

function isIdle({ ledger, work }: Runtime): boolean {
  for (const { invocations } of ledger.books.values()) {
    for (const key of invocations.keys()) {
      const its = work.get(key);
      if (its !== undefined && (its.run !== null || its.acting !== null || its.pushed !== null)) return false;
    }
  }
  return true;
}

function isOver(runtime: Runtime): boolean {
  for (const { invocations } of runtime.ledger.books.values()) {
    for (const { head } of invocations.values()) if (head !== null) return false;
  }
  return runtime.effects.waiting.size === 0 && isIdle(runtime);
}

/** Leases within which the issuer of an intent acts, and before which nobody takes over from it. */
const leasesToAct = 2;

const order: readonly SagaAction["kind"][] = ["notice", "push", "run", "act", "wake"];

function handle(runtime: Runtime, event: SagaEvent, now: Time): SagaAction[] {
  runtime.now = now;
  runtime.actions = [];
  const concerned = take(runtime, event);
  if (runtime.live) {
    const all = concerned === "all" || now.monotonic >= runtime.wakesAt;
    if (all) runtime.wakesAt = Number.POSITIVE_INFINITY;
    for (const book of runtime.ledger.books.values()) {
      if (book.standsStill || waitsForVersion(book)) continue;
      for (const invocation of all ? book.invocations.values() : concerned) {
        if (book.invocations.get(invocation.key) === invocation) settle(runtime, book, invocation);
      }
    }
    const pushes = takeEffects(runtime.effects, now.monotonic, () => runtime.numbers++);
    runtime.actions.push(...pushes.actions);
    dueAt(runtime, pushes.next);
    if (runtime.wakesAt !== Number.POSITIVE_INFINITY) runtime.actions.push({ kind: "wake", at: runtime.wakesAt });
  }
  return order.flatMap((kind) => runtime.actions.filter((action) => action.kind === kind));
}

/** Most entries only start an invocation, or are read: the invocations that an event concerns. */
function take(runtime: Runtime, event: SagaEvent): "all" | readonly Invocation[] {
  switch (event.kind) {
    case "entry": {
      if (event.token !== null) noteOwn(runtime, event.entry, event.token);
      const { seen, changes } = takeEntry(runtime.ledger, event.entry, runtime.now.monotonic);
      if (seen?.id) effectSeen(runtime.effects, seen.id, isOwner(runtime, seen));
      for (const change of changes) follow(runtime, change);
      if (changes.length > 0) forgetGone(runtime);
      for (const { unconsumed } of runtime.ledger.books.values()) if (seen && unconsumed.has(seen.key)) return "all";
      const started = changes.flatMap((change) => (change.kind === "started" ? [change.invocation] : []));
      return started.length === changes.length ? started : "all";
    }
    case "boot":
      runtime.live = true;
      countOn(runtime, event.waits ?? null, runtime.now);
      break;
    case "capabilities":
      runtime.capable.set(toHex(event.avatar), event.published);
      for (const work of runtime.work.values()) work.ranks = null;
      break;
    case "result":
      takeResult(runtime, event.run, event.result);
      break;
    case "acted":
      takeOutcome(runtime, event.run, event.outcome, event.error);
      break;
    case "refused":
      takeRefusal(runtime, event.token);
      break;
    case "cancel":
      cancel(runtime, event.invocation, event.reason);
      break;
    case "alarm":
      break;
  }
  return "all";
}

/** Until it counts or is void, which may be later: a state waits until what it consumed is seen. */
function noteOwn({ pushes, ledger }: Runtime, entry: FinalEntry, token: number): void {
  let isState = false;
  for (const { newest } of ledger.books.values()) if (equal(newest.stateGroup.id, entry.group)) isState = true;
  if (!isState) return;
  pushes.set(referenceKey(referenceOf(entry)), token);
  for (const oldest of pushes.keys()) if (pushes.size > maxBacklog) pushes.delete(oldest);
}

function follow(runtime: Runtime, change: Change): void {
  if (change.kind === "notice") runtime.actions.push({ kind: "notice", error: change.error });
  if (change.kind === "void") {
    runtime.pushes.delete(change.head.key);
    if (equal(change.head.issuer, runtime.avatar)) forget(runtime, change.head.state);
  }
  if (change.kind !== "accepted") return;
  const { invocation, head, was } = change;
  const token = runtime.pushes.get(head.key);
  runtime.pushes.delete(head.key);
  const pushed = runtime.work.get(invocation.key)?.pushed;
  runtime.work.delete(invocation.key);
  const { avatar, lease, now, ledger } = runtime;
  effectsOf(runtime.effects, ledger.definitions, { invocation, head, was, avatar, lease, now: now.monotonic });
  // "Only its issuer then acts": on what it pushed before this start it may have acted already, and never acts on it again.
  const own = pushed != null && pushed.token !== null && pushed.token === token;
  if (head.state.status === "intent" && own) act(runtime, invocation, head.state, pushed.at);
}

/**
 * Acts on an intent that is final, unless that took so long that another may have taken over by now: who does waits as long, from when
 * it saw the intent final, which is after it was pushed. Nothing may move after what undid it.
 */
function act(runtime: Runtime, invocation: Invocation, { produced }: SagaState, pushedAt: number): void {
  if (runtime.now.monotonic - pushedAt >= leasesToAct * runtime.lease) {
    pushOutcome(runtime, invocation, "refused", "its intent became final too late to act on it");
    return;
  }
  const operations = produced.flatMap((output) => (output.kind === "operation" ? [output] : []));
  const work = workOf(runtime, invocation);
  work.acting = runtime.numbers++;
  runtime.actions.push({ kind: "act", run: work.acting, operations });
}

function encodedFor({ saga }: Invocation, state: SagaState): Uint8Array {
  return encodeState(state, saga.stateGroup.pact.pact.policy);
}

/** A state of its own that does not count, as when another took its entry first: it looks anew at what it can do. */
function forget(runtime: Runtime, state: SagaState): void {
  const saga = runtime.ledger.definitions.sagas.get(toHex(state.description))!;
  const entry = encodeState(state, saga.stateGroup.pact.pact.policy);
  const found = findWork(runtime, ({ pushed }) => pushed !== null && equal(pushed.entry, entry));
  if (found !== undefined) found.work.pushed = null;
}

/** What was under way here for an entry that another began by another version: the invocation is another then. */
function forgetGone({ work, ledger }: Runtime): void {
  for (const key of work.keys()) {
    let there = false;
    for (const { invocations } of ledger.books.values()) if (invocations.has(key)) there = true;
    if (!there) work.delete(key);
  }
}

function workOf({ work }: Runtime, { key }: Invocation): Work {
  const found = work.get(key) ?? { run: null, acting: null, pushed: null, ranks: null, failures: 0, notBefore: 0 };
  work.set(key, found);
  return found;
}

function dueAt(runtime: Runtime, at: number): void {
  runtime.wakesAt = Math.min(runtime.wakesAt, at);
}

/** Whether a time has come; where not, the runtime is woken for it. */
function isDue(runtime: Runtime, at: number): boolean {
  if (runtime.now.monotonic >= at) return true;
  dueAt(runtime, at);
  return false;
}

/** Does what is this participant's turn for one invocation. */
function settle(runtime: Runtime, book: Book, invocation: Invocation): void {
  const { next, reach } = invocation;
  if (book.begins === null && invocation.head === null) return;
  if ((reach.running ?? reach.waiting[0]) !== invocation || next.kind === "ended") return;
  const work = workOf(runtime, invocation);
  if (work.pushed !== null && work.pushed.token === null && isDue(runtime, work.pushed.at)) {
    pushEncoded(runtime, invocation, work.pushed.entry);
  }
  if (work.pushed !== null || work.acting !== null) return;
  if (next.kind === "stage" && isPastDeadline(runtime, invocation, next.stage)) {
    pushState(runtime, invocation, withoutRun(invocation, "expired", "its deadline came"));
    return;
  }
  if (work.run !== null) return;
  const { able: rank, any } = ranksOf(runtime, invocation, next.stage);
  if (next.kind === "outcome") {
    // "A take-over after an intent yields unknown, never a second act"; so does the issuer's own restart. To say so takes no capability.
    const leases = isIssuer(runtime, invocation) ? 0 : any! + leasesToAct;
    // What it did not watch itself is not counted: a wall clock that jumps must not have it act while another still may.
    const from = invocation.since + invocation.away;
    if (any !== undefined && isDue(runtime, from + leases * runtime.lease)) {
      pushOutcome(runtime, invocation, "unknown", "nobody knows whether it acted");
    }
    return;
  }
  if (rank === undefined) return;
  if (next.kind === "stage") {
    if (!mayBegin(runtime, stageOf(invocation, next.stage).does)) return;
    const entry = entryFor(book, invocation, runtime.lease);
    if (entry === undefined) return;
    // What begins an invocation is there since that waits.
    const from = next.stage === 0 ? invocation.since : Math.max(invocation.since, entry.seenAt);
    if (isDue(runtime, Math.max(from + rank * runtime.lease, work.notBefore))) startRun(runtime, invocation, entry);
  } else if (isDue(runtime, Math.max(invocation.since + rank * runtime.lease, work.notBefore))) {
    const { undoes } = stageOf(invocation, next.stage);
    if (!mayBegin(runtime, undoes)) return;
    if (undoes === null) pushState(runtime, invocation, reversal(runtime.ledger.definitions, invocation));
    else startRun(runtime, invocation, invocation.steps.at(-1)!.consumed);
  }
}

/** What takes no run takes no source. */
function mayBegin({ draining, hasSource }: Runtime, behavior: Behavior | null): boolean {
  return !draining && (behavior === null || hasSource(behavior.source));
}

function isOwner({ ledger, avatar }: Runtime, { group }: SeenEntry): boolean {
  return ledger.definitions.groups.get(toHex(group))!.owners.some((owner) => equal(owner, avatar));
}

function isIssuer({ avatar }: Runtime, { head }: Invocation): boolean {
  return head !== null && equal(head.issuer, avatar);
}

function ranksOf(runtime: Runtime, invocation: Invocation, stage: number): Ranks {
  const work = workOf(runtime, invocation);
  const { owners } = invocation.saga.stateGroup;
  const can = (owner: AvatarId) => meets(stageOf(invocation, stage).requires, runtime.capable.get(toHex(owner)));
  const among = (some: readonly AvatarId[]) => rankAmong(runtime.crypto, invocation, stage, some, runtime.avatar);
  work.ranks ??= { able: among(owners.filter(can)), any: among(owners) };
  return work.ranks;
}

function isPastDeadline(runtime: Runtime, invocation: Invocation, stage: number): boolean {
  const { deadline } = stageOf(invocation, stage);
  if (deadline === 0) return false;
  const rank = ranksOf(runtime, invocation, stage).any;
  if (rank === undefined) return false;
  const from = stage === 0 ? invocation.began : invocation.since;
  return isDue(runtime, from + deadline + rank * runtime.lease);
}

function startRun(runtime: Runtime, invocation: Invocation, entry: Run["entry"]): void {
  const cursors = cursorsNow(runtime.ledger, invocation);
  const what = runOf(runtime.ledger, invocation, standingOf(invocation), entry, cursors, runtime.now.wall);
  const work = workOf(runtime, invocation);
  work.run = { number: runtime.numbers++, what };
  runtime.actions.push({ kind: "run", run: work.run.number, what });
}

function takeResult(runtime: Runtime, number: number, result: RunResult): void {
  const found = findWork(runtime, ({ run }) => run?.number === number);
  // Another's state was final first, or the deadline came: what this run gave out never comes to be.
  if (found === undefined) return;
  const { invocation, work } = found;
  const { what } = work.run!;
  work.run = null;
  const { times, backoff } = stageOf(invocation, what.stage).retry;
  if (result.kind === "failed" && result.retry && work.failures < times) {
    work.notBefore = runtime.now.monotonic + backoff * 2 ** work.failures++;
    return;
  }
  const { entry } = stateOfRun(runtime.ledger.definitions, invocation, what, result);
  pushEncoded(runtime, invocation, entry);
}

function takeOutcome(runtime: Runtime, number: number, outcome: Outcome, error: string): void {
  const found = findWork(runtime, ({ acting }) => acting === number);
  if (found === undefined) return;
  found.work.acting = null;
  pushOutcome(runtime, found.invocation, outcome, error);
}

/**
 * What came of an intent: its outputs are those of the intent, for the stage did not run again. The state that it would leave
 * comes to be only where it is done.
 */
function pushOutcome(runtime: Runtime, invocation: Invocation, outcome: Outcome, error: string): void {
  const { next, head } = invocation;
  if (next.kind !== "outcome" || head === null) return;
  const { consumed, produced, now, readCursors: cursors } = head.state;
  const state = outcome === "done" ? head.state.state : invocation.before;
  const told = { consumed, produced, now, readCursors: cursors, state };
  if (next.undoes) {
    const undone = `undone by ${stageOf(invocation, next.stage).undoes!.name}`;
    const words = wayBack(invocation, next.stage, outcome === "done" ? undone : `is unknown: ${error}`);
    pushState(
      runtime,
      invocation,
      stateAfter(invocation, outcome === "done" ? "compensated" : "unknown", { ...told, error: words }),
    );
  } else {
    // What is unknown is told to the end: each state of the way back adds to it.
    const words = outcome === "unknown" ? wayBack(invocation, next.stage, `is unknown: ${error}`) : error;
    pushState(runtime, invocation, stateAfter(invocation, outcome, { ...told, error: words }));
  }
}

/** Of the state that ends the invocation and one that its stage may have made, the first that is final counts. */
function cancel(runtime: Runtime, invocation: Hash, reason: string): void {
  assert(runtime.live, "nothing is cancelled before boot");
  const found = cancellable(runtime.ledger, runtime.avatar, invocation);
  if (found instanceof VertebraError) runtime.actions.push({ kind: "notice", error: found });
  else {
    const { pushed } = workOf(runtime, found);
    pushState(runtime, found, withoutRun(found, "cancelled", `cancelled: ${reason}`));
    // What it pushed before may be final first, and then it must know that as its own.
    if (pushed !== null && pushed.token !== null) workOf(runtime, found).pushed = pushed;
  }
}

function pushState(runtime: Runtime, invocation: Invocation, state: SagaState): void {
  pushEncoded(runtime, invocation, encodedFor(invocation, state));
}

function pushEncoded(runtime: Runtime, invocation: Invocation, entry: Uint8Array): void {
  const work = workOf(runtime, invocation);
  const token = runtime.numbers++;
  work.run = null;
  work.pushed = { entry, token, at: runtime.now.monotonic };
  runtime.actions.push({ kind: "push", group: invocation.saga.stateGroup.id, entry, id: null, token });
}

function takeRefusal(runtime: Runtime, token: number): void {
  const again = runtime.now.monotonic + runtime.lease;
  effectRefused(runtime.effects, token, again);
  const found = findWork(runtime, ({ pushed }) => pushed?.token === token);
  if (found !== undefined) found.work.pushed = { entry: found.work.pushed!.entry, token: null, at: again };
}

function findWork(
  { work, ledger }: Runtime,
  is: (work: Work) => boolean,
): { readonly invocation: Invocation; readonly work: Work } | undefined {
  for (const book of ledger.books.values()) {
    for (const invocation of book.invocations.values()) {
      const found = work.get(invocation.key);
      if (found !== undefined && is(found)) return { invocation, work: found };
    }
  }
  return undefined;
}
