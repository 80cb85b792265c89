import type { SagaDefinition } from "../definitions/saga-definition";
import { VertebraError } from "../errors";
import { distinct, equal, toHex } from "../wire/bytes";
import { encode } from "../wire/cbor";
import { hash, type Sha256 } from "../wire/hash";
import { maxEntryBytes } from "../wire/limits";
import { bytes, list, readStructure } from "../wire/shape";
import type { Hash } from "../wire/types";
import type { SagaProvision } from "./definitions";
import { maxStages } from "./limits";
import { decodeBehavior, decodeDescription } from "./structures";

/** What a definition of a saga says to who runs it: the same that a provision says of one that a world was made with. */
export interface SagaParts {
  readonly description: Uint8Array;
  readonly stages: readonly Uint8Array[];
  readonly behaviors: readonly Uint8Array[];
}

/** Throws `saga-size` where no entry has room for them. */
export function encodeParts({ description, stages, behaviors }: SagaParts): Uint8Array {
  const parts = encode([description, stages, behaviors]);
  if (parts.length <= maxPartsBytes) return parts;
  throw new VertebraError(
    "saga-size",
    `What its stages and behaviors say has ${parts.length} bytes, and a definition has room for ${maxPartsBytes}`,
    "Give it fewer stages, or a shorter source: each behavior names all pieces of it.",
  );
}

/** The definition's entry has room for these beside all else in it. */
const maxPartsBytes = maxEntryBytes - 3_584;

/** Throws `cbor-…` and `structure-…`. */
export function decodeParts(parts: Uint8Array): SagaParts {
  const [description, stages, behaviors] = readStructure("saga parts", parts, 3);
  return {
    description: bytes("saga parts: description", description),
    stages: list("saga parts: stage", stages, maxStages, bytes),
    behaviors: list("saga parts: behavior", behaviors, 2 * maxStages, bytes),
  };
}

/** The pacts and groups that a participant knows, encoded. */
export type KnownHere = Pick<SagaProvision, "pacts" | "groups">;

/**
 * All versions of one deployed saga, as a conductor takes them. `idOf` names the groups, `begins` the versions by which this participant
 * begins; null where the saga was undeployed. Throws `saga-parts` where a definition says one thing to who relays it and another to who
 * runs it, and `saga-groups` where a group of it is not known here.
 */
export function provisionOf(
  versions: readonly SagaDefinition[],
  { pacts, groups }: KnownHere,
  idOf: (group: Uint8Array) => Hash,
  begins: ReadonlySet<string> | null,
): SagaProvision {
  const parts = versions.map(readParts);
  const from = new Map<string, number>();
  for (const version of versions) {
    for (const each of version.groups) {
      const key = toHex(each.group);
      from.set(key, Math.min(each.from, from.get(key) ?? each.from));
    }
  }
  const known = new Map(groups.map((group) => [toHex(idOf(group)), group]));
  return {
    pacts,
    groups: [...from.keys()].map((key) => known.get(key) ?? unknownGroup(versions[0]!, key)),
    behaviors: distinct(parts.flatMap(({ behaviors }) => behaviors)),
    stages: distinct(parts.flatMap(({ stages }) => stages)),
    descriptions: parts.map(({ description }) => description),
    from,
    begins: begins ?? new Set(),
    undeployed: begins === null,
  };
}

/** In hex, as its states name it. */
export function idOfSaga(crypto: Sha256, { parts }: SagaDefinition): string {
  return toHex(hash(crypto, "saga", decodeParts(parts).description));
}

function readParts(definition: SagaDefinition): SagaParts {
  const { name, version, stateGroup, chunks } = definition;
  const parts = decodeParts(definition.parts);
  const described = decodeDescription(parts.description);
  const named = described.name === name && described.version === version && equal(described.stateGroup, stateGroup);
  const sources = parts.behaviors.map((each) => decodeBehavior(each).chunks);
  const same = (all: readonly Hash[]) =>
    all.length === chunks.length && all.every((each, at) => equal(each, chunks[at]!));
  if (named && sources.every(same)) return parts;
  throw new VertebraError(
    "saga-parts",
    `The definition of saga ${name} v${version} says other things of it than its description`,
    "It runs nowhere. Deploy it anew, as another version.",
  );
}

function unknownGroup({ name, version }: SagaDefinition, key: string): never {
  throw new VertebraError(
    "saga-groups",
    `Saga ${name} v${version} is of group ${key.slice(0, 16)}, which this participant does not have: it takes no part in it`,
    "Deploy it to members who own all groups of it.",
  );
}
