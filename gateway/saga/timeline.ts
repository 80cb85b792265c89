import { decodeEntry, fieldsToObject } from "../../firmware/core/pact/entry";
import type { Json } from "../../firmware/core/pact/json";
import { comesToBe } from "../../firmware/core/saga/effects";
import type { SeenEntry } from "../../firmware/core/saga/entries";
import { producedIds, stageOf } from "../../firmware/core/saga/invocation";
import { isWithoutRun, type Output, type Status } from "../../firmware/core/saga/state";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { decodeText } from "../../firmware/core/wire/text";
import { type Counted, type Lost, type Stories, type Story, turnedBy } from "./stories";
import { type Names, type Present, turnOf, type Waits, waitsFor } from "./waiting";

/**
 * An invocation from its first entry to its last state, for people: who ran what, when, why it waited, what it put out, what was
 * undone. Times are of blocks, ms since 1970 by their issuers' clocks, 0 where one has none; spans between two clocks are what they
 * are, and null where they would be negative.
 */
export interface Told {
  readonly id: string;
  readonly saga: string;
  readonly version: number;
  readonly status: "running" | "undoing" | "done" | "failed" | "cancelled";
  /** By which status it turned back; null where it did not. */
  readonly turned: Status | null;
  /** What its last state says went wrong, and what was undone. */
  readonly error: string;
  readonly stages: readonly string[];
  readonly stateGroup: string;
  readonly begun: ToldEntry;
  readonly states: readonly ToldState[];
  readonly lost: readonly ToldLost[];
  readonly waits: Waits | null;
}

export interface ToldEntry {
  readonly group: string;
  readonly sequence: number;
  readonly issuer: string;
  readonly time: number;
  readonly entry: { readonly [name: string]: Json };
}

export interface ToldState {
  /** Its sequence in the state group. */
  readonly sequence: number;
  readonly stage: number;
  readonly behavior: string;
  readonly undoes: boolean;
  readonly status: Status;
  readonly by: string;
  readonly time: number;
  /** What this state adds to what went wrong, or was undone. */
  readonly said: string;
  readonly consumed: ToldEntry | null;
  readonly waited: Waited;
  /** Those whose turn was before its issuer's, by what all publish now. */
  readonly before: readonly string[];
  readonly outputs: readonly ToldOutput[];
  /** What it left; null where nothing. */
  readonly state: Json;
}

/** ms, null where there was no such wait, or no clock that tells. */
export interface Waited {
  readonly entry: number | null;
  /** From when the entry and the state before were sealed until it ran: to be final, for its turn, and through retries. */
  readonly turn: number | null;
  /** Until its state was sealed. */
  readonly run: number | null;
  /** Of an outcome: since the intent was sealed. */
  readonly intent: number | null;
  /** Of a stage that never ran: as long as it waited. */
  readonly vain: number | null;
}

export type ToldOutput =
  | {
      readonly kind: "entry";
      readonly group: string;
      readonly entry: { readonly [name: string]: Json };
      /** null while it is not final. */
      readonly sequence: number | null;
      readonly reversed: boolean;
      /** False where the outcome was such that nobody pushes it. */
      readonly comes: boolean;
    }
  | { readonly kind: "operation"; readonly capability: string; readonly operation: Json };

export interface ToldLost {
  readonly sequence: number;
  readonly behavior: string;
  readonly status: Status;
  readonly by: string;
  readonly time: number;
  readonly reason: string;
}

export function tellStory(stories: Stories, story: Story, names: Names, present: Present): Told {
  const { invocation, states, lost } = story;
  const { saga, entry, key, next } = invocation;
  const turned = turnedBy(story) ?? null;
  const under = turned === null ? "running" : "undoing";
  const ended = turned === null ? "done" : turned === "cancelled" ? "cancelled" : "failed";
  return {
    id: key,
    saga: saga.description.name,
    version: saga.description.version,
    status: next.kind === "ended" ? ended : under,
    turned,
    error: states.at(-1)?.head.state.error ?? "",
    stages: saga.stages.map(({ does }) => does.name),
    stateGroup: names.group(saga.stateGroup.id),
    begun: tellEntry(stories, entry, names),
    states: states.map((each) => tellState(stories, story, each, names)),
    lost: lost.map((each) => tellLost(story, each, names)),
    waits: waitsFor(stories, story, names, present) ?? null,
  };
}

function tellEntry({ timeOf }: Stories, seen: SeenEntry, names: Names): ToldEntry {
  const { group, sequence, issuer, pact, values } = seen;
  const entry = fieldsToObject(pact.fields, values);
  return { group: names.group(group), sequence, issuer: names.member(issuer), time: timeOf(seen), entry };
}

function tellState(stories: Stories, story: Story, counted: Counted, names: Names): ToldState {
  const { head, was, consumed, time } = counted;
  const { stage, status, error, state } = head.state;
  const undoes = was.next.kind === "undo" || (was.next.kind === "outcome" && was.next.undoes);
  const { does, undoes: undoing } = stageOf(story.invocation, stage);
  const ran = was.next.kind !== "outcome" && head.state.now > 0;
  return {
    ...{ sequence: head.reference[1], stage, status, undoes, time, by: names.member(head.issuer) },
    behavior: undoes ? (undoing?.name ?? does.name) : does.name,
    said: error.startsWith(was.error) ? error.slice(was.error.length).replace(/^; /, "") : error,
    consumed: was.next.kind === "stage" && consumed !== null ? tellEntry(stories, consumed, names) : null,
    waited: waitedFor(stories, story, counted),
    before: ran ? beforeItsTurn(stories, story, counted).map(names.member) : [],
    outputs: tellOutputs(stories, story, counted, undoes, names),
    state: stateJson(state),
  };
}

function waitedFor({ timeOf }: Stories, { invocation }: Story, counted: Counted): Waited {
  const { head, was, consumed, time } = counted;
  const { now } = head.state;
  const found = consumed === null ? 0 : timeOf(consumed);
  const after = was.next.kind === "stage" && was.next.stage === 0 ? timeOf(invocation.entry) : counted.after;
  const none: Waited = { entry: null, turn: null, run: null, intent: null, vain: null };
  if (was.next.kind === "outcome") return { ...none, intent: span(after, time) };
  if (was.next.kind === "undo") return { ...none, turn: span(after, now), run: span(now, time) };
  if (isWithoutRun(head.state.status)) return { ...none, vain: span(after, time) };
  // An entry that was there before the stage waited for it was not waited for.
  const entry = found > 0 && after > 0 ? Math.max(0, found - after) : null;
  return { ...none, entry, turn: span(Math.max(after, found), now), run: span(now, time) };
}

function span(from: number, to: number): number | null {
  return from > 0 && to >= from ? to - from : null;
}

function beforeItsTurn(stories: Stories, { invocation }: Story, { head }: Counted) {
  const turn = turnOf(stories, invocation, head.state.stage);
  const place = turn.findIndex((each) => equal(each, head.issuer));
  return turn.slice(0, Math.max(0, place));
}

/** An intent puts out operations; its entries are those of its outcome. */
function tellOutputs(stories: Stories, story: Story, counted: Counted, undoes: boolean, names: Names): ToldOutput[] {
  const { head, was } = counted;
  const { status, stage, produced } = head.state;
  const { definitions } = stories.ledger;
  const ids = producedIds(definitions, story.invocation, stage, undoes, produced);
  const comes = comesToBe(status, was);
  let entries = 0;
  return produced.flatMap((output): ToldOutput[] => {
    if (output.kind === "operation") {
      const { capability, operation } = output;
      return status === "intent" ? [{ kind: "operation", capability, operation: stateJson(operation) }] : [];
    }
    const id = toHex(ids[entries++]!);
    if (status === "intent") return [];
    const sequence = stories.produced.get(id)?.sequence ?? null;
    const reversed = stories.reversed.has(id);
    return [{ kind: "entry", ...contentOf(stories, output, names), sequence, reversed, comes }];
  });
}

function contentOf({ ledger }: Stories, { group, entry }: Extract<Output, { kind: "entry" }>, names: Names) {
  const { fields } = ledger.definitions.groups.get(toHex(group))!.pact;
  return { group: names.group(group), entry: fieldsToObject(fields, decodeEntry(fields, entry)) };
}

function tellLost({ invocation }: Story, { head, reason, time }: Lost, names: Names): ToldLost {
  const { stage, status } = head.state;
  const behavior = invocation.saga.stages[stage]?.does.name ?? `stage ${stage}`;
  return { sequence: head.reference[1], behavior, status, by: names.member(head.issuer), time, reason };
}

/** States and operations are JSON where their writers keep to what they agreed on. */
function stateJson(bytes: Uint8Array): Json {
  if (bytes.length === 0) return null;
  try {
    return JSON.parse(decodeText(bytes)) as Json;
  } catch {
    return toHex(bytes);
  }
}
