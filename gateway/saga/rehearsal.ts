import { ample } from "../../firmware/core/bounds";
import { decodeOperation, interfaceNames, isRange, ranges } from "../../firmware/core/capability/interfaces";
import { assert, VertebraError } from "../../firmware/core/errors";
import { decodeEntry, encodeEntry, fieldsToObject, objectToValues } from "../../firmware/core/pact/entry";
import type { Json } from "../../firmware/core/pact/json";
import type { Definitions } from "../../firmware/core/saga/definitions";
import { readDefinitions } from "../../firmware/core/saga/definitions";
import type { FinalEntry } from "../../firmware/core/saga/entries";
import type { Operation, Run, RunResult, SagaAction, SagaEvent } from "../../firmware/core/saga/events";
import { lease } from "../../firmware/core/saga/limits";
import { agrees, replay } from "../../firmware/core/saga/replay";
import { createSagaRuntime } from "../../firmware/core/saga/runtime";
import { decodeState } from "../../firmware/core/saga/state";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { decodeText } from "../../firmware/core/wire/text";
import type { Crypto } from "../../firmware/ports";
import { patience, tooLong } from "../../firmware/sandbox/ends";
import { requestOf, resultOf } from "../../firmware/sandbox/runs";
import type { CompiledSaga } from "./described";
import type { Sandbox } from "./sandbox";
import type { SagaSource } from "./source";

/** What a saga is given to rehearse with, as its file of entries says. */
export interface Script {
  readonly file: string;
  readonly entries: readonly {
    readonly pact: string;
    readonly entry: Json;
    /** ms after the start. */
    readonly at?: number;
  }[];
  /** What the one participant publishes. */
  readonly capabilities?: Readonly<Record<string, number | string>>;
  /** What comes of an operation of a capability; done where it is not said. */
  readonly refuses?: readonly string[];
  /** What must come of it, where it is a test. */
  readonly expect?: {
    /** Each as "stage status", in their order. */
    readonly states?: readonly string[];
    /** All final entries of these pacts. */
    readonly entries?: Readonly<Record<string, readonly Json[]>>;
    /** The last state. */
    readonly state?: Json;
  };
}

/** Something that happened, for people, in its order. */
export type Moment = { readonly at: number } & (
  | { readonly kind: "entry"; readonly pact: string; readonly entry: Json; readonly produced: boolean }
  | {
      readonly kind: "state";
      readonly stage: string;
      readonly status: string;
      readonly error: string;
      readonly state: Json;
    }
  | { readonly kind: "operation"; readonly capability: string; readonly operation: string; readonly outcome: string }
  | { readonly kind: "log"; readonly stage: string; readonly text: string }
);

export interface Rehearsed {
  readonly moments: readonly Moment[];
  /** Final entries in all, those of the script and the saga states among them. */
  readonly finals: number;
  /** Bytecodes of each run. */
  readonly computation: readonly { readonly stage: string; readonly bytecodes: number }[];
  /** Invocations that wait for more than the script gives, or for longer than 30 days. */
  readonly underWay: number;
  /** States that were recomputed from the entries alone. */
  readonly replayed: number;
}

/** Virtual ms: no saga waits longer in a rehearsal. */
export const horizon = 30 * 24 * 3_600_000;
/** What one entry of a script may bring about, before the next comes: a saga that feeds itself never comes to an end. */
const mostRuns = 200;
const mostEvents = 20_000;
/** When virtual time begins, so that a saga's `now` is the same in each rehearsal: the first of January 2026. */
const epoch = 1_767_225_600_000;

/**
 * Runs a saga against the entries of a script: one participant that owns all groups, in virtual time, each behavior on the XS
 * engine. Then recomputes each state from the entries alone. Throws `saga-entries` for what no pact of the saga takes, `saga-endless`
 * where what an entry brings about comes to no end, and `saga-replay` where a behavior does not give the same twice.
 */
export async function rehearse(
  crypto: Crypto,
  sandbox: Sandbox,
  source: SagaSource,
  saga: CompiledSaga,
  script: Script,
): Promise<Rehearsed> {
  const definitions = readDefinitions(crypto, saga.provision);
  const [group] = definitions.groups.values();
  const avatar = group!.owners[0]!;
  const runtime = createSagaRuntime({
    ...{ crypto, avatar, provision: saga.provision, lease, room: ample.sagaBytes },
    hasSource: () => true,
  });
  const stage: Stage = {
    definitions,
    saga,
    source,
    sandbox,
    script,
    avatar,
    now: 0,
    events: [],
    logs: new Map(),
    moments: [],
    computation: [],
    since: { entry: "its start", runs: 0, events: 0 },
  };
  for (const [index, { pact, entry, at = 0 }] of script.entries.entries()) {
    const which = `entry ${index} (pact '${pact}') of ${script.file}`;
    const encoded = encodeScripted(saga, which, pact, entry);
    stage.events.push({
      at,
      does() {
        stage.since = { entry: which, runs: 0, events: 0 };
        return makeFinal(stage, pact, { entry: encoded, id: null, token: null });
      },
    });
  }
  const published = new Map(Object.entries(script.capabilities ?? {}));
  stage.events.push({ at: 0, does: () => ({ kind: "capabilities", avatar, published }) });
  await play(stage, { kind: "boot" }, runtime.handle);
  const replayed = await replayAll(stage);
  const { moments, computation, logs } = stage;
  const underWay = [...runtime.ledger.books.values()].reduce((sum, { invocations }) => sum + invocations.size, 0);
  return {
    moments,
    computation,
    underWay,
    replayed,
    finals: [...logs.values()].reduce((sum, log) => sum + log.length, 0),
  };
}

interface Stage {
  readonly definitions: Definitions;
  readonly saga: CompiledSaga;
  readonly source: SagaSource;
  readonly sandbox: Sandbox;
  readonly script: Script;
  readonly avatar: Uint8Array;
  now: number;
  /** What happens later, in virtual time. */
  readonly events: { readonly at: number; readonly does: () => SagaEvent | undefined }[];
  readonly logs: Map<string, FinalEntry[]>;
  readonly moments: Moment[];
  readonly computation: { stage: string; bytecodes: number }[];
  /** The last entry of the script that came, and what was done since. */
  since: { readonly entry: string; runs: number; events: number };
}

async function play(
  stage: Stage,
  first: SagaEvent,
  handle: ReturnType<typeof createSagaRuntime>["handle"],
): Promise<void> {
  let wake = Number.POSITIVE_INFINITY;
  for (let event: SagaEvent | undefined = first; ; ) {
    if (event !== undefined) {
      if (++stage.since.events > mostEvents) throw endless(stage, `more than ${mostEvents} things happened`);
      const actions = handle(event, { monotonic: stage.now, wall: epoch + stage.now });
      wake = Number.POSITIVE_INFINITY;
      for (const action of actions) {
        if (action.kind === "wake") wake = action.at;
        else await act(stage, action);
      }
    }
    stage.events.sort((a, b) => a.at - b.at);
    const next = stage.events[0];
    const at = Math.min(next?.at ?? wake, wake);
    if (at > horizon) return;
    stage.now = Math.max(stage.now, at);
    if (next !== undefined && next.at <= at) {
      stage.events.shift();
      event = next.does();
    } else event = { kind: "alarm" };
  }
}

async function act(stage: Stage, action: Exclude<SagaAction, { kind: "wake" }>): Promise<void> {
  const { events, now } = stage;
  if (action.kind === "notice") throw action.error;
  if (action.kind === "push") {
    // One that owns a group alone finds what it seals final at once (PROTOCOL 3).
    const { name } = stage.definitions.groups.get(toHex(action.group))!.pact.pact;
    events.push({ at: now, does: () => makeFinal(stage, name, action) });
  } else if (action.kind === "run") {
    if (++stage.since.runs > mostRuns) throw endless(stage, `behaviors ran more than ${mostRuns} times`);
    const result = await runBehavior(stage, action.what, true);
    events.push({ at: now, does: () => ({ kind: "result", run: action.run, result }) });
  } else {
    const refusals = action.operations.flatMap((operation) => operate(stage, operation) ?? []);
    const outcome = refusals.length > 0 ? "refused" : "done";
    const error = refusals.join("; ");
    events.push({ at: now, does: () => ({ kind: "acted", run: action.run, outcome, error }) });
  }
}

/** Why it is refused: as the script says, or as a board would; undefined where it is done. */
function operate({ script, moments, now }: Stage, { capability, operation }: Operation): string | undefined {
  const refused = script.refuses?.includes(capability) ? "the capability refused" : misuse(capability, operation);
  const outcome = refused === undefined ? "done" : `refused (${refused})`;
  moments.push({ at: now, kind: "operation", capability, operation: decodeText(operation), outcome });
  return refused;
}

/** A capability that is called otherwise than an interface may be of any. */
function misuse(capability: string, operation: Uint8Array): string | undefined {
  const kind = interfaceNames.find((name) => name === capability);
  if (kind === undefined) return undefined;
  if (kind === "analog") return "capability 'analog' is read, and has no operation";
  const { least, most } = isRange(kind) ? ranges[kind] : { least: 0, most: 0 };
  try {
    decodeOperation({ name: capability, interface: kind, min: least, max: most }, operation);
    return undefined;
  } catch (error) {
    if (!(error instanceof VertebraError)) throw error;
    return error.message;
  }
}

function endless({ since }: Stage, what: string): VertebraError {
  return new VertebraError(
    "saga-endless",
    `After ${since.entry} ${what}, and it comes to no end`,
    "A saga that produces what begins it, or that is always tried again, needs a condition under which it stops.",
  );
}

interface Pushed extends Pick<FinalEntry, "entry" | "id"> {
  readonly token: number | null;
}

function makeFinal(stage: Stage, pact: string, { entry, id, token }: Pushed): SagaEvent | undefined {
  const { definitions, logs, moments, avatar, now } = stage;
  const group = [...definitions.groups.values()].find((each) => each.pact.pact.name === pact)!;
  const log = logs.get(group.key) ?? [];
  if (id !== null && log.some((each) => each.id !== null && equal(each.id, id))) return undefined;
  const final: FinalEntry = { group: group.id, sequence: log.length, issuer: avatar, id, entry };
  logs.set(group.key, [...log, final]);
  if (pact === `${stage.saga.name}-states`) moments.push({ at: now, ...told(stage, entry) });
  else {
    const values = fieldsToObject(group.pact.fields, decodeEntry(group.pact.fields, entry)) as Json;
    moments.push({ at: now, kind: "entry", pact, entry: values, produced: id !== null });
  }
  return { kind: "entry", entry: final, token };
}

function told({ saga }: Stage, entry: Uint8Array) {
  const { stage, status, error, state } = decodeState(entry);
  const left = state.length === 0 ? null : (JSON.parse(decodeText(state)) as Json);
  return { kind: "state", stage: saga.stages[stage]!, status, error, state: left } as const;
}

function encodeScripted({ pacts }: CompiledSaga, which: string, name: string, entry: Json): Uint8Array {
  const pact = pacts.get(name);
  if (pact === undefined) {
    const message = `${which} is of a pact that the saga has not`;
    throw new VertebraError("saga-entries", message, `It has: ${[...pacts.keys()].join(", ")}.`);
  }
  try {
    return encodeEntry(pact.fields, objectToValues(pact.fields, entry as Record<string, Json>), pact.policy);
  } catch (error) {
    if (!(error instanceof VertebraError)) throw error;
    throw new VertebraError("saga-entries", `${which}: ${error.message}`, error.remedy);
  }
}

/** Runs a behavior; what it said and took is told where `tells`. */
async function runBehavior(stage: Stage, run: Run, tells: boolean): Promise<RunResult> {
  const { definitions, saga, source, sandbox, moments, computation, now } = stage;
  const reply = await sandbox(requestOf(definitions, source.text, run));
  assert(reply.kind === "done" || reply.kind === "failed", "a run is answered as a run");
  if (reply.kind === "failed" && reply.error === tooLong) {
    throw endless(stage, `behavior '${run.behavior.name}' took longer than a run may, ${patience.process / 1_000} s`);
  }
  const name = saga.stages[run.stage]!;
  if (tells) {
    computation.push({ stage: run.behavior.name, bytecodes: reply.computation });
    for (const text of reply.logs) moments.push({ at: now, kind: "log", stage: name, text });
  }
  return resultOf(reply);
}

/** "Replay from the entries alone that must give the same states." */
async function replayAll(stage: Stage): Promise<number> {
  const history = [...stage.logs.values()].flat();
  let compared = 0;
  for (const each of replay(stage.definitions, history)) {
    if (each.run === null) continue;
    const result = await runBehavior(stage, each.run, false);
    if (!agrees(stage.definitions, each, result)) {
      const message = `Behavior '${each.run.behavior.name}' gave something else the second time, of the same entries`;
      throw new VertebraError(
        "saga-replay",
        message,
        "Take all that it needs from its context, and keep nothing outside.",
      );
    }
    compared++;
  }
  return compared;
}
