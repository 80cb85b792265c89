/**
 * The first timeout of an attempt at least and at most, its growth and its bound: ms (PROTOCOL 6, "Why it moves"). And
 * how long what nobody moves is put forward in a group that was retired.
 */
export const timing = {
  attempt: 1_000,
  slowestAttempt: 10_000,
  growth: 1.6,
  longestAttempt: 30_000,
  frontier: 1_000,
  finishes: 600_000,
} as const;
