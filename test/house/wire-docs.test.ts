import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import vectors from "../../docs/wire/vectors.json";
import { fromHex } from "../../firmware/core/wire/bytes";
import { type Cbor, decode, encode } from "../../firmware/core/wire/cbor";
import { derivations, domains } from "../../firmware/core/wire/hash";
import { parseCddl } from "./cddl";

const read = (name: string) => readFileSync(new URL(`../../docs/wire/${name}`, import.meta.url), "utf8");
const cddl = parseCddl(read("vertebra.cddl"));
const messages = [
  "hello",
  "block",
  "header",
  "metablock",
  "certificate-message",
  "certificates",
  "want",
  "frontier",
  "pull",
  "proof",
  "bye",
];

/** The rows of a table in the README, as `name: text in the second column`. */
function tableOf(heading: string): Record<string, string> {
  const section = read("README.md").split(`## ${heading}\n`)[1]!.split("\n## ")[0]!;
  const rows = section.split("\n").filter((line) => /^\| [a-z]+ \| `/.test(line));
  return Object.fromEntries(
    rows.map((row) => row.split(" | ").slice(0, 2)).map(([name, text]) => [name!.slice(2), text!.slice(1, -1)]),
  );
}

describe("docs/wire", () => {
  it("lists the hash domains that the code has", () => {
    expect(tableOf("Hash domains")).toEqual(domains);
  });

  it("lists the derived keys that the code has", () => {
    expect(tableOf("Derived keys")).toEqual(derivations);
  });

  it("has a CDDL rule that each vector follows, and for a message the rule of all messages too", () => {
    for (const { rule, hex } of vectors.structures) {
      expect([rule, cddl.matches(rule, fromHex(hex), new Set())]).toEqual([rule, true]);
      if (messages.includes(rule)) expect(cddl.matches("message", fromHex(hex), new Set())).toBe(true);
    }
  });

  it("has no CDDL rule that no vector meets", () => {
    const met = new Set<string>();
    for (const { rule, hex } of vectors.structures) {
      cddl.matches(rule, fromHex(hex), met);
      cddl.matches("message", fromHex(hex), met);
    }
    expect(cddl.rules.filter((rule) => !met.has(rule))).toEqual([]);
  });

  it("has rules that a vector breaks when an item is missing, added or of another type", () => {
    for (const { rule, hex } of vectors.structures) {
      if (rule === "entry" || rule === "gap-entry" || rule === "moved-entry" || rule === "produced-entry") continue;
      const items = decode(fromHex(hex)) as readonly Cbor[];
      const damaged: Cbor[] = [items.slice(0, -1), [...items, null], new Map()];
      for (const index of items.keys()) damaged.push(items.map((item, at) => (at === index ? new Map() : item)));
      for (const value of damaged) expect(cddl.matches(rule, encode(value), new Set())).toBe(false);
    }
  });
});
