import { readable } from "../errors";
import { decodeEntry, encodeEntry, gapCount } from "../pact/entry";
import { identifier } from "../pact/field";
import { encodePact } from "../pact/pact";
import type { Published } from "../pact/requirement";
import { equal } from "../wire/bytes";
import { wrong } from "../wire/shape";
import type { Field, Pact, Policy } from "../wire/types";
import type { Board } from "./board";

/**
 * What a participant publishes from its board definition, by which `requires` of a stage is met: how many it has of each interface,
 * each capability by its name, and under `board` what kind of board it is.
 */
export function publishedBy({ kind, actuators, sensors }: Board): Published {
  const published = new Map<string, number | string>([["board", kind]]);
  const add = (name: string) => void published.set(name, ((published.get(name) as number | undefined) ?? 0) + 1);
  const capabilities = [...actuators, ...sensors.map(({ name }) => ({ name, interface: "analog" }))];
  for (const { name, interface: its } of capabilities) {
    add(its);
    if (name !== its) add(name);
  }
  return published;
}

const mostPublished = 64;
const text = { kind: "text" } as const;

const fields: readonly Field[] = [
  { name: "amounts", type: { kind: "map", keys: text, values: { kind: "f64" } }, max: mostPublished },
  { name: "kinds", type: { kind: "map", keys: text, values: text }, max: mostPublished },
];

/** The pact by which a participant tells what it can do: an entry at its start, in place of the one before. */
export function capabilitiesPact(quorum: Policy["quorum"]): Pact {
  const policy = { quorum, ordered: true, private: false, writers: "owners", retention: 1024 } as const;
  const size = { largestEntry: 4096, whenFull: "keep-latest" } as const;
  return { name: "capabilities", version: 1, extends: null, fields, policy: { ...policy, ...size } };
}

export function isCapabilitiesPact(pact: Pact): boolean {
  return equal(encodePact(pact), encodePact(capabilitiesPact(pact.policy.quorum)));
}

/** Throws `entry-…` where there is more than the pact holds. */
export function encodePublished(published: Published): Uint8Array {
  const all = [...published];
  const amounts = new Map(all.filter((each): each is [string, number] => typeof each[1] === "number"));
  const kinds = new Map(all.filter((each): each is [string, string] => typeof each[1] === "string"));
  return encodeEntry(fields, [amounts, kinds], capabilitiesPact("majority").policy);
}

/** Undefined for a gap, and for what a liar's quorum let pass. */
export function readPublished(entry: Uint8Array): Published | undefined {
  return gapCount(entry) === undefined ? readable(() => decodePublished(entry)) : undefined;
}

/** Throws `entry-…`, `structure-…` or `pact-name`. */
export function decodePublished(entry: Uint8Array): Published {
  const [amounts, kinds] = decodeEntry(fields, entry, capabilitiesPact("majority").policy);
  const published = new Map<string, number | string>();
  for (const [name, value] of [
    ...(amounts as ReadonlyMap<string, number>),
    ...(kinds as ReadonlyMap<string, string>),
  ]) {
    const where = `capability '${identifier("capabilities: name", name)}'`;
    if (published.has(name)) throw wrong("structure-field", where, "is both an amount and a kind");
    if (typeof value === "number" && !Number.isFinite(value)) throw wrong("structure-field", where, `is ${value}`);
    published.set(name, value);
  }
  return published;
}
