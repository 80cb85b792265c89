import { VertebraError } from "../core/errors";
import type { Native } from "../native/native";
import { contextOf, type Given, readable } from "./context";
import { loadAlone, type Module, readModule } from "./engine";
import { jsonOf } from "./json";
import type { Reply, Request, SandboxLimits } from "./request";

/** A saga as its module exports it; whatever is in it was written by others. */
interface Exported {
  readonly options?: { readonly stages?: readonly { readonly options: Stage }[] };
}

interface Stage {
  readonly state?: { readonly initial?: unknown };
  readonly run?: (context: unknown) => unknown;
  readonly compensate?: (context: unknown, undoing: unknown) => unknown;
}

/** What a machine needs that runs what others wrote. */
export interface Machine {
  readonly native: Pick<Native, "sandbox" | "meter">;
  /** ms for a run. */
  readonly patience: number;
}

/** Freezes what behaviors share with all else in this machine. Once, before the first of them runs. */
export function lockDown({ sandbox }: Pick<Native, "sandbox">): void {
  // The engine's `lockdown` hardens all intrinsics with the `harden` that it finds here.
  Object.defineProperty(globalThis, "harden", { value: sandbox.harden });
  sandbox.lockdown();
  // A behavior can catch one, and reach its class.
  sandbox.harden(VertebraError);
}

/**
 * Runs a request in this machine, which was locked down. The machine ends with a status of its own where the behavior meets a limit
 * (native.ts).
 */
export function perform(machine: Machine, request: Request): Reply {
  return request.kind === "describe" ? describe(machine, request) : run(machine, request);
}

function describe(machine: Machine, { source, limits }: Extract<Request, { kind: "describe" }>): Reply {
  try {
    const module = readModule(source);
    return limited(machine, limits, () => {
      const exported = loadAlone(module);
      const saga = JSON.stringify(exported, (_key, value) => told(value));
      return { kind: "described", saga: saga === undefined ? null : JSON.parse(saga), states: statesOf(exported) };
    });
  } catch (error) {
    return { kind: "broken", error: reasonOf(error) };
  }
}

/** Functions say that they are there, and nothing more; what JSON would leave out, or make null, says what it is. */
function told(value: unknown): unknown {
  if (typeof value === "function") return true;
  const odd = typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value));
  return odd ? String(value) : value;
}

function statesOf(exported: unknown): (string | null)[] {
  const stages = (exported as Exported | null)?.options?.stages;
  if (!Array.isArray(stages)) return [];
  return (stages as readonly { readonly options?: Stage }[]).map((stage) => {
    try {
      jsonOf("the state", stage?.options?.state?.initial);
      return null;
    } catch (error) {
      return reasonOf(error);
    }
  });
}

function run(machine: Machine, request: Extract<Request, { kind: "run" }>): Reply {
  const given: Given = { outputs: [], logs: [], failure: undefined };
  // What the machine does for the behavior is not the behavior's: it has its limits to itself.
  const context = contextOf(request, given);
  let module: Module;
  try {
    module = readModule(request.source);
  } catch (error) {
    return { ...threw(error), logs: [], computation: 0 };
  }
  const { meter } = machine.native;
  const before = meter();
  const ended = limited(machine, request.limits, () => behave(machine, request, module, context, given));
  return { ...ended, logs: given.logs, computation: meter() - before };
}

type Ended = Pick<Extract<Reply, { kind: "done" }>, "kind" | "state" | "outputs"> | Failed;
type Failed = Pick<Extract<Reply, { kind: "failed" }>, "kind" | "error" | "retry" | "outputs">;

function behave(
  { native: { sandbox } }: Machine,
  request: Extract<Request, { kind: "run" }>,
  module: Module,
  context: ReturnType<typeof contextOf>,
  given: Given,
): Ended {
  try {
    const stage = (loadAlone(module) as Exported).options!.stages![request.stage]!.options;
    const state = request.state === "" ? stage.state?.initial : stateBefore(request.state);
    const whole = sandbox.harden({ ...context, state });
    const left = request.undoes === null ? stage.run!(whole) : stage.compensate!(whole, request.undoes);
    return { kind: "done", state: stateText(left === undefined ? state : left), outputs: given.outputs };
  } catch (error) {
    const { failure } = given;
    if (failure !== undefined && error === failure.thrown) {
      return { kind: "failed", error: failure.reason, retry: false, outputs: failure.outputs };
    }
    return threw(error);
  }
}

function threw(error: unknown): Failed {
  return { kind: "failed", error: reasonOf(error), retry: true, outputs: [] };
}

/** Does what others wrote under their limits, of which none is left after. */
function limited<T>(
  { native: { sandbox }, patience }: Machine,
  { computation, memory }: SandboxLimits,
  does: () => T,
): T {
  sandbox.limit(computation, memory, patience);
  try {
    return does();
  } finally {
    // A run is over when the behavior returns: what it left to promises is dropped.
    sandbox.lift();
  }
}

/** Whoever left it may have lied. */
function stateBefore(text: string | null): unknown {
  try {
    if (text !== null) return JSON.parse(text);
  } catch {}
  throw new TypeError("the state before it is not JSON");
}

/** A state is what JSON can say, so that it is the same for who reads it from its entry. */
function stateText(state: unknown): string {
  if (typeof (state as { then?: unknown } | null)?.then === "function") throw new TypeError("it returned a promise");
  return jsonOf("the state", state);
}

function reasonOf(error: unknown): string {
  try {
    return readable(error instanceof Error ? error.message : error);
  } catch {
    return "it threw what can't be told";
  }
}
