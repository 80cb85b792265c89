import { toHex } from "../../firmware/core/wire/bytes";

/** What a step never changes in place, so that snapshots may share it: bytes, keys, and all that is decoded from bytes. */
const shared = new Set([
  "crypto",
  "signer",
  "pact",
  "pactBytes",
  "fields",
  "definition",
  "header",
  "stewards",
  "staticSecret",
  "membership",
]);

/** A deep copy of a participant's state, which is plain data but for its cryptography. */
export function copyState<T>(state: T): T {
  return copy(state, new Map()) as T;
}

function copy(value: unknown, done: Map<object, unknown>): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const known = done.get(value);
  if (known !== undefined) return known;
  if (value instanceof Map) {
    const map = new Map();
    done.set(value, map);
    for (const [key, item] of value) map.set(copy(key, done), copy(item, done));
    return map;
  }
  if (value instanceof Set) {
    const set = new Set();
    done.set(value, set);
    for (const item of value) set.add(copy(item, done));
    return set;
  }
  if (Array.isArray(value)) {
    const array: unknown[] = [];
    done.set(value, array);
    for (const item of value) array.push(copy(item, done));
    return array;
  }
  const object: Record<string, unknown> = {};
  done.set(value, object);
  for (const key of Object.keys(value)) {
    const item = (value as Record<string, unknown>)[key];
    object[key] = shared.has(key) ? item : copy(item, done);
  }
  return object;
}

/** Says nothing about what a participant will answer: what never differs, what is told elsewhere, and a budget that never runs out here. */
const silent = new Set([
  ...shared,
  "world",
  "now",
  "tagBytes",
  "tag",
  "avatar",
  "id",
  "budget",
  "budgetAt",
  "bytes",
  "unsettled",
]);
silent.delete("header");
/** Monotonic times: only how long ago, or how far ahead, decides. */
const times = new Set([
  "seenAt",
  "at",
  "againAt",
  "attemptBegan",
  "attemptEnds",
  "heardAt",
  "childTurn",
  "frontierAt",
  "since",
  "wakesAt",
]);
/** Longer ago than the longest timeout is over, however long. */
const longAgo = 60_000;
/** Maps and sets whose order decides nothing. In the others (blocks, metablocks) it decides what is put forward first. */
const unordered = new Set([
  "told",
  "reports",
  "positions",
  "pulls",
  "interests",
  "missing",
  "finalCounters",
  "certificates",
  "highestSeen",
  "slots",
  "store",
]);

/** One text for all states from which a participant goes on alike: `now` is its monotonic clock. */
export function canonicalState(state: unknown, now: number): string {
  const parts: string[] = [];
  write(parts, "", state, now);
  return parts.join("");
}

/** Snapshots share their bytes, so most are spelled out once. */
const spelled = new WeakMap<Uint8Array, string>();

function spell(bytes: Uint8Array): string {
  let text = spelled.get(bytes);
  if (text === undefined) {
    text = toHex(bytes);
    spelled.set(bytes, text);
  }
  return text;
}

function write(parts: string[], name: string, value: unknown, now: number): void {
  if (typeof value === "number" && times.has(name)) parts.push(String(Math.max(value - now, -longAgo)));
  else if (value instanceof Uint8Array) parts.push(spell(value));
  else if (typeof value !== "object" || value === null) parts.push(String(value));
  else if (value instanceof Map || value instanceof Set) writeItems(parts, name, [...value], now);
  else if (Array.isArray(value)) writeItems(parts, "", value, now);
  else if (isSigned(value)) parts.push(spell(value.id));
  else {
    parts.push("{");
    for (const key of Object.keys(value)) {
      if (silent.has(key)) continue;
      parts.push(key, ":");
      write(parts, key, (value as Record<string, unknown>)[key], now);
      parts.push(",");
    }
    parts.push("}");
  }
}

function writeItems(parts: string[], name: string, items: readonly unknown[], now: number): void {
  const written = items.map((item) => {
    const own: string[] = [];
    // An entry of a map takes the map's name, by which its times are known.
    for (const part of Array.isArray(item) && name !== "" ? item : [item]) {
      write(own, name, part, now);
      own.push("=");
    }
    return own.join("");
  });
  if (unordered.has(name)) written.sort();
  parts.push("[", written.join(","), "]");
}

/** Something signed is its hash. */
function isSigned(value: object): value is { readonly id: Uint8Array } {
  return "id" in value && "signature" in value && "bytes" in value && value.id instanceof Uint8Array;
}
