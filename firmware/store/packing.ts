import { concat, equal, fromHex } from "../core/wire/bytes";
import type { Sha256 } from "../core/wire/hash";
import { decodeText } from "../core/wire/text";
import { encodeNumber } from "./entries";
import { madeBy, packedMark, steps } from "./packed";
import { likeMark } from "./template";

/** Another record that a value may take bytes from. */
export interface Source {
  readonly key: number;
  readonly value: Uint8Array;
}

/** The value, or what says how to make it, and the keys of the records that this takes. */
export interface Stored {
  readonly bytes: Uint8Array;
  readonly sources: readonly number[];
}

/** A part of what is made that need not stand in it. Source 0 is the value itself, as far as it was made. */
interface Step {
  /** What stands in the value, from where the step before ended. */
  readonly from: number;
  readonly to: number;
  readonly kind: number;
  readonly source: number;
  readonly start: number;
  readonly length: number;
}

interface Packer {
  readonly crypto: Sha256;
  /** The value, then the sources. */
  readonly all: readonly Uint8Array[];
  /** Byte strings that are known, as CBOR: the first bytes that they hold, and where they are, with their source as what is left over by 32. */
  readonly strings: Strings;
  /** What may have been hashed. */
  readonly hashable: Hashable[];
  readonly steps: Step[];
}

/** So many at most: an array that grows costs a board more than all else here. */
interface Strings {
  readonly first: Int32Array;
  readonly place: Int32Array;
  count: number;
}

const mostStrings = 160;

function noStrings(most: number): Strings {
  return { first: new Int32Array(most), place: new Int32Array(most), count: 0 };
}

interface Hashable {
  readonly kind: number;
  readonly source: number;
  readonly start: number;
  readonly length: number;
  /** Made when one is first looked for. */
  digest: Uint8Array | undefined;
}

/**
 * A value without what the sources hold, and without what follows from that by a hash. Of a value `turned` bytes at its end go first, as
 * its beginning has their hash. One that would be no shorter stands as it is.
 */
export function pack(crypto: Sha256, value: Uint8Array, sources: readonly Source[], turned = 0): Stored {
  const cut = value.length - turned;
  const order = turned === 0 ? value : concat([value.subarray(cut), value.subarray(0, cut)]);
  const packer: Packer = {
    crypto,
    all: [order, ...sources.map((source) => source.value)],
    strings: noStrings(mostStrings),
    hashable: [{ kind: steps.empty, source: 0, start: 0, length: 0, digest: undefined }],
    steps: [],
  };
  if (turned > 0) noteHashable(packer, steps.entries, 0, 0, turned);
  for (let source = 1; source < packer.all.length; source++) {
    const finder = findHeads(packer.all[source]!);
    for (let at = nextHead(finder, 0); at >= 0; at = nextHead(finder, at + 1)) noteString(packer, source, at);
  }
  findSteps(packer);
  const bytes = encode(packer, turned, sources);
  const used = sources.filter((_, index) => isUsed(packer, index + 1));
  if (bytes.length >= value.length && !looksStored(value)) return { bytes: value, sources: [] };
  return { bytes, sources: used.map(({ key }) => key) };
}

/** Whether a value that stands as it is would be taken for what it is not: none of the core begins so. */
function looksStored(value: Uint8Array): boolean {
  return value[0] === packedMark || value[0] === likeMark;
}

/** A value that goes on from `from` as a source does from `at`, for as long as it does. */
export function packOnto(crypto: Sha256, value: Uint8Array, from: number, source: Source, at: number): Stored {
  const most = Math.min(value.length - from, source.value.length - at);
  const length = shared(value, from, source.value, at, most);
  const step = { from: 0, to: from, kind: steps.copy, source: 1, start: at, length };
  const packer = { crypto, all: [value, source.value], strings: noStrings(0), hashable: [], steps: [step] };
  return { bytes: encode(packer, 0, [source]), sources: [source.key] };
}

/** More than any value has. */
const mostSources = 32;

/** Bytes of a head and what it holds, at least, that are worth a step. */
const shortest = 18;
/** Shorter bytes are not hashed here, or are signatures. */
const leastHashed = 66;
/** Heads of CBOR: a byte string with a length of one byte or two, a text of hex. */
const heads = { bytes: 0x58, longBytes: 0x59, text: 0x78 } as const;
const hexOfHash = 64;
const hashHead = 0x20;

/** Where what a byte string holds begins; undefined where none begins at `at`. */
export function contentAt(bytes: Uint8Array, at: number): number | undefined {
  if (bytes[at] === heads.bytes) return at + 2;
  return bytes[at] === heads.longBytes ? at + 3 : undefined;
}

/** How long it is. */
export function lengthAt(bytes: Uint8Array, at: number): number {
  return bytes[at] === heads.bytes ? bytes[at + 1]! : (bytes[at + 1]! << 8) | bytes[at + 2]!;
}

/** By its first bytes one string is told from most others. */
export function firstOf(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** What begins here may be looked for from now on, if it is a byte string: it costs nothing where it only looks like one. */
function noteString(packer: Packer, source: number, at: number): void {
  const bytes = packer.all[source]!;
  const content = contentAt(bytes, at);
  if (content === undefined || content + shortest > bytes.length) return;
  const { strings } = packer;
  if (strings.count < strings.first.length) {
    strings.first[strings.count] = firstOf(bytes, content);
    strings.place[strings.count++] = at * mostSources + source;
  }
  const length = lengthAt(bytes, at);
  if (length < leastHashed || content + length > bytes.length) return;
  // Block headers and metablock headers have seven items, the first a hash or a number, references to blocks five.
  if (bytes[content] === 0x85) noteHashable(packer, steps.leaf, source, content, length);
  if (bytes[content] !== 0x87) return;
  noteHashable(packer, bytes[content + 1] === heads.bytes ? steps.block : steps.metablock, source, content, length);
}

function noteHashable({ hashable }: Packer, kind: number, source: number, start: number, length: number): void {
  hashable.push({ kind, source, start, length, digest: undefined });
}

function findSteps(packer: Packer): void {
  const finder = findHeads(packer.all[0]!);
  let from = 0;
  for (let at = nextHead(finder, 0); at >= 0; ) {
    const step = stepAt(packer, from, at);
    if (step !== undefined) {
      packer.steps.push(step);
      from = at + takenBy(step);
      at = nextHead(finder, from);
    } else {
      noteString(packer, 0, at);
      at = nextHead(finder, at + 1);
    }
  }
}

/** The heads of strings in some bytes, and what only looks like one, in turn: the engine looks for a byte much faster than a program. */
interface Finder {
  readonly bytes: Uint8Array;
  /** Where the next of each kind is; -1 where there is none. */
  readonly next: number[];
}

const headBytes = [heads.bytes, heads.longBytes, heads.text] as const;

function findHeads(bytes: Uint8Array): Finder {
  return { bytes, next: headBytes.map((head) => bytes.indexOf(head)) };
}

/** The first from `from` on that may be long enough to be worth a step; -1 where there is none. */
function nextHead({ bytes, next }: Finder, from: number): number {
  let first = -1;
  for (let kind = 0; kind < next.length; kind++) {
    if (next[kind]! >= 0 && next[kind]! < from) next[kind] = bytes.indexOf(headBytes[kind]!, from);
    if (next[kind]! >= 0 && (first < 0 || next[kind]! < first)) first = next[kind]!;
  }
  return first < bytes.length - shortest ? first : -1;
}

/** Bytes of the value that a step makes. */
function takenBy({ kind, length }: Step): number {
  if (kind === steps.copy) return length;
  return kind === steps.hex ? 2 + hexOfHash : 34;
}

function stepAt(packer: Packer, from: number, at: number): Step | undefined {
  const value = packer.all[0]!;
  if (value[at] === heads.text && value[at + 1] === hexOfHash) return hexAt(packer, from, at);
  const content = contentAt(value, at);
  if (content === undefined) return undefined;
  return copyAt(packer, from, at, content) ?? hashAt(packer, from, at);
}

function nextOf({ first, count }: Strings, wanted: number, from: number): number {
  const place = first.indexOf(wanted, from);
  return place < count ? place : -1;
}

/** The longest that is known and begins as this string does. */
function copyAt({ all, strings }: Packer, from: number, at: number, content: number): Step | undefined {
  const value = all[0]!;
  const first = firstOf(value, content);
  let best: Step | undefined;
  for (let place = nextOf(strings, first, 0); place >= 0; place = nextOf(strings, first, place + 1)) {
    const source = strings.place[place]! % mostSources;
    const start = Math.floor(strings.place[place]! / mostSources);
    const most = Math.min(value.length - at, (source === 0 ? at : all[source]!.length) - start);
    const length = shared(value, at, all[source]!, start, most);
    if (length > shortest && length > (best?.length ?? 0))
      best = { from, to: at, kind: steps.copy, source, start, length };
  }
  return best;
}

function shared(one: Uint8Array, at: number, other: Uint8Array, start: number, most: number): number {
  let length = 0;
  // In C on a board.
  while (length + atOnce <= most && equalAt(one, at + length, other, start + length, atOnce)) length += atOnce;
  while (length < most && one[at + length] === other[start + length]) length++;
  return length;
}

const atOnce = 32;

function equalAt(one: Uint8Array, at: number, other: Uint8Array, start: number, length: number): boolean {
  return equal(one.subarray(at, at + length), other.subarray(start, start + length));
}

/** A hash of 32 bytes, of what is known. */
function hashAt({ crypto, all, hashable }: Packer, from: number, at: number): Step | undefined {
  const value = all[0]!;
  if (value[at + 1] !== hashHead || at + 34 > value.length) return undefined;
  const wanted = value.subarray(at, at + 34);
  for (const each of hashable) {
    const { kind, source, start, length } = each;
    if (source === 0 && start + length > at) continue;
    each.digest ??= madeBy(crypto, kind, all[source]!.subarray(start, start + length));
    if (equal(each.digest, wanted)) return { from, to: at, kind, source, start, length };
  }
  return undefined;
}

function hexAt({ all, strings }: Packer, from: number, at: number): Step | undefined {
  const value = all[0]!;
  if (at + 2 + hexOfHash > value.length) return undefined;
  const wanted = hexBytes(value.subarray(at + 2, at + 2 + hexOfHash));
  if (wanted === undefined) return undefined;
  const first = firstOf(wanted, 0);
  for (let place = nextOf(strings, first, 0); place >= 0; place = nextOf(strings, first, place + 1)) {
    const source = strings.place[place]! % mostSources;
    const start = Math.floor(strings.place[place]! / mostSources) + 2;
    const most = (source === 0 ? at : all[source]!.length) - start;
    if (most < 32 || shared(wanted, 0, all[source]!, start, 32) < 32) continue;
    return { from, to: at, kind: steps.hex, source, start, length: 32 };
  }
  return undefined;
}

/** Of hex digits in lower case; undefined for any other text. */
function hexBytes(text: Uint8Array): Uint8Array | undefined {
  for (let at = 0; at < text.length; at++) {
    const digit = text[at]!;
    if (!((digit >= 0x30 && digit <= 0x39) || (digit >= 0x61 && digit <= 0x66))) return undefined;
  }
  return fromHex(decodeText(text));
}

function isUsed({ steps: all }: Packer, source: number): boolean {
  return all.some((step) => step.source === source);
}

/** As `packed` describes it. Sources of which nothing was taken are not named, and the others counted without them. */
function encode(packer: Packer, turned: number, sources: readonly Source[]): Uint8Array {
  const value = packer.all[0]!;
  const places = [0];
  let used = 0;
  for (let source = 1; source <= sources.length; source++) places.push(isUsed(packer, source) ? ++used : 0);
  const out = new Uint8Array(value.length + 32 + 24 * (used + packer.steps.length));
  out[0] = packedMark;
  let at = encodeNumber(value.length, out, 1);
  at = encodeNumber(turned, out, at);
  at = encodeNumber(used, out, at);
  for (const [index, { key }] of sources.entries()) {
    if (places[index + 1] === 0) continue;
    at = encodeNumber(Math.floor(key / half), out, at);
    at = encodeNumber(key % half, out, at);
  }
  let end = 0;
  for (const { from, to, kind, source, start, length } of packer.steps) {
    at = encodeLiteral(value, from, to, out, at);
    at = encodeNumber(8 * places[source]! + kind, out, at);
    // Of what was made so far the distance is told, which is the same where only what was made before it is longer.
    if (kind !== steps.empty) at = encodeNumber(length, out, encodeNumber(source === 0 ? to - start : start, out, at));
    end = to + takenBy({ from, to, kind, source, start, length });
  }
  if (end < value.length) at = encodeLiteral(value, end, value.length, out, at);
  return out.subarray(0, at);
}

function encodeLiteral(value: Uint8Array, from: number, to: number, out: Uint8Array, at: number): number {
  const begin = encodeNumber(to - from, out, at);
  out.set(value.subarray(from, to), begin);
  return begin + to - from;
}

const half = 0x100000000;
