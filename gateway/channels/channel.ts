import { VertebraError } from "../../firmware/core/errors";
import type { Event, FinalBlock } from "../../firmware/core/events";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import type { AvatarId, Hash } from "../../firmware/core/wire/types";
import type { Clock, Crypto } from "../../firmware/ports";
import type { Outcome } from "../participant/driver";
import type { BlockReader } from "../participant/store";
import type { Catalog, FinalPlace, KnownGroup } from "../world/catalog";
import { type ToldEntry, tellEntry, tellUnreadable } from "./entry";
import { historyOf, sealedBlocks } from "./history";
import { createRow, groupsOfRow, isToldAgain, type Row } from "./row";

/** Push and pull of PROTOCOL 8, in process, for one avatar. */
export interface Channel {
  /**
   * Resolves when the entry is sealed: from then on it will become final. Rejects with why it was refused. Where the signal says that it
   * is given up, it is withdrawn if it is not sealed yet, and rejects with `entry-withdrawn`; one that is sealed resolves all the same.
   */
  push(group: KnownGroup, entry: Uint8Array, signal?: AbortSignal): Promise<Pushed>;
  /** Final entries in sequence, from one on; with all from the first on, those of the groups that it succeeds come before. */
  pull(group: KnownGroup, from: number, options: PullOptions): AsyncIterable<ToldEntry>;
  /** What came of pushes, and what became final. */
  tell(outcome: Outcome): void;
  /** Something changed in the store that those who pull may want to see. */
  changed(): void;
  /** Nothing will be told any more: rejects whoever waits. */
  end(error: unknown): void;
}

export interface Pushed {
  readonly block: Hash;
  readonly counter: number;
  /** The entry's sequence, once it is final. */
  readonly final: Promise<number>;
  /** And the group that it is final in: a successor of the one that it was pushed into, where it was moved. */
  readonly place: Promise<FinalPlace>;
}

export interface PullOptions {
  /** Tells buffered and sealed entries too, marked as such, for those who would rather be early than sure. */
  readonly pending: boolean;
  /** Waits for more, until the signal. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

export interface ChannelOptions {
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly store: BlockReader;
  /** The world's tag in hex. */
  readonly tag: string;
  readonly avatar: AvatarId;
  readonly handle: (event: Event) => Promise<void>;
  /** Why nothing should be pushed into the group now. */
  readonly heldBack: (group: Hash) => VertebraError | undefined;
}

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

interface WaitingPush extends Waiter<Pushed> {
  readonly group: Hash;
  readonly entry: Uint8Array;
  readonly time: number;
}

export function createChannel(options: ChannelOptions): Channel {
  const { catalog, tag } = options;
  const bell = createBell();
  const buffered = new Map<number, WaitingPush>();
  /** By the hex of the block: who waits for its finality, and how many of its entries are ours, which are its last. */
  const unfinished = new Map<string, { readonly ours: number; readonly waiters: Waiter<FinalPlace>[] }>();
  let lastToken = 0;

  function sealed(outcome: Extract<Outcome, { kind: "sealed" }>): void {
    const waiters: Waiter<FinalPlace>[] = [];
    for (const token of outcome.tokens) {
      const push = buffered.get(token);
      buffered.delete(token);
      const place = new Promise<FinalPlace>((resolve, reject) => waiters.push({ resolve, reject }));
      const final = place.then(({ sequence }) => sequence);
      // Whoever pushed may not ask when it is final.
      final.catch(() => {});
      push?.resolve({ block: outcome.block, counter: outcome.counter, final, place });
    }
    unfinished.set(toHex(outcome.block), { ours: waiters.length, waiters });
  }

  function moved({ block, to }: Extract<Outcome, { kind: "moved" }>): void {
    const own = unfinished.get(toHex(block));
    unfinished.delete(toHex(block));
    if (own !== undefined) unfinished.set(toHex(to.block), own);
  }

  function final(block: FinalBlock): void {
    const own = unfinished.get(toHex(block.block));
    unfinished.delete(toHex(block.block));
    if (own === undefined || block.entries === null) return;
    const first = block.firstEntry + block.entries.length - own.ours;
    for (const [index, waiter] of own.waiters.entries())
      waiter.resolve({ group: block.group, sequence: first + index });
  }

  /** What is pending now, each under a key of its own. */
  function pending(group: KnownGroup): Map<string, ToldEntry> {
    const told = new Map<string, ToldEntry>();
    for (const { header, entries } of sealedBlocks(options.crypto, options.store, tag, group.id)) {
      const { issuer, time } = header.value;
      const origin = { state: "sealed", sequence: null, issuer, time } as const;
      for (const [index, entry] of (entries ?? []).entries()) {
        told.set(`${toHex(header.id)}/${index}`, tellEntry(catalog, group, origin, entry));
      }
    }
    for (const [token, push] of buffered) {
      if (!equal(push.group, group.id)) continue;
      const origin = { state: "buffered", sequence: null, issuer: options.avatar, time: push.time } as const;
      told.set(`${token}`, tellEntry(catalog, group, origin, push.entry));
    }
    return told;
  }

  async function* pull(group: KnownGroup, from: number, { pending: early, follow, signal }: PullOptions) {
    const row = createRow();
    let shown: ReadonlyMap<string, ToldEntry> = new Map();
    for (;;) {
      // Taken before the look at the store: what changes while we look rings it.
      const rung = bell.next(signal);
      const groups = groupsOfRow(catalog, group);
      const own = groups.findIndex(({ id }) => equal(id, group.id));
      for (const [index, each] of groups.entries()) {
        // The sequence to begin with is one of the group that was named: of those before it nothing is told then.
        if (index >= own || from === 0) yield* finals(row, each, index === own ? from : 0, each === groups.at(-1));
      }
      if (early) {
        const now = new Map(groups.flatMap((each) => [...pending(each)]));
        for (const [key, entry] of now) if (!shown.has(key)) yield entry;
        shown = now;
      }
      if (!follow || signal.aborted) return;
      await rung;
    }
  }

  async function* finals(row: Row, group: KnownGroup, from: number, isLast: boolean): AsyncGenerator<ToldEntry> {
    const { positions } = row;
    const key = toHex(group.id);
    const history = historyOf(options.store, tag, group.id);
    for await (const block of history.from(positions.get(key) ?? (await history.positionOf(from)))) {
      if ("lost" in block) {
        positions.set(key, block.lost.to + 1);
        const first = Math.max(from, block.firstEntry);
        if (first < block.end) yield tellUnreadable(group, first, block.end - 1);
        continue;
      }
      positions.set(key, block.position + 1);
      if (isToldAgain(row, group, isLast, block)) continue;
      const { issuer, time, count } = block.header;
      for (let index = 0; index < count; index++) {
        const sequence = block.firstEntry + index;
        if (sequence < from || block.repeats.includes(index)) continue;
        yield tellEntry(catalog, group, { state: "final", sequence, issuer, time }, block.entries?.[index] ?? null);
      }
    }
  }

  return {
    pull,
    push(group, entry, signal) {
      const error = options.heldBack(group.id);
      if (error !== undefined) return Promise.reject(error);
      const token = ++lastToken;
      const about = { world: tag, group: group.id, token };
      return new Promise<Pushed>((resolve, reject) => {
        const withdraw = () => void options.handle({ kind: "withdraw", ...about }).catch(reject);
        buffered.set(token, { group: group.id, entry, time: options.clock.now().wall, resolve, reject });
        bell.ring();
        options.handle({ kind: "push", ...about, entry, id: null }).catch(reject);
        signal?.addEventListener("abort", withdraw, { once: true });
        if (signal?.aborted) withdraw();
      });
    },
    tell(outcome) {
      if (outcome.kind === "sealed") sealed(outcome);
      else if (outcome.kind === "moved") moved(outcome);
      else if (outcome.kind === "final") final(outcome.block);
      else if (outcome.kind === "refused") {
        buffered.get(outcome.token)?.reject(outcome.error);
        buffered.delete(outcome.token);
      } else return;
      bell.ring();
    },
    changed: () => bell.ring(),
    end(error) {
      for (const push of buffered.values()) push.reject(error);
      for (const { waiters } of unfinished.values()) for (const waiter of waiters) waiter.reject(error);
      buffered.clear();
      unfinished.clear();
      bell.ring();
    },
  };
}

interface Bell {
  /** Resolves when the bell rings next, or when the signal says that nobody waits any more. */
  next(signal: AbortSignal): Promise<void>;
  ring(): void;
}

function createBell(): Bell {
  const waiting = new Set<() => void>();
  return {
    next: (signal) =>
      new Promise((resolve) => {
        const done = () => {
          waiting.delete(done);
          signal.removeEventListener("abort", done);
          resolve();
        };
        waiting.add(done);
        signal.addEventListener("abort", done);
      }),
    ring() {
      for (const done of [...waiting]) done();
    },
  };
}

/** Told to whoever waits when the gateway ends. */
export function gatewayEnds(): VertebraError {
  return new VertebraError(
    "gateway-ends",
    "The gateway is ending",
    "What it said is sealed will become final when it runs again; push anew what it did not.",
  );
}
