import { dueAt } from "../block/buffer";
import { definedKey, definedKeys, groupKey, keptUnder } from "../block/records";
import { asKnownTo, createGroup, type Group, indexPacts } from "../chain/group";
import type { Metablock } from "../chain/metablock";
import { retire } from "../chain/retired";
import { takeRoom } from "../chain/store-room";
import { put, remove, type World } from "../chain/world";
import { VertebraError } from "../errors";
import { greet } from "../gossip/frontier";
import { follows, type Peer, restrict } from "../gossip/peer";
import type { Outgoing } from "../gossip/tell";
import { type AskedGroup, another, bytesOfDeployed } from "../memory";
import { syncGroupId } from "../pact/pact";
import { equal, toHex } from "../wire/bytes";
import { maxGroups } from "../wire/limits";
import type { AvatarId, Hash } from "../wire/types";
import {
  contentBytes,
  endSaga,
  forgetSaga,
  type HeldRollout,
  type HeldSaga,
  holdRollout,
  holdSaga,
  isStep,
  maxHeldSagas,
  takePause,
  takeStep,
  tellUndeployed,
} from "./content";
import { concerns, type Definition, decodeDefinition, type GroupDefinition, idOfDefined } from "./definition";
import { takeEpoch, takeExpel } from "./epochs";
import {
  isUnderWay,
  type PauseDefinition,
  type RolloutDefinition,
  type SagaDefinition,
  type StepDefinition,
  type UndeployDefinition,
} from "./saga-definition";

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

/**
 * The definitions that these records hold of groups which concern this avatar, in the order in which they became final, but first those that
 * were acted in (of which there is a group's record), and last those that were retired: where there is not memory for all, no other takes
 * their place. Throws as `decodeDefinition`.
 */
export function definedIn(
  crypto: World["crypto"],
  world: string,
  avatar: AvatarId,
  records: Iterable<readonly [string, Uint8Array]>,
  isActedIn: (groupKey: string) => boolean,
): GroupDefinition[] {
  const found: { readonly key: string; readonly sequence: number; readonly definition: GroupDefinition }[] = [];
  const retired = new Set<string>();
  for (const { sequence, definition } of definitionsIn(crypto, world, records)) {
    const before = retiredBy(crypto, definition);
    if (before !== undefined) retired.add(toHex(before));
    if (definition.kind !== "group" || !concerns(definition, avatar)) continue;
    found.push({ key: toHex(idOfDefined(crypto, definition)), sequence, definition });
  }
  const rank = ({ key }: { readonly key: string }) => (retired.has(key) ? 2 : isActedIn(groupKey(world, key)) ? 0 : 1);
  found.sort((a, b) => rank(a) - rank(b) || a.sequence - b.sequence);
  return found.map(({ definition }) => definition);
}

/** SyncGroupId of the group that a definition retires. */
export function retiredBy(crypto: World["crypto"], definition: Definition): Hash | undefined {
  if (definition.kind === "retire") return definition.group;
  if (definition.kind !== "group" || definition.succeeds === null) return undefined;
  return syncGroupId(crypto, definition.succeeds);
}

/** Begins with what was defined before this start. What it has no memory for now stays in its records. */
export function restoreDefined(world: World, records: readonly (readonly [string, Uint8Array])[]): void {
  if (world.definitions === null) return;
  const isThere = (wanted: string) => records.some(([key]) => key === wanted);
  for (const definition of definedIn(world.crypto, world.tag, world.avatar, records, isThere)) {
    const error = holdGroup(world, definition);
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
    else if (definition.kind === "step") {
      if (isStep(world, definition)) takeStep(world, sequence, definition);
    } else if (definition.kind === "pause") {
      if (isStep(world, definition)) takePause(world, sequence, definition);
    } else if (definition.kind === "undeploy") endSaga(world, definition.stateGroup);
  }
}

/** One that was undeployed takes no memory that there is not: then nothing of it was begun here. */
function restoreSaga(
  world: World,
  sequence: number,
  definition: SagaDefinition,
  undeployed: ReadonlySet<string>,
): void {
  const stateGroup = toHex(definition.stateGroup);
  if (!world.groups.has(stateGroup)) return;
  const error = memoryForSaga(world, definition);
  if (error === undefined) holdSaga(world, sequence, definition);
  else if (!undeployed.has(stateGroup)) world.delivered.push({ kind: "notice", world: world.tag, error });
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
  for (const { sequence, entry } of world.toDefine.splice(0)) takeDefinition(world, sequence, entry);
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
    else if (definition?.kind === "step" || definition?.kind === "pause") {
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

/** The group of this participant's that it retires, where that is not retired yet: the first such definition counts. */
function groupRetiredBy(world: World, definition: Definition): Group | undefined {
  const id = retiredBy(world.crypto, definition);
  const group = id && world.groups.get(toHex(id));
  return group === undefined || group === world.definitions || group.retired !== null ? undefined : group;
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
  const isNew = concerns(definition, world.avatar) && !world.groups.has(toHex(idOfDefined(world.crypto, definition)));
  if (!isNew && groupRetiredBy(world, definition) === undefined) return;
  // What can't be kept would be forgotten at the next start: it is as if this participant had not heard of it.
  const unkept = keepDefinition(world, sequence, entry);
  if (unkept !== undefined) return unkept;
  const error = isNew ? holdGroup(world, definition) : undefined;
  if (isNew && error === undefined) world.delivered.push({ kind: "defined", world: world.tag, group: definition });
  retireBy(world, definition);
  return error;
}

/** "It reaches the participants that own its state group and no others", and those who relay it to them. */
function takeSaga(
  world: World,
  sequence: number,
  entry: Uint8Array,
  definition: SagaDefinition,
): VertebraError | undefined {
  const stateGroup = toHex(definition.stateGroup);
  if (!world.groups.has(stateGroup) || world.contents.undeployed.has(stateGroup)) return;
  const held = [...world.contents.sagas.values()];
  // The first that is final has the number.
  if (held.some(({ definition: other }) => other.name === definition.name && other.version === definition.version))
    return;
  if (world.contents.sagas.size >= maxHeldSagas) return tooManySagas(definition);
  const error = roomForContent(world, definition) ?? keepDefinition(world, sequence, entry);
  if (error !== undefined) return error;
  // What there is no memory for now stays in its records.
  const lacks = memoryForSaga(world, definition);
  if (lacks === undefined) holdSaga(world, sequence, definition);
  return lacks;
}

/** Of a version that this participant has heard of: a rollout of another says nothing to it. */
function takeRollout(
  world: World,
  sequence: number,
  entry: Uint8Array,
  definition: RolloutDefinition,
): VertebraError | undefined {
  const { name, version, stateGroup } = definition;
  const isItsOwn = ({ definition: saga }: HeldSaga) =>
    saga.name === name && saga.version === version && equal(saga.stateGroup, stateGroup);
  if (![...world.contents.sagas.values()].some(isItsOwn)) return undefined;
  // Gateways know the first one alone.
  const ofIt = (held: HeldRollout) => equal(held.definition.stateGroup, stateGroup);
  const before = [...world.contents.rollouts.values()].filter(ofIt).at(-1);
  if (before !== undefined && isUnderWay(before.definition, before.open)) return undefined;
  const error = keepDefinition(world, sequence, entry);
  if (error === undefined) holdRollout(world, sequence, definition);
  return error;
}

/** What changes nothing is not kept; what does has room always, for there are few of it, and what takes a version back is among it. */
function steer(world: World, sequence: number, entry: Uint8Array, definition: StepDefinition | PauseDefinition): void {
  if (!isStep(world, definition)) return;
  if (definition.kind === "step") takeStep(world, sequence, definition);
  else {
    const gone = takePause(world, sequence, definition);
    if (gone !== undefined) remove(world, gone);
    if (!definition.paused) return;
  }
  keep(world, sequence, entry);
}

/** Kept for good: what another steward defines of the saga afterwards counts for nobody. What frees room is never refused. */
function takeUndeploy(world: World, sequence: number, entry: Uint8Array, { stateGroup }: UndeployDefinition): void {
  const key = toHex(stateGroup);
  if (!world.groups.has(key) || world.contents.undeployed.has(key)) return;
  keep(world, sequence, entry);
  endSaga(world, stateGroup);
}

/**
 * Lets go of a saga that was undeployed, of which its driver says that all is over: of its definitions, its source, what was kept of it and
 * its memory. Not while something is on its way that this participant put into its states: the driver says so again later.
 */
export function letGo(world: World, stateGroup: Hash): void {
  const { contents, tag, groups } = world;
  const key = toHex(stateGroup);
  const held = [...contents.sagas.values()].find(({ definition }) => equal(definition.stateGroup, stateGroup));
  const group = groups.get(key);
  if (!contents.undeployed.has(key) || held === undefined || group === undefined || isWriting(world, group)) return;
  if (group.mine) world.spareBytes += bytesOfDeployed(world.bounds);
  const { snapshot, waits } = keptUnder(tag, key);
  for (const gone of [...forgetSaga(world, stateGroup), snapshot, waits]) remove(world, gone);
  tellUndeployed(world, held.definition, true);
}

/** Whether something of this participant's is buffered for a group, or sealed and not final. */
function isWriting({ avatar }: World, { blocks, buffer }: Group): boolean {
  if (dueAt(buffer) !== undefined) return true;
  for (const { header } of blocks.values()) if (equal(header.value.issuer, avatar)) return true;
  return false;
}

/** Takes the memory of one that it runs, all versions of which share it. */
function memoryForSaga(world: World, { name, stateGroup }: SagaDefinition): VertebraError | undefined {
  const known = [...world.contents.sagas.values()].some(({ definition }) => equal(definition.stateGroup, stateGroup));
  if (known || !world.groups.get(toHex(stateGroup))!.mine) return undefined;
  if (world.spareBytes === Number.POSITIVE_INFINITY) return undefined;
  const bytes = bytesOfDeployed(world.bounds);
  if (bytes > world.spareBytes) return noMemory(`Saga ${name} was deployed`, bytes, world);
  world.spareBytes -= bytes;
  return undefined;
}

/** Of a store's room, as for definitions. */
const shareOfContent = 1 / 8;

function roomForContent(world: World, definition: SagaDefinition): VertebraError | undefined {
  const { bytes } = world.room;
  if (bytes === null || contentBytes(world, definition) <= bytes * shareOfContent) return undefined;
  const { name, version, size } = definition;
  return new VertebraError(
    "definition-room",
    `The store has no room for saga ${name} v${version}, whose source has ${size} bytes`,
    "Give this participant a larger flash and provision it anew, or deploy a smaller saga; until then others run it.",
  );
}

function tooManySagas({ name, version }: SagaDefinition): VertebraError {
  return new VertebraError(
    "definition-sagas",
    `Saga ${name} v${version} was deployed for this participant, which has ${maxHeldSagas} already: it takes no part in it`,
    "Deploy it to other members.",
  );
}

/** Of a store's room, so that they never crowd out blocks: they stay for good. */
const shareOfDefinitions = 1 / 8;

function definedBytes({ room, tag }: World): number {
  const prefix = definedKeys(tag);
  let bytes = 0;
  for (const [key, size] of room.sizes) if (key.startsWith(prefix)) bytes += size;
  return bytes;
}

function keepDefinition(world: World, sequence: number, entry: Uint8Array): VertebraError | undefined {
  const { room } = world;
  if (room.bytes !== null && definedBytes(world) + entry.length > room.bytes * shareOfDefinitions) {
    return new VertebraError(
      "definition-room",
      `The store has no room for definition ${sequence} of the world, of ${entry.length} bytes`,
      "Give this participant a larger flash and provision it anew; until then it is no owner of that group.",
    );
  }
  keep(world, sequence, entry);
  return undefined;
}

function keep(world: World, sequence: number, entry: Uint8Array): void {
  takeRoom(world.room, entry.length);
  put(world, definedKey(world.tag, sequence), entry);
}

/** The group is one of this participant's from now on; why not, where it has no room for it. */
function holdGroup(world: World, { name, group, pacts, followers }: GroupDefinition): VertebraError | undefined {
  const { crypto, bounds, avatarKey, stewards } = world;
  const id = syncGroupId(crypto, group);
  const named = followers.map((avatar) => ({ group: id, avatar }));
  const made = createGroup(crypto, group, indexPacts(crypto, pacts), named, bounds);
  const created = asKnownTo(made, avatarKey, stewards);
  if (world.groups.has(created.key)) return undefined;
  const { bytes, told } = another(bounds, [...world.groups.values()].map(askedOfGroup), askedOfGroup(created));
  if (world.groups.size >= maxGroups) return tooMany(name);
  if (bytes > world.spareBytes) return noMemory(`Group ${name} was defined`, bytes, world);
  world.spareBytes -= bytes;
  world.bounds = { ...bounds, told };
  world.groups.set(created.key, created);
  for (const owner of created.ownerKeys) world.owners.add(owner);
  return undefined;
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

function noMemory(what: string, bytes: number, { spareBytes, groups }: World): VertebraError {
  const kb = (count: number) => `${Math.ceil(count / 1024)} KB`;
  return new VertebraError(
    "board-memory",
    `${what} for this participant and takes up to ${kb(bytes)}, and beside its ${groups.size} groups there are ${kb(Math.max(0, spareBytes))} left: it takes no part in it`,
    "Start it anew: it holds less of everything else then, if that does. Else leave it to others, or give this one fewer groups and sagas or more memory.",
  );
}
