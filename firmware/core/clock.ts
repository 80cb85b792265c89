import type { Time } from "../ports";
import { VertebraError } from "./errors";

/** The last ms of the year 9999: no clock that is set shows later. */
const latest = 253_402_300_799_999;

/** Whole ms since 1970; 0, as of a platform without a wall clock, for what is before 1970 or after the year 9999. */
export function soundWall(wall: number): number {
  return wall >= 1 && wall <= latest ? Math.floor(wall) : 0;
}

export function withSoundWall({ monotonic, wall }: Time): Time {
  return { monotonic, wall: soundWall(wall) };
}

/** `clock-unset` for a wall clock that is none; for whoever starts a participant where there should be one. */
export function wallError(wall: number): VertebraError | undefined {
  if (soundWall(wall) > 0) return undefined;
  return new VertebraError(
    "clock-unset",
    `The system's clock is ${wall} ms from the first of January 1970, which is no time of today`,
    "Set it. Until then blocks say nothing of when they were made, and deadlines don't count while this participant is away.",
  );
}
