import { VertebraError } from "../core/errors";
import type { Action, FinalBlock } from "../core/events";
import { equal, toHex } from "../core/wire/bytes";
import type { Hash } from "../core/wire/types";
import { readSource, type Source } from "./readings";

/** Blocks of this board of which it remembers when they were sealed, at most: older ones become final without a latency. */
const mostPending = 1024;

export interface Latency {
  readonly fromSeal: number;
  readonly fromPush: number;
}

/** How many were pushed, and what came of them. */
export interface WriterCounts {
  pushed: number;
  skipped: number;
  refused: number;
  sealed: number;
  final: number;
}

/** What takes an entry, and what is told of one that could not be made. */
export interface Pushing {
  push(group: Hash, entry: Uint8Array, token: number): void;
  refuse(token: number, error: VertebraError): void;
}

/** Push the readings when they are due. */
export interface Writers {
  readonly sources: Source[];
  readonly to: Pushing;
  /** By source: when it is due, monotonic ms. */
  readonly dueAt: number[];
  /** By token: the index of the source, and when. */
  readonly waiting: Map<number, Waiting>;
  readonly busy: Set<number>;
  /** By BlockId in hex: when it was sealed, and when its first entry was pushed. */
  readonly pending: Map<string, { readonly sealedAt: number; readonly pushedAt: number }>;
  readonly counts: WriterCounts;
  token: number;
  stopped: boolean;
}

interface Waiting {
  readonly source: number;
  readonly at: number;
}

export function createWriters(sources: Source[], to: Pushing): Writers {
  return {
    ...{ sources, to },
    dueAt: sources.map(() => Number.NEGATIVE_INFINITY),
    waiting: new Map(),
    busy: new Set(),
    pending: new Map(),
    counts: { pushed: 0, skipped: 0, refused: 0, sealed: 0, final: 0 },
    token: 0,
    stopped: false,
  };
}

/** Nothing more is pushed into this group. */
export function removeSources(writers: Writers, group: Hash): void {
  for (const [index, source] of writers.sources.entries()) {
    if (equal(source.group, group)) writers.dueAt[index] = Number.POSITIVE_INFINITY;
  }
}

/** From the next `runWriters` on this one is pushed, too. */
export function addSource({ sources, dueAt }: Writers, source: Source): void {
  sources.push(source);
  dueAt.push(Number.NEGATIVE_INFINITY);
}

/**
 * Pushes what is due; returns when the next is, Infinity once they have stopped. A group has at most one push that is neither sealed
 * nor refused: a board that can't keep up skips and counts, it does not queue without bound. What can't be read, or breaks its pact,
 * is refused.
 */
export function runWriters(writers: Writers, now: number): number {
  if (writers.stopped) return Number.POSITIVE_INFINITY;
  const { sources, dueAt } = writers;
  let next = Number.POSITIVE_INFINITY;
  for (let index = 0; index < sources.length; index++) {
    const { everyMs } = sources[index]!;
    if (dueAt[index]! <= now) {
      // In step with the clock, but without catching up on what a busy board missed.
      dueAt[index] = Math.max(dueAt[index]! + everyMs, now + everyMs / 2);
      pushOne(writers, index, now);
    }
    next = Math.min(next, dueAt[index]!);
  }
  return next;
}

export function noteSealed(
  writers: Writers,
  { block, tokens }: Extract<Action, { readonly kind: "sealed" }>,
  now: number,
): void {
  const { pending, counts } = writers;
  const times = tokens.map((one) => settle(writers, one)?.at ?? now);
  counts.sealed += tokens.length;
  if (pending.size === mostPending) pending.delete(pending.keys().next().value!);
  pending.set(toHex(block), { sealedAt: now, pushedAt: Math.min(now, ...times) });
}

/** It will become final as another block. */
export function noteMoved({ pending }: Writers, { block, to }: Extract<Action, { readonly kind: "moved" }>): void {
  const one = pending.get(toHex(block));
  if (one === undefined) return;
  pending.delete(toHex(block));
  pending.set(toHex(to.block), one);
}

/** The group into which it was pushed, if it was pushed here. */
export function noteRefused(writers: Writers, done: number): Hash | undefined {
  writers.counts.refused++;
  const one = settle(writers, done);
  return one && writers.sources[one.source]!.group;
}

/** The latency of a block of this board, if it was sealed since the start. */
export function noteFinal(
  { pending, counts }: Writers,
  { block, entries }: FinalBlock,
  now: number,
): Latency | undefined {
  const key = toHex(block);
  const one = pending.get(key);
  if (!one) return undefined;
  pending.delete(key);
  counts.final += entries?.length ?? 0;
  return { fromSeal: Math.round(now - one.sealedAt), fromPush: Math.round(now - one.pushedAt) };
}

function pushOne(writers: Writers, index: number, now: number): void {
  const { busy, counts } = writers;
  if (busy.has(index)) {
    counts.skipped++;
    return;
  }
  const source = writers.sources[index]!;
  const token = ++writers.token;
  counts.pushed++;
  busy.add(index);
  writers.waiting.set(token, { source: index, at: now });
  const entry = readOrError(source);
  if (entry instanceof VertebraError) writers.to.refuse(token, entry);
  else writers.to.push(source.group, entry, token);
}

function settle({ waiting, busy }: Writers, done: number): Waiting | undefined {
  const one = waiting.get(done);
  waiting.delete(done);
  if (one) busy.delete(one.source);
  return one;
}

/** A sensor whose wire broke says what no pact has bounds for: that ends one reading, not the board. */
function readOrError(source: Source): Uint8Array | VertebraError {
  try {
    return readSource(source);
  } catch (error) {
    if (error instanceof VertebraError) return error;
    throw error;
  }
}
