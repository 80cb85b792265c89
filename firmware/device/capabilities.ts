import type { Actuator, Board } from "../core/capability/board";
import {
  type Capabilities,
  type CapabilityAction,
  type CapabilityEvent,
  createCapabilities,
  handleCapability,
  type Why,
} from "../core/capability/capabilities";
import type { Setting } from "../core/capability/interfaces";
import { publishedBy } from "../core/capability/published";
import { assert, VertebraError } from "../core/errors";
import type { Published } from "../core/pact/requirement";
import type { Operation, Outcome } from "../core/saga/events";
import type { Clock, Pins } from "../ports";
import { openAnalog } from "./pins/analog";
import { openContact } from "./pins/contact";
import { openMotor } from "./pins/motor";
import { openPwm } from "./pins/pwm";
import { openServo } from "./pins/servo";
import { openSwitch } from "./pins/switch";

export interface CapabilityOptions {
  readonly board: Board;
  /** Undefined where the board has none. */
  readonly pins: Pins | undefined;
  readonly clock: Clock;
  /** What `keep` was told last, before this start too; false at the first. */
  readonly stopped: boolean;
  /** To be durable. */
  keep(stopped: boolean): void;
  /** When another participant was last heard on any link, monotonic ms; -Infinity where none was. */
  heardAt(): number;
  /** Monotonic ms; replaces the time asked for before. */
  wake(at: number): void;
  /** What came of an `operate`, once for each: what the saga runtime is told as `acted`. */
  acted(run: number, outcome: Outcome, error: string): void;
  /** What was set and why, for people. */
  told(capability: string, value: Setting, why: Why): void;
  notice(error: VertebraError): void;
}

/** The capabilities of a board on its pins. */
export interface BoardCapabilities {
  readonly options: CapabilityOptions;
  readonly capabilities: Capabilities;
  readonly published: Published;
  /** What sets the pins of each actuator, and where it is safe. */
  readonly drivers: ReadonlyMap<string, (value: Setting) => void>;
  readonly safe: ReadonlyMap<string, Setting>;
  /** What the analog capabilities say now, by their names. */
  readonly sensors: ReadonlyMap<string, () => number>;
  /** Whether each input is closed. */
  readonly contacts: ReadonlyMap<string, () => boolean>;
  readonly waiting: CapabilityEvent[];
  /** Those whose pin did not take its safe state. */
  readonly unsafe: Set<string>;
  wakesAt: number;
  /** The emergency stop, until `resume`. */
  stopped: boolean;
  driving: boolean;
}

/** ms until a pin that did not take its safe state is tried again. */
const setAgainMs = 1_000;

/** Opens the pins of a board and sets all to their safe states. Throws `pin-unusable` for a pin that can't be opened. */
export function openCapabilities(options: CapabilityOptions): BoardCapabilities {
  const { board, stopped } = options;
  const opened: BoardCapabilities = {
    options,
    capabilities: createCapabilities(board),
    published: publishedBy(board),
    drivers: new Map(
      board.actuators.map((actuator) => [
        actuator.name,
        ofPin(actuator.name, () => openActuator(pinsOf(options), actuator)),
      ]),
    ),
    safe: new Map(board.actuators.map((actuator) => [actuator.name, actuator.safe])),
    sensors: new Map(
      board.sensors.map((sensor) => {
        const read = ofPin(sensor.name, () => openAnalog(pinsOf(options), sensor));
        return [sensor.name, () => ofPin(sensor.name, read)];
      }),
    ),
    contacts: new Map(
      board.inputs.map((input) => {
        const changed = () => drive(opened, inputNow(opened, input.name));
        return [input.name, ofPin(input.name, () => openContact(pinsOf(options), input, changed))];
      }),
    ),
    waiting: [],
    unsafe: new Set(),
    wakesAt: Number.POSITIVE_INFINITY,
    stopped,
    driving: false,
  };
  const closed = [...opened.contacts.keys()].filter((name) => isClosed(opened, name));
  drive(opened, { kind: "boot", stopped, closed });
  return opened;
}

function pinsOf({ pins }: CapabilityOptions): Pins {
  assert(pins !== undefined, "a board that has actuators, sensors or inputs has pins");
  return pins;
}

/** Does what a stage asks for, all of it or nothing. */
export function operate(opened: BoardCapabilities, run: number, operations: readonly Operation[]): void {
  drive(opened, ...inputsNow(opened), { kind: "operate", run, operations });
}

/** Sets all to their safe states at once, for a board that can't go on; nothing of it is kept. */
export function letGo(opened: BoardCapabilities): void {
  for (const [name, value] of opened.safe) set(opened, name, value);
}

/** The emergency stop of all actuators, kept through restarts, until `resumeActuators`. */
export function stopActuators(opened: BoardCapabilities): void {
  drive(opened, { kind: "stop" });
}

export function resumeActuators(opened: BoardCapabilities): void {
  drive(opened, ...inputsNow(opened), { kind: "resume" });
}

/** The time of the last `wake` has come. */
export function alarmCapabilities(opened: BoardCapabilities): void {
  opened.wakesAt = Number.POSITIVE_INFINITY;
  for (const capability of [...opened.unsafe]) set(opened, capability, opened.safe.get(capability)!);
  drive(opened, ...inputsNow(opened), { kind: "alarm" });
}

function drive(opened: BoardCapabilities, ...events: readonly CapabilityEvent[]): void {
  const { options, waiting } = opened;
  waiting.push({ kind: "heard", at: options.heardAt() }, ...events);
  // What follows from an outcome may be the next operation: it waits until all of this one is performed.
  if (opened.driving) return;
  opened.driving = true;
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    perform(opened, handleCapability(opened.capabilities, next, options.clock.now().monotonic));
  }
  opened.driving = false;
}

function perform(opened: BoardCapabilities, actions: readonly CapabilityAction[]): void {
  const { options } = opened;
  let failure: string | undefined;
  for (const action of actions) {
    switch (action.kind) {
      case "set":
        failure = set(opened, action.capability, action.value) ?? failure;
        break;
      case "keep":
        keep(opened, action.stopped);
        break;
      case "told":
        options.told(action.capability, action.value, action.why);
        break;
      case "notice":
        options.notice(action.error);
        break;
      case "outcome":
        // A pin that fails may have moved: "done, refused, or, if it fell between, unknown" (PROTOCOL 9).
        if (failure === undefined) options.acted(action.run, action.outcome, action.error);
        else options.acted(action.run, "unknown", failure);
        break;
      case "wake":
        opened.wakesAt = action.at;
        options.wake(action.at);
    }
  }
  const again = options.clock.now().monotonic + setAgainMs;
  if (opened.unsafe.size === 0 || opened.wakesAt <= again) return;
  opened.wakesAt = again;
  options.wake(again);
}

/** Why it failed, if it did. */
function set(opened: BoardCapabilities, capability: string, value: Setting): string | undefined {
  const { options, unsafe, drivers, safe } = opened;
  unsafe.delete(capability);
  try {
    drivers.get(capability)!(value);
    return undefined;
  } catch (error) {
    if (value === safe.get(capability)) unsafe.add(capability);
    const failure = unusable(capability, error);
    options.notice(failure);
    return failure.message;
  }
}

/** A stop that flash does not take is in force nevertheless, until the next start. */
function keep(opened: BoardCapabilities, stopped: boolean): void {
  const { options } = opened;
  opened.stopped = stopped;
  try {
    options.keep(stopped);
  } catch (error) {
    const message = `Whether the board is stopped could not be kept for its next start: ${wordsOf(error)}`;
    options.notice(new VertebraError("stop-not-kept", message, "Look after its flash before it is started again."));
  }
}

/** The inputs as they are: no operation relies on having been told of each edge. */
function inputsNow(opened: BoardCapabilities): CapabilityEvent[] {
  return [...opened.contacts.keys()].map((name) => inputNow(opened, name));
}

function inputNow(opened: BoardCapabilities, name: string): CapabilityEvent {
  return { kind: "input", name, closed: isClosed(opened, name) };
}

/** A contact that can't be read is as one that is open: what relies on it goes safe. */
function isClosed({ contacts, options }: BoardCapabilities, name: string): boolean {
  try {
    return contacts.get(name)!();
  } catch (error) {
    options.notice(unusable(name, error));
    return false;
  }
}

function openActuator(pins: Pins, actuator: Actuator): (value: Setting) => void {
  const its = actuator.pins;
  switch (its.kind) {
    case "switch":
      return openSwitch(pins, its, actuator.safe);
    case "pwm":
      return openPwm(pins, its);
    case "servo":
      return openServo(pins, its, actuator);
    case "motor":
      return openMotor(pins, its);
  }
}

/** What a pin gives that is opened or read. */
function ofPin<T>(name: string, does: () => T): T {
  try {
    return does();
  } catch (error) {
    throw unusable(name, error);
  }
}

/** Platforms throw errors of their own here, of a word or two. */
function unusable(name: string, error: unknown): VertebraError {
  return new VertebraError(
    "pin-unusable",
    `The pin of '${name}' can't be used: ${wordsOf(error)}`,
    "Look for it in board.json and at the board's wiring: not every pin can do everything.",
  );
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
