import { describe, expect, it } from "vitest";
import { seedsFor } from "./mutant";
import { mutants } from "./mutants";
import { hunt } from "./mutate";

/** Where the core has changed since, another of the first worlds may be the one that catches it. */
const otherWorlds = 30;

describe("the simulated worlds catch a core that was made to", () => {
  for (const mutant of mutants) {
    it(mutant.name, async () => {
      const caught = await hunt(mutant, [mutant.caughtBy, ...seedsFor(mutant, 1, otherWorlds)]);
      expect(caught, `find a seed that catches it: npm run sim -- --mutants "${mutant.name}"`).toBeDefined();
    }, 120_000);
  }
});
