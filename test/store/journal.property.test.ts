import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { openJournal } from "../../firmware/store/journal";
import { createNor, PowerCut, parts } from "./nor";

const owner = new Uint8Array(32).fill(7);
const key = fc.constantFrom("claim", "lock", "final/a", "final/b", "é");
const batch = fc.record({
  puts: fc.array(fc.tuple(key, fc.uint8Array({ maxLength: 120 })), { maxLength: 4 }),
  deletes: fc.array(key, { maxLength: 2 }),
});
const step = fc.oneof(
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

describe("a journal under any history of batches, reopenings and power cuts", () => {
  it("has what a Map would have", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (history) => {
        const nor = createNor(6, 256);
        let journal = openJournal(nor.flash, owner);
        let model = new Map<string, Uint8Array>();
        for (const one of history) {
          if (one.kind !== "reopen") {
            const after = applied(model, one.batch);
            if (one.kind === "cut") nor.cutAt(nor.operations() + one.after, one.part);
            const outcome = attempt(() => journal.write(new Map(one.batch.puts), new Set(one.batch.deletes)));
            nor.restore();
            if (outcome === "cut") journal = openJournal(nor.flash, owner);
            if (outcome === "done" || (outcome === "cut" && same(journal.records, after))) model = after;
          } else journal = openJournal(nor.flash, owner);
          expect(same(journal.records, model)).toBe(true);
        }
        expect(same(openJournal(nor.flash, owner).records, model)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});

function applied(
  model: ReadonlyMap<string, Uint8Array>,
  { puts, deletes }: { puts: [string, Uint8Array][]; deletes: string[] },
) {
  const after = new Map(model);
  for (const gone of deletes) after.delete(gone);
  for (const [name, value] of puts) after.set(name, value);
  return after;
}

function attempt(act: () => void): "done" | "full" | "cut" {
  try {
    act();
    return "done";
  } catch (error) {
    if (error instanceof PowerCut) return "cut";
    if (error instanceof VertebraError && error.code === "store-full") return "full";
    throw error;
  }
}

function same(a: ReadonlyMap<string, Uint8Array>, b: ReadonlyMap<string, Uint8Array>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, value] of a) {
    const other = b.get(name);
    if (!other || other.length !== value.length || other.some((byte, at) => byte !== value[at])) return false;
  }
  return true;
}
