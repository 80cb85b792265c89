import { VertebraError } from "../../core/errors";
import type { Clock, Pins } from "../../ports";

/** What a simulated pin is: an output with its level, a pulse-width output with its share of the time, or an input with its level. */
export type SimulatedPin =
  | { readonly kind: "output"; readonly level: 0 | 1 }
  | { readonly kind: "pwm"; readonly hz: number; readonly duty: number }
  | { readonly kind: "input"; readonly level: 0 | 1 }
  | { readonly kind: "analog" };

export interface SimulatedPins extends Pins {
  /** All that are in use, by their numbers. */
  readonly states: ReadonlyMap<number, SimulatedPin>;
  /** Gives an input a level, as a finger on a button does. Throws `pin-unknown` where it is no input. */
  drive(pin: number, level: 0 | 1): void;
}

const usualResolution = 10;
const analogResolution = 12;
/** An analog pin goes from 0 to full scale and back in this time. */
const swingMs = 20_000;

export function noInput(pin: number): VertebraError {
  return new VertebraError("pin-unknown", `Pin ${pin} is no input of this board`, "Name an input of its board.json.");
}

/** Pins of a board that is a process: they keep what is written. Contacts are closed at first; analog pins swing slowly. */
export function simulatedPins(clock: Clock): SimulatedPins {
  const states = new Map<number, SimulatedPin>();
  const edges = new Map<number, { readonly edge: number; readonly onReadable: () => void }>();

  function use(pin: number, state: SimulatedPin): void {
    if (states.has(pin)) throw new VertebraError("pin-busy", `Pin ${pin} is in use`, "Give each pin one use.");
    states.set(pin, state);
  }

  class Digital {
    static readonly InputPullUp = 1;
    static readonly Output = 8;
    static readonly Rising = 1;
    static readonly Falling = 2;
    readonly #pin: number;

    constructor({ pin, mode, initialValue, edge, onReadable }: ConstructorParameters<Pins["Digital"]>[0]) {
      this.#pin = pin;
      use(pin, mode === Digital.Output ? { kind: "output", level: initialValue ?? 0 } : { kind: "input", level: 0 });
      if (onReadable !== undefined) edges.set(pin, { edge: edge ?? 0, onReadable });
    }

    read(): 0 | 1 {
      const state = states.get(this.#pin)!;
      return "level" in state ? state.level : 0;
    }

    write(level: 0 | 1): void {
      states.set(this.#pin, { kind: "output", level });
    }
  }

  class PWM {
    readonly resolution: number;
    readonly #pin: number;
    readonly #hz: number;

    constructor({ pin, hz, resolution }: ConstructorParameters<Pins["PWM"]>[0]) {
      this.resolution = resolution ?? usualResolution;
      this.#pin = pin;
      this.#hz = hz;
      use(pin, { kind: "pwm", hz, duty: 0 });
    }

    write(duty: number): void {
      const most = 2 ** this.resolution - 1;
      if (!Number.isInteger(duty) || duty < 0 || duty > most) {
        throw new VertebraError(
          "pin-value",
          `Pin ${this.#pin} was given ${duty}, not 0 to ${most}`,
          "Report this as a bug.",
        );
      }
      states.set(this.#pin, { kind: "pwm", hz: this.#hz, duty: duty / most });
    }
  }

  class Analog {
    readonly resolution = analogResolution;

    constructor({ pin }: ConstructorParameters<Pins["Analog"]>[0]) {
      use(pin, { kind: "analog" });
    }

    read(): number {
      const turn = (2 * Math.PI * clock.now().monotonic) / swingMs;
      return Math.round(((1 - Math.cos(turn)) / 2) * (2 ** analogResolution - 1));
    }
  }

  return {
    ...{ Digital, PWM, Analog, states },
    drive(pin, level) {
      const state = states.get(pin);
      if (state?.kind !== "input") throw noInput(pin);
      if (state.level === level) return;
      states.set(pin, { kind: "input", level });
      const listener = edges.get(pin);
      const edge = level === 1 ? Digital.Rising : Digital.Falling;
      if (listener !== undefined && (listener.edge & edge) !== 0) listener.onReadable();
    },
  };
}
