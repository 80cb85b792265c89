import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { type Cbor, decode, encode } from "../../firmware/core/wire/cbor";
import { hash } from "../../firmware/core/wire/hash";
import { merkleRoot } from "../../firmware/core/wire/merkle";
import { headOf, isPacked, type Known, lenderOf, noStrings, stringsOf } from "../../firmware/store/packed";
import { pack, stringsIn } from "../../firmware/store/packing";
import { unpack } from "../../firmware/store/unpacking";
import * as arbitraries from "../core/arbitraries";
import { cheapCrypto } from "../core/cheap-crypto";
import { createNetwork } from "../core/network";

/** What is packed comes back as it was, whatever it is: of a board whose flash is read wrong nobody would know before it has to keep a promise. */
const crypto = cheapCrypto();
const strings = [
  new Uint8Array(32).fill(1),
  new Uint8Array(32).fill(2),
  new Uint8Array(110).fill(3),
  new Uint8Array(0),
];
const known: Known = { crypto, strings: stringsOf(strings), lent: noStrings() };
const lender = 7 * 2 ** 32 + 3;

function comesBack(of: Known, value: Uint8Array, first: number | null): Uint8Array {
  const stored = pack(of, value, first, of.lent.places.length === 0 ? null : lender);
  expect(stored.length).toBeLessThanOrEqual(value.length);
  if (stored === value) return stored;
  expect(isPacked(stored)).toBe(true);
  expect(lenderOf(stored)).toBe(of.lent.places.length === 0 ? undefined : lender);
  expect(headOf(stored).length).toBe(value.length);
  expect(unpack(of, stored, first)).toEqual(value);
  return stored;
}

const first = fc.constantFrom(null, 2, 3);

/** Structures within structures, with what is known and the hashes of each other in them, at any place. */
const structure = fc
  .tuple(fc.array(fc.nat(), { minLength: 40, maxLength: 40 }), fc.integer({ min: 1, max: 4 }))
  .map(([choices, count]) => {
    const made: Uint8Array[] = [];
    let at = 0;
    const choose = (most: number) => choices[at++ % choices.length]! % most;
    const leaf = (): Cbor => {
      const of = made[choose(made.length + 1)] ?? strings[0]!;
      return [
        () => strings[choose(strings.length)]!,
        () => hash(crypto, "block", of),
        () => hash(crypto, "metablock", of),
        () => merkleRoot(crypto, [of]),
        () => hash(crypto, "entries", encode([of, of])),
        () => choose(70_000),
        () => new Uint8Array(choose(70)).fill(choose(256)),
        () => (of.length < 200 ? of : null),
      ][choose(8)]!();
    };
    for (let each = 0; each < count; each++) {
      made.push(encode(Array.from({ length: [7, 5, 4, 2, 7, 3][choose(6)]! }, leaf)));
    }
    const entries = [made[0]!, made[0]!];
    return encode([leaf(), made.at(-1)!, entries, entries, made, leaf()]);
  });

describe("a value that is packed", () => {
  it("comes back byte for byte, whatever structures it has and names", () => {
    let [won, tried] = [0, 0];
    fc.assert(
      fc.property(structure, first, (value, item) => {
        tried++;
        if (comesBack(known, value, item) !== value) won++;
      }),
      { numRuns: 1_000 },
    );
    expect(won).toBeGreaterThan(tried / 2);
  });

  it("comes back byte for byte, whatever it borrows from another", () => {
    let [won, tried] = [0, 0];
    fc.assert(
      fc.property(structure, structure, first, (value, other, item) => {
        tried++;
        const both = encode([value, decode(other), value]);
        const lent = stringsIn(encode([other, value]));
        const alone = comesBack(known, both, item).length;
        if (comesBack({ ...known, lent }, both, item).length < alone) won++;
      }),
      { numRuns: 300 },
    );
    expect(won).toBeGreaterThan(tried / 3);
  });

  it("comes back byte for byte, whatever CBOR it is, and where it is none", () => {
    const any = fc.oneof(arbitraries.cbor.map(encode), fc.uint8Array({ maxLength: 400 }));
    fc.assert(
      fc.property(any, first, (value, item) => {
        comesBack(known, value, item);
      }),
      { numRuns: 1_000 },
    );
  });

  it("comes back where byte strings have heads that are longer than they need be", () => {
    const long = Uint8Array.of(0x82, 0x59, 0, 32, ...strings[0]!, 0x58, 32, ...strings[0]!);
    const stored = comesBack(known, long, null);
    expect(stored.length).toBe(1 + 1 + 1 + 35 + 2);
  });
});

describe("a value that nobody packed", () => {
  it("is refused with a sentence, or taken for what it is not, and nothing else happens", () => {
    const token = fc.constantFrom(0xc0, 0xc1, 0xc2, 0x82, 0x87, 0x58, 0x1f, 0);
    const bytes = fc.array(fc.oneof(token, fc.integer({ min: 0, max: 255 })), { maxLength: 120 });
    fc.assert(
      fc.property(bytes, first, (stored, item) => {
        try {
          unpack(known, Uint8Array.of(0xc6, ...stored), item);
        } catch (error) {
          if (!(error instanceof VertebraError) || error.code !== "store-packed") throw error;
        }
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("the records of a participant", () => {
  it("come back, and what is final takes half of what it did", () => {
    const owners = ["a", "b", "c", "d"];
    const network = createNetwork({
      crypto,
      members: owners,
      groups: [
        { name: "all", owners, policy: { quorum: "two-thirds" } },
        { name: "pair", owners: ["a", "b"] },
      ],
    });
    for (let value = 0; value < 20; value++) {
      network.push(owners[value % 4]!, "all", value);
      network.push("a", "pair", value);
      network.run(network.now + 700);
    }
    const { store } = network.members.get("a")!;
    const avatars = [...network.members.values()].map(({ avatar }) => avatar);
    const of: Known = { crypto, strings: stringsOf([...network.groups.values(), ...avatars]), lent: noStrings() };
    let [given, taken] = [0, 0];
    for (const [key, value] of store) {
      const stored = comesBack(of, value, key.startsWith("final/") ? 3 : key.includes("/block/") ? 2 : null);
      if (!key.startsWith("final/")) continue;
      given += value.length;
      taken += stored.length;
    }
    expect(store.size).toBeGreaterThan(40);
    expect(taken / given).toBeLessThan(0.75);
  });
});
