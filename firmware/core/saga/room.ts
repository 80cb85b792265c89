import type { SeenEntry } from "./entries";
import type { Invocation, Tip } from "./invocation";
import type { Book } from "./ledger";

/**
 * Bytes of memory of what is under way in a saga, on an engine with slots of 16 bytes, as `npm run bench:memory` counts them (docs/numbers.md),
 * rounded up: beside the bytes of entries and states.
 */
const costs = { invocation: 4_400, step: 1_850, reach: 800, entry: 900, taken: 60, cause: 320, state: 1_600 };

/** Bytes that a saga holds of invocations, entries and states. */
export function bytesHeld({ invocations, reaches, unconsumed, taken, causes, backlog }: Book): number {
  let bytes = causes.size * costs.cause;
  for (const sequences of taken.values()) bytes += sequences.size * costs.taken;
  for (const invocation of invocations.values()) bytes += bytesOfInvocation(invocation);
  for (const { tip } of reaches.values()) bytes += costs.reach + (tip === null ? 0 : bytesOfState(tip));
  for (const entry of unconsumed.values()) bytes += bytesOfEntry(entry);
  for (let at = 0; at < backlog.length; at++) bytes += bytesOfState(backlog[at]!);
  return bytes;
}

function bytesOfInvocation({ entry, before, steps }: Invocation): number {
  let bytes = costs.invocation + entry.entry.length + before.length;
  for (let at = 0; at < steps.length; at++) {
    const { consumed, before, after } = steps[at]!;
    bytes += costs.step + (consumed?.entry.length ?? 0) + before.length + after.length;
  }
  return bytes;
}

function bytesOfEntry({ entry }: SeenEntry): number {
  return costs.entry + entry.length;
}

function bytesOfState({ state: { state } }: Tip): number {
  return costs.state + state.length;
}
