import { toHex } from "../wire/bytes";
import type { StageKnown } from "./definitions";
import type { SeenEntry } from "./entries";
import { fieldText, type Invocation, isConsumedBy, stageOf } from "./invocation";
import type { Book } from "./ledger";
import { isTaken } from "./taken";

/**
 * The entry for the stage that an invocation waits with: "matched by the invocation that caused it, else by the `correlate`
 * fields, else to the pending state of lowest sequence". Undefined where none has come. An entry that names nobody and came while
 * nobody waited is too old after `lease` ms: it is of something that is over.
 */
export function entryFor(book: Book, invocation: Invocation, lease: number): SeenEntry | undefined {
  const { next } = invocation;
  if (next.kind !== "stage") return undefined;
  if (next.stage === 0) return invocation.entry;
  const stage = stageOf(invocation, next.stage);
  for (const entry of book.unconsumed.values()) {
    if (isTaken(book.taken, entry.groupKey, entry.sequence) || !isConsumedBy(stage, entry)) continue;
    if (isFor(book, invocation, stage, entry, lease)) return entry;
  }
  return undefined;
}

function isFor(book: Book, invocation: Invocation, stage: StageKnown, entry: SeenEntry, lease: number): boolean {
  const cause = entry.id === null ? undefined : book.causes.get(toHex(entry.id));
  if (cause !== undefined) return cause === invocation.key;
  if (stage.correlate.length > 0) {
    return stage.correlate.every((field) => fieldText(entry, field) === fieldText(invocation.entry, field));
  }
  return entry.seenAt + lease >= invocation.since && invocation === firstWaiting(book, invocation);
}

/** Of the invocations that wait with the same stage, that whose pending state has the lowest sequence. */
function firstWaiting(book: Book, { next }: Invocation): Invocation | undefined {
  let first: Invocation | undefined;
  for (const each of book.invocations.values()) {
    if (each.next.kind !== "stage" || next.kind !== "stage" || each.next.stage !== next.stage) continue;
    if (each.head !== null && (first === undefined || each.head.reference[1] < first.head!.reference[1])) first = each;
  }
  return first;
}
