import type { SagaProvision } from "../../firmware/core/saga/definitions";
import { behaviorOf, encodeBehavior, encodeDescription, encodeStage } from "../../firmware/core/saga/structures";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import { hash } from "../../firmware/core/wire/hash";
import { encodeText } from "../../firmware/core/wire/text";
import type { Hash } from "../../firmware/core/wire/types";
import { behaviorName, servo } from "./behaviors";
import type { SagaPlan, SagaStagePlan } from "./saga-plan";
import type { Group, World } from "./world";

/** What stewards would have defined for the sagas of a world. */
export interface DefinedSagas {
  readonly provision: SagaProvision;
  /** By the hex of the description's hash. */
  readonly plans: ReadonlyMap<string, SagaPlan>;
  /** Ids by name. */
  readonly pacts: ReadonlyMap<string, Hash>;
}

const limits = { computation: 1_000_000, memory: 100_000, output: 1_000 };

export function defineSagas(world: World, sagas: readonly SagaPlan[]): DefinedSagas {
  const { crypto } = world;
  const groups = [...world.groups.values()].filter(({ holds }) => holds !== undefined);
  const pacts = new Map(groups.map(({ name, pactBytes }) => [name, hash(crypto, "pact", pactBytes)]));
  const behaviors: Uint8Array[] = [];
  const stages: Uint8Array[] = [];
  const plans = new Map<string, SagaPlan>();
  const behavior = (name: string) => {
    const encoded = encodeBehavior(behaviorOf(crypto, name, 1, encodeText(name), limits));
    behaviors.push(encoded);
    return hash(crypto, "behavior", encoded);
  };
  const descriptions = sagas.map((saga) => {
    const ids = saga.stages.map((stage, index) => {
      const does = behavior(behaviorName(saga.name, index, false));
      const undoes = stage.compensation === "none" ? null : behavior(behaviorName(saga.name, index, true));
      const encoded = encodedStage(pacts, stage, does, undoes);
      stages.push(encoded);
      return hash(crypto, "stage", encoded);
    });
    const encoded = encodedSaga(saga, ids, pacts.get(saga.begins)!, world.groups.get(saga.states)!);
    plans.set(toHex(hash(crypto, "saga", encoded)), saga);
    return encoded;
  });
  const provision = {
    ...{ pacts: groups.map(({ pactBytes }) => pactBytes), groups: groups.map(({ bytes }) => bytes) },
    ...{ behaviors, stages, descriptions },
  };
  return { provision, plans, pacts };
}

function encodedStage(
  pacts: ReadonlyMap<string, Hash>,
  stage: SagaStagePlan,
  behavior: Hash,
  compensation: Hash | null,
): Uint8Array {
  const idsOf = (names: readonly string[]) => names.map((name) => pacts.get(name)!).sort(compare);
  const { deadline, retry } = stage;
  return encodeStage({
    ...{ behavior, compensation, deadline, retry },
    consumedPact: pacts.get(stage.consumes)!,
    accessedPacts: idsOf(stage.reads),
    producedPacts: idsOf(stage.produces),
    requires: stage.needsServo ? [{ capability: servo, condition: null }] : [],
    correlate: stage.correlates === null ? [] : [stage.correlates],
  });
}

function encodedSaga(
  { name, reach }: SagaPlan,
  stages: readonly Hash[],
  initiatingPact: Hash,
  { id: stateGroup }: Group,
): Uint8Array {
  const keyField = reach === "key" ? "amount" : null;
  return encodeDescription({ name, version: 1, stages, initiatingPact, stateGroup, reach, keyField });
}
