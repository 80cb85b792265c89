import { describe, expect, it } from "vitest";
import { countBatches } from "../../bench/rv32/batches";
import { firmwareOrReason } from "./emulated";

const { reason } = await firmwareOrReason();

/** A tenth above what was counted (docs/numbers.md): bytes, and instructions a batch. */
const limits = { instructions: 84e6, idle: 290 * 1024, live: 336 * 1024, stack: 8 * 1024 };

describe.skipIf(reason)("200 final batches of two groups on a board of 520 KB", () => {
  it("fit, and cost no more instructions and heap than is written down", { timeout: 300_000 }, async () => {
    const cost = await countBatches(200);
    expect(cost.ram).toBe(520 * 1024 - 8);
    expect(cost.taken).toBeLessThan(cost.ram);
    expect(cost.instructions).toBeLessThan(limits.instructions);
    expect(cost.idle).toBeLessThan(limits.idle);
    expect(cost.live).toBeLessThan(limits.live);
    expect(cost.stack).toBeLessThan(limits.stack);
  });
});
