import type { Native } from "../native/native";
import { contextOf, type Failure, type Given } from "./context";
import { loadAlone } from "./engine";
import type { Reply, Request } from "./request";

/**
 * A machine for one run of one behavior: a request on the standard input, the reply on the standard output, and the end. What
 * loops, recurses or eats memory ends this process alone, with a status that says so (`native.ts`).
 */

declare const native: Native;

/** A saga as its module exports it; whatever is in it was written by others. */
interface Exported {
  readonly options?: { readonly stages?: readonly { readonly options: Stage }[] };
}

interface Stage {
  readonly state?: { readonly initial?: unknown };
  readonly run?: (context: unknown) => unknown;
  readonly compensate?: (context: unknown, undoing: unknown) => unknown;
}

// The engine's `lockdown` hardens all intrinsics with the `harden` that it finds here.
Object.defineProperty(globalThis, "harden", { value: native.sandbox.harden });
native.sandbox.lockdown();
native.input((line) => {
  if (line === undefined) return;
  const request = JSON.parse(line) as Request;
  native.print(JSON.stringify(request.kind === "describe" ? describe(request) : run(request)));
  native.exit(0);
});

function describe({ source, limits }: Extract<Request, { kind: "describe" }>): Reply {
  try {
    native.sandbox.limit(limits.computation, limits.memory);
    // Functions say that they are there, and nothing more.
    const saga = JSON.stringify(loadAlone(source), (_key, value) => (typeof value === "function" ? true : value));
    return { kind: "described", saga: saga === undefined ? null : JSON.parse(saga) };
  } catch (error) {
    return { kind: "broken", error: reasonOf(error) };
  }
}

function run(request: Extract<Request, { kind: "run" }>): Reply {
  const given: Given = { outputs: [], logs: [] };
  // What the machine does for the behavior is not the behavior's.
  const context = contextOf(request, given);
  native.sandbox.limit(request.limits.computation, request.limits.memory);
  const before = native.meter();
  const spent = () => ({ logs: given.logs, computation: native.meter() - before });
  try {
    const stage = (loadAlone(request.source) as Exported).options!.stages![request.stage]!.options;
    const state = request.state === "" ? stage.state?.initial : JSON.parse(request.state);
    const whole = native.sandbox.harden({ ...context, state });
    const left = request.undoes === null ? stage.run!(whole) : stage.compensate!(whole, request.undoes);
    return { kind: "done", state: stateText(left === undefined ? state : left), outputs: given.outputs, ...spent() };
  } catch (error) {
    const failure = error as Failure | undefined;
    const said = typeof failure?.failed === "string";
    const outputs = said ? failure!.outputs : [];
    return { kind: "failed", error: said ? failure!.failed : reasonOf(error), retry: !said, outputs, ...spent() };
  }
}

/** A state is what JSON can say, so that it is the same for who reads it from its entry. */
function stateText(state: unknown): string {
  // A run is over when the behavior returns: nothing is left that a promise could wait for.
  if (typeof (state as { then?: unknown } | null)?.then === "function") throw new TypeError("it returned a promise");
  const text = JSON.stringify(state ?? null);
  if (text === undefined) throw new TypeError("the state that it returned is not JSON");
  return text;
}

function reasonOf(error: unknown): string {
  try {
    return error instanceof Error ? `${error.message}` : String(error);
  } catch {
    return "it threw what can't be told";
  }
}
