import { VertebraError } from "../../firmware/core/errors";
import { integerRanges, isIntegerType } from "../../firmware/core/pact/field";
import { encodePact, pactId, syncGroupId } from "../../firmware/core/pact/pact";
import { readDefinitions, type SagaProvision } from "../../firmware/core/saga/definitions";
import { reversalPact, sagaStatePact } from "../../firmware/core/saga/state";
import {
  behaviorOf,
  encodeBehavior,
  encodeDescription,
  encodeStage,
  type Limits,
  type SagaStage,
} from "../../firmware/core/saga/structures";
import { compare } from "../../firmware/core/wire/bytes";
import { hash } from "../../firmware/core/wire/hash";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import { encodeText } from "../../firmware/core/wire/text";
import type { AvatarId, Field, FieldType, Hash, Pact } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";
import type { BehaviorOptions, FieldSpec, Fields, Pact as PactToken, SagaOptions } from "./define";
import { requirementsOf } from "./requirements";
import type { SagaSource } from "./source";

/** A saga's module as the engine described it: what `define` made, where a function is `true`. */
export interface DescribedSaga {
  readonly options: Omit<SagaOptions, "stages" | "reach"> & {
    readonly stages: readonly { readonly options: DescribedStage }[];
    readonly reach?: "invocation" | "saga" | { readonly key: string };
  };
}

type DescribedStage = Omit<BehaviorOptions<PactToken, PactToken, PactToken, unknown, string>, "run" | "compensate"> & {
  readonly run?: true;
  readonly compensate?: true;
};

/** A saga ready to be run: what a steward would define, and the names that people know it by. */
export interface CompiledSaga {
  readonly name: string;
  readonly version: number;
  readonly stages: readonly string[];
  readonly pacts: ReadonlyMap<string, Pact>;
  readonly provision: SagaProvision;
}

const defaultLimits: Limits = { computation: 2_000_000, memory: 4_194_304, output: 4_096 };

const defaultHealthy = { runs: 1, failures: 0, withinMs: 600_000 };

/** When a member that a version of it rolls out to is good. Throws `saga-number`. */
export function healthyOf(described: unknown): typeof defaultHealthy {
  const { runs, failures, within } = (described as DescribedSaga).options.healthy ?? {};
  const healthy = {
    runs: runs ?? defaultHealthy.runs,
    failures: failures ?? defaultHealthy.failures,
    withinMs: within ?? defaultHealthy.withinMs,
  };
  const sound = (value: number, least: number) => Number.isSafeInteger(value) && value >= least && value < 2 ** 31;
  if (sound(healthy.runs, 1) && sound(healthy.failures, 0) && sound(healthy.withinMs, 1)) return healthy;
  throw new VertebraError(
    "saga-number",
    `The saga's 'healthy' is ${JSON.stringify({ runs, failures, within })}`,
    "Give whole numbers like { runs: 3, failures: 0, within: 60_000 }: at least one run, within at least 1 ms.",
  );
}

/**
 * `life` is the version of the pact of its states: a saga that is deployed anew has others than before. Throws `saga-…`, `pact-…` or
 * `structure-…` naming the stage, pact or field that is wrong.
 */
export function compile(
  crypto: Crypto,
  source: SagaSource,
  described: unknown,
  owners: readonly AvatarId[],
  life = 1,
): CompiledSaga {
  const { options } = checkShape(source, described);
  healthyOf(described);
  const stages = options.stages.map((stage) => stage.options);
  const pacts = collectPacts(stages);
  const id = (token: PactToken) => pactId(crypto, encodePact(pacts.get(token.name)!));
  const ids = (tokens: readonly PactToken[] = []) => tokens.map(id).sort(compare);
  const code = encodeText(source.text);
  const behaviors: Uint8Array[] = [];
  const behavior = (name: string, stage: DescribedStage) => {
    const limits = { ...defaultLimits, ...stage.limits };
    const encoded = encodeBehavior(behaviorOf(crypto, name, stage.version ?? options.version, code, limits));
    behaviors.push(encoded);
    return hash(crypto, "behavior", encoded);
  };
  const encodedStages = stages.map((stage) =>
    encodeStage({
      behavior: behavior(stage.name, stage),
      consumedPact: id(stage.consumes),
      accessedPacts: ids(stage.reads),
      producedPacts: ids(stage.produces),
      compensation: stage.compensate ? behavior(`${stage.name}.compensate`, stage) : null,
      requires: requirementsOf(`Behavior '${stage.name}'`, stage.requires),
      correlate: stage.correlate ?? [],
      deadline: stage.deadline ?? 0,
      retry: stage.retry ?? { times: 0, backoff: 0 },
    } satisfies SagaStage),
  );
  const states = { ...sagaStatePact(`${options.name}-states`, "two-thirds"), version: life };
  const allPacts = [states, reversalPact, ...pacts.values()].map(encodePact);
  const groups = allPacts.map((pact) => encodeSyncGroup({ pact: pactId(crypto, pact), owners }));
  const reach = options.reach ?? "invocation";
  const description = encodeDescription({
    name: options.name,
    version: options.version,
    stages: encodedStages.map((stage) => hash(crypto, "stage", stage)),
    initiatingPact: id(stages[0]!.consumes),
    stateGroup: syncGroupId(crypto, groups[0]!),
    reach: typeof reach === "string" ? reach : "key",
    keyField: typeof reach === "string" ? null : reach.key,
  });
  const provision = { pacts: allPacts, groups, behaviors, stages: encodedStages, descriptions: [description] };
  // Whatever does not hang together is found here as a participant would find it.
  readDefinitions(crypto, provision);
  return { name: options.name, version: options.version, stages: stages.map(({ name }) => name), pacts, provision };
}

function checkShape({ file }: SagaSource, described: unknown): DescribedSaga {
  const saga = described as Partial<DescribedSaga & { kind: string }> | null;
  if (saga?.kind !== "saga" || saga.options === undefined) {
    throw wrong(`${file} has no saga as its default export`, "End it with `export default defineSaga({ … })`.");
  }
  const { stages } = saga.options;
  if (!Array.isArray(stages) || stages.length === 0) {
    throw wrong(`Saga '${saga.options.name}' has no stages`, "Give it behaviors, in the order in which they run.");
  }
  const names = new Set<string>();
  for (const [index, stage] of stages.entries()) {
    const options = (stage as { options?: DescribedStage } | null)?.options;
    const where = `Stage ${index} of saga '${saga.options.name}'`;
    if (options === undefined) throw wrong(`${where} is no behavior`, "Make it with `defineBehavior({ … })`.");
    if (options.run !== true) throw wrong(`${where}, '${options.name}', has no function 'run'`, "Give it one.");
    if (names.has(options.name)) throw wrong(`${where} is called '${options.name}', as another is`, "Rename it.");
    names.add(options.name);
    const state = JSON.stringify(options.state);
    if (state !== JSON.stringify(stages[0].options.state)) {
      throw wrong(
        `${where}, '${options.name}', has another state than the first`,
        "Give all behaviors one `defineState`.",
      );
    }
  }
  return saga as DescribedSaga;
}

function collectPacts(stages: readonly DescribedStage[]): Map<string, Pact> {
  const pacts = new Map<string, Pact>();
  const seen = new Map<string, string>();
  for (const { name, consumes, reads = [], produces = [] } of stages) {
    for (const token of [consumes, ...reads, ...produces]) {
      if (typeof token?.name !== "string") throw wrong(`Behavior '${name}' names what is no pact`, "Use `definePact`.");
      const text = JSON.stringify(token);
      if (seen.has(token.name) && seen.get(token.name) !== text) {
        throw wrong(
          `Pact '${token.name}' is defined twice, with other fields`,
          "Define it once, in a file that both import.",
        );
      }
      seen.set(token.name, text);
      pacts.set(token.name, pactOf(token));
    }
  }
  return pacts;
}

function pactOf(token: PactToken): Pact {
  if (token.extends === undefined) return describedPact(token, null);
  throw wrong(
    `Pact '${token.name}' extends another, and a saga's pacts can't`,
    "Give it all of its fields, or leave out `extends`.",
  );
}

/** A pact as `definePact` made it; `parent` is the id of the one that it extends. Throws `saga-definition` for a field of no type. */
export function describedPact({ name, version, fields, policy: said }: PactToken, parent: Hash | null): Pact {
  const described = Object.entries(fields as Fields).map(([field, spec]) =>
    fieldOf(`Pact '${name}': field '${field}'`, field, spec),
  );
  const { requires, ...more } = said ?? {};
  const policy = { ...sagaStatePact(name, "two-thirds").policy, retention: 1_000, largestEntry: 1_024, ...more };
  const required = requirementsOf(`Pact '${name}'`, requires).sort((one, other) =>
    one.capability < other.capability ? -1 : 1,
  );
  const whole = required.length === 0 ? policy : { ...policy, requires: required };
  return { name, version, extends: parent, fields: described, policy: whole };
}

function fieldOf(where: string, name: string, spec: FieldSpec): Field {
  if (typeof spec === "string") return { name, type: typeOf(where, spec) };
  if ("enum" in spec) return { name, type: { kind: "enum", values: spec.enum } };
  const { min, max } = spec;
  const bounds = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
  if ("array" in spec) return { name, type: { kind: "array", items: typeOf(where, spec.array) }, ...bounds };
  return { name, type: typeOf(where, spec.type), ...(spec.unit === undefined ? {} : { unit: spec.unit }), ...bounds };
}

const otherScalars = ["bool", "f32", "f64", "text", "bytes", "reference"];

function typeOf(where: string, kind: string): FieldType {
  if (isIntegerType(kind as FieldType["kind"]) || otherScalars.includes(kind)) return { kind } as FieldType;
  const known = [...Object.keys(integerRanges), ...otherScalars, "{ enum }", "{ array }"].join(", ");
  throw wrong(`${where} has type '${kind}', which is none`, `There are: ${known}.`);
}

function wrong(message: string, remedy: string): VertebraError {
  return new VertebraError("saga-definition", message, remedy);
}
