import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import link from "../../docs/wire/link.json";
import saga from "../../docs/wire/saga.json";
import { fromHex } from "../../firmware/core/wire/bytes";
import { parseCddl } from "./cddl";

for (const [name, vectors] of Object.entries({ link, saga })) {
  const cddl = parseCddl(readFileSync(new URL(`../../docs/wire/${name}.cddl`, import.meta.url), "utf8"));

  describe(`docs/wire/${name}.cddl`, () => {
    it("has a rule that each vector follows, and none that no vector meets", () => {
      const met = new Set<string>();
      for (const { rule, hex } of vectors.structures) {
        expect([rule, cddl.matches(rule, fromHex(hex), met)]).toEqual([rule, true]);
      }
      expect(cddl.rules.filter((rule) => !met.has(rule))).toEqual([]);
    });

    it("has rules that the vectors of the others break", () => {
      const first = new Map(vectors.structures.map(({ rule, hex }) => [rule, fromHex(hex)]));
      for (const rule of first.keys()) {
        for (const [other, bytes] of first) expect(cddl.matches(rule, bytes, new Set())).toBe(rule === other);
      }
    });
  });
}
