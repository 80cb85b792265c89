import { isUnderWay } from "../../firmware/core/definitions/saga-definition";
import { VertebraError } from "../../firmware/core/errors";
import { decodeDescription } from "../../firmware/core/saga/structures";
import type { Hash } from "../../firmware/core/wire/types";
import { calledBy, cellsOf } from "./cells";
import { rolloutOf } from "./rollout";
import type { World } from "./world";

/** The state groups of a deployed saga that is to be undeployed, in all its cells. Throws `saga-…`, or `rollout-running`, where it can't be. */
export function toUndeploy({ catalog, provision }: World, name: string): readonly Hash[] {
  const cells = cellsOf(catalog, name);
  if (cells.length === 0) throw notThere(catalog, provision.sagas.descriptions, name);
  const last = rolloutOf(catalog, name);
  if (last === undefined || !isUnderWay(last))
    return cells.map((cell) => catalog.sagas.find((each) => each.name === cell)!.stateGroup);
  throw new VertebraError(
    "rollout-running",
    `Saga '${name}' rolls out, in version ${last.definition.version}: ${last.open} of its ${last.definition.rings.length} rings are open`,
    `Wait until it is done, take it back first with \`vertebra rollout rollback ${name}\`, or end it where it stands: \`vertebra rollout stop ${name}\`.`,
  );
}

function notThere(
  { sagas, undeployed }: World["catalog"],
  provisioned: readonly Uint8Array[],
  name: string,
): VertebraError {
  if (provisioned.some((each) => decodeDescription(each).name === name)) {
    return new VertebraError(
      "saga-provisioned",
      `Saga '${name}' is one that this world was made with, and its members have it from their provisions`,
      "Make a world without it. What is deployed while a world runs can be undeployed.",
    );
  }
  const before = undeployed.filter((each) => calledBy(each.name) === name || each.name === name).at(-1);
  if (before !== undefined) {
    return new VertebraError(
      "saga-undeployed",
      `Saga '${name}' was undeployed already, by definition ${before.undeployed}`,
      `Deploy it anew with a version above ${before.version}: \`vertebra saga deploy FILE\`.`,
    );
  }
  const names = [...new Set(sagas.map((each) => calledBy(each.name)))];
  return new VertebraError(
    "saga-not-deployed",
    `No saga '${name}' is deployed in this world`,
    names.length > 0 ? `There are: ${names.join(", ")}.` : "`vertebra saga deploy FILE` deploys one.",
  );
}
