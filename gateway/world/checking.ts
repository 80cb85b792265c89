import {
  type Definition,
  definitionsName,
  type GroupDefinition,
  idOfDefined,
  type MemberDefinition,
} from "../../firmware/core/definitions/definition";
import type { ExpelDefinition } from "../../firmware/core/definitions/epoch-definition";
import {
  isUnderWay,
  type RolloutDefinition,
  type SagaDefinition,
  type UndeployDefinition,
} from "../../firmware/core/definitions/saga-definition";
import { VertebraError } from "../../firmware/core/errors";
import { decodePact, pactId, syncGroupId } from "../../firmware/core/pact/pact";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { decodeSyncGroup } from "../../firmware/core/wire/structures";
import type { Hash } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";
import { isOfDefinitions, type Known, type KnownGroup, type Member } from "./catalog";

/** Whether what is defined fits what there is: else it counts for nobody. */

/** Throws `name-taken`, `member-unknown`, `pact-unknown` or `pact-version`, where what is defined does not fit what there is. */
export function checkDefinition(crypto: Crypto, known: Known, definition: Definition): void {
  const { pacts, members } = known;
  const taken = (what: string, name: string) =>
    new VertebraError("name-taken", `There is a ${what} '${name}' in this world already`, "Choose another name.");
  switch (definition.kind) {
    case "member":
      if (members.some((each) => each.name === definition.name && !isMade(each, definition)))
        throw taken("member", definition.name);
      break;
    case "pact": {
      const { name, version } = decodePact(definition.pact);
      const id = pactId(crypto, definition.pact);
      const former = pacts.filter(({ pact }) => pact.name === name);
      if (former.some((each) => equal(each.id, id)))
        throw taken("pact", `${name}' with these fields and this policy, '${name} v${version}`);
      const newest = Math.max(0, ...former.map(({ pact }) => pact.version));
      if (version > newest) break;
      throw new VertebraError(
        "pact-version",
        `Pact '${name}' is there in version ${newest}, and this one is version ${version}`,
        `Give it version ${newest + 1}: what is written in the pact of before stays what it was.`,
      );
    }
    case "retire":
      checkRetirement(known, definition.group);
      break;
    case "group": {
      const { owners } = decodeSyncGroup(definition.group);
      const former = definition.succeeds && liveGroup(known, syncGroupId(crypto, definition.succeeds));
      checkNameOfDefinitions(known, definition, former);
      // Participants go on by it whoever it names, and who reads on where they do not would hear of nothing any more.
      if (former !== null && isOfDefinitions(known, former.id)) break;
      const others = known.groups.filter((each) => each !== former);
      if (others.some(({ name }) => name === definition.name)) throw taken("group", definition.name);
      const id = idOfDefined(crypto, definition);
      const same = others.find((each) => equal(each.id, id));
      if (same !== undefined) throw taken("group of this pact with these owners,", same.name);
      const retired = known.retired.find((each) => equal(each.id, id));
      if (retired !== undefined) throw sameOwners(definition.name, retired.name);
      const stranger = [...owners, ...definition.followers].find(
        (avatar) => !members.some((member) => equal(member.avatar, avatar)),
      );
      if (stranger === undefined) break;
      throw new VertebraError(
        "member-unknown",
        `Group ${definition.name} names ${toHex(stranger).slice(0, 16)}…, who is no member of this world`,
        "Add it first: `vertebra board add NAME`.",
      );
    }
    case "expel":
      checkExpel(known, definition);
      break;
    case "saga":
      checkSaga(known, definition);
      break;
    case "undeploy":
      checkUndeploy(known, definition);
      break;
    case "rollout":
      checkRollout(known, definition);
      break;
    case "step":
    case "pause":
    case "stop": {
      const found = known.rollouts.find(({ sequence }) => sequence === definition.rollout);
      if (found !== undefined && found.open > 0) break;
      throw new VertebraError(
        "rollout-none",
        `There is no rollout ${definition.rollout} in this world, or it was taken back`,
        "Begin one with `vertebra rollout start`.",
      );
    }
  }
}

/** Whether it is one that the world was laid out with here, before it was heard of by its definition. */
function isMade(member: Member, { avatar }: MemberDefinition): boolean {
  return member.labels === undefined && equal(member.avatar, avatar);
}

/** Throws `group-retired` where there is none. */
export function liveGroup({ groups }: Pick<Known, "groups">, id: Hash): KnownGroup {
  const found = groups.find((group) => equal(group.id, id));
  if (found !== undefined) return found;
  throw new VertebraError(
    "group-retired",
    `Group ${toHex(id).slice(0, 16)}… is retired, or is none of this world`,
    "`vertebra group list` shows those that there are.",
  );
}

/** Throws `definitions-stay`: they go on in a successor, or nobody could define anything any more. */
function checkRetirement(known: Known, group: Hash): void {
  if (!isOfDefinitions(known, liveGroup(known, group).id)) return;
  throw definitionsStay();
}

export function definitionsStay(): VertebraError {
  return new VertebraError(
    "definitions-stay",
    "The group of definitions is never retired: nothing could be defined in this world any more",
    "Change who defines: `vertebra steward add NAME` or `vertebra steward revoke NAME`.",
  );
}

/** Throws `name-taken`: nothing else goes by the name of definitions, and they by no other. */
function checkNameOfDefinitions(known: Known, { name }: GroupDefinition, former: KnownGroup | null): void {
  const defines = former !== null && isOfDefinitions(known, former.id);
  if ((name === definitionsName) === defines) return;
  const message = `A group '${name}' can't ${defines ? "succeed" : "be called as"} that of definitions`;
  throw new VertebraError("name-taken", message, "Choose another name.");
}

/** A group is its pact and its owners: what was retired is never one again. */
export function sameOwners(name: string, same: string): VertebraError {
  return new VertebraError(
    "group-same",
    `Group ${name} would be of the same pact with the same owners as ${same}, and so be the same group`,
    "Choose other owners, or a pact of its own: `vertebra pact add FILE`.",
  );
}

/** Throws `saga-not-deployed`. */
function checkUndeploy({ sagas }: Known, { stateGroup }: UndeployDefinition): void {
  if (sagas.some((saga) => equal(saga.stateGroup, stateGroup))) return;
  throw new VertebraError(
    "saga-not-deployed",
    `No saga is deployed whose states are in group ${toHex(stateGroup).slice(0, 16)}…`,
    "`vertebra saga versions` shows what is.",
  );
}

/** Throws `expel-epoch`: another was expelled first, who may have been sealed the secret of this one. */
function checkExpel({ expelled }: Known, { epoch }: ExpelDefinition): void {
  if (epoch === expelled.length + 1) return;
  throw new VertebraError(
    "expel-epoch",
    `It begins epoch ${epoch} of the membership, which is in epoch ${expelled.length}: another was expelled first`,
    "Whoever asked for it asks again, with a new secret.",
  );
}

/** Throws `rollout-running`, and `rollout-saga` where it is of no staged version, or of members who do not run it. */
function checkRollout({ sagas, groups, rollouts }: Known, definition: RolloutDefinition): void {
  const { name, version, stateGroup, statusGroup, rings } = definition;
  const before = rollouts.filter((each) => equal(each.definition.stateGroup, stateGroup)).at(-1);
  if (before !== undefined && isUnderWay(before)) {
    throw new VertebraError(
      "rollout-running",
      `Saga '${name}' rolls out already, in version ${before.definition.version}: ${before.open} of its ${before.definition.rings.length} rings are open`,
      `Wait until it is done, take it back with \`vertebra rollout rollback ${name}\`, or end it where it stands: \`vertebra rollout stop ${name}\`.`,
    );
  }
  const saga = sagas.find((each) => each.name === name && each.version === version && each.staged);
  const owners = (id: Hash) => groups.find((group) => equal(group.id, id))?.owners ?? [];
  const all = [stateGroup, statusGroup].map(owners);
  const runs = rings.flat().every((avatar) => all.every((these) => these.some((owner) => equal(owner, avatar))));
  if (saga !== undefined && equal(saga.stateGroup, stateGroup) && runs) return;
  throw new VertebraError(
    "rollout-saga",
    `The rollout of saga ${name} v${version} is of no version that is to roll out, or of members who do not run it`,
    "Begin one with `vertebra rollout start FILE`.",
  );
}

/** Throws `saga-version`, `saga-undeployed` and `group-unknown`. */
function checkSaga(known: Known, { name, version, stateGroup, groups: its }: SagaDefinition): void {
  const { sagas, undeployed, groups } = known;
  const former = sagas.filter((each) => each.name === name);
  const versions = [...former, ...undeployed.filter((each) => each.name === name)].map((each) => each.version);
  const newest = Math.max(0, ...versions);
  if (version <= newest) {
    throw new VertebraError(
      "saga-version",
      `Saga '${name}' ${former.length > 0 ? "is" : "was"} deployed in version ${newest}, and this one is version ${version}`,
      `Give it version ${newest + 1}: what was begun ends on the version that it began with.`,
    );
  }
  if (undeployed.some((each) => equal(each.stateGroup, stateGroup))) {
    throw new VertebraError(
      "saga-undeployed",
      `Saga '${name}' v${version} has the states of one that was undeployed, and nobody begins by it`,
      "Deploy it anew with `vertebra saga deploy`: that gives it states of its own.",
    );
  }
  const lacking = its.find(({ group }) => !groups.some(({ id }) => equal(id, group)));
  if (lacking !== undefined) {
    throw new VertebraError(
      "group-unknown",
      `Saga ${name} names group ${toHex(lacking.group).slice(0, 16)}…, which is none of this world`,
      "Define its groups first.",
    );
  }
  if (former.every((each) => equal(each.stateGroup, stateGroup))) return;
  throw new VertebraError(
    "saga-owners",
    `Saga '${name}' is run by other members than those who are to run version ${version}`,
    "Deploy it to the same members, or under another name.",
  );
}
