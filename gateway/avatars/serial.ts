import type { Line } from "./line";
import { openPort } from "./port";

/** A port that was plugged in is found soon: to look for it costs next to nothing. */
const longestRetryMs = 2_000;

export function serialLine(path: string, baudRate: number): Line {
  return { open: (events) => openPort(path, baudRate, events), longestRetryMs };
}
