import { VertebraError } from "../errors";
import { equal } from "../wire/bytes";
import { type Definitions, type GroupKnown, isOfPact } from "./definitions";
import type { Book } from "./ledger";

/** A saga that was not told all of its groups stands still: what it would count could be other than what others do. */

/** Whether the saga is told otherwise by a group's entries: its states, and those of the pacts that it names. */
export function concerns({ reversals }: Definitions, { newest, versions }: Book, group: GroupKnown): boolean {
  if (group === newest.stateGroup || group === reversals) return true;
  for (const { description, stages } of versions.values()) {
    if (isOfPact(group.pact, description.initiatingPact)) return true;
    for (const { consumedPact, accessedPacts, producedPacts } of stages) {
      if ([consumedPact, ...accessedPacts].some((pact) => isOfPact(group.pact, pact))) return true;
      if (producedPacts.some((pact) => equal(group.pact.id, pact))) return true;
    }
  }
  return false;
}

export function needsHistory({ name }: Pick<Book, "name">, why: string): VertebraError {
  return missing(`Saga '${name}' ${why}: this participant takes no part in it any more`);
}

export function missing(what: string): VertebraError {
  return new VertebraError(
    "saga-gap",
    what,
    "It needs all final entries of its groups. A gateway that lost some fetches them from their owners: start it again then. A board: erase its store and provision it anew; a gateway has them all and gives them to it.",
  );
}
