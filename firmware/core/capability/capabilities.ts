import { VertebraError } from "../errors";
import type { Operation } from "../saga/events";
import type { Actuator, Board } from "./board";
import { shown } from "./fields";
import { decodeOperation, type Setting } from "./interfaces";

/**
 * The actuators of a board: who may set them, and when they go to their safe state. "A local interlock and an emergency stop need no
 * agreement and always win" (PROTOCOL 9). All times are monotonic ms.
 */

export type CapabilityEvent =
  /** First of all: `stopped` as it was kept, and the inputs that are closed. */
  | { readonly kind: "boot"; readonly stopped: boolean; readonly closed: readonly string[] }
  /** What a stage asks for, once its intent is final: all of it or nothing. */
  | { readonly kind: "operate"; readonly run: number; readonly operations: readonly Operation[] }
  /** When another participant was last heard, which may be a while ago; told at the latest with each `operate` and `alarm`. */
  | { readonly kind: "heard"; readonly at: number }
  /** How an input is now; the same once more does no harm. */
  | { readonly kind: "input"; readonly name: string; readonly closed: boolean }
  /** The emergency stop: holds, beyond a restart too, until `resume`. */
  | { readonly kind: "stop" }
  | { readonly kind: "resume" }
  | { readonly kind: "alarm" };

/** Why a capability was set. */
export type Why = "boot" | "operated" | "lease" | "silence" | "interlock" | "stop";

/** What is asked of the driver, in this order: pins first, for nothing may come between a stop and them. */
export type CapabilityAction =
  | { readonly kind: "set"; readonly capability: string; readonly value: Setting }
  /** To be durable, and given back by the next `boot`. */
  | { readonly kind: "keep"; readonly stopped: boolean }
  /** For people, one for each `set`. */
  | { readonly kind: "told"; readonly capability: string; readonly value: Setting; readonly why: Why }
  | { readonly kind: "notice"; readonly error: VertebraError }
  | { readonly kind: "outcome"; readonly run: number; readonly outcome: "done" | "refused"; readonly error: string }
  /** Replaces the time asked for before. */
  | { readonly kind: "wake"; readonly at: number };

/** An actuator as it stands. It is held while it is set to anything but its safe state. */
interface Standing {
  readonly actuator: Actuator;
  value: Setting;
  /** When its lease is lost, while it is held. */
  until: number;
}

export interface Capabilities {
  readonly board: Board;
  readonly standings: ReadonlyMap<string, Standing>;
  readonly closed: Set<string>;
  stopped: boolean;
  heardAt: number;
  wakesAt: number;
  actions: CapabilityAction[];
}

export function createCapabilities(board: Board): Capabilities {
  const standings = board.actuators.map((actuator) => {
    const standing: Standing = { actuator, value: actuator.safe, until: Number.POSITIVE_INFINITY };
    return [actuator.name, standing] as const;
  });
  return {
    ...{ board, standings: new Map(standings), closed: new Set(), stopped: true },
    ...{ heardAt: Number.NEGATIVE_INFINITY, wakesAt: Number.POSITIVE_INFINITY, actions: [] },
  };
}

const order: readonly CapabilityAction["kind"][] = ["set", "keep", "told", "notice", "outcome", "wake"];

/** The same events give the same actions. Until `boot` nothing may be operated. */
export function handleCapability(machine: Capabilities, event: CapabilityEvent, now: number): CapabilityAction[] {
  machine.actions = [];
  if (event.kind === "heard") {
    // A silence that was too long was too long, however late it is looked at.
    const at = Math.min(event.at, now);
    letLapse(machine, now, at);
    machine.heardAt = Math.max(machine.heardAt, at);
  }
  // What lapsed before this event lapses before it is taken.
  letLapse(machine, now, now);
  take(machine, event, now);
  if (event.kind === "alarm") machine.wakesAt = Number.POSITIVE_INFINITY;
  wake(machine);
  return order.flatMap((kind) => machine.actions.filter((action) => action.kind === kind));
}

function take(machine: Capabilities, event: CapabilityEvent, now: number): void {
  switch (event.kind) {
    case "boot":
      boot(machine, event.stopped, event.closed);
      break;
    case "operate":
      operate(machine, event.run, event.operations, now);
      break;
    case "input":
      takeInput(machine, event.name, event.closed);
      break;
    case "stop":
      stop(machine);
      break;
    case "resume":
      resume(machine);
      break;
    case "heard":
    case "alarm":
  }
}

function boot(machine: Capabilities, stopped: boolean, closed: readonly string[]): void {
  for (const name of closed) machine.closed.add(name);
  machine.stopped = stopped;
  for (const standing of machine.standings.values()) makeSafe(machine, standing, "boot");
  if (pressed(machine) !== undefined) stop(machine);
}

function operate(machine: Capabilities, run: number, operations: readonly Operation[], now: number): void {
  let wanted: readonly { readonly standing: Standing; readonly value: Setting }[];
  try {
    // "An operation out of bounds is refused before it reaches a pin": none is done where one of them may not be.
    wanted = operations.map(({ capability, operation }) => {
      const standing = standingOf(machine, capability);
      const value = decodeOperation(standing.actuator, operation);
      checkAllowed(machine, standing.actuator, now);
      return { standing, value };
    });
  } catch (error) {
    if (!(error instanceof VertebraError)) throw error;
    machine.actions.push({ kind: "outcome", run, outcome: "refused", error: error.message });
    return;
  }
  for (const { standing, value } of wanted) {
    const { leaseMs } = standing.actuator;
    standing.until = leaseMs === 0 ? Number.POSITIVE_INFINITY : now + leaseMs;
    set(machine, standing, value, "operated");
  }
  machine.actions.push({ kind: "outcome", run, outcome: "done", error: "" });
}

/** The actuator of that name, or the only one of an interface of that name. */
function standingOf({ standings, board }: Capabilities, name: string): Standing {
  const named = standings.get(name);
  if (named !== undefined) return named;
  const ofKind = board.actuators.filter((actuator) => actuator.interface === name);
  if (ofKind.length === 1) return standings.get(ofKind[0]!.name)!;
  const all = board.actuators.map((actuator) => actuator.name).join(", ");
  if (ofKind.length > 1) {
    const which = ofKind.map((actuator) => actuator.name).join(", ");
    throw refused("capability-ambiguous", `'${name}' is ${which} on this board`, "Name the one that is meant.");
  }
  if (name === "analog" || board.sensors.some((sensor) => sensor.name === name)) {
    throw refused("capability-read-only", `capability '${name}' is read, not operated`, "Read its pact.");
  }
  throw refused("capability-unknown", `this board has no capability ${shown(name)}`, `It has: ${all}.`);
}

function checkAllowed(machine: Capabilities, actuator: Actuator, now: number): void {
  const { name, interlocks } = actuator;
  if (machine.stopped) {
    throw refused("capability-stopped", `capability '${name}' is stopped by an emergency stop`, "Resume the board.");
  }
  const open = interlocks.find((each) => !machine.closed.has(each));
  if (open !== undefined) {
    throw refused("capability-interlocked", `capability '${name}' is barred: '${open}' is open`, `Close '${open}'.`);
  }
  if (isSilent(machine, actuator, now)) {
    const limit = `nothing was heard on the link for ${actuator.silentMs} ms`;
    throw refused("capability-silent", `capability '${name}' stays safe: ${limit}`, "Mend the link.");
  }
}

function refused(code: string, message: string, remedy: string): VertebraError {
  return new VertebraError(code, message, remedy);
}

function takeInput(machine: Capabilities, name: string, closed: boolean): void {
  if (machine.closed.has(name) === closed) return;
  if (closed) {
    // What it barred stays safe until it is operated anew.
    machine.closed.add(name);
    return;
  }
  machine.closed.delete(name);
  for (const standing of machine.standings.values()) {
    if (standing.actuator.interlocks.includes(name)) makeSafe(machine, standing, "interlock");
  }
  if (pressed(machine) !== undefined && !machine.stopped) stop(machine);
}

/** Sets all anew, whatever they are thought to be: an emergency stop relies on nothing. */
function stop(machine: Capabilities): void {
  for (const standing of machine.standings.values()) makeSafe(machine, standing, "stop");
  if (!machine.stopped) machine.actions.push({ kind: "keep", stopped: true });
  machine.stopped = true;
}

function resume(machine: Capabilities): void {
  const input = pressed(machine);
  if (input !== undefined) {
    const message = `The emergency stop holds: '${input}' is open`;
    machine.actions.push({ kind: "notice", error: refused("capability-stopped", message, `Close '${input}' first.`) });
    return;
  }
  if (machine.stopped) machine.actions.push({ kind: "keep", stopped: false });
  machine.stopped = false;
}

/** Name of an open input that stops all. */
function pressed({ board, closed }: Capabilities): string | undefined {
  return board.inputs.find(({ name, stops }) => stops && !closed.has(name))?.name;
}

/** "Goes to its safe state when its lease is lost or the link is silent beyond a limit." */
function letLapse(machine: Capabilities, now: number, silentAt: number): void {
  for (const standing of machine.standings.values()) {
    if (!isHeld(standing)) continue;
    if (standing.until <= now) makeSafe(machine, standing, "lease");
    else if (isSilent(machine, standing.actuator, silentAt)) makeSafe(machine, standing, "silence");
  }
}

/** Also before anything was heard at all: nobody knows then whether the link stands. */
function isSilent({ heardAt }: Capabilities, { silentMs }: Actuator, at: number): boolean {
  return silentMs > 0 && at - heardAt >= silentMs;
}

function isHeld({ actuator, value }: Standing): boolean {
  return value !== actuator.safe;
}

function makeSafe(machine: Capabilities, standing: Standing, why: Why): void {
  set(machine, standing, standing.actuator.safe, why);
}

function set({ actions }: Capabilities, standing: Standing, value: Setting, why: Why): void {
  const capability = standing.actuator.name;
  standing.value = value;
  actions.push({ kind: "set", capability, value }, { kind: "told", capability, value, why });
}

/** Asks for the time of the next lapse where it is earlier than what was asked for; one that has moved on is found by the alarm. */
function wake(machine: Capabilities): void {
  let due = Number.POSITIVE_INFINITY;
  for (const standing of machine.standings.values()) {
    const { silentMs } = standing.actuator;
    if (!isHeld(standing)) continue;
    due = Math.min(due, standing.until, silentMs > 0 ? machine.heardAt + silentMs : due);
  }
  if (due >= machine.wakesAt) return;
  machine.wakesAt = due;
  machine.actions.push({ kind: "wake", at: due });
}
