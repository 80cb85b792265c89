import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import { withSoundWall } from "../../firmware/core/clock";
import type { Clock, Random } from "../../firmware/ports";

/** Bytes of the operating system's generator. */
export function nodeRandom(): Random {
  return { bytes: (count) => new Uint8Array(randomBytes(count)) };
}

export function nodeClock(): Clock {
  return { now: () => withSoundWall({ monotonic: performance.now(), wall: Date.now() }) };
}
