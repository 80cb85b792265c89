import type { Cbor } from "../wire/cbor";
import { integer, list, text, tuple } from "../wire/shape";
import type { Requirement } from "../wire/types";
import { identifier } from "./field";

/** What a pact requires of its owners and a stage of who runs it: "a conjunction of capability names with conditions, met by what a participant publishes". */

/** Capabilities that may be asked for, and values that one of them may have. */
export const maxRequirements = 16;

/** What a participant can do: what each capability is worth, how many or how much, or which. */
export type Published = ReadonlyMap<string, number | string>;

export function meets(requires: readonly Requirement[], published: Published | undefined): boolean {
  return requires.every((each) => meetsOne(each, published?.get(each.capability)));
}

function meetsOne({ condition }: Requirement, value: number | string | undefined): boolean {
  if (value === undefined) return false;
  if (condition === null) return true;
  if ("min" in condition) return typeof value === "number" && value >= condition.min;
  return condition.oneOf.some((each) => each === value);
}

export function requirementItems(requires: readonly Requirement[]): Cbor {
  return requires.map(({ capability, condition }): Cbor => [capability, conditionItem(condition)]);
}

function conditionItem(condition: Requirement["condition"]): Cbor {
  if (condition === null) return null;
  return "min" in condition ? condition.min : condition.oneOf;
}

/** Throws `structure-…` or `pact-name`. */
export function readRequirements(where: string, value: Cbor | undefined): readonly Requirement[] {
  return list(where, value, maxRequirements, readRequirement);
}

function readRequirement(where: string, value: Cbor): Requirement {
  const [name, condition] = tuple(where, value, 2);
  const capability = identifier(`${where}: capability`, name);
  if (condition === null) return { capability, condition: null };
  if (typeof condition === "number") return { capability, condition: { min: integer(`${where}: least`, condition) } };
  const oneOf = list(`${where}: value`, condition, maxRequirements, (each, item) => text(each, item, 64));
  return { capability, condition: { oneOf } };
}
