import { capabilitiesPact } from "../../firmware/core/capability/published";
import { reversalPact, sagaStatePact } from "../../firmware/core/saga/state";
import type { Pact } from "../../firmware/core/wire/types";
import { policy } from "../core/network";
import type { GroupPlan } from "./plan";

/** What sagas consume and produce. */
export const orderFields = [
  { name: "order", type: { kind: "u32" } },
  { name: "amount", type: { kind: "u32" } },
] as const;

/** The pact of a group: of one number where nothing else is said. */
export function pactOf({ name, holds, policy: planned }: GroupPlan): Pact {
  if (holds === "states") return sagaStatePact(name, planned.quorum);
  if (holds === "reversals") return reversalPact;
  if (holds === "capabilities") return capabilitiesPact(planned.quorum);
  const fields = holds === "orders" ? orderFields : [{ name: "value", type: { kind: "u32" } } as const];
  return { name, version: 1, extends: null, fields, policy: { ...policy, ...planned } };
}
