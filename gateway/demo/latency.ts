/** Times of the last so many events. */
export interface Latencies {
  add(ms: number): void;
  /** The value below which this share of them lies; null where there is none. */
  quantile(share: number): number | null;
}

const kept = 10_000;

export function createLatencies(): Latencies {
  const times: number[] = [];
  let next = 0;
  return {
    add(ms) {
      times[next] = ms;
      next = (next + 1) % kept;
    },
    quantile(share) {
      if (times.length === 0) return null;
      const sorted = [...times].sort((a, b) => a - b);
      return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]! * 10) / 10;
    },
  };
}
