import { describe, expect, it } from "vitest";
import { digestOfPlan, keptSeeds } from "./kept-seeds";
import { drawLoadedPlan } from "./load-plan";
import { drawPlan } from "./plan";
import { platform } from "./platform";
import { simulate } from "./simulate";

describe("the simulated world of a seed that once failed", () => {
  for (const { seed, loaded, why, plan } of keptSeeds) {
    it(`keeps its promises: ${loaded ? "under load, " : ""}seed ${seed}, where ${why}`, () => {
      const drawn = loaded ? drawLoadedPlan(seed) : drawPlan(seed);
      const remedy = "The seed draws another world now: find one in which the old fault shows again, or drop it.";
      expect(digestOfPlan(drawn), remedy).toBe(plan);
      expect(simulate(drawn, platform).failures).toEqual([]);
    }, 60_000);
  }
});
