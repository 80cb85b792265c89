import type { Crypto, Time } from "../../ports";
import type { Action, Event, FinalBlock } from "../events";
import { readProduced } from "../pact/produced";
import { toHex } from "../wire/bytes";
import type { AvatarId } from "../wire/types";
import type { SagaProvision } from "./definitions";
import type { FinalEntry } from "./entries";
import type { SagaAction, SagaEvent } from "./events";
import type { Ledger } from "./ledger";
import { createSagaRuntime } from "./runtime";

/**
 * Sagas over a participant: what that says goes in, and what it is to be told comes out. Who drives both gives it every final
 * block, those that were known at the start before `boot`.
 */
export interface Conductor {
  /** What the participant asked of its driver: final blocks and refusals are looked at, all else is not for sagas. */
  take(action: Action, now: Time): Order[];
  handle(event: Exclude<SagaEvent, { readonly kind: "entry" | "refused" }>, now: Time): Order[];
  /** What the final entries say; not to be written to. */
  readonly ledger: Ledger;
}

/** What a conductor asks of its driver. */
export type Order =
  /** Give this to the participant. */
  | { readonly kind: "push"; readonly event: Extract<Event, { readonly kind: "push" }> }
  | Exclude<SagaAction, { readonly kind: "push" }>;

export interface ConductorOptions {
  readonly crypto: Pick<Crypto, "sha256">;
  /** The hex of the worldTag. */
  readonly world: string;
  readonly avatar: AvatarId;
  readonly provision: SagaProvision;
  /** ms that a rank waits for the one before it. */
  readonly lease: number;
}

/** Throws `saga-…`, `structure-…` or `pact-…` where the provision can't be read. */
export function createConductor(options: ConductorOptions): Conductor {
  const runtime = createSagaRuntime(options);
  const { ledger } = runtime;
  const orders = (event: SagaEvent, now: Time): Order[] =>
    runtime.handle(event, now).map((action) => (action.kind === "push" ? pushOf(options.world, action) : action));
  return {
    ledger,
    handle: orders,
    take(action, now) {
      if (action.kind === "refused") {
        return isOfSagas(action.token) ? orders({ kind: "refused", token: numberOf(action.token) }, now) : [];
      }
      if (action.kind !== "final" || !ledger.definitions.groups.has(toHex(action.block.group))) return [];
      return finalEntries(action.block).flatMap((entry) => orders({ kind: "entry", entry }, now));
    },
  };
}

/** Sagas push with tokens below zero, so that whoever else pushes has all others. */
function pushOf(world: string, { group, entry, id, token }: Extract<SagaAction, { kind: "push" }>): Order {
  return { kind: "push", event: { kind: "push", world, group, entry, id, token: -1 - token } };
}

export function isOfSagas(token: number): boolean {
  return token < 0;
}

function numberOf(token: number): number {
  return -1 - token;
}

/** The entries of a block that readers are told of. */
export function finalEntries({ group, firstEntry, issuer, entries, repeats }: FinalBlock): FinalEntry[] {
  return (entries ?? []).flatMap((bytes, index) => {
    if (repeats.includes(index)) return [];
    return [{ group, sequence: firstEntry + index, issuer, ...readProduced(bytes) }];
  });
}
