import { VertebraError } from "../../firmware/core/errors";
import { maxRequirements } from "../../firmware/core/pact/requirement";
import type { Requirement } from "../../firmware/core/wire/types";

/** Of what `requires` says in a file; `where` says of what. Throws `saga-requires`. */
export function requirementsOf(where: string, requires: unknown = {}): Requirement[] {
  const all = typeof requires === "object" && requires !== null ? Object.entries(requires) : undefined;
  if (all === undefined || Array.isArray(requires) || all.length > maxRequirements) {
    throw wrong(`${where} requires what is no object of at most ${maxRequirements} capabilities`);
  }
  return all.map(([capability, said]) => ({ capability, condition: conditionOf(where, capability, said) }));
}

function conditionOf(where: string, capability: string, said: unknown): Requirement["condition"] {
  if (said === true) return null;
  if (Array.isArray(said)) return { oneOf: said };
  const min = (said as { readonly min?: unknown } | null)?.min;
  if (typeof min === "number" && Number.isSafeInteger(min) && min >= 0) return { min };
  throw wrong(`${where} requires of '${capability}' ${JSON.stringify(said)}, which is no condition`);
}

export const requirementRemedy =
  "Give each capability true, { min: a whole number } or a list of texts of at most 64 bytes.";

function wrong(message: string): VertebraError {
  return new VertebraError("saga-requires", message, requirementRemedy);
}

/** As a person reads it. */
export function requirementText({ capability, condition }: Requirement): string {
  if (condition === null) return capability;
  return "min" in condition
    ? `${capability} of at least ${condition.min}`
    : `${capability} ${condition.oneOf.join(" or ")}`;
}
