import { describe, expect, it } from "vitest";
import { soundWall, wallError } from "../../firmware/core/clock";
import { createNetwork } from "./network";

/** What a system's clock may show that is no time. */
const noTimes = [-1, -31_536_000_000, -(2 ** 53), 2 ** 53, 2 ** 53 - 1, 1e300, 0, 0.5, Number.NaN];

describe("a wall clock that shows no time of today", () => {
  for (const wall of [...noTimes, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    it(`is none for who seals blocks: ${wall}`, () => {
      const network = createNetwork({
        members: ["gateway", "board"],
        groups: [
          { name: "diary", owners: ["board"] },
          { name: "shared", owners: ["gateway", "board"] },
        ],
      });
      network.wall = () => wall;
      for (const group of ["diary", "shared"]) {
        network.push("board", group, 1);
        network.flush("board");
      }
      network.run(10_000);
      expect(network.entriesOf("board", "diary")).toEqual([1]);
      expect(network.entriesOf("gateway", "shared")).toEqual([1]);
      expect(network.members.get("board")!.finals.map(({ time }) => time)).toEqual([0, 0]);
    });

    it(`is told with what to do about it: ${wall}`, () => {
      expect(wallError(wall)?.code).toBe("clock-unset");
      expect(wallError(wall)?.message).toContain(`${wall} ms`);
    });
  }

  it("is one from the first ms of 1970 to the last of the year 9999, in whole ms", () => {
    expect([1, 1_700_000_000_000.9, Date.UTC(9999, 11, 31, 23, 59, 59, 999)].map(soundWall)).toEqual([
      1, 1_700_000_000_000, 253_402_300_799_999,
    ]);
    expect(wallError(1_700_000_000_000)).toBeUndefined();
  });
});
