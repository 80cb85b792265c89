import { describe, expect, it } from "vitest";
import type { Summary } from "../../../gateway/demo/summary";
import { startCommand } from "../../gateway/command";
import { firmwareOrReason } from "./emulated";

const { reason } = await firmwareOrReason();

describe.skipIf(reason)("the demo, where an emulated board can be had,", () => {
  it("has one, and ends with everything final that its boards sealed, in one order on all sides", async () => {
    const { status, stdout, stderr } = await startCommand("demo", "--for", "14s", "--json").ended;
    const { failures, boards }: Summary = JSON.parse(stdout);
    expect({ status, failures, stderr }).toEqual({ status: 0, failures: [], stderr: "" });
    expect(boards.map(({ emulated }) => emulated)).toEqual([false, false, true]);
    for (const board of boards) expect(board.finalized).toBe(board.sealed);
    expect(boards[2]!.finalized).toBeGreaterThan(0);
  });
});
