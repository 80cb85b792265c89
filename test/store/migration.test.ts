import { describe, expect, it } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { openJournal, writeRecords } from "../../firmware/store/journal";
import { allRecords, noWear } from "./all-records";
import { same, untilCut } from "./cuts";
import { createFormer, writeFormer } from "./former";
import { createNor, type Nor, parts } from "./nor";

const owner = new Uint8Array(32).fill(7);

/** A flash as the version before left it, the bank that counts first or second, and its records. */
function former(compactions: number): { readonly nor: Nor; readonly records: Map<string, Uint8Array> } {
  const nor = createNor(20, 512, 0);
  const journal = createFormer(nor.flash, owner);
  for (let step = 0; step < 12 || journal.compactions < compactions; step++) {
    const puts = new Map([
      [`w/t/slot/g/${step % 5}`, new Uint8Array(40 + (step % 90)).fill(step)],
      ["w/t/state", Uint8Array.of(step)],
    ]);
    writeFormer(journal, puts, new Set([`w/t/slot/g/${(step + 2) % 5}`]));
  }
  return { nor, records: new Map(journal.records) };
}

function copyOf(bytes: Uint8Array): Nor {
  const nor = createNor(20, 512);
  nor.bytes.set(bytes);
  nor.restore();
  return nor;
}

describe("a flash of the version before", () => {
  for (const compactions of [0, 1, 4]) {
    it(`is brought into the form of now with all its records, after ${compactions} moves from bank to bank`, () => {
      const { nor, records } = former(compactions);
      const now = copyOf(nor.bytes);
      const journal = openJournal(now.flash, owner, noWear);
      expect(same(allRecords(journal), records)).toBe(true);
      writeRecords(journal, new Map([["more", Uint8Array.of(1)]]), new Set(records.keys()));
      expect([...allRecords(openJournal(now.flash, owner, noWear)).keys()]).toEqual(["more"]);
    });
  }

  it("loses nothing where the power is cut in any program or erase on the way, and again in any of the next start", () => {
    const { nor, records } = former(1);
    let cuts = 0;
    for (const part of parts) {
      for (let operation = 0; ; operation++) {
        const cut = copyOf(nor.bytes);
        cut.cutAt(operation, part);
        if (!untilCut(() => openJournal(cut.flash, owner, noWear))) break;
        const again = copyOf(cut.bytes);
        again.cutAt((operation * 5) % 17, "half");
        untilCut(() => openJournal(again.flash, owner, noWear));
        again.restore();
        const found = allRecords(openJournal(again.flash, owner, noWear));
        expect(`${operation}, ${part}: ${same(found, records)}`).toBe(`${operation}, ${part}: true`);
        cuts++;
      }
    }
    expect(cuts).toBeGreaterThan(100);
  });

  it("of another participant is refused, and left as it is", () => {
    const { nor } = former(1);
    const before = nor.bytes.slice();
    const act = () => openJournal(nor.flash, new Uint8Array(32).fill(8), noWear);
    expect(act).toThrow(VertebraError);
    expect(act).toThrow("belongs to another participant");
    expect(nor.bytes).toEqual(before);
  });

  it("that is damaged is refused, and left as it is", () => {
    const { nor } = former(0);
    nor.bytes[90]! ^= 1;
    const before = nor.bytes.slice();
    expect(() => openJournal(nor.flash, owner, noWear)).toThrow("damaged");
    expect(nor.bytes).toEqual(before);
  });
});
