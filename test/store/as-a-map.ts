import fc from "fast-check";
import { expect } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { type Journal, writeRecords } from "../../firmware/store/journal";
import { allRecords } from "./all-records";
import { same, untilCut, type Write } from "./cuts";
import { type Nor, type Part, parts } from "./nor";

/** Histories of a journal, and what a Map would have of them. */

export type Step =
  | { readonly kind: "write"; readonly batch: Write }
  | { readonly kind: "reopen" }
  /** The power fails after so many more programs and erases, of which the last is done in part. */
  | { readonly kind: "cut"; readonly batch: Write; readonly after: number; readonly part: Part };

export function stepOf(batch: fc.Arbitrary<Write>): fc.Arbitrary<Step> {
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("write" as const), batch }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopen" as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("cut" as const),
        batch,
        after: fc.nat(12),
        part: fc.constantFrom(...parts),
      }),
    },
  );
}

/** Does the steps of a history, and expects of the journal after each what a Map would have. `look` sees both after each. */
export function expectAsMap(
  nor: Nor,
  open: () => Journal,
  history: readonly Step[],
  look: (journal: Journal, model: ReadonlyMap<string, Uint8Array>) => void = () => {},
): void {
  let journal = open();
  let model: ReadonlyMap<string, Uint8Array> = new Map();
  for (const step of history) {
    if (step.kind !== "reopen") {
      const { puts, deletes } = step.batch;
      const after = applied(model, step.batch);
      if (step.kind === "cut") nor.cutAt(nor.operations() + step.after, step.part);
      const outcome = attempt(() => writeRecords(journal, puts, deletes));
      nor.restore();
      if (outcome === "cut") journal = open();
      if (outcome === "done" || (outcome === "cut" && same(allRecords(journal), after))) model = after;
    } else journal = open();
    expect(same(allRecords(journal), model)).toBe(true);
    look(journal, model);
  }
  expect(same(allRecords(open()), model)).toBe(true);
}

function applied(model: ReadonlyMap<string, Uint8Array>, { puts, deletes }: Write): Map<string, Uint8Array> {
  const after = new Map(model);
  for (const gone of deletes) after.delete(gone);
  for (const [name, value] of puts) after.set(name, value);
  return after;
}

function attempt(act: () => void): "done" | "full" | "cut" {
  try {
    return untilCut(act) ? "cut" : "done";
  } catch (error) {
    if (error instanceof VertebraError && error.code === "store-full") return "full";
    throw error;
  }
}
