import type { FinalBlock } from "../../firmware/core/events";
import { readProduced } from "../../firmware/core/pact/produced";
import { decodeState } from "../../firmware/core/saga/state";
import type { Line } from "../../firmware/device/lines";
import type { ToldEntry } from "../channels/entry";
import { createLatencies, type Latencies } from "./latency";

type RelayLine = Extract<Line, { event: "capability" }>;

/** What the demo's saga did: readings of one board that move the relay of another. Times are ms since 1970, of one machine. */
export interface Thermostat {
  celsius: number | null;
  readings: number;
  /** As the board told it last, and why it is so. */
  relay: Pick<RelayLine, "value" | "why" | "at"> | null;
  /** How often the relay was operated, and readings that no relay heard of in time. */
  operated: number;
  expired: number;
  /** From a reading's block to the relay that it operated. */
  readonly latencies: Latencies;
  /** Since the relay's cable was pulled out; null before. */
  pull: Pull | null;
  /** When the last readings were sealed, by their sequence, and which one an intent is for. */
  readonly readAt: Map<number, number>;
  intended: number | null;
}

export interface Pull {
  readonly at: number;
  /** Whether the relay was on then. */
  readonly wasOn: boolean;
  safeAt: number | null;
  pluggedAt: number | null;
  /** When a reading operated the relay again. */
  operatedAt: number | null;
}

const mostReadings = 64;

export function createThermostat(): Thermostat {
  const nothing = { celsius: null, readings: 0, relay: null, operated: 0, expired: 0, pull: null, intended: null };
  return { ...nothing, latencies: createLatencies(), readAt: new Map() };
}

export function takeReading(thermostat: Thermostat, { entry, sequence, time }: ToldEntry): void {
  thermostat.celsius = entry!.celsius as number;
  thermostat.readings++;
  thermostat.readAt.set(sequence!, time);
  for (const oldest of thermostat.readAt.keys()) {
    if (thermostat.readAt.size > mostReadings) thermostat.readAt.delete(oldest);
  }
}

/** Takes the saga states of a final block: an intent names its reading, and the state after it says that the relay was set. */
export function takeStates(thermostat: Thermostat, { entries, time }: FinalBlock): void {
  for (const entry of entries ?? []) {
    const { status, consumed } = decodeState(readProduced(entry).entry);
    if (status === "expired") thermostat.expired++;
    if (status === "intent") thermostat.intended = consumed?.[1] ?? null;
    const { relay, intended } = thermostat;
    if (status !== "done" || intended === null || relay?.why !== "operated") continue;
    thermostat.intended = null;
    const readAt = thermostat.readAt.get(intended);
    if (readAt !== undefined && relay.at <= time) thermostat.latencies.add(relay.at - readAt);
  }
}

export function takeRelay(thermostat: Thermostat, line: RelayLine): void {
  const { pull } = thermostat;
  thermostat.relay = line;
  if (line.why === "operated") {
    thermostat.operated++;
    if (pull !== null && pull.pluggedAt !== null) pull.operatedAt ??= line.at;
  } else if (pull !== null && pull.pluggedAt === null) pull.safeAt ??= line.at;
}

export function notePulled(thermostat: Thermostat, at: number): void {
  const wasOn = thermostat.relay?.value === true;
  thermostat.pull = { at, wasOn, safeAt: null, pluggedAt: null, operatedAt: null };
}

export function notePlugged({ pull }: Thermostat, at: number): void {
  if (pull !== null) pull.pluggedAt = at;
}

/** What does not hold of a relay whose cable was pulled out. */
export function failuresOfPull({ pull }: Thermostat): string[] {
  if (pull === null) return [];
  const failures: string[] = [];
  if (pull.wasOn && pull.safeAt === null) failures.push("the relay stayed on when its cable was pulled out");
  if (pull.pluggedAt !== null && pull.operatedAt === null) failures.push("no reading operated the relay again");
  return failures;
}
