import type { Board } from "../../firmware/core/capability/board";
import { decodeBoard } from "../../firmware/core/capability/board";
import { encodeText } from "../../firmware/core/wire/text";

/** A board with one of each interface, as its `board.json` says it. */
export const sample = {
  name: "bench",
  description: "One of each",
  board: "esp32",
  engine: "XS",
  sandbox: "process",
  capabilities: [
    { name: "relay", interface: "relay", pin: 1, activeLow: true, safe: false, leaseMs: 5000, silentMs: 10_000 },
    { name: "lamp", interface: "digital", pin: 2, safe: false },
    { name: "fan", interface: "pwm", pin: 3, max: 0.8, safe: 0.1, silentMs: 3000 },
    { name: "arm", interface: "servo", pin: 4, min: 10, max: 170, safe: 90, interlocks: ["lid"] },
    { name: "drive", interface: "motor", forward: 5, backward: 6, safe: 0, leaseMs: 1000, interlocks: ["lid", "rail"] },
    { name: "celsius", interface: "analog", pin: 7, unit: "°C", scale: 4, offset: 18 },
  ],
  inputs: [
    { name: "lid", pin: 8 },
    { name: "rail", pin: 9 },
    { name: "emergency", pin: 10, stops: true },
  ],
};

export const allClosed = ["lid", "rail", "emergency"];

export function boardOf(definition: unknown): Board {
  return decodeBoard(encodeText(JSON.stringify(definition)));
}

export function operation(capability: string, what: unknown) {
  return { kind: "operation", capability, operation: encodeText(JSON.stringify(what)) } as const;
}
