/**
 * Which of an issuer's block counters are final in a group: all up to `base`, and those in `above`. Bounded
 * (PROTOCOL 5, "a bounded window of counters per issuer; below it, refused").
 */
export interface CounterWindow {
  readonly base: number;
  /** Ascending, all above `base` + 1. */
  readonly above: readonly number[];
}

export const counterWindowSize = 64;

export const noCounters: CounterWindow = { base: 0, above: [] };

/** Whether the counter is final, or so far below that nobody can tell any more, which is refused alike. */
export function counterIsFinal(window: CounterWindow, counter: number): boolean {
  return counter <= window.base || window.above.includes(counter);
}

/** The patent's HFCS, highest finalized causal sequence: all counters up to it are final. */
export function highestFinalCausalSequence(window: CounterWindow): number {
  return window.base;
}

export function withFinalCounter(window: CounterWindow, counter: number): CounterWindow {
  if (counterIsFinal(window, counter)) return window;
  const above = [...window.above, counter].sort((a, b) => a - b);
  let base = window.base;
  if (above.length > counterWindowSize) base = Math.max(base, above[0]! - 1);
  while (above[0] === base + 1) {
    base = above.shift()!;
  }
  return { base, above };
}
