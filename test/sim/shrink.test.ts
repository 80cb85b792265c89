import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { mutants } from "./mutants";
import { bundleMutant } from "./mutate";
import { drawPlan } from "./plan";
import { platform } from "./platform";
import { shrink } from "./shrink";

describe("shrinking a plan", () => {
  it("leaves of one that fails under a faulty core only what it fails by", async () => {
    const mutant = mutants.find(({ name }) => name === "be content with one certificate less")!;
    const over = (await import(pathToFileURL(await bundleMutant(mutant, "shrink.ts")).href)) as {
      shrink: typeof shrink;
    };
    const plan = drawPlan(mutant.caughtBy);
    const lines: string[] = [];
    const smallest = over.shrink(plan, platform, (line) => lines.push(line))!;
    // One certificate too few needs one block that somebody pushes, and no fault at all.
    expect(smallest.steps.map(({ kind }) => kind)).toEqual(["push"]);
    expect(smallest.seed).toBe(plan.seed);
    expect(lines.at(-1)).toContain("where its owners' quorum had not certified it");
  }, 60_000);

  it("says of one that does not fail that it does not", () => {
    const lines: string[] = [];
    expect(shrink(drawPlan(1), platform, (line) => lines.push(line))).toBeUndefined();
    expect(lines).toEqual(["seed 1 does not fail"]);
  });
});
