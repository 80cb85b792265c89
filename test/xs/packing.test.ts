import { expect, it } from "vitest";
import { hostOrReason, startOnXs } from "./host";
import { bundleProgram } from "./suites";

/** What is packed in C is what the reference packs on the same engine, byte for byte: what one wrote the other reads. */

const host = await hostOrReason();
const rounds = 400;

const program = `
  import { encode } from "./firmware/core/wire/cbor";
  import { crc32c } from "./firmware/native/native-bulk";
  import { hash } from "./firmware/core/wire/hash";
  import { merkleRoot } from "./firmware/core/wire/merkle";
  import { toHex } from "./firmware/core/wire/bytes";
  import * as inC from "./firmware/native/native-packing";
  import { noStrings, stringsOf } from "./firmware/store/packed";
  import * as portable from "./firmware/store/packing";
  import { unpack } from "./firmware/store/unpacking";
  import { seeded } from "./test/sim/random";

  const draw = seeded(Number(native.arguments[0]));
  const count = Number(native.arguments[1]);
  /** Cheap, and another for whatever else is hashed. */
  const crypto = {
    sha256(bytes) {
      const hash = new Uint8Array(32);
      for (let at = 0, crc = bytes.length; at < 32; at++) hash[at] = crc = crc32c(bytes, crc) & 0xff;
      return hash;
    },
  };
  const many = (most, one) => Array.from({ length: draw.below(most) }, one);
  const filled = (length, byte) => new Uint8Array(length).fill(byte);
  const strings = [filled(32, 1), filled(32, 2), filled(110, 3), new Uint8Array(0), ...Array.from({ length: 300 }, (_, at) => filled(24 + at, 4))];
  /** A structure of those made so far: what is known, hashes of each other, and each other, at any place. */
  const leaf = (made) => {
    const of = made.length > 0 ? draw.one(made) : filled(3, 9);
    return draw.one([
      () => draw.one(strings),
      () => hash(crypto, "block", of),
      () => hash(crypto, "metablock", of),
      () => merkleRoot(crypto, [of]),
      () => hash(crypto, "entries", encode([of, of])),
      () => draw.below(70_000),
      () => filled(draw.below(70), draw.below(256)),
      () => (of.length < 300 ? of : null),
      () => "text " + draw.below(9),
    ])();
  };
  const structure = (most) => {
    const made = [];
    for (let left = 1 + draw.below(most); left > 0; left--)
      made.push(encode(Array.from({ length: draw.one([7, 7, 5, 5, 4, 2, 3]) }, () => leaf(made))));
    return made;
  };
  const value = () => {
    const made = structure(draw.chance(0.02) ? 90 : 5);
    const entries = [made[0], made[0]];
    const whole = encode([leaf(made), made.at(-1), entries, entries, made, leaf(made)]);
    if (draw.chance(0.1)) whole[draw.below(whole.length)] = draw.below(256);
    if (draw.chance(0.05)) return Uint8Array.of(0x82, 0x59, 0, 32, ...strings[0], 0x58, 32, ...strings[1]);
    return draw.chance(0.05) ? whole.subarray(0, draw.below(whole.length)) : whole;
  };
  const seen = new Set();
  for (let round = 0; round < count; round++) {
    const other = value();
    const given = draw.chance(0.3) ? encode([value(), other, draw.below(9)]) : value();
    const first = draw.one([null, 0, 2, 3, 5]);
    const lender = draw.chance(0.5) ? draw.one([0, 3, 7 * 2 ** 32 + 3, 2 ** 53 - 1]) : null;
    const places = [portable.stringsIn(other).places, inC.stringsIn(other).places].map((each) => each.join());
    if (places[0] !== places[1]) throw new Error("strings in " + toHex(other) + ": " + places.join(", and in C "));
    const lent = lender === null ? noStrings() : inC.stringsIn(other);
    const known = { crypto, strings: stringsOf(strings.slice(0, draw.one([0, 2, 4, 304]))), lent };
    const [a, b] = [portable.pack(known, given, first, lender), inC.pack(known, given, first, lender)];
    const what = [toHex(given), first, lender].join(" ");
    if (toHex(a) !== toHex(b) || (a === given) !== (b === given)) throw new Error(what + ": " + toHex(a) + ", and in C " + toHex(b));
    if (b !== given && toHex(unpack(known, b, first)) !== toHex(given)) throw new Error(what + " does not come back");
    seen.add(b === given ? "as it was" : first === null ? "packed" : "its entries first").add("lends " + (places[0] !== ""));
    if (b !== given) for (const token of [0xc0, 0xc1, 0xc2, 0xc3]) if (b.includes(token)) seen.add("token " + token.toString(16));
  }
  native.print(count + " rounds: " + [...seen].sort().join(", "));
`;

const drawn = "as it was, its entries first, lends false, lends true, packed, token c0, token c1, token c2, token c3";

it("packs in C as the reference does, structures drawn at random", { timeout: 120_000 }, async ({ skip }) => {
  if (host.reason) skip(host.reason);
  const source = await bundleProgram(program);
  const { stdout, stderr } = await startOnXs(host.path, source, ["1", `${rounds}`]).ended;
  expect(stderr).toBe("");
  expect(stdout).toBe(`${rounds} rounds: ${drawn}\n`);
});
