import { describe, expect, it } from "vitest";
import {
  alarmCapabilities,
  type BoardCapabilities,
  openCapabilities,
  operate,
  resumeActuators,
  stopActuators,
} from "../../firmware/device/capabilities";
import { type SimulatedPins, simulatedPins } from "../../firmware/device/pins/simulated";
import type { Pins } from "../../firmware/ports";
import { refusal } from "../core/refusal";
import { boardOf, operation, sample } from "./sample-board";

interface Bench {
  readonly pins: SimulatedPins;
  readonly open: BoardCapabilities;
  /** "run outcome error", "capability value why", "kept stopped" and "notice code", in order. */
  readonly said: string[];
  now: number;
  heardAt: number;
  wakesAt: number;
  flashFails: boolean;
}

/** A board of simulated pins in virtual time. */
function opened(definition: unknown = sample, pinsOf: (own: SimulatedPins) => Pins = (own) => own, stopped = false) {
  const clock = { now: () => ({ monotonic: bench.now, wall: 0 }) };
  const bench = {
    said: [] as string[],
    now: 1000,
    heardAt: 1000,
    wakesAt: Number.POSITIVE_INFINITY,
    flashFails: false,
  } as Bench & {
    pins: SimulatedPins;
    open: BoardCapabilities;
  };
  bench.pins = simulatedPins(clock);
  bench.open = openCapabilities({
    board: boardOf(definition),
    pins: pinsOf(bench.pins),
    clock,
    stopped,
    keep(stopped) {
      if (bench.flashFails) throw new Error("the flash is full");
      bench.said.push(`kept ${stopped}`);
    },
    heardAt: () => bench.heardAt,
    wake: (at) => {
      bench.wakesAt = at;
    },
    acted: (run, outcome, error) => void bench.said.push(`${run} ${outcome} ${error}`.trim()),
    told: (capability, value, why) => void bench.said.push(`${capability} ${value} ${why}`),
    notice: ({ code, message }) => void bench.said.push(`notice ${code}: ${message}`),
  });
  return bench;
}

/** What the bench says of an operation. */
function said(bench: Bench, capability: string, what: unknown): string[] {
  bench.said.length = 0;
  operate(bench.open, 1, [operation(capability, what)]);
  return [...bench.said];
}

/** A pulse-width output as the length of its pulse in µs, to a tenth. */
function pulse({ pins }: Bench, pin: number): number {
  const state = pins.states.get(pin);
  return state?.kind === "pwm" ? Math.round((state.duty * 1e7) / state.hz) / 10 : Number.NaN;
}

function level({ pins }: Bench, pin: number): number {
  const state = pins.states.get(pin);
  return state !== undefined && "level" in state ? state.level : Number.NaN;
}

describe("the pins of a board", () => {
  it("are in the safe states of what they are for once they are opened", () => {
    const bench = opened();
    expect([level(bench, 1), level(bench, 2)]).toEqual([1, 0]);
    expect([pulse(bench, 3), pulse(bench, 5), pulse(bench, 6)]).toEqual([99.7, 0, 0]);
    // 90° of 10 to 170 is half the way from 500 to 2500 µs.
    expect(Math.abs(pulse(bench, 4) - 1500)).toBeLessThan(1);
  });

  it("have the level of a relay that is active low, and of a lamp that is not", () => {
    const bench = opened();
    expect(said(bench, "relay", { on: true })).toEqual(["relay true operated", "1 done"]);
    said(bench, "lamp", { on: true });
    expect([level(bench, 1), level(bench, 2)]).toEqual([0, 1]);
    said(bench, "relay", { on: false });
    expect(level(bench, 1)).toBe(1);
  });

  it("have a level from the first moment, so that no relay clicks at a start", () => {
    const initial: unknown[] = [];
    opened(sample, (own) => {
      class Digital extends own.Digital {
        constructor(options: ConstructorParameters<Pins["Digital"]>[0]) {
          super(options);
          if (options.mode === own.Digital.Output) initial.push([options.pin, options.initialValue]);
        }
      }
      return { ...own, Digital };
    });
    expect(initial).toEqual([
      [1, 1],
      [2, 0],
    ]);
  });

  it("have pulses of a servo from the least of its degrees to the most, to the microsecond", () => {
    const bench = opened();
    for (const [degrees, micros] of [
      [10, 500],
      [90, 1500],
      [91, 1512.5],
      [170, 2500],
    ] as const) {
      said(bench, "arm", { degrees });
      expect(Math.abs(pulse(bench, 4) - micros)).toBeLessThan(0.7);
    }
  });

  it("have a servo's pulses also where the platform gives fewer bits than were asked for", () => {
    const bench = opened(sample, (own) => {
      class PWM extends own.PWM {
        constructor({ pin, hz }: ConstructorParameters<Pins["PWM"]>[0]) {
          super({ pin, hz, resolution: 10 });
        }
      }
      return { ...own, PWM };
    });
    said(bench, "arm", { degrees: 170 });
    expect(Math.abs(pulse(bench, 4) - 2500)).toBeLessThan(10);
  });

  it("turn a motor one way or the other, never both", () => {
    const bench = opened();
    const both = () => [5, 6].map((pin) => Math.round(pulse(bench, pin) / 10) * 10);
    said(bench, "drive", { speed: 0.5 });
    expect(both()).toEqual([500, 0]);
    said(bench, "drive", { speed: -0.25 });
    expect(both()).toEqual([0, 250]);
    said(bench, "drive", { speed: 1 });
    expect(both()).toEqual([1000, 0]);
    said(bench, "drive", { speed: 0 });
    expect(both()).toEqual([0, 0]);
  });

  it("share the time by the duty of a pwm", () => {
    const bench = opened();
    said(bench, "fan", { duty: 0.5 });
    expect(Math.abs(pulse(bench, 3) - 500)).toBeLessThan(1);
  });

  it("read an analog capability in its unit, swinging over its whole range in 20 s", () => {
    const bench = opened();
    const celsius = bench.open.sensors.get("celsius")!;
    const read = Array.from({ length: 200 }, (_, index) => {
      bench.now = index * 100;
      return celsius();
    });
    expect([Math.min(...read), Math.max(...read)]).toEqual([18, 22]);
    expect(read[50]!).toBeGreaterThan(19.9);
    expect(read[50]!).toBeLessThan(20.1);
  });
});

describe("an operation on a board", () => {
  it("that is refused reaches no pin", () => {
    const bench = opened();
    expect(said(bench, "arm", { degrees: 171 })[0]).toMatch(/^1 refused an operation of capability 'arm' has 171/);
    expect(Math.abs(pulse(bench, 4) - 1500)).toBeLessThan(1);
  });

  it("is unknown where its pin fails", () => {
    let works = true;
    const bench = opened(sample, (own) => {
      class PWM extends own.PWM {
        override write(duty: number) {
          if (!works) throw new Error("no timer");
          super.write(duty);
        }
      }
      return { ...own, PWM };
    });
    works = false;
    expect(said(bench, "arm", { degrees: 20 })).toEqual([
      "notice pin-unusable: The pin of 'arm' can't be used: no timer",
      "arm 20 operated",
      "1 unknown The pin of 'arm' can't be used: no timer",
    ]);
  });

  it("that is refused is refused also where something else fails at that moment", () => {
    let works = true;
    const bench = opened(sample, (own) => {
      class Digital extends own.Digital {
        override write(level: 0 | 1) {
          if (!works) throw new Error("no such pin");
          super.write(level);
        }
      }
      return { ...own, Digital };
    });
    said(bench, "relay", { on: true });
    works = false;
    bench.now = 6000;
    expect(said(bench, "arm", { degrees: 171 })).toEqual([
      "notice pin-unusable: The pin of 'relay' can't be used: no such pin",
      "relay false lease",
      "1 refused an operation of capability 'arm' has 171 for 'degrees', above its most of 170",
    ]);
  });

  it("that its outcome brings about waits until all of the first is done", () => {
    const bench = opened();
    const outcomes: number[] = [];
    const clock = { now: () => ({ monotonic: bench.now, wall: 0 }) };
    const wakes: number[] = [];
    const open: BoardCapabilities = openCapabilities({
      ...{ board: boardOf(sample), pins: simulatedPins(clock), clock, stopped: false },
      ...{ keep: () => {}, heardAt: () => 1000, told: () => {}, notice: () => {} },
      wake: (at) => void wakes.push(at),
      acted(run) {
        outcomes.push(run);
        if (run === 1) operate(open, 2, [operation("drive", { speed: 1 })]);
      },
    });
    operate(open, 1, [operation("relay", { on: true })]);
    expect(outcomes).toEqual([1, 2]);
    // The motor's lease ends before that of the relay.
    expect(wakes).toEqual([6000, 2000]);
  });

  it("ends with its lease, by the alarm that was asked for", () => {
    const bench = opened();
    said(bench, "relay", { on: true });
    expect(bench.wakesAt).toBe(6000);
    bench.now = 6000;
    alarmCapabilities(bench.open);
    expect([level(bench, 1), bench.said.at(-1)]).toEqual([1, "relay false lease"]);
  });

  it("ends, though its pin fails at that moment, as soon as the pin takes it; what was operated is not tried again", () => {
    let works = true;
    const bench = opened(sample, (own) => {
      class Digital extends own.Digital {
        override write(level: 0 | 1) {
          if (!works) throw new Error("no such pin");
          super.write(level);
        }
      }
      return { ...own, Digital };
    });
    said(bench, "relay", { on: true });
    works = false;
    bench.now = 6000;
    alarmCapabilities(bench.open);
    expect([level(bench, 1), bench.wakesAt]).toEqual([0, 7000]);
    bench.now = 7000;
    alarmCapabilities(bench.open);
    expect([level(bench, 1), bench.wakesAt]).toEqual([0, 8000]);
    works = true;
    bench.now = 8000;
    alarmCapabilities(bench.open);
    expect(level(bench, 1)).toBe(1);
    works = false;
    expect(said(bench, "lamp", { on: true }).at(-1)).toContain("1 unknown");
    works = true;
    bench.now = 20_000;
    alarmCapabilities(bench.open);
    expect(level(bench, 2)).toBe(0);
  });

  it("ends with a link that is silent, and goes on where it was heard meanwhile", () => {
    const bench = opened();
    said(bench, "fan", { duty: 0.5 });
    bench.now = 4000;
    bench.heardAt = 3000;
    alarmCapabilities(bench.open);
    expect(bench.said.at(-1)).toBe("1 done");
    expect(bench.wakesAt).toBe(6000);
    bench.now = 6000;
    alarmCapabilities(bench.open);
    expect(bench.said.at(-1)).toBe("fan 0.1 silence");
  });
});

describe("a contact", () => {
  it("that opens stops what it bars at once", () => {
    const bench = opened();
    said(bench, "drive", { speed: 1 });
    bench.pins.drive(9, 1);
    expect(bench.said.at(-1)).toBe("drive 0 interlock");
    expect(pulse(bench, 5)).toBe(0);
    expect(said(bench, "drive", { speed: 1 })).toEqual(["1 refused capability 'drive' is barred: 'rail' is open"]);
    bench.pins.drive(9, 0);
    expect(said(bench, "drive", { speed: 1 }).at(-1)).toBe("1 done");
  });

  it("is read before each operation, lest an edge was missed", () => {
    const bench = opened(sample, (own) => {
      class Digital extends own.Digital {
        constructor({ pin, mode, initialValue = 0 }: ConstructorParameters<Pins["Digital"]>[0]) {
          super({ pin, mode, initialValue });
        }
      }
      return { ...own, Digital };
    });
    bench.pins.drive(8, 1);
    expect(said(bench, "arm", { degrees: 20 }).at(-1)).toBe("1 refused capability 'arm' is barred: 'lid' is open");
  });

  it("that can't be read any more is as one that is open", () => {
    let works = true;
    const bench = opened(sample, (own) => {
      class Digital extends own.Digital {
        override read() {
          if (!works) throw new Error("no such pin");
          return super.read();
        }
      }
      return { ...own, Digital };
    });
    said(bench, "drive", { speed: 1 });
    works = false;
    bench.said.length = 0;
    alarmCapabilities(bench.open);
    expect(bench.said).toContain("notice pin-unusable: The pin of 'lid' can't be used: no such pin");
    expect(bench.said).toContain("drive 0 interlock");
    expect(bench.said).toContain("kept true");
  });

  it("that is open at the start bars from the start", () => {
    const bench = opened({ ...sample, inputs: sample.inputs.slice(0, 2) }, (own) => {
      class Digital extends own.Digital {
        override read() {
          return 1 as const;
        }
      }
      return { ...own, Digital };
    });
    expect(said(bench, "arm", { degrees: 20 })[0]).toMatch(/'lid' is open/);
  });

  it("of an emergency stop stops all, beyond a restart, until someone resumes", () => {
    const bench = opened();
    said(bench, "lamp", { on: true });
    bench.pins.drive(10, 1);
    expect(level(bench, 2)).toBe(0);
    expect(bench.said).toContain("kept true");
    resumeActuators(bench.open);
    expect(bench.said.at(-1)).toBe("notice capability-stopped: The emergency stop holds: 'emergency' is open");
    const again = opened(sample, (own) => own, true);
    expect(said(again, "lamp", { on: true })[0]).toMatch(/stopped by an emergency stop/);
    resumeActuators(again.open);
    expect(again.said.at(-1)).toBe("kept false");
    expect(said(again, "lamp", { on: true }).at(-1)).toBe("1 done");
    stopActuators(again.open);
    expect(level(again, 2)).toBe(0);
  });
});

describe("an emergency stop that flash does not take", () => {
  it("is in force all the same, and says so", () => {
    const bench = opened();
    bench.flashFails = true;
    said(bench, "lamp", { on: true });
    bench.pins.drive(10, 1);
    expect(level(bench, 2)).toBe(0);
    expect(bench.said).toContain(
      "notice stop-not-kept: Whether the board is stopped could not be kept for its next start: the flash is full",
    );
    bench.pins.drive(10, 0);
    expect(said(bench, "lamp", { on: true })[0]).toMatch(/stopped by an emergency stop/);
  });
});

describe("a pin that can't be opened", () => {
  it("is told with the capability that it is for", () => {
    const unable = (own: SimulatedPins) => {
      class PWM extends own.PWM {
        constructor(options: ConstructorParameters<Pins["PWM"]>[0]) {
          super(options);
          throw new RangeError("no such timer");
        }
      }
      return { ...own, PWM };
    };
    expect(refusal(() => opened(sample, unable))).toBe("pin-unusable: The pin of 'fan' can't be used: no such timer");
  });
});

describe("simulated pins", () => {
  it("have one use each, take no value beyond their range, and let inputs alone be driven", () => {
    const pins = simulatedPins({ now: () => ({ monotonic: 0, wall: 0 }) });
    const output = new pins.PWM({ pin: 1, hz: 50 });
    expect(refusal(() => new pins.Analog({ pin: 1 }))).toBe("pin-busy: Pin 1 is in use");
    for (const duty of [-1, 1024, 0.5, Number.NaN]) expect(refusal(() => output.write(duty))).toMatch(/^pin-value/);
    expect(refusal(() => pins.drive(1, 1))).toMatch(/^pin-unknown: Pin 1 is no input/);
  });
});
