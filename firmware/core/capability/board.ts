import { VertebraError } from "../errors";
import type { Memory } from "../memory";
import { identifier } from "../pact/field";
import { decodeText } from "../wire/text";
import { type Fields, fieldsOf, type Reading, shown, wrong } from "./fields";
import {
  type InterfaceName,
  interfaceNames,
  isRange,
  type RangeName,
  ranges,
  type Setting,
  type SwitchName,
} from "./interfaces";

/** What every machine that runs the firmware tells of itself, besides the capabilities of its board. */
export const machineSensors: readonly string[] = ["load", "memory", "memoryPercent", "temperature", "uptime"];

/** What a board is, as its `board.json` says: docs/capabilities.md has it for who writes one. */
export interface Board {
  readonly name: string;
  /** What kind of board it is, published under the name `board`. */
  readonly kind: string;
  /** Where a behavior runs: in a process of its own, in the one machine that the board has room for, or never on this board. */
  readonly sandbox: "process" | "machine" | "none";
  /** Undefined where it has memory by the megabyte. */
  readonly memory: Memory | undefined;
  readonly actuators: readonly Actuator[];
  readonly sensors: readonly Sensor[];
  readonly inputs: readonly Input[];
}

/** What can be operated. */
export interface Actuator {
  readonly name: string;
  readonly interface: SwitchName | RangeName;
  /** Bounds of its operation, in the unit of its interface; 0 and 1 for a switch. */
  readonly min: number;
  readonly max: number;
  readonly pins: ActuatorPins;
  /** Where it goes at a start, and when nobody may hold it any longer. */
  readonly safe: Setting;
  /** ms that an operation holds unless it is renewed; 0 for ever. */
  readonly leaseMs: number;
  /** ms that the link may be silent; 0 where that is all the same. */
  readonly silentMs: number;
  /** Names of inputs that must be closed. */
  readonly interlocks: readonly string[];
}

export type ActuatorPins =
  | { readonly kind: "switch"; readonly pin: number; readonly activeLow: boolean }
  | { readonly kind: "pwm"; readonly pin: number; readonly hz: number }
  /** Pulses in µs at the least and at the most degrees. */
  | {
      readonly kind: "servo";
      readonly pin: number;
      readonly hz: number;
      readonly minPulse: number;
      readonly maxPulse: number;
    }
  | { readonly kind: "motor"; readonly forward: number; readonly backward: number; readonly hz: number };

/** What can be read: `analog`. Its value is `scale` times the share of full scale that the pin reads, plus `offset`. */
export interface Sensor {
  readonly name: string;
  readonly unit: string;
  readonly pin: number;
  readonly scale: number;
  readonly offset: number;
}

/** A contact between a pin and ground, closed where all is well: a wire that breaks opens it. */
export interface Input {
  readonly name: string;
  readonly pin: number;
  /** Whether it stops all actuators when it opens, until someone lets them go on. */
  readonly stops: boolean;
}

const maxCapabilities = 32;
const maxInputs = 16;
const mostPin = 255;
const mostMemory = 2 ** 32;
const mostMs = 86_400_000;
const mostHz = 100_000;
const remedy = "Mend board.json: docs/capabilities.md says what stands in it.";

/** Reads a `board.json`. Throws `board-json`, or `board-field` with capability, field, bound and value. */
export function decodeBoard(bytes: Uint8Array): Board {
  const reading = { code: "board-field", where: "board.json", remedy };
  const fields = fieldsOf(reading, parse(bytes));
  // For people, and for those who build and flash the board.
  for (const name of ["description", "engine", "flash", "links", "sensors"]) if (fields.has(name)) fields.any(name);
  const capabilities = fields.list("capabilities", maxCapabilities).map((each, index) => capabilityOf(each, index));
  const actuators = capabilities.filter((each): each is Actuator => !("unit" in each));
  const sensors = capabilities.filter((each): each is Sensor => "unit" in each);
  const inputs = fields.has("inputs") ? fields.list("inputs", maxInputs).map(inputOf) : [];
  const board = {
    ...{ name: nameIn(reading, fields, "name"), kind: nameIn(reading, fields, "board") },
    ...{ sandbox: sandboxIn(reading, fields), memory: memoryIn(fields), actuators, sensors, inputs },
  };
  fields.end();
  checkNames(reading, board);
  checkInterlocks(board);
  checkPins(reading, board);
  return board;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeText(bytes));
  } catch (error) {
    const why = error instanceof Error ? error.message : "";
    throw new VertebraError("board-json", `board.json is not JSON: ${why}`, remedy);
  }
}

function sandboxIn(reading: Reading, fields: Fields): Board["sandbox"] {
  const sandbox = fields.text("sandbox");
  if (sandbox === "process" || sandbox === "machine" || sandbox === "none") return sandbox;
  throw wrong(reading, `has ${shown(sandbox)} for 'sandbox', none of "process", "machine" and "none"`);
}

function memoryIn(fields: Fields): Memory | undefined {
  if (!fields.has("memory")) return undefined;
  const inside = fieldsOf({ code: "board-field", where: "board.json: memory", remedy }, fields.any("memory"));
  const size = inside.integer("size", 1, mostMemory);
  const memory = { size, firmware: inside.integer("firmware", 1, size) };
  inside.end();
  return memory;
}

function capabilityOf(value: unknown, index: number): Actuator | Sensor {
  const unnamed = { code: "board-field", where: `board.json: capability ${index}`, remedy };
  const fields = fieldsOf(unnamed, value);
  const name = nameIn(unnamed, fields, "name");
  const reading = { ...unnamed, where: `board.json: capability '${name}'` };
  const named = fieldsOf(reading, value);
  named.any("name");
  const wanted = named.text("interface");
  const found = interfaceNames.find((each) => each === wanted);
  if (found === undefined) {
    throw wrong(reading, `has ${shown(wanted)} for 'interface', which is none of ${interfaceNames.join(", ")}`);
  }
  checkName(reading, name, found);
  const capability = found === "analog" ? sensorOf(name, named) : actuatorOf(reading, name, found, named);
  named.end();
  return capability;
}

/** A capability may be named as its interface, but not so that a saga that asks for one interface finds another. */
function checkName(reading: Reading, name: string, its: InterfaceName): void {
  const taken = name === "board" || (name !== its && interfaceNames.some((each) => each === name));
  if (taken) throw wrong(reading, `is a ${its}, and so can't be named '${name}'`);
}

function sensorOf(name: string, fields: Fields): Sensor {
  const scale = fields.number("scale", -1e9, 1e9);
  return {
    name,
    unit: fields.text("unit"),
    pin: pinIn(fields, "pin"),
    scale,
    offset: fields.number("offset", -1e9, 1e9),
  };
}

function actuatorOf(reading: Reading, name: string, its: SwitchName | RangeName, fields: Fields): Actuator {
  const { min, max } = isRange(its) ? boundsIn(reading, its, fields) : { min: 0, max: 1 };
  return {
    ...{ name, interface: its, min, max, pins: pinsIn(reading, its, fields) },
    safe: isRange(its) ? fields.number("safe", min, max) : fields.flag("safe"),
    leaseMs: optional(fields, "leaseMs", 0, 0, mostMs),
    silentMs: optional(fields, "silentMs", 0, 0, mostMs),
    interlocks: fields.has("interlocks")
      ? fields.list("interlocks", maxInputs).map((each) => textOf(reading, each))
      : [],
  };
}

/** What the interface allows, or less where the board says so; a servo's travel is its own, 0 to 180° where it is not said. */
function boundsIn(reading: Reading, its: RangeName, fields: Fields): { readonly min: number; readonly max: number } {
  const { least, most } = ranges[its];
  const usual = its === "servo" ? { min: 0, max: 180 } : { min: least, max: most };
  const min = optional(fields, "min", usual.min, least, most);
  const max = optional(fields, "max", usual.max, least, most);
  if (min >= max) throw wrong(reading, `has ${min} for 'min', not below 'max', which is ${max}`);
  return { min, max };
}

function pinsIn(reading: Reading, its: SwitchName | RangeName, fields: Fields): ActuatorPins {
  switch (its) {
    case "digital":
    case "relay":
      return {
        kind: "switch",
        pin: pinIn(fields, "pin"),
        activeLow: fields.has("activeLow") && fields.flag("activeLow"),
      };
    case "pwm":
      return { kind: "pwm", pin: pinIn(fields, "pin"), hz: optional(fields, "hz", 1000, 1, mostHz) };
    case "motor": {
      const hz = optional(fields, "hz", 1000, 1, mostHz);
      return { kind: "motor", forward: pinIn(fields, "forward"), backward: pinIn(fields, "backward"), hz };
    }
    case "servo":
      return servoPins(reading, fields);
  }
}

function servoPins(reading: Reading, fields: Fields): ActuatorPins {
  const hz = optional(fields, "hz", 50, 1, 1000);
  const period = 1e6 / hz;
  const minPulse = optional(fields, "minPulse", 500, 1, period);
  const maxPulse = optional(fields, "maxPulse", 2500, 1, period);
  if (minPulse >= maxPulse)
    throw wrong(reading, `has ${minPulse} for 'minPulse', not below 'maxPulse', which is ${maxPulse}`);
  return { kind: "servo", pin: pinIn(fields, "pin"), hz, minPulse, maxPulse };
}

function inputOf(value: unknown, index: number): Input {
  const reading = { code: "board-field", where: `board.json: input ${index}`, remedy };
  const fields = fieldsOf(reading, value);
  const name = nameIn(reading, fields, "name");
  const input = { name, pin: pinIn(fields, "pin"), stops: fields.has("stops") && fields.flag("stops") };
  fields.end();
  return input;
}

function checkNames(reading: Reading, { actuators, sensors, inputs }: Board): void {
  const seen = new Set<string>();
  for (const { name } of [...actuators, ...sensors, ...inputs]) {
    if (seen.has(name)) throw wrong(reading, `has the name '${name}' twice`);
    seen.add(name);
  }
}

function checkInterlocks({ actuators, inputs }: Board): void {
  for (const { name, interlocks } of actuators) {
    const reading = { code: "board-field", where: `board.json: capability '${name}'`, remedy };
    const missing = interlocks.find((each) => !inputs.some((input) => input.name === each));
    if (missing !== undefined) throw wrong(reading, `has the interlock '${missing}', which is no input of the board`);
  }
}

/** A pin that two drove would have the state of neither. */
function checkPins(reading: Reading, { actuators, sensors, inputs }: Board): void {
  const users = new Map<number, string>();
  const used = actuators.flatMap(({ name, pins }) =>
    (pins.kind === "motor" ? [pins.forward, pins.backward] : [pins.pin]).map((pin) => ({ name, pin })),
  );
  for (const { name, pin } of [...used, ...sensors, ...inputs]) {
    const other = users.get(pin);
    if (other !== undefined) throw wrong(reading, `has pin ${pin} for '${other}' and for '${name}'`);
    users.set(pin, name);
  }
}

function nameIn(reading: Reading, fields: Fields, field: string): string {
  const name = fields.text(field);
  try {
    return identifier(field, name);
  } catch {
    throw wrong(reading, `has ${shown(name)} for '${field}': a name has 1 to 64 letters, digits, '-', '_' and '.'`);
  }
}

function textOf(reading: Reading, value: unknown): string {
  if (typeof value !== "string") throw wrong(reading, `has ${shown(value)} in 'interlocks', not text`);
  return value;
}

function pinIn(fields: Fields, name: string): number {
  return fields.integer(name, 0, mostPin);
}

function optional(fields: Fields, name: string, usual: number, least: number, most: number): number {
  return fields.has(name) ? fields.number(name, least, most) : usual;
}
