import { machineSensors } from "../core/capability/board";
import { VertebraError } from "../core/errors";
import type { WorldProvision } from "../core/identity/provision";
import { encodeEntry, type Value } from "../core/pact/entry";
import { decodePact, pactId, resolveFields, syncGroupId } from "../core/pact/pact";
import { toHex } from "../core/wire/bytes";
import { decodeSyncGroup } from "../core/wire/structures";
import type { Field, Hash, Pact, Policy } from "../core/wire/types";
import type { Native } from "../native/native";
import type { Crypto } from "../ports";

/** One group into which a board pushes what it senses. */
export interface Source {
  readonly group: Hash;
  readonly everyMs: number;
  readonly fields: readonly Field[];
  readonly policy: Policy;
  /** By field: the sensor that fills it. */
  readonly values: readonly (() => number)[];
}

/**
 * The readings of a world as its provision wants them: a field is filled by the analog capability of its name, or else by the
 * machine's own sensor. Throws `readings-…` for a group or a field that this board can't fill.
 */
export function sources(
  crypto: Crypto,
  world: Pick<WorldProvision, "pacts" | "groups" | "readings">,
  sensors: Native["sensors"],
  analog: ReadonlyMap<string, () => number> = new Map(),
): Source[] {
  const pacts = new Map(world.pacts.map((bytes) => [toHex(pactId(crypto, bytes)), decodePact(bytes)]));
  const groups = new Map(world.groups.map((bytes) => [toHex(syncGroupId(crypto, bytes)), decodeSyncGroup(bytes)]));
  return world.readings.map(({ group, everyMs }) => {
    const pact = pacts.get(toHex(groups.get(toHex(group))?.pact ?? new Uint8Array()));
    if (!pact) throw unknownGroup(group);
    const fields = resolveFields(pact, (id) => pacts.get(toHex(id)));
    const values = fields.map((field) => analog.get(field.name) ?? sensorOf(field, pact, sensors));
    return { group, everyMs, fields, policy: pact.policy, values };
  });
}

/** An entry of what the sensors say now. Throws `entry-…` where a value breaks the pact. */
export function readSource({ fields, policy, values }: Source): Uint8Array {
  const row: Value[] = fields.map((field, index) => fitted(field, values[index]!()));
  return encodeEntry(fields, row, policy);
}

/** A sensor gives a real number; a field of integers takes the nearest. */
function fitted(field: Field, value: number): number {
  return field.type.kind === "f32" || field.type.kind === "f64" ? value : Math.round(value);
}

function sensorOf(field: Field, pact: Pact, sensors: Native["sensors"]): () => number {
  switch (field.name) {
    case "load":
      return sensors.load;
    case "memory":
      return sensors.memoryUsed;
    case "memoryPercent":
      return sensors.memoryPercent;
    case "temperature":
      return sensors.temperature;
    case "uptime":
      return sensors.uptime;
    default:
      throw new VertebraError(
        "readings-field",
        `This board has no sensor for field '${field.name}' of pact '${pact.name}'`,
        `Let it push pacts with the fields ${machineSensors.join(", ")}, and the analog capabilities of its board.json.`,
      );
  }
}

function unknownGroup(group: Hash): VertebraError {
  return new VertebraError(
    "readings-group",
    `This board is to push readings into group ${toHex(group).slice(0, 16)}…, of which it was given no pact or no owners`,
    "Provision it with the group and its pact.",
  );
}
