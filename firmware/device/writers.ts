import { VertebraError } from "../core/errors";
import type { Action, FinalBlock } from "../core/events";
import { toHex } from "../core/wire/bytes";
import type { Hash } from "../core/wire/types";
import type { Source } from "./readings";

/** Blocks of this board of which it remembers when they were sealed, at most: older ones become final without a latency. */
const mostPending = 1024;

export interface Latency {
  readonly fromSeal: number;
  readonly fromPush: number;
}

export interface Writers {
  /** Pushes what is due; returns when the next is, Infinity once they have stopped. */
  run(now: number): number;
  stop(): void;
  sealed(action: Extract<Action, { readonly kind: "sealed" }>, now: number): void;
  refused(token: number): Hash | undefined;
  /** The latency of a block of this board, if it was sealed since the start. */
  final(block: FinalBlock, now: number): Latency | undefined;
  counts(): { pushed: number; skipped: number; refused: number; sealed: number; final: number };
}

/**
 * Push the readings when they are due. A group has at most one push that is neither sealed nor refused: a board that can't keep up
 * skips and counts, it does not queue without bound. What can't be read, or breaks its pact, is refused.
 */
export function createWriters(
  sources: readonly Source[],
  push: (group: Hash, entry: Uint8Array, token: number) => void,
  refuse: (token: number, error: VertebraError) => void,
): Writers {
  const dueAt = sources.map(() => Number.NEGATIVE_INFINITY);
  /** By token: the index of the source, and when. */
  const waiting = new Map<number, { readonly source: number; readonly at: number }>();
  const busy = new Set<number>();
  /** By BlockId in hex: when it was sealed, and when its first entry was pushed. */
  const pending = new Map<string, { readonly sealedAt: number; readonly pushedAt: number }>();
  const counts = { pushed: 0, skipped: 0, refused: 0, sealed: 0, final: 0 };
  let token = 0;
  let stopped = false;

  function pushOne(index: number, now: number): void {
    if (busy.has(index)) {
      counts.skipped++;
      return;
    }
    const { group, read } = sources[index]!;
    token++;
    counts.pushed++;
    busy.add(index);
    waiting.set(token, { source: index, at: now });
    const entry = readOrError(read);
    if (entry instanceof VertebraError) refuse(token, entry);
    else push(group, entry, token);
  }

  function settle(done: number): { readonly source: number; readonly at: number } | undefined {
    const one = waiting.get(done);
    waiting.delete(done);
    if (one) busy.delete(one.source);
    return one;
  }

  return {
    run(now) {
      if (stopped) return Number.POSITIVE_INFINITY;
      for (const [index, { everyMs }] of sources.entries()) {
        if (dueAt[index]! > now) continue;
        // In step with the clock, but without catching up on what a busy board missed.
        dueAt[index] = Math.max(dueAt[index]! + everyMs, now + everyMs / 2);
        pushOne(index, now);
      }
      return Math.min(...dueAt);
    },
    stop() {
      stopped = true;
    },
    sealed({ block, tokens }, now) {
      const times = tokens.map((one) => settle(one)?.at ?? now);
      counts.sealed += tokens.length;
      if (pending.size === mostPending) pending.delete(pending.keys().next().value!);
      pending.set(toHex(block), { sealedAt: now, pushedAt: Math.min(now, ...times) });
    },
    refused(done) {
      counts.refused++;
      const one = settle(done);
      return one && sources[one.source]!.group;
    },
    final({ block, entries }, now) {
      const one = pending.get(toHex(block));
      if (!one) return undefined;
      pending.delete(toHex(block));
      counts.final += entries?.length ?? 0;
      return { fromSeal: Math.round(now - one.sealedAt), fromPush: Math.round(now - one.pushedAt) };
    },
    counts: () => counts,
  };
}

/** A sensor whose wire broke says what no pact has bounds for: that ends one reading, not the board. */
function readOrError(read: () => Uint8Array): Uint8Array | VertebraError {
  try {
    return read();
  } catch (error) {
    if (error instanceof VertebraError) return error;
    throw error;
  }
}
