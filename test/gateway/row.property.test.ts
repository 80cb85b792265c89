import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withMoved } from "../../firmware/core/pact/produced";
import { createRow, isToldAgain } from "../../gateway/channels/row";
import type { HistoricBlock } from "../../gateway/participant/final-block";
import type { KnownGroup } from "../../gateway/world/catalog";

/** "A repeat is told to nobody, so nothing is lost or doubled" (PROTOCOL 10, Succession), in whatever order a reader comes upon the blocks. */

const filled = (byte: number) => new Uint8Array(32).fill(byte);
const entry = Uint8Array.of(0x81, 1);

function groupsOf(count: number): KnownGroup[] {
  const groups: KnownGroup[] = [];
  for (let index = 0; index < count; index++) {
    groups.push({ name: `g~${count - index}`, id: filled(index), before: groups.at(-1) ?? null } as KnownGroup);
  }
  return groups;
}

/** A block of an issuer: the first group that it was sealed in, in which groups it was sealed anew, and where it is final. */
interface Lived {
  readonly issuer: number;
  readonly sealed: readonly boolean[];
  readonly final: readonly boolean[];
}

interface Told {
  readonly group: number;
  readonly of: Lived;
  readonly block: HistoricBlock;
}

/** The blocks that are final in each group, with the counters that their issuers gave them there. */
function finalsOf(groups: number, lives: readonly Lived[]): Told[][] {
  const counters = new Map<string, number>();
  const finals: Told[][] = Array.from({ length: groups }, () => []);
  for (const of of lives) {
    const before: number[] = [];
    for (let group = 0; group < groups; group++) {
      const began = of.sealed.slice(0, group).includes(true);
      if (!of.sealed[group]) {
        if (began) before.unshift(0);
        continue;
      }
      const key = `${of.issuer} ${group}`;
      const counter = (counters.get(key) ?? 0) + 1;
      counters.set(key, counter);
      const first = before.length === 0 ? entry : withMoved({ counters: before, entry });
      const block = { header: { issuer: filled(100 + of.issuer), counter }, entries: [first] };
      if (of.final[group]) finals[group]!.push({ group, of, block: block as unknown as HistoricBlock });
      before.unshift(counter);
    }
  }
  return finals;
}

describe("a row of groups that succeed each other", () => {
  it("tells each block once, however often it was moved and wherever it became final", () => {
    const life = (groups: number) =>
      fc.record({
        issuer: fc.nat(2),
        sealed: fc.array(fc.boolean(), { minLength: groups, maxLength: groups }),
        final: fc.array(fc.boolean(), { minLength: groups, maxLength: groups }),
      });
    const world = fc.integer({ min: 2, max: 4 }).chain((groups) =>
      fc.record({
        groups: fc.constant(groups),
        lives: fc.array(life(groups), { maxLength: 40 }),
        order: fc.array(fc.nat(groups - 1), { maxLength: 400 }),
      }),
    );
    fc.assert(
      fc.property(world, ({ groups, lives, order }) => {
        const known = groupsOf(groups);
        const finals = finalsOf(groups, lives);
        const wanted = lives.filter(({ sealed, final }) => sealed.some((each, group) => each && final[group])).length;
        const row = createRow();
        const told: Lived[] = [];
        const all = Array.from({ length: groups }, (_, group) => group);
        for (const group of [...order, ...all.flatMap((each) => finals[each]!.map(() => each))]) {
          const next = finals[group]!.shift();
          if (next === undefined) continue;
          if (!isToldAgain(row, known[group]!, group === groups - 1, next.block)) told.push(next.of);
        }
        expect(new Set(told).size).toBe(told.length);
        expect(told.length).toBe(wanted);
      }),
      { numRuns: 500 },
    );
  });
});
