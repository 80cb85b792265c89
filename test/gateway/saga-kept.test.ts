import { describe, expect, it } from "vitest";
import { alone, counting, countingByKey } from "../saga/alone";
import { describeLedger } from "../saga/conductors";

/** What is kept of a saga that ran for long: too long for the engine of a board in a test. */

describe("a saga that ran 3,000 times", () => {
  for (const [name, plan] of Object.entries({ "one after the other": counting, "by key": countingByKey })) {
    it(`goes on from what was kept and the last 64 blocks of each group, ${name}`, () => {
      const one = alone(plan);
      for (let each = 0; each < 3_000; each++) one.push("order", each % 50, 0);
      const before = describeLedger(one.conductor.ledger);
      one.restart(64);
      expect(describeLedger(one.conductor.ledger)).toEqual(before);
      const { length } = one.blocks;
      one.push("order", 7, 0);
      // The order, what it produced, and a state of each stage.
      expect(one.blocks).toHaveLength(length + 4);
      expect(one.notices).toEqual([]);
      expect(one.kept.at(-1)!.length).toBeLessThan(6_000);
    });
  }
});
