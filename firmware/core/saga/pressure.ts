import { VertebraError } from "../errors";
import { toHex } from "../wire/bytes";
import type { Hash } from "../wire/types";
import { isOfPact } from "./definitions";
import type { Ledger } from "./ledger";
import { maxInvocations } from "./limits";

/** Above this many invocations nobody who is honest begins another: the rest of the room is for what is under way, and for liars. */
const mostBegun = maxInvocations / 2;

/**
 * Why nothing should be pushed into a group now: a saga that it initiates has as much to do as its participants can hold. Were it
 * pushed all the same, they would stand still.
 */
export function heldBack({ definitions, books }: Ledger, group: Hash): VertebraError | undefined {
  const known = definitions.groups.get(toHex(group));
  if (known === undefined || definitions.undeployed) return undefined;
  for (const { name, newest, invocations } of books.values()) {
    if (invocations.size < mostBegun || !isOfPact(known.pact, newest.description.initiatingPact)) continue;
    return new VertebraError(
      "saga-behind",
      `Saga '${name}' has ${invocations.size} invocations that wait or run, and this entry would begin one more`,
      "Push it again later. `vertebra saga list` tells what they wait for; a deadline of the first stage lets go of what is too old.",
    );
  }
  return undefined;
}
