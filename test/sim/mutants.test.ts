import { describe, expect, it } from "vitest";
import { mutants } from "./mutants";
import { hunt } from "./mutate";

/** Where the core has changed since, another of the first worlds may be the one that catches it. */
const otherSeeds = Array.from({ length: 30 }, (_, index) => index + 1);

describe("the simulated worlds catch a core that was made to", () => {
  for (const mutant of mutants) {
    it(mutant.name, async () => {
      const caught = await hunt(mutant, [mutant.caughtBy, ...otherSeeds]);
      expect(caught, `find a seed that catches it: npm run sim -- --mutants "${mutant.name}"`).toBeDefined();
    }, 120_000);
  }
});
