import { VertebraError } from "../errors";
import { decodePact, pactId, resolveFields, syncGroupId } from "../pact/pact";
import { equal, toHex } from "../wire/bytes";
import { hash, type Sha256 } from "../wire/hash";
import { decodeSyncGroup } from "../wire/structures";
import type { AvatarId, Field, Hash, Pact } from "../wire/types";
import { isStatePact, reversalPactId } from "./state";
import {
  type Behavior,
  decodeBehavior,
  decodeDescription,
  decodeStage,
  type SagaDescription,
  type SagaStage,
} from "./structures";

/** What a participant was told: encoded pacts, sync groups, behaviors, stages and descriptions. */
export interface SagaProvision {
  readonly pacts: readonly Uint8Array[];
  /** All groups whose entries it sees. */
  readonly groups: readonly Uint8Array[];
  readonly behaviors: readonly Uint8Array[];
  readonly stages: readonly Uint8Array[];
  readonly descriptions: readonly Uint8Array[];
  /** Of a saga that was deployed: the first entry for it of each group, by the hex of their ids; all of them where nothing is said. */
  readonly from?: ReadonlyMap<string, number>;
  /** Of such a saga: the ids in hex of the versions by which this participant may begin; all of them where nothing is said. */
  readonly begins?: ReadonlySet<string>;
  /** Whether it was undeployed: who knows that begins nothing by it, and no version of it is to come. */
  readonly undeployed?: boolean;
}

export interface PactKnown {
  readonly id: Hash;
  /** Its own id, and those of the pacts that it extends. */
  readonly kinds: readonly Hash[];
  readonly pact: Pact;
  readonly fields: readonly Field[];
}

export interface GroupKnown {
  readonly id: Hash;
  readonly key: string;
  readonly pact: PactKnown;
  readonly owners: readonly AvatarId[];
  /** The first entry that is for its sagas: those before it were there before these. */
  readonly from: number;
}

/** A stage with all that its hashes name. */
export interface StageKnown extends SagaStage {
  readonly does: Behavior;
  readonly undoes: Behavior | null;
}

export interface Saga {
  readonly id: Hash;
  readonly key: string;
  readonly description: SagaDescription;
  readonly stages: readonly StageKnown[];
  readonly stateGroup: GroupKnown;
}

export interface Definitions {
  readonly crypto: Sha256;
  readonly pacts: ReadonlyMap<string, PactKnown>;
  readonly groups: ReadonlyMap<string, GroupKnown>;
  readonly sagas: ReadonlyMap<string, Saga>;
  /** The group of reversal entries; undefined where there is none. */
  readonly reversals: GroupKnown | undefined;
  /** Whether others may know versions already that come to be known here later: it was deployed. */
  readonly growing: boolean;
  /** As `SagaProvision` has it. */
  readonly begins: ReadonlySet<string> | null;
  readonly undeployed: boolean;
}

/** Decodes and links what was told. Throws `saga-…` naming the saga and what does not fit, or what a decoder throws. */
export function readDefinitions(crypto: Sha256, provision: SagaProvision): Definitions {
  const pacts = readPacts(crypto, provision.pacts);
  const groups = new Map<string, GroupKnown>();
  for (const bytes of provision.groups) {
    const { pact, owners } = decodeSyncGroup(bytes);
    const id = syncGroupId(crypto, bytes);
    const key = toHex(id);
    const from = provision.from?.get(key) ?? 0;
    groups.set(key, { id, key, pact: known(pacts, pact, `group ${key.slice(0, 16)}`, "pact"), owners, from });
  }
  const behaviors = new Map(
    provision.behaviors.map((bytes) => [toHex(hash(crypto, "behavior", bytes)), decodeBehavior(bytes)]),
  );
  const stages = new Map(provision.stages.map((bytes) => [toHex(hash(crypto, "stage", bytes)), decodeStage(bytes)]));
  const sagas = new Map<string, Saga>();
  const parts = { crypto, pacts, groups };
  for (const bytes of provision.descriptions) {
    const id = hash(crypto, "saga", bytes);
    const saga = readSaga(parts, id, decodeDescription(bytes), stages, behaviors);
    sagas.set(saga.key, saga);
  }
  const reversal = reversalPactId(crypto);
  const reversals = [...groups.values()].find(({ pact }) => equal(pact.id, reversal));
  const undeployed = provision.undeployed === true;
  const growing = provision.from !== undefined && !undeployed;
  return { ...parts, sagas, reversals, growing, begins: provision.begins ?? null, undeployed };
}

/** Whether an entry of a pact is taken where `ancestor` is: it is that pact, or extends it. */
export function isOfPact({ kinds }: PactKnown, ancestor: Hash): boolean {
  return kinds.some((each) => equal(each, ancestor));
}

/** The group that entries of a pact are produced into: of several the one whose id comes first. */
export function groupOfPact({ groups }: Definitions, pact: Hash): GroupKnown | undefined {
  const found = [...groups.values()].filter((group) => equal(group.pact.id, pact));
  return found.sort((a, b) => (a.key < b.key ? -1 : 1))[0];
}

function readPacts(crypto: Sha256, encoded: readonly Uint8Array[]): Map<string, PactKnown> {
  const decoded = new Map(encoded.map((bytes) => [toHex(pactId(crypto, bytes)), decodePact(bytes)]));
  const lookup = (id: Hash) => decoded.get(toHex(id));
  const pacts = new Map<string, PactKnown>();
  for (const bytes of encoded) {
    const id = pactId(crypto, bytes);
    const pact = lookup(id)!;
    // `resolveFields` has refused a row of pacts that is too long, or not known to its end.
    const fields = resolveFields(pact, lookup);
    const kinds = [id];
    for (let next = pact.extends; next !== null; next = lookup(next)!.extends) kinds.push(next);
    pacts.set(toHex(id), { id, kinds, pact, fields });
  }
  return pacts;
}

type Parts = Pick<Definitions, "crypto" | "pacts" | "groups">;

function readSaga(
  parts: Parts,
  id: Hash,
  description: SagaDescription,
  stages: ReadonlyMap<string, SagaStage>,
  behaviors: ReadonlyMap<string, Behavior>,
): Saga {
  const where = `saga '${description.name}'`;
  const stateGroup = known(parts.groups, description.stateGroup, where, "state group");
  if (!isStatePact(stateGroup.pact.fields)) {
    throw unfit(
      "saga-state-group",
      where,
      `has a state group of pact '${stateGroup.pact.pact.name}', not of saga states`,
    );
  }
  const linked = description.stages.map((each, index): StageKnown => {
    const stage = known(stages, each, where, `stage ${index}`);
    const undoes =
      stage.compensation && known(behaviors, stage.compensation, `${where}: stage ${index}`, "compensation");
    return { ...stage, does: known(behaviors, stage.behavior, `${where}: stage ${index}`, "behavior"), undoes };
  });
  const saga = { id, key: toHex(id), description, stages: linked, stateGroup };
  checkPacts(parts, where, saga);
  return saga;
}

function checkPacts(parts: Parts, where: string, { description, stages }: Saga): void {
  const initiating = known(parts.pacts, description.initiatingPact, where, "initiating pact");
  // "The first referenced Saga Stage in the Saga must consume the initiating Pact of the Saga."
  if (!isOfPact(initiating, stages[0]!.consumedPact)) {
    throw unfit(
      "saga-first-stage",
      where,
      `begins with pact '${initiating.pact.name}', which its first stage does not consume`,
    );
  }
  const { keyField } = description;
  if (keyField !== null) requireField(where, initiating, keyField);
  for (const [index, stage] of stages.entries()) {
    const at = `${where}: stage ${index}`;
    const consumed = known(parts.pacts, stage.consumedPact, at, "consumed pact");
    for (const pact of stage.accessedPacts) known(parts.pacts, pact, at, "accessed pact");
    for (const pact of stage.producedPacts) known(parts.pacts, pact, at, "produced pact");
    for (const field of stage.correlate) {
      requireField(at, consumed, field);
      requireField(at, initiating, field);
    }
  }
}

function requireField(where: string, { pact, fields }: PactKnown, field: string): void {
  if (fields.some(({ name }) => name === field)) return;
  throw unfit("saga-field", where, `names field '${field}', which pact '${pact.name}' does not have`);
}

function known<T>(map: ReadonlyMap<string, T>, id: Hash, where: string, what: string): T {
  const found = map.get(toHex(id));
  if (found === undefined)
    throw unfit("saga-unknown", where, `names as its ${what} ${toHex(id).slice(0, 16)}, not known here`);
  return found;
}

function unfit(code: string, where: string, what: string): VertebraError {
  return new VertebraError(
    code,
    `${where} ${what}`,
    "Look at the saga with `vertebra saga check`, and define it anew.",
  );
}
