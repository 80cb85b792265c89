import { beforeAll, describe, expect, it } from "vitest";
import { inCells, oneWorld } from "./fleets";
import { measure, type PerBatch } from "./measure";

describe("what a finalized batch costs a board", () => {
  let few: PerBatch;
  let many: PerBatch;
  let cells: PerBatch;
  beforeAll(() => {
    few = measure(oneWorld(10), 20_000).board;
    many = measure(oneWorld(200), 20_000).board;
    cells = measure(inCells(200), 20_000).board;
  }, 60_000);

  it("is three signatures made and three verified, whatever the size of the world", () => {
    for (const { signed, verified } of [few, many, cells]) {
      expect(signed).toBeLessThan(3.1);
      expect(verified).toBeLessThan(3.1);
    }
  });

  it("grows from a world of 10 to one of 200 by no more than the Merkle paths of two metablocks", () => {
    const mostPaths = 2 * 32 * Math.log2(200 / 10);
    expect(many.bytesIn - few.bytesIn).toBeLessThan(mostPaths);
    expect(many.bytesOut - few.bytesOut).toBeLessThan(mostPaths);
  });

  it("does not grow in cells", () => {
    expect(Math.abs(cells.bytesIn - few.bytesIn)).toBeLessThan(0.02 * few.bytesIn);
    expect(Math.abs(cells.bytesOut - few.bytesOut)).toBeLessThan(0.02 * few.bytesOut);
  });
});
