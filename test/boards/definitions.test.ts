import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Board, decodeBoard } from "../../firmware/core/capability/board";
import { decodeOperation } from "../../firmware/core/capability/interfaces";
import { encodeText } from "../../firmware/core/wire/text";
import { openCapabilities } from "../../firmware/device/capabilities";
import { simulatedPins } from "../../firmware/device/pins/simulated";
import { root } from "../house/sources";

const folders = readdirSync(join(root, "boards"));

function definitionOf(folder: string): Board {
  return decodeBoard(readFileSync(join(root, "boards", folder, "board.json")));
}

/** Numbers of the pins that give pulses, with their frequencies. */
function pulsing({ actuators }: Board): { pin: number; hz: number }[] {
  return actuators.flatMap(({ pins }) => {
    if (pins.kind === "switch") return [];
    const { hz } = pins;
    return pins.kind === "motor" ? [pins.forward, pins.backward].map((pin) => ({ pin, hz })) : [{ pin: pins.pin, hz }];
  });
}

function outputs({ actuators }: Board): number[] {
  return actuators.flatMap(({ pins }) => (pins.kind === "motor" ? [pins.forward, pins.backward] : [pins.pin]));
}

describe.each(folders)("the board %s", (folder) => {
  it("has a definition that is read, a name that is its folder's, and a README", () => {
    expect(definitionOf(folder).name).toBe(folder);
    expect(existsSync(join(root, "boards", folder, "README.md"))).toBe(true);
  });

  it("has in its README each capability and input, by name and pin", () => {
    const board = definitionOf(folder);
    const readme = readFileSync(join(root, "boards", folder, "README.md"), "utf8");
    for (const { name } of [...board.actuators, ...board.sensors, ...board.inputs])
      expect(readme).toContain(`\`${name}\``);
  });

  it("has drivers that open all its pins, each in its safe state", () => {
    const clock = { now: () => ({ monotonic: 0, wall: 0 }) };
    const told: string[] = [];
    const board = definitionOf(folder);
    openCapabilities({
      ...{ board, pins: simulatedPins(clock), clock, stopped: false, keep: () => {}, heardAt: () => 0 },
      ...{ wake: () => {}, acted: () => {}, notice: () => {} },
      told: (name, value, why) => void told.push(`${name} ${value} ${why}`),
    });
    expect(told).toEqual(board.actuators.map(({ name, safe }) => `${name} ${safe} boot`));
  });
});

describe("docs/capabilities.md", () => {
  const text = readFileSync(join(root, "docs/capabilities.md"), "utf8");

  it("shows a board.json that is read", () => {
    const example = /```json\n([\s\S]*?)```/.exec(text)![1]!;
    expect(decodeBoard(encodeText(example)).actuators.map(({ name }) => name)).toEqual(["heater", "vent"]);
  });

  it("shows for each interface the operation that it takes", () => {
    const rows = [...text.matchAll(/^\| (`[a-z`, ]+`) \| (`\{.*?)\|/gm)];
    const shown = rows.flatMap(([, names, operations]) =>
      [...names!.matchAll(/[a-z]+/g)].map(([name]) => [name, /\{ (\w+): ([^ ]+) \}/.exec(operations!)!] as const),
    );
    expect(shown.map(([name]) => name).sort()).toEqual(["digital", "motor", "pwm", "relay", "servo"]);
    for (const [name, [, field, value]] of shown) {
      const actuator = definitionOf("simulated").actuators.find((each) => each.interface === name)!;
      expect(decodeOperation(actuator, encodeText(`{"${field}":${value}}`))).toBe(JSON.parse(value!));
    }
  });
});

describe("the pins of the ESP32", () => {
  const board = definitionOf("esp32-devkitc");

  it("that are outputs or have a pull-up are none of those that can only be read", () => {
    for (const pin of [...outputs(board), ...board.inputs.map((input) => input.pin)]) expect(pin).toBeLessThan(34);
  });

  it("are none that the flash has, or that decide how the chip starts", () => {
    const used = [...outputs(board), ...[...board.sensors, ...board.inputs].map(({ pin }) => pin)];
    const taken = [0, 2, 5, 6, 7, 8, 9, 10, 11, 12, 15];
    expect(used.filter((pin) => taken.includes(pin))).toEqual([]);
  });

  it("give pulses on at most four, at four frequencies, each above the least of its resolution", () => {
    const all = pulsing(board);
    expect(all.length).toBeLessThanOrEqual(4);
    expect(new Set(all.map(({ hz }) => hz)).size).toBeLessThanOrEqual(4);
    for (const { hz } of all) expect(hz).toBeGreaterThanOrEqual(17);
  });

  it("are read by the first converter, which works beside Wi-Fi", () => {
    for (const { pin } of board.sensors) expect([32, 33, 34, 35, 36, 37, 38, 39]).toContain(pin);
  });
});

describe("the pins of the RP2040", () => {
  const board = definitionOf("raspberry-pi-pico");

  it("share a frequency where they share a slice", () => {
    const slices = new Map<number, Set<number>>();
    for (const { pin, hz } of pulsing(board)) {
      const slice = (pin >> 1) & 7;
      slices.set(slice, (slices.get(slice) ?? new Set()).add(hz));
    }
    expect([...slices.values()].filter((frequencies) => frequencies.size > 1)).toEqual([]);
  });

  it("have one that is read, among those that can be", () => {
    expect(board.sensors.map(({ pin }) => [26, 27, 28].includes(pin))).toEqual([true]);
  });

  it("are those that the Pico brings out, and its LED", () => {
    const used = [...outputs(board), ...[...board.sensors, ...board.inputs].map(({ pin }) => pin)];
    expect(used.filter((pin) => pin > 28 || pin === 23 || pin === 24)).toEqual([]);
  });
});
