import { describe, expect, it } from "vitest";
import { decodeBoard } from "../../firmware/core/capability/board";
import { encodeText } from "../../firmware/core/wire/text";
import { refusal } from "../core/refusal";
import { boardOf, sample } from "./sample-board";

type Definition = Readonly<Record<string, unknown>>;

const relay: Definition = { name: "relay", interface: "relay", pin: 1, safe: false };
const servo: Definition = { name: "arm", interface: "servo", pin: 2, safe: 90 };
const motor: Definition = { name: "drive", interface: "motor", forward: 3, backward: 4, safe: 0 };
const sensor: Definition = { name: "volts", interface: "analog", pin: 5, unit: "V", scale: 3.3, offset: 0 };

const withCapabilities = (...capabilities: unknown[]) =>
  refusal(() => boardOf({ ...sample, capabilities, inputs: [] }));
const withField = (field: string, value: unknown) => refusal(() => boardOf({ ...sample, [field]: value }));

describe("board.json", () => {
  it("says what a board can do, with the usual values where it says nothing", () => {
    const board = boardOf({
      ...sample,
      capabilities: [relay, servo, motor, sensor],
      inputs: [{ name: "lid", pin: 6 }],
    });
    expect(board).toEqual({
      name: "bench",
      kind: "esp32",
      sandbox: "process",
      actuators: [
        {
          ...{
            name: "relay",
            interface: "relay",
            min: 0,
            max: 1,
            safe: false,
            leaseMs: 0,
            silentMs: 0,
            interlocks: [],
          },
          pins: { kind: "switch", pin: 1, activeLow: false },
        },
        {
          ...{ name: "arm", interface: "servo", min: 0, max: 180, safe: 90, leaseMs: 0, silentMs: 0, interlocks: [] },
          pins: { kind: "servo", pin: 2, hz: 50, minPulse: 500, maxPulse: 2500 },
        },
        {
          ...{ name: "drive", interface: "motor", min: -1, max: 1, safe: 0, leaseMs: 0, silentMs: 0, interlocks: [] },
          pins: { kind: "motor", forward: 3, backward: 4, hz: 1000 },
        },
      ],
      sensors: [{ name: "volts", unit: "V", pin: 5, scale: 3.3, offset: 0 }],
      inputs: [{ name: "lid", pin: 6, stops: false }],
    });
  });

  it("keeps what it says of bounds, leases, silence and interlocks", () => {
    const { actuators, inputs } = boardOf(sample);
    expect(actuators[0]).toMatchObject({ leaseMs: 5000, silentMs: 10_000, pins: { activeLow: true } });
    expect(actuators[2]).toMatchObject({ min: 0, max: 0.8, safe: 0.1 });
    expect(actuators[4]).toMatchObject({ interlocks: ["lid", "rail"] });
    expect(inputs[2]).toEqual({ name: "emergency", pin: 10, stops: true });
  });

  it("is refused where it is no JSON", () => {
    expect(refusal(() => decodeBoard(encodeText("{ name: }")))).toMatch(/^board-json: board.json is not JSON/);
    expect(refusal(() => decodeBoard(Uint8Array.of(0xff)))).toMatch(/^board-json: /);
    expect(refusal(() => decodeBoard(encodeText("[]")))).toBe("board-field: board.json is [], not an object");
  });

  it("is refused with the name of the field that is missing, unknown or of another type", () => {
    expect(withField("name", undefined)).toBe("board-field: board.json lacks 'name'");
    expect(withField("name", "my board")).toMatch(/has "my board" for 'name': a name has 1 to 64 letters/);
    expect(withField("capabilites", [])).toBe('board-field: board.json has no field "capabilites"');
    expect(withField("sandbox", "shared")).toMatch(/"shared" for 'sandbox', none of "process", "machine" and "none"/);
    expect(withField("capabilities", {})).toBe("board-field: board.json has {} for 'capabilities', not a list");
    expect(withField("inputs", [{ name: "lid", pin: 1, stops: "yes" }])).toBe(
      "board-field: board.json: input 0 has \"yes\" for 'stops', not true or false",
    );
  });

  it("names the capability, the field, the bound and the value of what it refuses", () => {
    expect(withCapabilities({ ...servo, max: 720 })).toBe(
      "board-field: board.json: capability 'arm' has 720 for 'max', above its most of 360",
    );
    expect(withCapabilities({ ...servo, safe: 200 })).toBe(
      "board-field: board.json: capability 'arm' has 200 for 'safe', above its most of 180",
    );
    expect(withCapabilities({ ...motor, min: 0.5 })).toMatch(/'drive' has 0 for 'safe', below its least of 0.5/);
    expect(withCapabilities({ ...motor, min: 1 })).toMatch(/'drive' has 1 for 'min', not below 'max', which is 1/);
    expect(withCapabilities({ ...servo, maxPulse: 30_000 })).toMatch(/30000 for 'maxPulse', above its most of 20000/);
    expect(withCapabilities({ ...servo, minPulse: 2600 })).toMatch(/not below 'maxPulse', which is 2500/);
    expect(withCapabilities({ ...relay, pin: 1.5 })).toMatch(/'relay' has 1.5 for 'pin', not an integer/);
    expect(withCapabilities({ ...relay, pin: -1 })).toMatch(/'relay' has -1 for 'pin', below its least of 0/);
    expect(withCapabilities({ ...relay, safe: 0 })).toMatch(/'relay' has 0 for 'safe', not true or false/);
    expect(withCapabilities({ ...relay, leaseMs: "5s" })).toMatch(/'relay' has "5s" for 'leaseMs', not a number/);
    expect(withCapabilities({ ...relay, interlocks: ["lid"] })).toMatch(/'lid', which is no input of the board/);
    expect(withCapabilities({ ...relay, interface: "lever" })).toMatch(
      /"lever" for 'interface', which is none of digital/,
    );
    expect(withCapabilities({ ...sensor, safe: 0 })).toMatch(/'volts' has no field "safe"/);
    const { safe: _, ...unsafe } = relay;
    expect(withCapabilities(unsafe)).toMatch(/'relay' lacks 'safe'/);
  });

  it("is refused where two have one name or one pin", () => {
    expect(withCapabilities(relay, { ...servo, name: "relay2", pin: 1 })).toBe(
      "board-field: board.json has pin 1 for 'relay' and for 'relay2'",
    );
    expect(withCapabilities({ ...motor, backward: 3 })).toMatch(/has pin 3 for 'drive' and for 'drive'/);
    expect(withCapabilities(servo, { ...servo, pin: 9 })).toBe("board-field: board.json has the name 'arm' twice");
  });

  it("names no capability as an interface that it is not, nor as what kind of board it is", () => {
    expect(withCapabilities({ ...servo, name: "relay" })).toMatch(/is a servo, and so can't be named 'relay'/);
    expect(withCapabilities({ ...servo, name: "board" })).toMatch(/can't be named 'board'/);
    expect(withCapabilities({ ...servo, name: "servo" })).toBe("accepted");
  });

  it("is bounded", () => {
    const many = Array.from({ length: 33 }, (_, index) => ({ ...relay, name: `r${index}`, pin: index }));
    expect(withCapabilities(...many)).toBe("board-field: board.json has 33 of 'capabilities', and the most is 32");
    expect(withCapabilities(...many.slice(0, 32))).toBe("accepted");
  });
});
