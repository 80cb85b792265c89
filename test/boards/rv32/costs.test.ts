import { describe, expect, it } from "vitest";
import { decodeBoard } from "../../../firmware/core/capability/board";
import { boundsFor, bytesFor } from "../../../firmware/core/memory";
import { readDefinition } from "../../../gateway/world/world";
import { countBatches } from "../../bench/rv32/batches";
import { firmwareOrReason } from "./emulated";

const { reason } = await firmwareOrReason();

/** Somewhat above what was counted (docs/numbers.md): bytes, and instructions a batch. */
const limits = { instructions: 92e6, idle: 292 * 1024, live: 352 * 1024, taken: 440 * 1024, stack: 8 * 1024 };
const { memory } = decodeBoard(readDefinition("rv32"));
/** The board's group with its gateway, and the one that is shared: by these two alone. */
const two = { owners: 2, largestEntry: 64, mine: true };
const asked = { groups: [two, two], sagas: 0, deployed: 0 };

describe.skipIf(reason)("200 final batches of two groups on a board of 520 KB", () => {
  it("fit, and cost no more instructions and heap than is written down", { timeout: 300_000 }, async () => {
    const cost = await countBatches(200);
    expect(cost.ram).toBe(520 * 1024 - 8);
    expect(cost.taken).toBeLessThan(limits.taken);
    // What it reckons with when it decides whether its groups fit.
    expect(cost.idle).toBeLessThan(memory!.firmware);
    expect(cost.taken).toBeLessThan(memory!.firmware + bytesFor(boundsFor(memory!, asked), asked));
    expect(cost.instructions).toBeLessThan(limits.instructions);
    expect(cost.idle).toBeLessThan(limits.idle);
    expect(cost.live).toBeLessThan(limits.live);
    expect(cost.stack).toBeLessThan(limits.stack);
  });
});
