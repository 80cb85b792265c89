import { describe, expect, it } from "vitest";
import { openJournal, writeRecords } from "../../firmware/store/journal";
import { allRecords, noWear } from "./all-records";
import { random, runCuts, scripted, untilCut } from "./cuts";
import { createNor, PowerCut, parts } from "./nor";
import { ofParticipant } from "./participant-history";

const owner = new Uint8Array(32).fill(7);

describe("after a power cut in any program or erase of a write, and a second one in any of the recovery", () => {
  it("a journal is as before the write or as after it, and goes on", () => {
    const count = runCuts("scripted-4", { ...scripted(4), cutFrom: 38 }, ["half"]);
    // Sectors are freed in some of these writes: a plan of cuts that never met one has tested nothing.
    expect(count).toBeGreaterThan(400);
  });

  it("so is one of a participant, whose records borrow from each other", () => {
    expect(runCuts("participant-4", ofParticipant(4), ["half"])).toBeGreaterThan(300);
  });

  for (const seed of [3, 10]) {
    it(`so is one with a history that the number ${seed} stands for`, () => {
      expect(runCuts(`random-${seed}`, { ...random(seed), cutFrom: 56 }, ["alone"])).toBeGreaterThan(60);
    });
  }
});

describe("a cut in the commit word of a record", () => {
  for (const part of parts) {
    it(`(${part} of it done) leaves a state that no later start sees otherwise`, () => {
      const nor = createNor(8, 512);
      const journal = openJournal(nor.flash, owner, noWear);
      writeRecords(journal, new Map([["claim", Uint8Array.of(1)]]), new Set());
      nor.cutAt(nor.operations() + 1, part);
      const write = () => writeRecords(journal, new Map([["claim", Uint8Array.of(2)]]), new Set());
      expect(untilCut(write)).toBe(true);
      nor.restore();
      const found = allRecords(openJournal(nor.flash, owner, noWear));
      for (let start = 0; start < 3; start++) {
        expect(allRecords(openJournal(nor.flash, owner, noWear))).toEqual(found);
      }
    });
  }
});

describe("a journal whose flash failed in a write", () => {
  it("is not used again, since nobody knows what the flash holds", () => {
    const nor = createNor(8, 512);
    const journal = openJournal(nor.flash, owner, noWear);
    nor.cutAt(nor.operations(), "half");
    const write = () => writeRecords(journal, new Map([["claim", Uint8Array.of(1)]]), new Set());
    expect(write).toThrow(PowerCut);
    nor.restore();
    expect(write).toThrow("opened anew");
  });
});
