import { describe, expect, it } from "vitest";
import { createWear, erasesOf, noteErase } from "../../firmware/store/wear";

const sectors = [0, 1, 2];

describe("how often a sector was erased", () => {
  it("is known as it was counted, from any count on and beyond what two bytes hold", () => {
    const counted = [99_000, 99_400, 99_007];
    const wear = createWear(Uint32Array.from(counted));
    // As leveling has it: one after the other, and now and then one twice.
    for (let erase = 0; erase < 200_000; erase++) {
      const sector = erase % 97 === 0 ? 1 : erase % 3;
      counted[sector] = counted[sector]! + 1;
      noteErase(wear, sector);
    }
    expect(sectors.map((sector) => erasesOf(wear, sector))).toEqual(counted);
    expect(Math.min(...counted)).toBeGreaterThan(99_000 + 0xffff);
  });

  it("keeps its order where one was erased far more often than any other, which leveling does not let come", () => {
    const wear = createWear(Uint32Array.of(0, 5, 200_000));
    for (let erase = 0; erase < 10; erase++) noteErase(wear, 2);
    expect(sectors.map((sector) => erasesOf(wear, sector))).toEqual([0, 5, 0xffff]);
  });
});
