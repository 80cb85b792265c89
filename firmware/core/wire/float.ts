/**
 * IEEE 754 widths of RFC 8949, 4.2.2: a float is carried in the shortest of 16, 32 and 64 bits that keeps its value, and
 * there is one NaN, 7e00 in 16 bits.
 */

export type FloatWidth = 2 | 4 | 8;

/** Bytes of the shortest encoding that keeps `value`. */
export function shortestWidth(value: number): FloatWidth {
  if (Number.isNaN(value)) return 2;
  if (Math.fround(value) !== value) return 8;
  return halfBits(value) === undefined ? 4 : 2;
}

/** The 16 bits of `value`, or undefined where 16 bits can't hold it. Any NaN becomes 7e00. */
export function halfBits(value: number): number | undefined {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size === Infinity) return sign | 0x7c00;
  if (size > 65504) return undefined;
  // Below 2^-14 halves are spaced evenly, 2^-24 apart; above, each power of two is cut into 1024 steps.
  let exponent = 0;
  let step = 2 ** -24;
  while (size >= step * 2048) {
    step *= 2;
    exponent++;
  }
  const steps = size / step;
  if (!Number.isInteger(steps)) return undefined;
  return sign | (steps < 1024 ? steps : ((exponent + 1) << 10) | (steps - 1024));
}

export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (fraction + 1024) * 2 ** (exponent - 25);
}
