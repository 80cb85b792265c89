import { definedKeys, groupKey } from "../block/records";
import { mayRead } from "../chain/access";
import { type Defining, type FinalDefinition, isOfDefinitions, numberOfDefinition } from "../chain/defining";
import { asKnownTo, createGroup, type Group, indexPacts } from "../chain/group";
import type { Metablock } from "../chain/metablock";
import { retire } from "../chain/retired";
import { defineAnew } from "../chain/succession";
import type { World } from "../chain/world";
import { VertebraError } from "../errors";
import { greet } from "../gossip/frontier";
import { follows, type Peer, restrict } from "../gossip/peer";
import type { Outgoing } from "../gossip/tell";
import { type AskedGroup, another } from "../memory";
import { syncGroupId } from "../pact/pact";
import { equal, toHex } from "../wire/bytes";
import type { Sha256 } from "../wire/hash";
import { maxGroups } from "../wire/limits";
import type { AvatarId, Hash } from "../wire/types";
import { endSaga, holdRollout, isStep, takePause, takeStep } from "./content";
import { concerns, type Definition, decodeDefinition, type GroupDefinition, idOfDefined } from "./definition";
import { takeEpoch, takeExpel } from "./epochs";
import { keep, keepDefinition, noMemory } from "./kept";
import { restoreSaga, steer, takeRollout, takeSaga, takeUndeploy } from "./sagas";

/**
 * What is defined while a world runs, as it comes to count for one participant: "a definition counts at a participant from when it is final
 * there", and "owner is who a final definition lists, and nobody by being named elsewhere" (PROTOCOL 10). Of a group that it owns or
 * relays it keeps the definition, by its sequence, and of all others nothing.
 */

/** The definitions that these records hold, with their sequences. Throws as `decodeDefinition`. */
function* definitionsIn(
  crypto: World["crypto"],
  world: string,
  records: Iterable<readonly [string, Uint8Array]>,
): Generator<{ readonly sequence: number; readonly definition: Definition }> {
  const prefix = definedKeys(world);
  for (const [key, value] of records) {
    const definition = key.startsWith(prefix) ? decodeDefinition(crypto, value) : undefined;
    if (definition !== undefined) yield { sequence: Number(key.slice(prefix.length)), definition };
  }
}

/** Of what a participant has in its records the groups that it begins with. */
export interface DefinedGroup {
  readonly sequence: number;
  readonly definition: GroupDefinition;
  /** It succeeds the group in which the stewards define, and they define in it from then on. */
  readonly defines: boolean;
}

/**
 * The definitions that these records hold of groups which concern this avatar, in the order in which they became final, but first those in
 * which the stewards define, then those that were acted in (of which there is a group's record), and last those that were retired: where
 * there is not memory for all, no other takes their place. `founding` is the encoded group of definitions of the provision. Throws as `decodeDefinition`.
 */
export function definedIn(
  crypto: World["crypto"],
  world: string,
  avatar: AvatarId,
  founding: Uint8Array | undefined,
  records: Iterable<readonly [string, Uint8Array]>,
  isActedIn: (groupKey: string) => boolean,
): DefinedGroup[] {
  const found: (DefinedGroup & { readonly key: string })[] = [];
  const retired = new Set<string>();
  let present = founding;
  const all = [...definitionsIn(crypto, world, records)].sort((a, b) => a.sequence - b.sequence);
  for (const { sequence, definition } of all) {
    const before = retiredBy(crypto, definition);
    if (before !== undefined) retired.add(toHex(before));
    if (definition.kind !== "group") continue;
    const defines = present !== undefined && definition.succeeds !== null && equal(definition.succeeds, present);
    if (defines) present = definition.group;
    if (!defines && !concerns(definition, avatar)) continue;
    found.push({ key: toHex(idOfDefined(crypto, definition)), sequence, definition, defines });
  }
  const rank = ({ key, defines }: { readonly key: string; readonly defines: boolean }) =>
    defines ? 0 : retired.has(key) ? 3 : isActedIn(groupKey(world, key)) ? 1 : 2;
  return found.sort((a, b) => rank(a) - rank(b) || a.sequence - b.sequence);
}

/** SyncGroupId of the group that a definition retires. */
export function retiredBy(crypto: Sha256, definition: Definition): Hash | undefined {
  if (definition.kind === "retire") return definition.group;
  if (definition.kind !== "group" || definition.succeeds === null) return undefined;
  return syncGroupId(crypto, definition.succeeds);
}

/** Begins with what was defined before this start. What it has no memory for now stays in its records. */
export function restoreDefined(world: World, records: readonly (readonly [string, Uint8Array])[]): void {
  const founding = world.definitions[0]?.group.bytes;
  if (founding === undefined) return;
  const isThere = (wanted: string) => records.some(([key]) => key === wanted);
  for (const defined of definedIn(world.crypto, world.tag, world.avatar, founding, records, isThere)) {
    const error = holdGroup(world, defined);
    if (error !== undefined) world.delivered.push({ kind: "notice", world: world.tag, error });
  }
  // In their order: a saga comes before its rollouts, and those before their steps.
  const all = [...definitionsIn(world.crypto, world.tag, records)].sort((a, b) => a.sequence - b.sequence);
  const undeployed = new Set(
    all.flatMap(({ definition: its }) => (its.kind === "undeploy" ? toHex(its.stateGroup) : [])),
  );
  for (const { sequence, definition } of all) {
    retireBy(world, definition);
    if (definition.kind === "saga") restoreSaga(world, sequence, definition, undeployed);
    else if (definition.kind === "rollout") holdRollout(world, sequence, definition);
    else if (definition.kind === "step" || definition.kind === "stop") {
      if (isStep(world, definition)) takeStep(world, sequence, definition);
    } else if (definition.kind === "pause") {
      if (isStep(world, definition)) takePause(world, sequence, definition);
    } else if (definition.kind === "undeploy") endSaga(world, definition.stateGroup);
  }
}

/** Of how many sagas these records hold versions. Throws as `decodeDefinition`. */
export function countSagas(
  crypto: World["crypto"],
  world: string,
  records: Iterable<readonly [string, Uint8Array]>,
): number {
  const stateGroups = new Set<string>();
  for (const { definition } of definitionsIn(crypto, world, records)) {
    if (definition.kind === "saga") stateGroups.add(toHex(definition.stateGroup));
  }
  return stateGroups.size;
}

/** Takes what has become final in the group of definitions, and lets neighbours know what this participant follows from now on. */
export function takeDefinitions(world: World, peers: readonly Peer[], outgoing: Outgoing[]): void {
  const before = world.groups.size;
  const { epoch } = world.membership;
  const late: FinalDefinition[] = [];
  for (const each of world.toDefine.splice(0)) {
    const sequence = numberOfDefinition(world, each.group, each.index);
    if (sequence !== undefined) takeDefinition(world, sequence, each.entry);
    else late.push(each);
  }
  defineAnew(world, late);
  if (world.membership.epoch > epoch) for (const peer of peers) restrict(peer);
  const added = [...world.groups.values()].slice(before);
  if (added.length === 0) return;
  world.linesChanged = true;
  for (const metablock of world.metablocks.values()) showsAllNoMore(metablock);
  for (const peer of peers) meetAgain(peer, added, outgoing);
}

/** Of what was shown whole only the references around known groups were kept: what of it is of a new one is still to be shown. */
function showsAllNoMore(metablock: Metablock): void {
  if (metablock.sorted.length < metablock.header.value.referenceCount) metablock.whole = false;
}

/** A neighbour that may share a new group is told that this participant follows it, and says in answer what it has of it (`gossip/receive`). */
function meetAgain(peer: Peer, added: readonly Group[], outgoing: Outgoing[]): void {
  let shares = false;
  for (const group of added) {
    if (!follows(peer, group)) continue;
    shares = true;
    peer.refused.delete(group.key);
    if (group.ownerKeys.includes(peer.avatarKey)) peer.interests.add(group.key);
  }
  if (shares) greet(peer, outgoing);
}

function takeDefinition(world: World, sequence: number, entry: Uint8Array): void {
  let error: VertebraError | undefined;
  try {
    const definition = decodeDefinition(world.crypto, entry);
    if (definition?.kind === "group") error = takeGroup(world, sequence, entry, definition);
    else if (definition?.kind === "epoch") error = takeEpoch(world, sequence, definition);
    else if (definition?.kind === "expel") error = takeExpel(world, definition);
    else if (definition?.kind === "retire" && groupRetiredBy(world, definition) !== undefined) {
      error = keepDefinition(world, sequence, entry);
      if (error === undefined) retireBy(world, definition);
    } else if (definition?.kind === "saga") error = takeSaga(world, sequence, entry, definition);
    else if (definition?.kind === "rollout") error = takeRollout(world, sequence, entry, definition);
    else if (definition?.kind === "step" || definition?.kind === "pause" || definition?.kind === "stop") {
      steer(world, sequence, entry, definition);
    } else if (definition?.kind === "undeploy") takeUndeploy(world, sequence, entry, definition);
  } catch (thrown) {
    if (!(thrown instanceof VertebraError) || thrown.code === "assertion") throw thrown;
    error = new VertebraError(
      "definition-invalid",
      `Definition ${sequence} of the world is none: ${thrown.message}`,
      "It counts for nobody. Let a steward define it anew, with a version that its members have.",
    );
  }
  if (error !== undefined) world.delivered.push({ kind: "notice", world: world.tag, error });
}

/**
 * The group of this participant's that it retires, where that is not retired yet: the first such definition counts. That of definitions goes on in
 * another, or stays.
 */
function groupRetiredBy(world: World, definition: Definition): Group | undefined {
  const id = retiredBy(world.crypto, definition);
  const group = id && world.groups.get(toHex(id));
  if (group === undefined || group.retired !== null) return undefined;
  return definition.kind === "group" || !isOfDefinitions(world, group) ? group : undefined;
}

function retireBy(world: World, definition: Definition): void {
  const group = groupRetiredBy(world, definition);
  if (group === undefined) return;
  const successor = definition.kind === "group" ? idOfDefined(world.crypto, definition) : null;
  retire(world, group, successor && toHex(successor));
  world.delivered.push({ kind: "retired", world: world.tag, group: group.id, successor });
}

function takeGroup(
  world: World,
  sequence: number,
  entry: Uint8Array,
  definition: GroupDefinition,
): VertebraError | undefined {
  const { crypto, groups, avatar } = world;
  const before = groupRetiredBy(world, definition);
  const defines = before !== undefined && isOfDefinitions(world, before);
  const isNew = (defines || concerns(definition, avatar)) && !groups.has(toHex(idOfDefined(crypto, definition)));
  if (before === undefined && (!isNew || succeedsStewards(world, definition))) return undefined;
  if (defines) keep(world, sequence, entry);
  else {
    // What can't be kept would be forgotten at the next start: it is as if this participant had not heard of it.
    const unkept = keepDefinition(world, sequence, entry);
    if (unkept !== undefined) return unkept;
  }
  const error = isNew ? holdGroup(world, { sequence, definition, defines }) : undefined;
  if (isNew && error === undefined) world.delivered.push({ kind: "defined", world: world.tag, group: definition });
  retireBy(world, definition);
  return error;
}

/** Of two stewards who change them at the same time the second one's counts for nobody. */
function succeedsStewards({ crypto, groups, definitions }: World, definition: GroupDefinition): boolean {
  const id = retiredBy(crypto, definition);
  const group = id && groups.get(toHex(id));
  return group !== undefined && isOfDefinitions({ definitions }, group);
}

/**
 * The group is one of this participant's from now on; why not, where it has no room for it. For one in which the stewards define it takes the
 * room: it would hear of nothing any more.
 */
function holdGroup(world: World, { sequence, definition, defines }: DefinedGroup): VertebraError | undefined {
  const { crypto, bounds, avatarKey, stewards } = world;
  const { name, group, pacts, followers } = definition;
  const id = syncGroupId(crypto, group);
  const named = followers.map((avatar) => ({ group: id, avatar }));
  const made = createGroup(crypto, group, indexPacts(crypto, pacts), named, bounds);
  const created = asKnownTo(made, avatarKey, stewards);
  if (world.groups.has(created.key)) return undefined;
  const { bytes, told } = another(bounds, [...world.groups.values()].map(askedOfGroup), askedOfGroup(created));
  if (!defines && world.groups.size >= maxGroups) return tooMany(name);
  if (!defines && bytes > world.spareBytes) return noMemory(`Group ${name} was defined`, bytes, world);
  world.spareBytes -= bytes;
  world.bounds = { ...bounds, told };
  world.groups.set(created.key, created);
  for (const owner of created.ownerKeys) world.owners.add(owner);
  if (defines) goOnDefining(world, { group: created, first: sequence + 1 });
  return undefined;
}

/** Its owners are the stewards now. */
function goOnDefining(world: World, defining: Defining): void {
  world.definitions.push(defining);
  for (const owner of defining.group.ownerKeys) world.stewards.add(owner);
  for (const group of world.groups.values()) group.readable = mayRead(world, group, world.avatarKey);
}

function askedOfGroup({ ownerKeys, pact, mine }: Group): AskedGroup {
  return { owners: ownerKeys.length, largestEntry: pact.policy.largestEntry, mine };
}

function tooMany(name: string): VertebraError {
  return new VertebraError(
    "definition-groups",
    `Group ${name} was defined for this participant, which has ${maxGroups} groups already: it takes no part in it`,
    "Define the group with another owner: no participant has more.",
  );
}
