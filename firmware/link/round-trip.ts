/** How long to wait for an ack, by what was seen of the wire: RFC 6298 with bounds of our own. */

import { firstTimeout, leastTimeout, mostTimeout } from "./limits";

/** All in ms. */
export interface RoundTrip {
  /** What an ack takes on average, and how much that varies; undefined before the first. */
  smoothed: number | undefined;
  variation: number;
  /** The shortest seen; 0 before the first. */
  least: number;
  timeout: number;
}

export function createRoundTrip(): RoundTrip {
  return { smoothed: undefined, variation: 0, least: 0, timeout: firstTimeout };
}

/** An ack came this long after a fragment that was sent once: of one sent twice nobody can tell which was acknowledged. */
export function sampleRoundTrip(trip: RoundTrip, elapsed: number): void {
  const { smoothed, variation, least } = trip;
  trip.least = smoothed === undefined ? elapsed : Math.min(least, elapsed);
  trip.variation = smoothed === undefined ? elapsed / 2 : 0.75 * variation + 0.25 * Math.abs(smoothed - elapsed);
  trip.smoothed = smoothed === undefined ? elapsed : 0.875 * smoothed + 0.125 * elapsed;
  renewTimeout(trip);
}

/** No ack came in time: the next wait is twice as long. */
export function lengthenTimeout(trip: RoundTrip): void {
  trip.timeout = Math.max(trip.timeout, Math.min(trip.timeout * 2, mostTimeout));
}

/** Takes back what `lengthenTimeout` made longer: the wire was cut, and is new. */
export function renewTimeout(trip: RoundTrip): void {
  const { smoothed, variation } = trip;
  const wanted = smoothed === undefined ? firstTimeout : smoothed + 4 * variation;
  // Bytes that wait on a slow wire are not lost, however long that takes.
  trip.timeout = Math.min(Math.max(wanted, leastTimeout), Math.max(mostTimeout, 2 * (smoothed ?? 0)));
}
