import { assert, VertebraError } from "../core/errors";
import { encodePact } from "../core/pact/pact";
import type { Definitions } from "../core/saga/definitions";
import type { SeenEntry } from "../core/saga/entries";
import type { Run, RunOutput, RunResult } from "../core/saga/events";
import { fromHex, toHex } from "../core/wire/bytes";
import { decodeText, encodeText } from "../core/wire/text";
import type { EntryGiven, OutputGiven, PactGiven, Reply, Request } from "./request";

/** What a sandbox is asked, that a run of the saga runtime comes about; `source` is the text of the behavior's module. */
export function requestOf(definitions: Definitions, source: string, run: Run): Request {
  return {
    kind: "run",
    source,
    limits: run.behavior.limits,
    pacts: pactsGiven(definitions),
    stage: run.stage,
    undoes: run.undoes,
    entry: run.entry && entryGiven(run.entry),
    state: stateGiven(run.state),
    reads: run.reads.map((read) => ({ ...entryGiven(read), sequence: read.sequence })),
    now: run.now,
  };
}

/** null for what is no text: a liar's, by which the run fails as by one that is no JSON. */
function stateGiven(state: Uint8Array): string | null {
  try {
    return decodeText(state);
  } catch (error) {
    if (!(error instanceof VertebraError)) throw error;
    return null;
  }
}

/** What the saga runtime is told of a reply to `requestOf`. */
export function resultOf(reply: Reply): RunResult {
  assert(reply.kind === "done" || reply.kind === "failed", "a run is answered as a run");
  const outputs = reply.outputs.map(outputTaken);
  return reply.kind === "done"
    ? { kind: "done", state: encodeText(reply.state), outputs }
    : { kind: "failed", error: reply.error, retry: reply.retry, outputs };
}

function pactsGiven({ pacts }: Definitions): PactGiven[] {
  return [...pacts.values()].map(({ id, pact, fields }) => ({
    id: toHex(id),
    pact: toHex(encodePact({ ...pact, extends: null, fields })),
  }));
}

function entryGiven({ pact, entry }: SeenEntry): EntryGiven {
  return { pact: toHex(pact.id), entry: toHex(entry) };
}

function outputTaken(output: OutputGiven): RunOutput {
  if ("entry" in output) return { kind: "entry", pact: fromHex(output.pact), entry: fromHex(output.entry) };
  return { kind: "operation", capability: output.capability, operation: encodeText(output.operation) };
}
