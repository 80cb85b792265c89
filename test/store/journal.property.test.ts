import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { equal } from "../../firmware/core/wire/bytes";
import { journalStats, openJournal, writeRecords } from "../../firmware/store/journal";
import { allRecords, noWear } from "./all-records";
import { expectAsMap, stepOf } from "./as-a-map";
import { same } from "./cuts";
import { createNor } from "./nor";

const owner = new Uint8Array(32).fill(7);
const key = fc.constantFrom("claim", "w/t/lock", "final/a/1", "final/a/2", "é", "w/t/block/0", "w/t/block/1");
const batch = fc.record({
  puts: fc.array(fc.tuple(key, fc.uint8Array({ maxLength: 120 })), { maxLength: 4 }).map((pairs) => new Map(pairs)),
  deletes: fc.array(key, { maxLength: 2 }).map((keys) => new Set(keys)),
});

describe("a journal under any history of writes, reopenings and power cuts", () => {
  it("has what a Map would have", () => {
    fc.assert(
      fc.property(fc.array(stepOf(batch), { maxLength: 60 }), fc.constantFrom(1, 4, 32), (history, writeSize) => {
        const nor = createNor(10, 1024, writeSize);
        expectAsMap(nor, () => openJournal(nor.flash, owner, noWear), history);
      }),
      { numRuns: 100 },
    );
  });
});

describe("a flash with any bytes in it", () => {
  it("is refused with a reason or has records whose CRC holds, and is never read past its end", () => {
    const { nor: whole, records } = filled();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.uint8Array({ minLength: 1, maxLength: 90 })), { maxLength: 12 }),
        fc.boolean(),
        (pieces, blank) => {
          const nor = createNor(10, 1024);
          if (!blank) nor.bytes.set(whole);
          for (const [at, bytes] of pieces) nor.bytes.set(bytes.subarray(0, nor.bytes.length - at), at);
          nor.restore();
          const before = nor.bytes.slice();
          try {
            const found = allRecords(openJournal(nor.flash, owner, noWear));
            for (const [name, value] of found) expect(records.get(name)?.some((each) => equal(each, value))).toBe(true);
          } catch (error) {
            if (!(error instanceof VertebraError)) throw error;
            expect(["store-damaged", "store-unknown"]).toContain(error.code);
            expect(error.remedy.length).toBeGreaterThan(20);
            expect(nor.bytes).toEqual(before);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

/** A flash that was written and freed for a while, and every value that each record ever had. */
function filled(): { readonly nor: Uint8Array; readonly records: Map<string, Uint8Array[]> } {
  const nor = createNor(10, 1024);
  const journal = openJournal(nor.flash, owner, noWear);
  const records = new Map<string, Uint8Array[]>();
  for (let step = 0; step < 200; step++) {
    const name = `w/t/slot/${step % 9}`;
    const value = new Uint8Array((step * 37) % 200).fill(step);
    writeRecords(journal, new Map([[name, value]]), new Set());
    records.set(name, [...(records.get(name) ?? []), value]);
  }
  return { nor: nor.bytes.slice(), records };
}

describe("wear", () => {
  it("is spread over all sectors within a factor of 2, whatever changes and whatever stays", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 24 }),
        fc.integer({ min: 1, max: 8 }),
        fc.nat(3),
        (still, changing, cuts) => {
          const nor = createNor(16, 1024);
          let journal = openJournal(nor.flash, owner, noWear);
          const rest = new Map(
            Array.from({ length: still }, (_, index) => [`still/${index}`, new Uint8Array(150).fill(index)] as const),
          );
          writeRecords(journal, rest, new Set());
          for (let round = 0; round < 1_500; round++) {
            writeRecords(journal, new Map([[`hot/${round % changing}`, new Uint8Array(70).fill(round)]]), new Set());
            if (cuts > 0 && round % 500 === 10 * cuts) journal = openJournal(nor.flash, owner, noWear);
          }
          const most = Math.max(...nor.erasesOf);
          const least = Math.min(...nor.erasesOf);
          expect(most).toBeGreaterThan(5);
          expect(`${least} to ${most}: ${most <= 2 * least + 4}`).toBe(`${least} to ${most}: true`);
          for (const [name, value] of rest) expect(allRecords(journal).get(name)).toEqual(value);
        },
      ),
      { numRuns: 12 },
    );
  });

  it("of single sectors takes them out of use, tells it, and loses nothing", () => {
    const nor = createNor(20, 1024);
    const told: string[] = [];
    const expected = new Map<string, Uint8Array>();
    const open = () => openJournal(nor.flash, owner, ({ code }) => told.push(code));
    let journal = open();
    for (let round = 0; round < 900; round++) {
      if (round % 150 === 100) nor.wearOut((round * 7) % 20);
      const value = new Uint8Array(90).fill(round);
      writeRecords(journal, new Map([[`k/${round % 11}`, value]]), new Set());
      expected.set(`k/${round % 11}`, value);
      if (round % 97 === 0) journal = open();
    }
    expect(new Set(told)).toEqual(new Set(["store-sector-worn"]));
    expect(journalStats(journal).retired).toBeGreaterThan(1);
    expect(same(allRecords(open()), expected)).toBe(true);
  });

  it("of all of it ends in an error that says so", () => {
    const nor = createNor(10, 1024);
    const journal = openJournal(nor.flash, owner, () => {});
    for (let sector = 0; sector < 10; sector++) nor.wearOut(sector);
    const write = () => writeRecords(journal, new Map([["k", Uint8Array.of(1)]]), new Set());
    expect(write).toThrow(VertebraError);
  });
});
