/** Seeded randomness: the same seed draws the same world everywhere (mulberry32, by Tommy Ettinger, public domain). */
export interface Draw {
  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number;
  chance(probability: number): boolean;
  one<T>(list: readonly T[]): T;
}

export function seeded(seed: number): Draw {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    below: (bound) => Math.floor(next() * bound),
    chance: (probability) => next() < probability,
    one: (list) => list[Math.floor(next() * list.length)]!,
  };
}

/** So many different ones of a list, in the list's order. */
export function some<T>(draw: Draw, list: readonly T[], count: number): T[] {
  const left = [...list];
  while (left.length > count) left.splice(draw.below(left.length), 1);
  return left;
}
