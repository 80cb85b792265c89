import { expect, it } from "vitest";
import { hostOrReason, startOnXs } from "./host";
import { bundleProgram } from "./suites";

/** What runs over every byte, in C and in JavaScript on the same engine: the same for whatever is drawn, and for what lies at a border. */

const host = await hostOrReason();
const rounds = 2_000;

const program = `
  import * as portable from "./firmware/core/wire/bulk";
  import { encode } from "./firmware/core/wire/cbor";
  import { crc32c } from "./firmware/core/wire/crc32c";
  import * as inC from "./firmware/native/native-bulk";
  import { seeded } from "./test/sim/random";

  const draw = seeded(Number(native.arguments[0]));
  const count = Number(native.arguments[1]);
  const borders = [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xffff, 0x10000, 0x10ffff];
  const odd = [0x00, 0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0x9f, 0xa0, 0xef, 0xf0, 0x8f, 0x90, 0xf4, 0xf5, 0xf8, 0xff];
  const many = (most, one) => Array.from({ length: draw.below(most) }, one);
  const text = () => String.fromCodePoint(...many(12, () => draw.chance(0.6) ? draw.one(borders) : draw.below(0x110000)));
  /** Random, nearly UTF-8, UTF-8 with a byte changed: as a view that does not begin where its buffer does. */
  const bytes = () => {
    const sound = portable.utf8FromText(text());
    const drawn = draw.chance(0.4) || sound === undefined ? many(draw.one([3, 40, 300]), () => draw.chance(0.5) ? draw.one(odd) : draw.below(256)) : [...sound];
    if (drawn.length > 0 && draw.chance(0.3)) drawn[draw.below(drawn.length)] = draw.one(odd);
    const before = draw.below(3);
    return Uint8Array.from([...Array(before).fill(7), ...drawn, 9]).subarray(before, before + drawn.length);
  };
  /** Of the first byte of each item there is one that says much, and one that says nothing. */
  const heads = [0x00, 0x18, 0x1b, 0x1c, 0x20, 0x40, 0x43, 0x58, 0x59, 0x5b, 0x5f, 0x63, 0x78, 0x81, 0x82, 0x98, 0x9b, 0x9f, 0xa1, 0xb8, 0xc1, 0xf4, 0xf9, 0xfb];
  const items = () => {
    const drawn = draw.chance(0.2) ? [...Array(draw.below(20)).fill(0x81), 0] : many(40, () => draw.chance(0.5) ? draw.one(heads) : draw.below(6));
    return Uint8Array.from([7, ...drawn, 9]).subarray(1, 1 + drawn.length);
  };
  const numbers = [0, -0, 1, 23, 24, 255, 256, 65535, 65536, 4294967295, 4294967296, 2 ** 53 - 1, 2 ** 53, 0.5, NaN, Infinity];
  const odder = [undefined, 5n, new Map([[1, 2]]), { float: 0.5 }, {}, new Uint16Array(2), "\\ud800"];
  const value = (depth) => {
    if (depth < 20 && draw.chance(depth === 0 ? 0.8 : 0.4)) return draw.chance(0.05) ? [value(depth + 12)] : many(4, () => value(depth + 1));
    if (draw.chance(0.02)) return draw.one(odder);
    return draw.one([draw.one(numbers), -draw.one(numbers), null, true, false, text(), bytes(), new Uint8Array(draw.below(300))]);
  };
  const encoded = (of) => {
    try {
      return of();
    } catch (error) {
      return error.code;
    }
  };
  const told = (value) => value instanceof Uint8Array ? "bytes " + [...value] : typeof value + " " + value;
  const same = (what, a, b, given) => {
    if (told(a) !== told(b)) throw new Error(what + " of " + given + ": " + told(a) + ", and in C " + told(b));
  };
  const seen = new Set();
  for (let round = 0; round < count; round++) {
    const [a, other] = [bytes(), bytes()];
    const b = draw.one([other, a.slice(), a.subarray(0, draw.below(a.length + 1)), a.map((byte) => draw.chance(0.1) ? byte ^ 1 : byte)]);
    same("equal", portable.equal(a, b), inC.equal(a, b), [[...a], [...b]]);
    same("compare", portable.compare(a, b), inC.compare(a, b), [[...a], [...b]]);
    same("toHex", portable.toHex(a), inC.toHex(a), [...a]);
    same("crc32c", crc32c(a), inC.crc32c(a), [...a]);
    same("crc32c of two", crc32c(b, crc32c(a)), inC.crc32c(b, crc32c(a)), [[...a], [...b]]);
    same("textFromUtf8", portable.textFromUtf8(a), inC.textFromUtf8(a), [...a]);
    const like = draw.chance(0.5) ? a : a.map(() => 0xff);
    const byte = draw.one([like[0] ?? 0, 0xff]);
    same("isFilled", portable.isFilled(like, byte), inC.isFilled(like, byte), [[...like], byte]);
    seen.add("filled " + portable.isFilled(like, byte));
    same("joined", portable.joined(a, b), inC.joined(a, b), [[...a], [...b]]);
    same("joined of three", portable.joined(a, b, a), inC.joined(a, b, a), [[...a], [...b]]);
    const name = String.fromCharCode(...many(24, () => 1 + draw.below(127)));
    same("named", portable.named(name, a), inC.named(name, a), [name, [...a]]);
    const wanted = b.subarray(draw.below(b.length + 1)).subarray(0, draw.below(4));
    const from = draw.below(a.length + 2);
    same("find", portable.find(a, wanted, from), inC.find(a, wanted, from), [[...a], [...wanted], from]);
    const of = items();
    const end = draw.chance(0.7) ? of.length : draw.below(of.length + 1);
    const at = draw.chance(0.7) ? 0 : draw.below(end + 2);
    same("endOfItem", portable.endOfItem(of, at, end), inC.endOfItem(of, at, end), [[...of], at, end]);
    const least = draw.below(5);
    same("nextString", portable.nextString(of, at, end, least), inC.nextString(of, at, end, least), [[...of], at, end, least]);
    seen.add("found " + (portable.find(a, wanted, from) >= 0)).add("item " + (portable.endOfItem(of, at, end) >= 0)).add("long " + (portable.nextString(of, at, end, least) < end));
    const given = text();
    same("utf8FromText", portable.utf8FromText(given), inC.utf8FromText(given), JSON.stringify(given));
    const hex = draw.one([portable.toHex(a), portable.toHex(a).toUpperCase(), portable.toHex(a).slice(1), portable.toHex(a) + draw.one(["g", "/", "G0", "\\u0000", "é"])]);
    same("bytesFromHex", portable.bytesFromHex(hex), inC.bytesFromHex(hex), hex);
    const key = draw.one(["", "w", "w/a/", "final/b/"]) + draw.one(["", "0", "00", "7", "42", "042", "4294967295", "4294967296", "000000000000", "000000000042", "004294967295", "004294967296", "00000000004x", "0000000000042", "1e5", " 1", given]);
    same("numberAtEnd", portable.numberAtEnd(key), inC.numberAtEnd(key), key);
    const plain = value(0);
    same("encodePlain", encoded(() => encode(plain)), encoded(() => inC.encodePlain(plain) ?? encode(plain)), "a value");
    seen.add("hex " + (portable.bytesFromHex(hex) !== undefined)).add("plain " + (inC.encodePlain(plain) !== undefined)).add("number " + (portable.numberAtEnd(key) >= 0));
    seen.add("equal " + portable.equal(a, b)).add("text " + typeof portable.textFromUtf8(a)).add("lone " + (portable.utf8FromText(given) === undefined));
    seen.add("order " + Math.sign(portable.compare(a, b)));
  }
  native.print(count + " rounds: " + [...seen].sort().join(", "));
`;

const drawn =
  "equal false, equal true, filled false, filled true, found false, found true, hex false, hex true, item false, item true, lone false, lone true, long false, long true, number false, number true, order -1, order 0, order 1, plain false, plain true, text number, text string";

it("gives in C what the reference gives, of bytes and texts drawn at random", { timeout: 120_000 }, async ({
  skip,
}) => {
  if (host.reason) skip(host.reason);
  const source = await bundleProgram(program);
  const { stdout, stderr } = await startOnXs(host.path, source, ["1", `${rounds}`]).ended;
  expect(stderr).toBe("");
  expect(stdout).toBe(`${rounds} rounds: ${drawn}\n`);
});
