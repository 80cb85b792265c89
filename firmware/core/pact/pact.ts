import { VertebraError } from "../errors";
import { equal, toHex } from "../wire/bytes";
import { type Cbor, encode } from "../wire/cbor";
import { hash, type Sha256 } from "../wire/hash";
import { maxEntryBytes, maxFields, maxPactBytes, maxPactDepth } from "../wire/limits";
import { boolean, hash32, integer, list, nullable, readStructure, tuple, wrong } from "../wire/shape";
import type { Field, Hash, Pact, Policy, Quorum, Requirement } from "../wire/types";
import { fieldItems, identifier, readField } from "./field";
import { readRequirements, requirementItems } from "./requirement";

/** Pacts: the schema and the policy of what is shared (PROTOCOL 3). A PactId is the hash of the pact's bytes. */

const quorums = ["all", "two-thirds", "majority"] as const;
const writers = ["owners", "members", "stewards"] as const;
const readers = ["members", "stewards"] as const;
const whenFull = ["wait", "replace-oldest", "keep-latest"] as const;

export function encodePact(pact: Pact): Uint8Array {
  return encode([pact.name, pact.version, pact.extends, pact.fields.map(fieldItems), policyItems(pact.policy)]);
}

/** Throws `cbor-…`, `structure-…` or `pact-…` naming the field. */
export function decodePact(bytes: Uint8Array): Pact {
  if (bytes.length > maxPactBytes) {
    throw wrong("structure-bound", "pact", `has ${bytes.length} bytes, and the most is ${maxPactBytes}`);
  }
  const [name, version, parent, fieldList, policy] = readStructure("pact", bytes, 5);
  const fields = list("pact: field", fieldList, maxFields, readField);
  refuseDoubles(fields);
  return {
    name: identifier("pact: name", name),
    version: integer("pact: version", version, 1),
    extends: nullable("pact: extends", parent, hash32),
    fields,
    policy: readPolicy("pact: policy", policy),
  };
}

export function pactId(crypto: Sha256, bytes: Uint8Array): Hash {
  return hash(crypto, "pact", bytes);
}

/** The id of an encoded sync group, by which it is named everywhere else. */
export function syncGroupId(crypto: Sha256, bytes: Uint8Array): Hash {
  return hash(crypto, "group", bytes);
}

/** Quorum (1) of PROTOCOL 5: owners whose certificates make a block certified. */
export function quorumSize(quorum: Quorum, owners: number): number {
  return quorum === "all" ? owners : closingQuorumSize(quorum, owners);
}

/** Quorum (2): owners who must certify a child for its parent's blocks: more than two-thirds, or the majority where that is the pact's. */
export function closingQuorumSize(quorum: Quorum, owners: number): number {
  return quorum === "majority" ? Math.floor(owners / 2) + 1 : Math.floor((2 * owners) / 3) + 1;
}

/**
 * Whether a block is certified only once every owner certified it: then who issues a child has, and knows the group, so that the issuer's
 * signature counts for what the parents hold (PROTOCOL 6).
 */
export function closesByIssuing(quorum: Quorum, owners: number): boolean {
  return quorumSize(quorum, owners) === owners;
}

/** Of so many owners one at least is honest, where no more lie than the quorum bears (docs/protection.md) and it can still be reached. */
export function believedSize(quorum: Quorum, owners: number): number {
  return quorum === "two-thirds" ? Math.ceil(owners / 3) : 1;
}

/**
 * The fields of an entry in order: those of the pact that it extends first. Throws `pact-unknown` for a pact that `lookup`
 * doesn't know, `pact-depth` beyond 8 in a row, `pact-field` for a name that is there twice or too many fields.
 */
export function resolveFields(pact: Pact, lookup: (id: Hash) => Pact | undefined): readonly Field[] {
  const fields: Field[] = [];
  for (const each of [...ancestors(pact, lookup)].reverse()) fields.push(...each.fields);
  fields.push(...pact.fields);
  if (fields.length > maxFields) {
    throw wrong(
      "pact-field",
      `pact '${pact.name}'`,
      `has ${fields.length} fields in all, and the most is ${maxFields}`,
    );
  }
  refuseDoubles(fields);
  return fields;
}

/** Whether pact `id` is `ancestor` or extends it, so that it is accepted wherever `ancestor` is. */
export function extendsPact(id: Hash, ancestor: Hash, lookup: (id: Hash) => Pact | undefined): boolean {
  let next: Hash | null = id;
  for (let depth = 0; next !== null && depth < maxPactDepth; depth++) {
    if (equal(next, ancestor)) return true;
    next = lookup(next)?.extends ?? null;
  }
  return false;
}

/** The pacts that it extends, the nearest first. A PactId is a hash, so they can't run in a circle. */
function ancestors(pact: Pact, lookup: (id: Hash) => Pact | undefined): Pact[] {
  const found: Pact[] = [];
  for (let next = pact.extends; next !== null; ) {
    const parent = lookup(next);
    if (parent === undefined) {
      const message = `Pact '${pact.name}' extends pact ${toHex(next)}, which is not known here`;
      throw new VertebraError(
        "pact-unknown",
        message,
        "Provision the participant with the pact that is extended, too.",
      );
    }
    found.push(parent);
    if (found.length >= maxPactDepth) {
      throw wrong("pact-depth", `pact '${pact.name}'`, `stands in a row of more than ${maxPactDepth} pacts`);
    }
    next = parent.extends;
  }
  return found;
}

function refuseDoubles(fields: readonly Field[]): void {
  const names = new Set<string>();
  for (const { name } of fields) {
    if (names.has(name)) throw wrong("pact-field", `field '${name}'`, "is there twice");
    names.add(name);
  }
}

function policyItems(policy: Policy): Cbor {
  const { quorum, ordered, writers, retention, largestEntry, whenFull } = policy;
  const items: Cbor[] = [quorum, ordered, policy.private, writers, retention, largestEntry, whenFull];
  const { readers, requires = [] } = policy;
  if (requires.length > 0) return [...items, readers ?? null, requirementItems(requires)];
  return readers === undefined ? items : [...items, readers];
}

function readPolicy(where: string, value: Cbor | undefined): Policy {
  const [quorum, ordered, isPrivate, writer, retention, largestEntry, full, ...more] = tuple(where, value, 7, 9);
  const [reader, requirements] = more;
  const saysReaders = reader !== undefined && (reader !== null || requirements === undefined);
  return {
    quorum: choice(`${where}: quorum`, quorum, quorums),
    ordered: boolean(`${where}: ordered`, ordered),
    private: boolean(`${where}: private`, isPrivate),
    writers: choice(`${where}: writers`, writer, writers),
    retention: integer(`${where}: retention`, retention),
    largestEntry: integer(`${where}: largestEntry`, largestEntry, 1, maxEntryBytes),
    whenFull: choice(`${where}: whenFull`, full, whenFull),
    ...(saysReaders ? { readers: choice(`${where}: readers`, reader, readers) } : {}),
    ...(requirements === undefined ? {} : { requires: someRequirements(`${where}: requirement`, requirements) }),
  };
}

/** One form for each policy: one that requires nothing leaves them out. */
function someRequirements(where: string, value: Cbor): readonly Requirement[] {
  const requires = readRequirements(where, value);
  if (requires.length === 0) throw wrong("structure-field", where, "is none, and is to be left out");
  return requires;
}

function choice<T extends string>(where: string, value: Cbor | undefined, choices: readonly T[]): T {
  const chosen = choices.find((each) => each === value);
  if (chosen === undefined) throw wrong("structure-field", where, `is none of ${choices.join(", ")}`);
  return chosen;
}
