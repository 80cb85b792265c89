/** How long to wait for an ack, by what was seen of the wire: RFC 6298 with bounds of our own. */

import { firstTimeout, leastTimeout, mostTimeout } from "./limits";

export interface RoundTrip {
  /** An ack came this long after a fragment that was sent once: of one sent twice nobody can tell which was acknowledged. */
  sample(elapsed: number): void;
  /** No ack came in time: the next wait is twice as long. */
  expired(): void;
  /** Takes back what `expired` made longer: the wire was cut, and is new. */
  renew(): void;
  timeout(): number;
  /** The shortest seen; 0 before the first. */
  least(): number;
  /** What an ack takes on average; 0 before the first. */
  smoothed(): number;
}

export function createRoundTrip(): RoundTrip {
  let smoothed: number | undefined;
  let variation = 0;
  let least = 0;
  let timeout = firstTimeout;

  function renew(): void {
    const wanted = smoothed === undefined ? firstTimeout : smoothed + 4 * variation;
    // Bytes that wait on a slow wire are not lost, however long that takes.
    timeout = Math.min(Math.max(wanted, leastTimeout), Math.max(mostTimeout, 2 * (smoothed ?? 0)));
  }

  return {
    sample(elapsed) {
      least = smoothed === undefined ? elapsed : Math.min(least, elapsed);
      variation = smoothed === undefined ? elapsed / 2 : 0.75 * variation + 0.25 * Math.abs(smoothed - elapsed);
      smoothed = smoothed === undefined ? elapsed : 0.875 * smoothed + 0.125 * elapsed;
      renew();
    },
    expired() {
      timeout = Math.max(timeout, Math.min(timeout * 2, mostTimeout));
    },
    renew,
    timeout: () => timeout,
    least: () => least,
    smoothed: () => smoothed ?? 0,
  };
}
