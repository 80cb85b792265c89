import { beforeAll, describe, expect, it } from "vitest";
import { hostOrReason } from "../xs/host";
import { inCells, oneWorld } from "./fleets";
import { type Measured, measure } from "./measure";
import { replayOnXs } from "./xs";

const host = await hostOrReason();

/** Of the two metablocks that a batch takes, each to be shown with a path of 32 bytes a level. */
const mostPaths = (few: number, many: number) => 2 * 32 * Math.log2(many / few);

describe("what a finalized batch costs a board", () => {
  let few: Measured;
  let many: Measured;
  let cells: Measured;
  beforeAll(() => {
    few = measure(oneWorld(10), 20_000);
    many = measure(oneWorld(200), 20_000);
    cells = measure(inCells(200), 20_000);
  }, 120_000);

  it("is three signatures made and three verified, whatever the size of the world", () => {
    for (const { board } of [few, many, cells]) {
      expect(board.signed).toBeLessThan(3.1);
      expect(board.verified).toBeLessThan(3.1);
    }
  });

  it("grows from a world of 10 to one of 200 by no more bytes than the Merkle paths of two metablocks", () => {
    expect(many.board.bytesIn - few.board.bytesIn).toBeLessThan(mostPaths(10, 200));
    expect(many.board.bytesOut - few.board.bytesOut).toBeLessThan(mostPaths(10, 200));
  });

  it("does not grow in cells", () => {
    expect(Math.abs(cells.board.bytesIn - few.board.bytesIn)).toBeLessThan(0.02 * few.board.bytesIn);
    expect(Math.abs(cells.board.bytesOut - few.board.bytesOut)).toBeLessThan(0.02 * few.board.bytesOut);
  });

  it.skipIf(host.reason !== undefined)(
    `is as many instructions of XS in a world of 200 as in one of 10, doing the same byte for byte${host.reason ? `: ${host.reason}` : ""}`,
    async () => {
      const ofFew = await replayOnXs(host.path, few.recordings.board.slice(0, 5));
      const ofMany = await replayOnXs(host.path, many.recordings.board.slice(0, 15));
      const [before, after] = [ofFew, ofMany].map(({ core, finalized }) => core / finalized) as [number, number];
      expect(Math.abs(after - before)).toBeLessThan(0.03 * before);
    },
    120_000,
  );
});

describe("what a finalized batch costs a board whose whole world pushes at one moment", () => {
  let few: Measured;
  let many: Measured;
  beforeAll(() => {
    few = measure(oneWorld(5), 20_000, 0);
    many = measure(oneWorld(30), 20_000, 0);
  }, 120_000);

  it("is three signatures made, and four verified at most: each pair has metablocks of its own", () => {
    for (const { board } of [few, many]) {
      expect(board.signed).toBeLessThan(3.1);
      expect(board.verified).toBeLessThan(4.1);
    }
  });

  it("grows from 5 boards to 30 by no more bytes than the Merkle paths of two metablocks", () => {
    expect(many.board.bytesIn - few.board.bytesIn).toBeLessThan(mostPaths(5, 30));
    expect(many.board.bytesOut - few.board.bytesOut).toBeLessThan(mostPaths(5, 30));
  });
});
