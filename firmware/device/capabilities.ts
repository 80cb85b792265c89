import type { Actuator, Board } from "../core/capability/board";
import {
  type CapabilityAction,
  type CapabilityEvent,
  createCapabilities,
  type Why,
} from "../core/capability/capabilities";
import type { Setting } from "../core/capability/interfaces";
import { publishedBy } from "../core/capability/published";
import { VertebraError } from "../core/errors";
import type { Operation, Outcome, Published } from "../core/saga/events";
import type { Clock, Pins } from "../ports";
import { openAnalog } from "./pins/analog";
import { openContact } from "./pins/contact";
import { openMotor } from "./pins/motor";
import { openPwm } from "./pins/pwm";
import { openServo } from "./pins/servo";
import { openSwitch } from "./pins/switch";

export interface CapabilityOptions {
  readonly board: Board;
  readonly pins: Pins;
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

export interface BoardCapabilities {
  readonly published: Published;
  /** What the analog capabilities say now, by their names. */
  readonly sensors: ReadonlyMap<string, () => number>;
  /** Does what a stage asks for, all of it or nothing. */
  operate(run: number, operations: readonly Operation[]): void;
  /** Sets all to their safe states at once, for a board that can't go on; nothing of it is kept. */
  letGo(): void;
  /** The emergency stop, until `resume`. */
  isStopped(): boolean;
  stop(): void;
  resume(): void;
  /** The time of the last `wake` has come. */
  alarm(): void;
}

/** ms until a pin that did not take its safe state is tried again. */
const setAgainMs = 1_000;

/** Opens the pins of a board and sets all to their safe states. Throws `pin-unusable` for a pin that can't be opened. */
export function openCapabilities(options: CapabilityOptions): BoardCapabilities {
  const { board, pins, clock } = options;
  const capabilities = createCapabilities(board);
  const waiting: CapabilityEvent[] = [];
  /** Those whose pin did not take its safe state. */
  const unsafe = new Set<string>();
  const safe = new Map(board.actuators.map((actuator) => [actuator.name, actuator.safe]));
  let wakesAt = Number.POSITIVE_INFINITY;
  let { stopped } = options;
  let driving = false;

  const drivers = new Map(
    board.actuators.map((actuator) => [actuator.name, ofPin(actuator.name, () => openActuator(pins, actuator))]),
  );
  const sensors = new Map(
    board.sensors.map((sensor) => {
      const read = ofPin(sensor.name, () => openAnalog(pins, sensor));
      return [sensor.name, () => ofPin(sensor.name, read)];
    }),
  );
  const contacts = board.inputs.map((input) => {
    const { name } = input;
    const changed = () => drive({ kind: "input", name, closed: isClosed() });
    const read = ofPin(name, () => openContact(pins, input, changed));
    const isClosed = () => closedAt(name, read);
    return { name, isClosed };
  });

  /** A contact that can't be read is as one that is open: what relies on it goes safe. */
  function closedAt(name: string, read: () => boolean): boolean {
    try {
      return read();
    } catch (error) {
      options.notice(unusable(name, error));
      return false;
    }
  }

  function perform(actions: readonly CapabilityAction[]): void {
    let failure: string | undefined;
    for (const action of actions) {
      switch (action.kind) {
        case "set":
          failure = set(action.capability, action.value) ?? failure;
          break;
        case "keep":
          keep(action.stopped);
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
          wakesAt = action.at;
          options.wake(action.at);
      }
    }
    const again = clock.now().monotonic + setAgainMs;
    if (unsafe.size === 0 || wakesAt <= again) return;
    wakesAt = again;
    options.wake(again);
  }

  /** Why it failed, if it did. */
  function set(capability: string, value: Setting): string | undefined {
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
  function keep(whether: boolean): void {
    stopped = whether;
    try {
      options.keep(whether);
    } catch (error) {
      const message = `Whether the board is stopped could not be kept for its next start: ${wordsOf(error)}`;
      options.notice(new VertebraError("stop-not-kept", message, "Look after its flash before it is started again."));
    }
  }

  function drive(...events: readonly CapabilityEvent[]): void {
    waiting.push({ kind: "heard", at: options.heardAt() }, ...events);
    // What follows from an outcome may be the next operation: it waits until all of this one is performed.
    if (driving) return;
    driving = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      perform(capabilities.handle(next, clock.now().monotonic));
    }
    driving = false;
  }

  /** The inputs as they are: no operation relies on having been told of each edge. */
  function read(): CapabilityEvent[] {
    return contacts.map(({ name, isClosed }) => ({ kind: "input", name, closed: isClosed() }));
  }

  const closed = contacts.filter(({ isClosed }) => isClosed()).map(({ name }) => name);
  drive({ kind: "boot", stopped: options.stopped, closed });
  return {
    published: publishedBy(board),
    sensors,
    operate: (run, operations) => drive(...read(), { kind: "operate", run, operations }),
    letGo() {
      for (const [name, value] of safe) set(name, value);
    },
    isStopped: () => stopped,
    stop: () => drive({ kind: "stop" }),
    resume: () => drive(...read(), { kind: "resume" }),
    alarm() {
      wakesAt = Number.POSITIVE_INFINITY;
      for (const capability of [...unsafe]) set(capability, safe.get(capability)!);
      drive(...read(), { kind: "alarm" });
    },
  };
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
