import { identifier } from "../pact/field";
import { readRequirements, requirementItems } from "../pact/requirement";
import { encode } from "../wire/cbor";
import { hash, type Sha256 } from "../wire/hash";
import { chunkBytes, maxChunks } from "../wire/limits";
import { hash32, integer, list, nullable, readStructure, sortedHashes, tuple, wrong } from "../wire/shape";
import type { Hash, Requirement } from "../wire/types";
import { maxCorrelated, maxSourceBytes, maxStagePacts, maxStages } from "./limits";

/**
 * What stewards define (PROTOCOL 9): behaviors, saga stages and saga descriptions, as CBOR arrays in the order of the patent's
 * figure 7. Each is named by its hash, so an invocation ends on the version that it began with. Decoders throw `cbor-…`,
 * `structure-…` or `pact-…` naming the structure and the field.
 */

export interface Behavior {
  readonly name: string;
  readonly version: number;
  /** Hash of the source. */
  readonly source: Hash;
  /** Hashes of its pieces of 4,096 bytes, the last one shorter. */
  readonly chunks: readonly Hash[];
  readonly limits: Limits;
}

/** What one run may use: bytecodes of the engine, bytes of heap beyond what is there at the start, bytes of a saga state. */
export interface Limits {
  readonly computation: number;
  readonly memory: number;
  readonly output: number;
}

export interface SagaStage {
  readonly behavior: Hash;
  readonly consumedPact: Hash;
  /** Sorted by bytes, as `producedPacts`. */
  readonly accessedPacts: readonly Hash[];
  readonly producedPacts: readonly Hash[];
  /** The behavior that undoes the stage. */
  readonly compensation: Hash | null;
  /** Of whoever runs it. */
  readonly requires: readonly Requirement[];
  /** Fields of the consumed pact that must equal those of the initiating entry. */
  readonly correlate: readonly string[];
  /** ms from when the stage waits until it has failed; 0 for never. */
  readonly deadline: number;
  /** Runs after the first that failed, and ms before the first of these; each next waits twice as long. */
  readonly retry: { readonly times: number; readonly backoff: number };
}

export type Reach = "invocation" | "saga" | "key";

export interface SagaDescription {
  readonly name: string;
  readonly version: number;
  readonly stages: readonly Hash[];
  readonly initiatingPact: Hash;
  /** The one group whose owners execute, and whose order says which state is first. */
  readonly stateGroup: Hash;
  readonly reach: Reach;
  /** A field of the initiating pact, where the reach is `key`. */
  readonly keyField: string | null;
}

const reaches = ["invocation", "saga", "key"] as const;

/** The behavior of this source. Throws `behavior-size` above 64 KiB. */
export function behaviorOf(
  crypto: Sha256,
  name: string,
  version: number,
  source: Uint8Array,
  limits: Limits,
): Behavior {
  if (source.length > maxSourceBytes) {
    const message = `has ${source.length} bytes of source, and the most is ${maxSourceBytes}`;
    throw wrong("behavior-size", `behavior '${name}'`, message);
  }
  const chunks: Hash[] = [];
  for (let start = 0; start < source.length; start += chunkBytes) {
    chunks.push(hash(crypto, "source", source.subarray(start, start + chunkBytes)));
  }
  return { name, version, source: hash(crypto, "source", source), chunks, limits };
}

export function encodeBehavior({ name, version, source, chunks, limits }: Behavior): Uint8Array {
  return encode([name, version, source, chunks, [limits.computation, limits.memory, limits.output]]);
}

export function decodeBehavior(bytes: Uint8Array): Behavior {
  const [name, version, source, chunks, limits] = readStructure("behavior", bytes, 5);
  const [computation, memory, output] = tuple("behavior: limits", limits, 3);
  return {
    name: identifier("behavior: name", name),
    version: integer("behavior: version", version, 1),
    source: hash32("behavior: source", source),
    chunks: list("behavior: chunk", chunks, maxChunks, hash32),
    limits: {
      computation: integer("behavior: limit of computation", computation, 1),
      memory: integer("behavior: limit of memory", memory, 1),
      output: integer("behavior: limit of output", output, 1),
    },
  };
}

export function encodeStage(stage: SagaStage): Uint8Array {
  const { behavior, consumedPact, accessedPacts, producedPacts, compensation, correlate, deadline, retry } = stage;
  const times = [retry.times, retry.backoff];
  return encode([
    behavior,
    consumedPact,
    accessedPacts,
    producedPacts,
    compensation,
    requirementItems(stage.requires),
    correlate,
    deadline,
    times,
  ]);
}

export function decodeStage(bytes: Uint8Array): SagaStage {
  const items = readStructure("saga stage", bytes, 9);
  const [behavior, consumed, accessed, produced, compensation, requires, correlate, deadline, retry] = items;
  const [times, backoff] = tuple("saga stage: retry", retry, 2);
  return {
    behavior: hash32("saga stage: behavior", behavior),
    consumedPact: hash32("saga stage: consumedPact", consumed),
    accessedPacts: sortedHashes("saga stage: accessedPact", accessed, maxStagePacts),
    producedPacts: sortedHashes("saga stage: producedPact", produced, maxStagePacts),
    compensation: nullable("saga stage: compensation", compensation, hash32),
    requires: readRequirements("saga stage: requirement", requires),
    correlate: list("saga stage: correlated field", correlate, maxCorrelated, identifier),
    deadline: integer("saga stage: deadline", deadline),
    retry: {
      times: integer("saga stage: retries", times, 0, 100),
      backoff: integer("saga stage: backoff", backoff),
    },
  };
}

export function encodeDescription(description: SagaDescription): Uint8Array {
  const { name, version, stages, initiatingPact, stateGroup, reach, keyField } = description;
  return encode([name, version, stages, initiatingPact, stateGroup, reach, keyField]);
}

export function decodeDescription(bytes: Uint8Array): SagaDescription {
  const [name, version, stages, initiating, stateGroup, reachItem, keyField] = readStructure("saga", bytes, 7);
  const reach = reaches.find((each) => each === reachItem);
  if (reach === undefined) throw wrong("structure-field", "saga: reach", `is none of ${reaches.join(", ")}`);
  const description = {
    name: identifier("saga: name", name),
    version: integer("saga: version", version, 1),
    stages: list("saga: stage", stages, maxStages, hash32),
    initiatingPact: hash32("saga: initiatingPact", initiating),
    stateGroup: hash32("saga: stateGroup", stateGroup),
    reach,
    keyField: nullable("saga: keyField", keyField, identifier),
  };
  if (description.stages.length === 0) throw wrong("structure-field", "saga: stages", "are none, and a saga has one");
  if ((reach === "key") !== (description.keyField !== null)) {
    throw wrong("structure-field", "saga: keyField", "goes with the reach 'key', and with no other");
  }
  return description;
}
