import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Actuator } from "../../firmware/core/capability/board";
import {
  type CapabilityEvent,
  createCapabilities,
  handleCapability,
} from "../../firmware/core/capability/capabilities";
import { allClosed, boardOf, operation, sample } from "./sample-board";

const board = boardOf(sample);

const fieldOf = { relay: "on", digital: "on", pwm: "duty", servo: "degrees", motor: "speed" } as const;
const wild = [true, false, null, "1", 0, -0, 0.5, 0.80001, 1, -1, -1.5, 9, 45, 170, 171, 1e308, Number.NaN, {}, []];

const asked = fc
  .tuple(fc.nat({ max: board.actuators.length - 1 }), fc.constantFrom<unknown>(...wild))
  .map(([index, value]) => {
    const actuator = board.actuators[index]!;
    return operation(actuator.name, { [fieldOf[actuator.interface]]: value });
  });

const event = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .array(asked, { maxLength: 3 })
      .map((operations) => ({ kind: "operate", run: 1, operations }) as const),
  },
  { weight: 3, arbitrary: fc.nat({ max: 4000 }).map((ago) => ({ kind: "heard", at: ago }) as const) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(...allClosed), fc.boolean())
      .map(([name, closed]) => ({ kind: "input", name, closed }) as const),
  },
  { weight: 1, arbitrary: fc.constantFrom<CapabilityEvent>({ kind: "stop" }, { kind: "resume" }, { kind: "resume" }) },
  { weight: 1, arbitrary: fc.constant<CapabilityEvent>({ kind: "boot", stopped: false, closed: allClosed }) },
);

const history = fc.array(fc.tuple(event, fc.constantFrom(0, 1, 500, 999, 1000, 2999, 3000, 5000, 20_000)), {
  maxLength: 40,
});

function inBounds({ interface: its, min, max }: Actuator, value: unknown): boolean {
  if (its === "relay" || its === "digital") return typeof value === "boolean";
  return typeof value === "number" && value >= min && value <= max;
}

/** What must hold, kept beside the capabilities in the plainest way. */
interface Truth {
  stopped: boolean;
  closed: Set<string>;
  heardAt: number;
  values: Map<string, unknown>;
  operatedAt: Map<string, number>;
}

function follow(truth: Truth, taken: CapabilityEvent, now: number): void {
  if (taken.kind === "stop") truth.stopped = true;
  if (taken.kind === "resume" && truth.closed.has("emergency")) truth.stopped = false;
  if (taken.kind === "heard") truth.heardAt = Math.max(truth.heardAt, Math.min(now, taken.at));
  if (taken.kind === "boot") [truth.stopped, truth.closed] = [false, new Set(allClosed)];
  if (taken.kind === "input" && taken.closed) truth.closed.add(taken.name);
  if (taken.kind === "input" && !taken.closed) truth.closed.delete(taken.name);
  if (!truth.closed.has("emergency")) truth.stopped = true;
}

function mustBeSafe(truth: Truth, { name, leaseMs, silentMs, interlocks }: Actuator, now: number): boolean {
  const lost = leaseMs > 0 && now - (truth.operatedAt.get(name) ?? 0) >= leaseMs;
  const silent = silentMs > 0 && now - truth.heardAt >= silentMs;
  return truth.stopped || lost || silent || interlocks.some((each) => !truth.closed.has(each));
}

describe("whatever happens, in whatever order", () => {
  it("no pin is set out of bounds, and none to anything but safe while stopped, barred, silent or without lease", () => {
    fc.assert(
      fc.property(history, (steps) => {
        const capabilities = createCapabilities(board);
        const truth: Truth = {
          ...{ stopped: false, closed: new Set(allClosed), heardAt: Number.NEGATIVE_INFINITY },
          ...{ values: new Map(), operatedAt: new Map() },
        };
        let now = 10_000;
        let alarm = Number.POSITIVE_INFINITY;
        const check = () => {
          for (const actuator of board.actuators) {
            const value = truth.values.get(actuator.name);
            expect(inBounds(actuator, value)).toBe(true);
            if (mustBeSafe(truth, actuator, now))
              expect([actuator.name, value]).toEqual([actuator.name, actuator.safe]);
          }
        };
        const take = (taken: CapabilityEvent) => {
          if (taken.kind === "alarm") alarm = Number.POSITIVE_INFINITY;
          follow(truth, taken, now);
          for (const action of handleCapability(capabilities, taken, now)) {
            if (action.kind === "wake") alarm = action.at;
            if (action.kind === "told" && action.why === "operated") truth.operatedAt.set(action.capability, now);
            if (action.kind === "set") truth.values.set(action.capability, action.value);
          }
          check();
        };
        take({ kind: "boot", stopped: false, closed: allClosed });
        for (const [one, wait] of steps) {
          const until = now + wait;
          while (alarm <= until) {
            now = Math.max(now, alarm);
            take({ kind: "alarm" });
          }
          now = until;
          // Also while nothing happens: by then the alarms that were asked for have done it.
          check();
          take(one.kind === "heard" ? { kind: "heard", at: now - one.at } : one);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
