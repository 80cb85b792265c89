import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openRecords, recordLength } from "../../firmware/store/records";
import { writeRecords } from "../../firmware/store/writing";
import { cheapCrypto } from "../core/cheap-crypto";
import { allRecords, noWear } from "./all-records";
import { applied, boardWrites } from "./board-writes";
import { same, untilCut } from "./cuts";
import { createNor, parts } from "./nor";

const owner = new Uint8Array(32).fill(7);
const crypto = cheapCrypto();

for (const direction of ["board", "gateway"] as const) {
  describe(`what a board writes where the ${direction} pushes`, () => {
    it("is read again byte for byte after each write and each start, and in a fraction of its bytes", () => {
      const nor = createNor(24, 1024);
      let records = openRecords(nor.flash, owner, noWear, crypto);
      let model = new Map<string, Uint8Array>();
      for (const [index, write] of boardWrites(direction, 40, 16).entries()) {
        writeRecords(records, write.puts, write.deletes);
        model = applied(model, write);
        if (index % 7 === 3) records = openRecords(nor.flash, owner, noWear, crypto);
        expect(`${index}: ${same(allRecords(records), model)}`).toBe(`${index}: true`);
      }
      for (const [key, value] of model) expect(recordLength(records, key)).toBe(value.length);
    });
  });
}

/** Of each kind of record some values as boards write them, so that what one takes from another is there, or is not. */
const written = (["board", "gateway"] as const).flatMap((direction) => boardWrites(direction, 6, 16));
const values = [...new Set(written.flatMap(({ puts }) => [...puts].map(([, value]) => value)))];
const keysWritten = new Set(written.flatMap(({ puts }) => [...puts.keys()]));
const keys = [...keysWritten].filter((key) => !/[4-9]$/.test(key) || key.length > 150).slice(0, 24);
const value = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...values) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 150 }) },
);
const batch = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      puts: fc.array(fc.tuple(fc.constantFrom(...keys), value), { maxLength: 4 }),
      deletes: fc.array(fc.constantFrom(...keys), { maxLength: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(...written).map(({ puts, deletes }) => ({ puts: [...puts], deletes: [...deletes] })),
  },
);
const step = fc.record({
  batch,
  cut: fc.option(fc.nat(12), { freq: 4 }),
  part: fc.constantFrom(...parts),
  reopen: fc.boolean(),
});

describe("records that take bytes from each other", () => {
  it("are what a Map would have, whatever is written and deleted in whatever order, and wherever the power is cut", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (history) => {
        const nor = createNor(40, 1024);
        const open = () => openRecords(nor.flash, owner, noWear, crypto);
        let records = open();
        let model = new Map<string, Uint8Array>();
        for (const { batch: one, cut, part, reopen } of history) {
          const write = { puts: new Map(one.puts), deletes: new Set(one.deletes) };
          const after = applied(model, write);
          if (cut !== null) nor.cutAt(nor.operations() + cut, part);
          const wasCut = untilCut(() => writeRecords(records, write.puts, write.deletes));
          nor.restore();
          if (wasCut || reopen) records = open();
          if (!wasCut || same(allRecords(records), after)) model = after;
          expect(same(allRecords(records), model)).toBe(true);
        }
        expect(same(allRecords(open()), model)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });
});
