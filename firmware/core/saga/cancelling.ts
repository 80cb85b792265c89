import { VertebraError } from "../errors";
import { equal, toHex } from "../wire/bytes";
import type { AvatarId, Hash } from "../wire/types";
import type { Invocation } from "./invocation";
import type { Ledger } from "./ledger";

/**
 * The invocation, where `avatar` can end it now by a state `cancelled`; otherwise why it can't (`saga-cancel`). It can while a
 * stage is waited for: what acts may not be cut off, and what is taken back is over.
 */
export function cancellable({ books }: Ledger, avatar: AvatarId, id: Hash): Invocation | VertebraError {
  const key = toHex(id);
  const short = `Invocation ${key.slice(0, 8)}`;
  const book = [...books.values()].find(({ invocations }) => invocations.has(key));
  const invocation = book?.invocations.get(key);
  if (book === undefined || invocation === undefined) {
    return refusal(`${short} is not under way`, "`vertebra saga list` shows which are.");
  }
  if (book.standsStill) {
    return refusal(`This participant takes no part in saga '${book.name}' any more`, "Cancel it at another owner.");
  }
  const { saga, reach, next } = invocation;
  if (!saga.stateGroup.owners.some((owner) => equal(owner, avatar))) {
    return refusal(`This participant owns no states of saga '${book.name}'`, "Cancel it where an owner runs.");
  }
  const first = reach.running ?? reach.waiting[0]!;
  if (first !== invocation) {
    const before = first.key.slice(0, 8);
    return refusal(`${short} has not begun: it waits behind ${before}`, `Wait for ${before}, or cancel that first.`);
  }
  if (next.kind === "stage") return invocation;
  return next.kind === "outcome"
    ? refusal(
        `${short} has an intent to act in stage ${next.stage}, and what came of it is not final yet`,
        "Cancel it when that is known; where who acted is gone, another owner says within its leases that it is unknown.",
      )
    : refusal(`${short} is on its way back already`, "`vertebra saga timeline` shows what is undone.");
}

function refusal(message: string, remedy: string): VertebraError {
  return new VertebraError("saga-cancel", message, remedy);
}
