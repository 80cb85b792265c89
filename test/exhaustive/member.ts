import { ample } from "../../firmware/core/bounds";
import type { Action, Event } from "../../firmware/core/events";
import type { WorldProvision } from "../../firmware/core/identity/provision";
import { createParticipant, type Participant } from "../../firmware/core/participant";
import { toHex } from "../../firmware/core/wire/bytes";

import type { Crypto } from "../../firmware/ports";
import { openDoor } from "../core/door";
import { canonicalState, copyState } from "./snapshot";

/** A real participant whose state can be taken out and put back, so that all that may happen to it can be tried. */
export interface Member {
  /** Just switched on, with nothing in its store, linked with nobody. */
  readonly first: Snapshot;
  /** What it does from this state, which stays as it was. */
  step(from: Snapshot, happening: Happening): Stepped;
}

/** The whole of a participant: memory, store, clock, and what it has told its reader. */
export interface Snapshot {
  readonly worlds: ReadonlyMap<string, unknown>;
  readonly peers: ReadonlyMap<number, unknown>;
  readonly store: Map<string, Uint8Array>;
  /** Monotonic ms. */
  readonly now: number;
  readonly wake: number;
  /** BlockIds in hex, in the order in which they were told to be final. A reader keeps them through restarts. */
  readonly finals: readonly string[];
}

export type Happening =
  | Extract<Event, { kind: "message" | "disconnected" | "flush" | "connected" | "push" }>
  /** Its clock goes on to when it wanted to be woken. */
  | { readonly kind: "alarm" }
  /** Time passes in which nothing happens to it. */
  | { readonly kind: "pass"; readonly ms: number }
  /** Power off and on: what is not in the store is gone, and all links with it. */
  | { readonly kind: "restart" };

export interface Stepped {
  readonly next: Snapshot;
  readonly sends: readonly { readonly peer: number; readonly bytes: Uint8Array }[];
}

export interface MemberPlan {
  readonly crypto: Crypto;
  readonly seed: Uint8Array;
  readonly world: WorldProvision;
}

/** An event that changes nothing. */
const untold = (participant: Participant) =>
  participant.handle({ kind: "disconnected", peer: 0 }, { monotonic: 0, wall });

/** Blocks carry the time of their issue: a wall clock that stands still keeps them the same in all orders. */
const wall = 1_700_000_000_000;

export function createMember(plan: MemberPlan): Member {
  const create = (store: ReadonlyMap<string, Uint8Array>) =>
    createParticipant({
      crypto: plan.crypto,
      seed: plan.seed,
      worlds: [plan.world],
      bounds: ample,
      records: [...store].filter(([key]) => !key.startsWith("final/")),
    });
  const participant = create(new Map());
  const door = openDoor(participant, untold);

  function handle(from: Snapshot, event: Event): Stepped {
    const now = event.kind === "alarm" ? Math.max(from.now, from.wake) : from.now;
    const { worlds, peers, store } = copyState({ worlds: from.worlds, peers: from.peers, store: from.store });
    refill(door.worlds, worlds);
    refill(door.peers, peers);
    const told = {
      store,
      sends: [] as { peer: number; bytes: Uint8Array }[],
      finals: [...from.finals],
      wake: Infinity,
    };
    apply(participant, participant.handle(event, { monotonic: now, wall }), now, told);
    const next = {
      worlds: new Map(door.worlds),
      peers: new Map(door.peers),
      store,
      now,
      wake: told.wake,
      finals: told.finals,
    };
    return { next, sends: told.sends };
  }

  function restart(from: Snapshot): Stepped {
    const again = create(from.store);
    const { worlds, peers } = openDoor(again, untold);
    return handle({ ...from, worlds, peers, now: from.now, wake: Infinity }, { kind: "boot" });
  }

  const nothing: Snapshot = {
    worlds: new Map(door.worlds),
    peers: new Map(),
    store: new Map(),
    now: 0,
    wake: Infinity,
    finals: [],
  };
  return {
    first: handle(nothing, { kind: "boot" }).next,
    step(from, happening) {
      if (happening.kind === "restart") return restart(from);
      if (happening.kind === "pass") return { next: { ...from, now: from.now + happening.ms }, sends: [] };
      return handle(from, happening);
    },
  };
}

function apply(
  participant: Participant,
  actions: readonly Action[],
  now: number,
  told: {
    readonly store: Map<string, Uint8Array>;
    readonly sends: { peer: number; bytes: Uint8Array }[];
    readonly finals: string[];
    wake: number;
  },
): void {
  told.wake = Infinity;
  for (const action of actions) {
    if (action.kind === "write") {
      for (const [key, value] of action.puts) told.store.set(key, value);
      for (const key of action.deletes) told.store.delete(key);
    } else if (action.kind === "send") told.sends.push({ peer: action.peer, bytes: action.bytes });
    else if (action.kind === "final") told.finals.push(toHex(action.block.block));
    else if (action.kind === "wake") told.wake = action.at;
    else if (action.kind === "cut") throw new Error(`an honest participant was cut off: ${action.reason.message}`);
  }
  for (const action of actions) {
    if (action.kind !== "read") continue;
    const { key, request } = action;
    const answer = { kind: "record", request, value: told.store.get(key) } as const;
    apply(participant, participant.handle(answer, { monotonic: now, wall }), now, told);
  }
}

function refill<K, V>(map: Map<K, V>, from: ReadonlyMap<K, V>): void {
  map.clear();
  for (const [key, value] of from) map.set(key, value);
}

/** The same for two states from which all that follows is the same. */
export function identify(snapshot: Snapshot): string {
  const { worlds, peers, store, now, wake, finals } = snapshot;
  return canonicalState({ worlds, peers, store, at: wake, finals }, now);
}
