import { decodeNumber, encodeNumber } from "./entries";
import { damaged } from "./log";

/**
 * What is packed of one kind of record of a group is much alike, each time with other signatures in it. So it is stored as what differs from
 * one of before, its template (docs/flash-format.md): 1, by which it is told from what is packed; the key of the template, high and low; how
 * long it is; then, until it is whole, how many bytes are as in the template, and how many stand here, times two: these are in place of as
 * many there, or, where 1 is added, of so many more or fewer as the number before them says, which is 2 × more, or 2 × fewer - 1.
 */
export const likeMark = 1;

const longest = 1 << 22;
const half = 0x100000000;
/** How far the same bytes may be moved, and so many of them must be the same. */
const furthest = 3;
const enough = 4;
/** No more than a signature, with what stands about it, is another each time. */
const soon = 80;

export interface Like {
  /** Key of the template. */
  readonly template: number;
  readonly length: number;
  readonly from: number;
}

/** What a stored value says of itself, by its first bytes; undefined where it is like no other. */
export function likeHead(stored: Uint8Array): Like | undefined {
  if (stored.length === 0 || stored[0] !== likeMark) return undefined;
  const cursor = { bytes: stored, at: 1 };
  const template = decodeNumber(cursor) * half + decodeNumber(cursor);
  const length = decodeNumber(cursor);
  if (length > longest || cursor.at > stored.length) throw unreadable();
  return { template, length, from: cursor.at };
}

/** What was packed. Throws `store-damaged` where these bytes are not like the template. */
export function fromTemplate(stored: Uint8Array, { length, from }: Like, template: Uint8Array): Uint8Array {
  const made = new Uint8Array(length);
  const cursor = { bytes: stored, at: from };
  let there = 0;
  for (let at = 0; at < length; ) {
    const same = decodeNumber(cursor);
    if (same > length - at || there + same > template.length) throw unreadable();
    made.set(template.subarray(there, there + same), at);
    at += same;
    there += same;
    if (at === length) break;
    const said = decodeNumber(cursor);
    const shift = said % 2 === 0 ? 0 : shiftOf(decodeNumber(cursor));
    const other = Math.floor(said / 2);
    if (other > length - at || other > stored.length - cursor.at || other + same === 0) throw unreadable();
    made.set(stored.subarray(cursor.at, cursor.at + other), at);
    cursor.at += other;
    at += other;
    there += other + shift;
    if (there < 0) throw unreadable();
  }
  if (cursor.at !== stored.length) throw unreadable();
  return made;
}

/** What was packed as what differs from the template, whose key is `key`; as it is where that is no shorter. */
export function likeTemplate(packed: Uint8Array, template: Uint8Array, key: number): Uint8Array {
  const out = new Uint8Array(3 * packed.length + 32);
  out[0] = likeMark;
  let end = encodeNumber(Math.floor(key / half), out, 1);
  end = encodeNumber(key % half, out, end);
  end = encodeNumber(packed.length, out, end);
  let there = 0;
  for (let at = 0; at < packed.length; ) {
    const same = sharedFrom(packed, at, template, there);
    end = encodeNumber(same, out, end);
    at += same;
    there += same;
    if (at === packed.length) break;
    const { other, shift } = nextShared(packed, at, template, there);
    end = encodeNumber(2 * other + (shift === 0 ? 0 : 1), out, end);
    if (shift !== 0) end = encodeNumber(shift > 0 ? 2 * shift : -2 * shift - 1, out, end);
    out.set(packed.subarray(at, at + other), end);
    end += other;
    at += other;
    there += other + shift;
  }
  return end < packed.length ? out.slice(0, end) : packed;
}

function sharedFrom(one: Uint8Array, at: number, other: Uint8Array, from: number): number {
  let length = 0;
  while (at + length < one.length && from + length < other.length && one[at + length] === other[from + length])
    length++;
  return length;
}

/** After how many bytes the two are the same again, and by how many more or fewer of the template. */
function nextShared(packed: Uint8Array, at: number, template: Uint8Array, there: number) {
  const straight = sharedAfter(packed, at, template, there, packed.length - at);
  let best = { other: straight, shift: 0 };
  if (straight <= soon) return best;
  // Where a number takes more bytes than it did, what follows has moved.
  for (let turn = 1; turn <= 2 * furthest; turn++) {
    const most = Math.min(best.other, soon);
    const shift = shiftOf(turn);
    const other = sharedAfter(packed, at, template, there + shift, most);
    if (other < most) best = { other, shift };
  }
  return best;
}

/** After how many bytes the two are the same; `most` where that takes as many. */
function sharedAfter(packed: Uint8Array, at: number, template: Uint8Array, there: number, most: number): number {
  for (let other = 1; other < most; other++) {
    if (packed[at + other] === template[there + other] && sameAt(packed, at + other, template, there + other))
      return other;
  }
  return most;
}

function sameAt(packed: Uint8Array, at: number, template: Uint8Array, from: number): boolean {
  for (let each = 0; each < enough; each++) {
    if (at + each === packed.length) return from + each <= template.length;
    if (packed[at + each] !== template[from + each]) return false;
  }
  return true;
}

/** 0, 1 fewer, 1 more, 2 fewer and so on. */
function shiftOf(turn: number): number {
  return turn % 2 === 0 ? turn / 2 : -(turn + 1) / 2;
}

function unreadable() {
  return damaged("a value that is like another, and is none");
}
