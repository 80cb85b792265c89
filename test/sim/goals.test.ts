import { describe, expect, it } from "vitest";
import type { Checkers, FinalBlock } from "./checkers";
import { lackOf } from "./goals";
import type { Group, Member } from "./world";

describe("What is lacking in a simulated world", () => {
  for (const isPrivate of [false, true]) {
    it(`is a block that was sealed and is not final${isPrivate ? ", of a private group too, which shows no values" : ""}`, () => {
      const able = ["a", "b"].map((name) => ({ name }) as Member);
      const group = { name: "g0", policy: { private: isPrivate } } as Group;
      const final = ["11", "22"].map((block) => ({ block, values: isPrivate ? null : [1] }) as FinalBlock);
      const lacking = (sealed: readonly string[]) =>
        lackOf(
          {
            historyOf: () => final,
            sealedBy: (member: Member) => (member.name === "a" ? sealed : []),
          } as unknown as Checkers,
          [{ group, able }],
        );
      expect(lacking(["22", "11"])).toBeUndefined();
      expect(lacking(["22", "33"])).toBe("blocks 33 of a, sealed, are not final in g0 at a");
    });
  }
});
