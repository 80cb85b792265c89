import { VertebraError } from "../errors";
import { decodeText } from "../wire/text";
import { fieldsOf, type Reading, wrong } from "./fields";

/**
 * "A capability is a named interface with typed operations, units and bounds" (PROTOCOL 9). Each has one operation, a JSON object
 * of one field, that says what the capability is to be from then on; `analog` has none, for it is read.
 */

/** What an actuator is set to: on or off, or a number in the unit of its interface. */
export type Setting = boolean | number;

export type SwitchName = "digital" | "relay";
export type RangeName = "pwm" | "servo" | "motor";
export type InterfaceName = SwitchName | RangeName | "analog";

interface Range {
  readonly field: string;
  /** Empty for a plain number. */
  readonly unit: string;
  /** No board can say more than these. */
  readonly least: number;
  readonly most: number;
}

/** A share of the time, degrees, and a share of full speed, backward below 0. */
export const ranges: Readonly<Record<RangeName, Range>> = {
  pwm: { field: "duty", unit: "", least: 0, most: 1 },
  servo: { field: "degrees", unit: "°", least: -360, most: 360 },
  motor: { field: "speed", unit: "", least: -1, most: 1 },
};

export const interfaceNames: readonly InterfaceName[] = ["digital", "relay", "pwm", "servo", "motor", "analog"];

export function isRange(name: InterfaceName): name is RangeName {
  return name in ranges;
}

/** An actuator as far as an operation of it is concerned. */
export interface Operable {
  readonly name: string;
  readonly interface: SwitchName | RangeName;
  /** Bounds of a range, in its unit; of a switch they mean nothing. */
  readonly min: number;
  readonly max: number;
}

/** Longer than any operation there is. A parser that recurses must not be led deep by who wrote the behavior. */
const longestOperation = 256;

/**
 * The setting that an operation asks for, from its JSON in UTF-8. Throws `operation-form` for what is no JSON, and
 * `operation-field` for a field that is missing, unknown, of another type or out of bounds, naming capability, bound and value.
 */
export function decodeOperation(actuator: Operable, operation: Uint8Array): Setting {
  const remedy = `Give ${operationOf(actuator)}.`;
  const where = `an operation of capability '${actuator.name}'`;
  const fields = fieldsOf(
    { code: "operation-field", where, remedy },
    parse({ code: "operation-form", where, remedy }, operation),
  );
  const setting = isRange(actuator.interface)
    ? fields.number(ranges[actuator.interface].field, actuator.min, actuator.max)
    : fields.flag("on");
  fields.end();
  return setting;
}

function parse(form: Reading, operation: Uint8Array): unknown {
  if (operation.length > longestOperation) {
    throw wrong(form, `has ${operation.length} bytes, and the most is ${longestOperation}`);
  }
  try {
    return JSON.parse(decodeText(operation));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof VertebraError) throw wrong(form, "is not JSON");
    throw error;
  }
}

function operationOf({ interface: name, min, max }: Operable): string {
  if (!isRange(name)) return '{ "on": true } or { "on": false }';
  const { field, unit } = ranges[name];
  return `{ "${field}": a number from ${min} to ${max}${unit} }`;
}
