import type { Definitions } from "../../firmware/core/saga/definitions";
import type { FinalEntry } from "../../firmware/core/saga/entries";
import type { Run, RunResult } from "../../firmware/core/saga/events";
import { agrees, replay } from "../../firmware/core/saga/replay";
import type { Status } from "../../firmware/core/saga/state";
import { decodeText } from "../../firmware/core/wire/text";
import type { Names } from "./waiting";

/** A state that counts, beside what its behavior gives for the same entries. */
export interface Compared {
  readonly sequence: number;
  /** The behavior, or that of the stage where none ran. */
  readonly behavior: string;
  readonly status: Status;
  readonly by: string;
  /** null where no behavior made it: an outcome, a deadline, a cancelling, a reversal. */
  readonly agrees: boolean | null;
  /** What the behavior gave, where that is something else. */
  readonly gave: string | null;
}

/**
 * "From the entries alone, with `now` and the read cursors of each state, every state of an invocation can be recomputed and
 * compared." `entries` are all of their groups, in the order of each; `run` runs a behavior; `id` is in hex.
 */
export async function compareStates(
  definitions: Definitions,
  entries: Iterable<FinalEntry>,
  id: string,
  run: (run: Run) => Promise<RunResult>,
  names: Names,
): Promise<Compared[]> {
  const compared: Compared[] = [];
  for (const each of replay(definitions, entries)) {
    const { invocation, head } = each;
    if (invocation.key !== id) continue;
    const { stage, status } = head.state;
    const by = names.member(head.issuer);
    const told = { sequence: head.reference[1], status, by };
    if (each.run === null) {
      compared.push({ ...told, behavior: invocation.saga.stages[stage]!.does.name, agrees: null, gave: null });
      continue;
    }
    const result = await run(each.run);
    const same = agrees(definitions, each, result);
    compared.push({ ...told, behavior: each.run.behavior.name, agrees: same, gave: same ? null : inWords(result) });
  }
  return compared;
}

function inWords(result: RunResult): string {
  if (result.kind === "failed") return `failed: ${result.error}`;
  const outputs = result.outputs.length === 0 ? "" : `, ${result.outputs.length} outputs`;
  return `${decodeText(result.state)}${outputs}`;
}
