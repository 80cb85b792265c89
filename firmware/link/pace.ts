/**
 * How long the wire takes for a byte, as frames are seen to arrive: a rate of bauds that nobody has to tell, and which a
 * pseudo-terminal or USB does not have. A wire carries both ways alike, so that it tells how long what we send is under way.
 */

import { slowestByte } from "./limits";

export interface Pace {
  /** ms, lately; 0 where bytes come faster than the clock can tell, or none came yet. */
  msPerByte: number;
  /** Since when a frame has been arriving, monotonic ms, and its bytes after those that came first; null between frames. */
  since: number | null;
  bytes: number;
  learned: boolean;
}

/** Frames of fewer bytes tell too little. */
const fewestBytes = 16;

export function createPace(): Pace {
  return { msPerByte: 0, since: null, bytes: 0, learned: false };
}

/** Notes that bytes came: whether they ended a frame, and whether another has begun behind it. */
export function noteArrival(pace: Pace, count: number, ended: boolean, begun: boolean, now: number): void {
  if (pace.since !== null) pace.bytes += count;
  if (ended && pace.since !== null) {
    if (pace.bytes >= fewestBytes) learn(pace, Math.min(slowestByte, (now - pace.since) / pace.bytes));
    pace.since = null;
  }
  if (!begun) pace.since = null;
  else if (pace.since === null) {
    pace.since = now;
    pace.bytes = 0;
  }
}

/** A receiver that was busy sees bytes in a heap, a sender that paused sees them late: no single frame is believed. */
function learn(pace: Pace, sample: number): void {
  pace.msPerByte = pace.learned ? 0.75 * pace.msPerByte + 0.25 * sample : sample;
  pace.learned = true;
}
