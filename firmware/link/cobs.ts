/**
 * Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999): bytes without a zero, at a cost of one byte and one more for
 * each 254. Loops run over runs between zeros, not over bytes, so that the engine's own copying does the work.
 */

/** The stuffed bytes between two zeros, ready for the wire: the zero before ends whatever text stood there. */
export function encodeCobs(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length + Math.floor(bytes.length / 254) + 3);
  let at = 1;
  for (let from = 0; ; ) {
    const zero = bytes.indexOf(0, from);
    const end = zero < 0 ? bytes.length : zero;
    let run = Math.min(end - from, 254);
    while (run === 254) {
      at = putRun(out, at, bytes, from, run);
      from += run;
      run = Math.min(end - from, 254);
    }
    // A full run that ends the bytes stands for no zero, and needs no empty one after it.
    if (zero >= 0 || run > 0 || at === 1 || bytes[bytes.length - 1] === 0) at = putRun(out, at, bytes, from, run);
    if (zero < 0) return out.subarray(0, at + 1);
    from = zero + 1;
  }
}

function putRun(out: Uint8Array, at: number, bytes: Uint8Array, from: number, run: number): number {
  out[at] = run + 1;
  out.set(bytes.subarray(from, from + run), at + 1);
  return at + 1 + run;
}

/** What was stuffed, of the bytes between two zeros; undefined where no encoder made them. */
export function decodeCobs(stuffed: Uint8Array): Uint8Array | undefined {
  const out = new Uint8Array(stuffed.length);
  let length = 0;
  let at = 0;
  while (at < stuffed.length) {
    const code = stuffed[at]!;
    const end = at + code;
    if (code === 0 || end > stuffed.length) return undefined;
    out.set(stuffed.subarray(at + 1, end), length);
    length += code - 1;
    // The zero that ended this run; the last run has none, and a full one stands for 254 bytes alone.
    if (code < 255 && end < stuffed.length) length++;
    at = end;
  }
  return out.subarray(0, length);
}
