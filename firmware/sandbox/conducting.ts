import { assert, VertebraError } from "../core/errors";
import type { Action, Event } from "../core/events";
import type { SagasProvided } from "../core/identity/provision";
import type { Conductor, Kept, Order, ToldFinal } from "../core/saga/conductor";
import type { Operation, RunResult } from "../core/saga/events";
import { heldBack } from "../core/saga/pressure";
import { decodeBehavior, encodeBehavior } from "../core/saga/structures";
import { toHex } from "../core/wire/bytes";
import { hash, type Sha256 } from "../core/wire/hash";
import { decodeText } from "../core/wire/text";
import type { Hash } from "../core/wire/types";
import type { Clock } from "../ports";
import type { Reply, Request } from "./request";
import { requestOf, resultOf } from "./runs";

/** What a platform does for a conductor. What it answers, it may answer at once or later. */
export interface ConductingOptions {
  readonly crypto: Sha256;
  readonly conductor: Conductor;
  /** The text of a module by the hex of its hash: of every behavior that the conductor runs. */
  sourceOf(hash: string): string | undefined;
  readonly clock: Clock;
  push(event: Extract<Event, { readonly kind: "push" }>): void;
  /** Runs a behavior, named by its hash, alone. */
  sandbox(request: Request, behavior: Hash, done: (reply: Reply) => void): void;
  /** What came of a run of a saga, which its id names. */
  ran(saga: Hash, result: RunResult): void;
  /** Does them, and has `acted` handled. */
  act(run: number, operations: readonly Operation[]): void;
  /** Monotonic ms; replaces the time asked for before. */
  wake(at: number): void;
  notice(error: VertebraError): void;
  /** Keeps this durably for the next start, in place of the last one (`block/records`). */
  keep(what: keyof Kept, bytes: Uint8Array): void;
}

export interface Conducting {
  /** Why nothing should be pushed into this group now, by whoever pushes for another reason than a saga (`saga/pressure`). */
  heldBack(group: Hash): VertebraError | undefined;
  /** What the participant asked of its driver. */
  take(action: Action | ToldFinal): void;
  handle(event: Parameters<Conductor["handle"]>[0]): void;
}

/** Drives a conductor, one event after another. */
export function createConducting(options: ConductingOptions): Conducting {
  const { conductor, clock } = options;
  const waiting: (() => Order[])[] = [];
  let obeying = false;

  /** What is answered at once waits until all is done that was asked before: a wake asked for later must stand. */
  function give(what: () => Order[]): void {
    waiting.push(what);
    if (obeying) return;
    obeying = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      for (const order of next()) obey(order);
    obeying = false;
  }

  function handle(event: Parameters<Conductor["handle"]>[0]): void {
    give(() => conductor.handle(event, clock.now()));
  }

  function obey(order: Order): void {
    switch (order.kind) {
      case "push":
        options.push(order.event);
        break;
      case "run": {
        const { run, what } = order;
        const source = options.sourceOf(toHex(what.behavior.source));
        assert(source !== undefined, "what a conductor runs, it has the source of");
        const request = requestOf(conductor.ledger.definitions, source, what);
        const behavior = hash(options.crypto, "behavior", encodeBehavior(what.behavior));
        options.sandbox(request, behavior, (reply) => {
          const result = resultOf(reply);
          options.ran(what.saga, result);
          handle({ kind: "result", run, result });
        });
        break;
      }
      case "act":
        options.act(order.run, order.operations);
        break;
      case "notice":
        options.notice(order.error);
        break;
      case "keep":
        options.keep(order.what, order.bytes);
        break;
      case "wake":
        options.wake(order.at);
        break;
    }
  }

  return {
    take: (action) => give(() => conductor.take(action, clock.now())),
    handle,
    heldBack: (group) => heldBack(conductor.ledger, group),
  };
}

/** The texts of modules by the hex of their hash. Throws `saga-source`. */
export function sourcesOf(crypto: Sha256, { behaviors, sources }: SagasProvided): Map<string, string> {
  const texts = new Map(sources.map((source) => [toHex(hash(crypto, "source", source)), decodeText(source)]));
  for (const bytes of behaviors) {
    const { name, source } = decodeBehavior(bytes);
    if (texts.has(toHex(source))) continue;
    throw new VertebraError(
      "saga-source",
      `Behavior '${name}' is in a module of hash ${toHex(source).slice(0, 16)}, which was not provided`,
      "Provision this participant anew.",
    );
  }
  return texts;
}
