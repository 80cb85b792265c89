import type { Crypto, Time } from "../../ports";
import type { Action, Event, FinalBlock } from "../events";
import { readProduced } from "../pact/produced";
import { equal, toHex } from "../wire/bytes";
import type { AvatarId } from "../wire/types";
import type { SagaProvision } from "./definitions";
import type { FinalEntry } from "./entries";
import type { Published, SagaAction, SagaEvent } from "./events";
import type { Ledger } from "./ledger";
import { createPublishing, isPublished, takePublished } from "./publishing";
import { createSagaRuntime } from "./runtime";

/**
 * Sagas over a participant: what that says goes in, and what it is to be told comes out. Who drives both gives it every final
 * block, those that were known at the start before `boot`.
 */
export interface Conductor {
  /** What the participant asked of its driver: final blocks and refusals are looked at, all else is not for sagas. */
  take(action: Action | ToldFinal, now: Time): Order[];
  handle(event: Exclude<SagaEvent, { readonly kind: "entry" | "refused" | "capabilities" }>, now: Time): Order[];
  /** What the final entries say; not to be written to. */
  readonly ledger: Ledger;
}

/** Of a final block what sagas look at. */
export interface ToldFinal {
  readonly kind: "final";
  readonly block: Pick<FinalBlock, "group" | "firstEntry" | "issuer" | "entries" | "repeats">;
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
  /** What this participant can do. */
  readonly published: Published;
  /** ms that a rank waits for the one before it. */
  readonly lease: number;
}

/** Sagas push with tokens below zero, so that whoever else pushes has all others. */
const publishingToken = -1;
const firstToken = -2;

/** Throws `saga-…`, `structure-…` or `pact-…` where the provision can't be read. */
export function createConductor(options: ConductorOptions): Conductor {
  const { world, avatar } = options;
  const runtime = createSagaRuntime(options);
  const { ledger } = runtime;
  let live = false;
  const publishing = createPublishing(ledger.definitions, avatar, options.published);

  function orders(event: SagaEvent, now: Time): Order[] {
    return runtime.handle(event, now).map((action): Order => {
      if (action.kind !== "push") return action;
      return { kind: "push", event: { ...action, world, token: firstToken - action.token } };
    });
  }

  function takeEntry(entry: FinalEntry, now: Time): Order[] {
    if (publishing === undefined || !equal(entry.group, publishing.group)) return orders({ kind: "entry", entry }, now);
    const event = takePublished(publishing, entry);
    // What it sealed before a restart may say what was true then, and become final after it was looked at.
    const again = live && equal(entry.issuer, avatar) ? publish() : [];
    return event === undefined ? again : [...again, ...orders(event, now)];
  }

  function publish(): Order[] {
    if (publishing === undefined || isPublished(publishing)) return [];
    const { group, entry } = publishing;
    return [{ kind: "push", event: { kind: "push", world, group, entry, id: null, token: publishingToken } }];
  }

  return {
    ledger,
    handle(event, now) {
      if (event.kind !== "boot") return orders(event, now);
      live = true;
      return [...publish(), ...orders(event, now)];
    },
    take(action, now) {
      if (action.kind === "refused") {
        // A full buffer of this pact keeps the latest: only one who forgot what it signed is refused, and it may push nothing.
        if (action.token === publishingToken) return [{ kind: "notice", error: action.error }];
        return isOfSagas(action.token) ? orders({ kind: "refused", token: firstToken - action.token }, now) : [];
      }
      if (action.kind !== "final" || !ledger.definitions.groups.has(toHex(action.block.group))) return [];
      return finalEntries(action.block).flatMap((entry) => takeEntry(entry, now));
    },
  };
}

export function isOfSagas(token: number): boolean {
  return token < 0;
}

/** The entries of a block that readers are told of. */
export function finalEntries({ group, firstEntry, issuer, entries, repeats }: ToldFinal["block"]): FinalEntry[] {
  return (entries ?? []).flatMap((bytes, index) => {
    if (repeats.includes(index)) return [];
    return [{ group, sequence: firstEntry + index, issuer, ...readProduced(bytes) }];
  });
}
