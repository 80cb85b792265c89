import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encode } from "../../firmware/core/wire/cbor";
import { hash } from "../../firmware/core/wire/hash";
import { openJournal, writeRecords } from "../../firmware/store/journal";
import { noStrings, stringsOf } from "../../firmware/store/packed";
import type { Packing } from "../../firmware/store/values";
import { cheapCrypto } from "../core/cheap-crypto";
import { allRecords, noWear } from "./all-records";
import { expectAsMap, stepOf } from "./as-a-map";
import { createNor } from "./nor";

/** Records as a participant has them, of which one borrows from another: whatever is written, deleted, put in another's place or cut, all read as they were given. */

const crypto = cheapCrypto();
const owner = new Uint8Array(32).fill(7);
const [known, unknown] = ["aa", "bb"];
const packing: Packing = {
  crypto,
  groups: new Map([[known, stringsOf([new Uint8Array(32).fill(1)])]]),
  always: noStrings(),
};

function signed(number: number, kind: number): readonly [header: Uint8Array, signature: Uint8Array] {
  const issuer = new Uint8Array(32).fill(1);
  const header = encode([issuer, crypto.sha256(Uint8Array.of(number, kind)), number, kind, issuer, 0, null]);
  return [header, new Uint8Array(64).fill(number + kind)];
}

const blockOf = (number: number) =>
  encode([...signed(number, 1), [new Uint8Array(40).fill(number), Uint8Array.of(number)]]);

/** With a proof that names block and child, and their hashes. */
function finalOf(number: number, child: number): Uint8Array {
  const [header, signature] = signed(number, 1);
  const proof = encode([[hash(crypto, "block", header)], header, signature, [...signed(child, 2), []]]);
  return encode([number, 1, proof, [new Uint8Array(40).fill(number), Uint8Array.of(number)], []]);
}

const tipOf = (child: number) => encode([...signed(child, 2), []]);

const group = fc.constantFrom(known, unknown);
const few = fc.nat(3);
const blockKey = (of: string, number: number) => `w/t/block/${of}/${number}`;
const finalKey = (of: string, position: number) => `final/t/${of}/${String(position).padStart(12, "0")}`;

/** What a write may have, beside other such. */
interface Part {
  readonly puts: readonly (readonly [string, Uint8Array])[];
  readonly deletes: readonly string[];
}

const part: fc.Arbitrary<Part> = fc.oneof(
  // Under the number of another now and then, as they begin anew with a start.
  {
    weight: 4,
    arbitrary: fc.tuple(group, few, few, fc.boolean()).map(([of, at, number, other]) => ({
      puts: [[blockKey(of, other ? at : number), blockOf(number)] as const],
      deletes: [],
    })),
  },
  // A block becomes final: its record goes, and a tip may come.
  {
    weight: 4,
    arbitrary: fc.tuple(group, few, few, few, fc.boolean()).map(([of, number, position, child, tips]) => ({
      puts: [
        [finalKey(of, position), finalOf(number, child)] as const,
        ...(tips ? [["w/t/tip", tipOf(child)] as const] : []),
      ],
      deletes: [blockKey(of, number)],
    })),
  },
  fc.tuple(group, few).map(([of, position]) => ({ puts: [], deletes: [finalKey(of, position)] })),
  fc.tuple(group, few).map(([of, at]) => ({ puts: [], deletes: [blockKey(of, at)] })),
  few.map((child) => ({ puts: [["w/t/tip", tipOf(child)] as const], deletes: [] })),
  fc.constant({ puts: [], deletes: ["w/t/tip"] }),
);
const batch = fc.array(part, { minLength: 1, maxLength: 3 }).map((all) => ({
  puts: new Map(all.flatMap(({ puts }) => puts)),
  deletes: new Set(all.flatMap(({ deletes }) => deletes)),
}));

describe("a journal whose records borrow from each other", () => {
  it("has what a Map would have, under any history of writes, reopenings and power cuts", () => {
    let [lent, tips] = [0, 0];
    fc.assert(
      fc.property(fc.array(stepOf(batch), { minLength: 1, maxLength: 60, size: "max" }), (history) => {
        const nor = createNor(12, 2048);
        const open = () => openJournal(nor.flash, owner, noWear, packing);
        expectAsMap(nor, open, history, (journal, model) => {
          lent = Math.max(lent, journal.lent.size);
          if (model.has("w/t/tip") && journal.lent.size > 1) tips++;
        });
      }),
      { numRuns: 300 },
    );
    expect(lent).toBeGreaterThan(0);
    expect(tips).toBeGreaterThan(0);
  });

  it("frees all that was lent with the last that borrowed it", () => {
    const nor = createNor(12, 2048);
    let journal = openJournal(nor.flash, owner, noWear, packing);
    writeRecords(journal, new Map([[blockKey(known, 0), blockOf(0)]]), new Set());
    const one = journal.log.liveBytes;
    writeRecords(
      journal,
      new Map([
        [finalKey(known, 0), finalOf(0, 1)],
        ["w/t/tip", tipOf(1)],
      ]),
      new Set([blockKey(known, 0)]),
    );
    expect(journal.lent.size).toBe(1);
    expect([...allRecords(journal).keys()]).toEqual([finalKey(known, 0), "w/t/tip"]);
    writeRecords(journal, new Map(), new Set([finalKey(known, 0)]));
    journal = openJournal(nor.flash, owner, noWear, packing);
    expect(allRecords(journal)).toEqual(new Map([["w/t/tip", tipOf(1)]]));
    writeRecords(journal, new Map(), new Set(["w/t/tip"]));
    expect([journal.lent.size, journal.log.table.size]).toEqual([0, 2]);
    expect(journal.log.liveBytes).toBeLessThan(one);
  });
});
