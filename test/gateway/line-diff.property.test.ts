import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unifiedDiff } from "../../gateway/system/line-diff";

const line = fc.constantFrom("a", "b", "c", "", "  }", "@@ -1 +1 @@");
const text = fc.array(line, { maxLength: 40 }).map((lines) => lines.join("\n"));

/** The text that a diff makes of the one before, as `patch` does it. */
function patched(before: string, diff: readonly string[]): string {
  const old = before.split("\n");
  const made: string[] = [];
  let at = 0;
  for (let next = 0; next < diff.length; ) {
    const [, from, lines, to, more] = /^@@ -(\d+),(\d+) \+(\d+),(\d+) @@$/.exec(diff[next++]!)!.map(Number);
    while (at < from! - (lines! > 0 ? 1 : 0)) made.push(old[at++]!);
    expect(made.length).toBe(to! - (more! > 0 ? 1 : 0));
    let [gone, come] = [lines!, more!];
    while (gone > 0 || come > 0) {
      const edit = diff[next++]!;
      if (edit[0] !== "+") {
        expect(old[at++]).toBe(edit.slice(1));
        gone--;
      }
      if (edit[0] !== "-") {
        made.push(edit.slice(1));
        come--;
      }
    }
  }
  return [...made, ...old.slice(at)].join("\n");
}

describe("what changed between two texts", () => {
  it("makes the one of the other, and is nothing where they are the same", () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        const diff = unifiedDiff(before, after);
        expect(patched(before, diff)).toBe(after);
        expect(diff.length === 0).toBe(before === after);
      }),
      { numRuns: 2_000 },
    );
  });

  it("changes no more lines than diff does", () => {
    const folder = mkdtempSync(join(tmpdir(), "vertebra-diff-"));
    const count = (lines: readonly string[]) => lines.filter((each) => /^[-+]/.test(each)).length;
    try {
      fc.assert(
        fc.property(text, text, (before, after) => {
          for (const [name, its] of Object.entries({ before, after })) writeFileSync(join(folder, name), `${its}\n`);
          const { stdout } = spawnSync("diff", ["-d", "-u", join(folder, "before"), join(folder, "after")]);
          const its = String(stdout).split("\n").slice(2);
          expect(count(unifiedDiff(before, after))).toBeLessThanOrEqual(count(its));
        }),
        { numRuns: 100 },
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is found of the largest source there is, though all of it changed", () => {
    const before = Array.from({ length: 30_000 }, (_, at) => `${at % 10}`).join("\n");
    const after = Array.from({ length: 30_000 }, (_, at) => `${at % 7}`).join("\n");
    expect(patched(before, unifiedDiff(before, after))).toBe(after);
  });
});
