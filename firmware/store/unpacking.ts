import { VertebraError } from "../core/errors";
import { argumentAt, headBytes, headSize, major, writeHead } from "../core/wire/items";
import type { Hash } from "../core/wire/types";
import {
  deepest,
  derive,
  headOf,
  isSource,
  type Known,
  mostPacked,
  mostSources,
  ruleShift,
  rules,
  stringAt,
  tokens,
} from "./packed";

interface Unpacker {
  readonly known: Known;
  readonly from: Uint8Array;
  /** How far it is looked at, and how far it is in `into`: what lies between goes as it is. */
  at: number;
  copied: number;
  readonly into: Uint8Array;
  length: number;
  /** Where the structures that stood before begin and end. */
  readonly sources: number[];
  entries: Uint8Array | null;
}

/** The value that was packed with the same `known` and `first`. Throws `store-packed` where nothing is that packs to this. */
export function unpack(known: Known, stored: Uint8Array, first: number | null): Uint8Array {
  const { length, end } = headOf(stored);
  if (length > mostPacked) throw broken();
  const unpacker: Unpacker = {
    ...{ known, from: stored, at: end, copied: end, length: 0, sources: [], entries: null },
    // The head of a nested string takes three bytes until its length is known.
    into: new Uint8Array(length + nestedHead * deepest),
  };
  if (first === null) unpackItem(unpacker, 0);
  else unpackItems(unpacker, first);
  copy(unpacker);
  if (unpacker.length !== length || unpacker.at !== stored.length) throw broken();
  return unpacker.into.subarray(0, length);
}

const nestedHead = 3;

function unpackItems(unpacker: Unpacker, first: number): void {
  unpackItem(unpacker, deepest);
  copy(unpacker);
  const entries = unpacker.into.slice(0, unpacker.length);
  unpacker.length = 0;
  unpacker.entries = entries;
  const count = (unpacker.from[unpacker.at] ?? 0) - 0x80;
  unpacker.at++;
  for (let item = 0; item < count; item++) {
    if (item === first) place(unpacker, entries);
    else unpackItem(unpacker, 0);
  }
}

function unpackItem(unpacker: Unpacker, depth: number): void {
  const { from, at } = unpacker;
  if (at >= from.length) throw broken();
  const byte = from[at]!;
  if (byte === tokens.known || byte === tokens.lent || byte === tokens.derived) {
    unpackToken(unpacker, byte, depth);
    return;
  }
  if (byte === tokens.nested) {
    copy(unpacker);
    goTo(unpacker, at + 1);
    unpackNested(unpacker, depth);
    return;
  }
  const kind = major(byte);
  const size = headSize(from, at, from.length);
  if (size < 0) throw broken();
  const argument = kind === 7 ? 0 : argumentAt(from, at, size);
  const length = kind === 2 || kind === 3 ? size + argument : size;
  if (at + length > from.length) throw broken();
  unpacker.at += length;
  for (let item = kind === 4 ? argument : kind === 5 ? 2 * argument : 0; item > 0; item--) unpackItem(unpacker, depth);
}

function unpackToken(unpacker: Unpacker, token: number, depth: number): void {
  const { known, from, at, into } = unpacker;
  const name = from[at + 1]!;
  copy(unpacker);
  goTo(unpacker, at + 2);
  const bytes =
    token === tokens.derived
      ? derived(unpacker, name)
      : stringAt(token === tokens.known ? known.strings : known.lent, name);
  if (bytes === undefined) throw broken();
  makeRoom(unpacker, headBytes(bytes.length));
  unpacker.length = writeHead(into, unpacker.length, bytes.length);
  place(unpacker, bytes);
  noteSource(unpacker, unpacker.length - bytes.length, depth);
}

function unpackNested(unpacker: Unpacker, depth: number): void {
  if (depth >= deepest) throw broken();
  const { into, sources } = unpacker;
  const begins = unpacker.length;
  makeRoom(unpacker, nestedHead);
  unpacker.length += nestedHead;
  unpackItem(unpacker, depth + 1);
  copy(unpacker);
  const length = unpacker.length - begins - nestedHead;
  const size = headBytes(length);
  if (size > nestedHead) throw broken();
  const ahead = nestedHead - size;
  if (ahead > 0) into.copyWithin(begins + size, begins + nestedHead, unpacker.length);
  for (let at = sources.length - 1; at >= 0 && sources[at]! > begins; at--) sources[at]! -= ahead;
  unpacker.length -= ahead;
  writeHead(into, begins, length);
  noteSource(unpacker, begins + size, depth);
}

function noteSource({ into, length, sources }: Unpacker, begins: number, depth: number): void {
  if (begins < length && isSource(into[begins]!, depth) && sources.length < 2 * mostSources)
    sources.push(begins, length);
}

function derived({ known, into, sources, entries }: Unpacker, name: number): Hash {
  if (name >> ruleShift === rules.entries) {
    if (entries === null) throw broken();
    return derive(known.crypto, name, entries);
  }
  const source = name % mostSources;
  if (2 * source >= sources.length) throw broken();
  return derive(known.crypto, name, into.subarray(sources[2 * source]!, sources[2 * source + 1]!));
}

function goTo(unpacker: Unpacker, at: number): void {
  unpacker.at = at;
  unpacker.copied = at;
}

/** Takes over what was looked at and lies as it is. */
function copy(unpacker: Unpacker): void {
  const { from, at, copied } = unpacker;
  if (at > from.length) throw broken();
  if (at > copied) put(unpacker, from.subarray(copied, at));
  unpacker.copied = at;
}

/** Other bytes, in their turn. */
function place(unpacker: Unpacker, bytes: Uint8Array): void {
  copy(unpacker);
  put(unpacker, bytes);
}

function put(unpacker: Unpacker, bytes: Uint8Array): void {
  makeRoom(unpacker, bytes.length);
  unpacker.into.set(bytes, unpacker.length);
  unpacker.length += bytes.length;
}

function makeRoom({ into, length }: Unpacker, more: number): void {
  if (length + more > into.length) throw broken();
}

function broken(): VertebraError {
  return new VertebraError(
    "store-packed",
    "A value of the store can't be read: it was packed with what is not known here",
    "Give the participant the pacts and the groups that it was provisioned with when it was written.",
  );
}
