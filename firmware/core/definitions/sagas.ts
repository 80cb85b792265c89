import { dueAt } from "../block/buffer";
import { keptUnder } from "../block/records";
import type { Group } from "../chain/group";
import { remove, type World } from "../chain/world";
import { VertebraError } from "../errors";
import { bytesOfDeployed } from "../memory";
import { equal, toHex } from "../wire/bytes";
import type { Hash } from "../wire/types";
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
import { keep, keepDefinition, noMemory } from "./kept";
import {
  isUnderWay,
  type RolloutDefinition,
  type SagaDefinition,
  type SteerDefinition,
  type UndeployDefinition,
} from "./saga-definition";

/** What is defined of sagas, as it comes to count for one participant: for those who own their state groups, or relay them. */

/** One that was undeployed takes no memory that there is not: then nothing of it was begun here. */
export function restoreSaga(
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

/** "It reaches the participants that own its state group and no others", and those who relay it to them. */
export function takeSaga(
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
export function takeRollout(
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
  if (before !== undefined && isUnderWay(before)) return undefined;
  const error = keepDefinition(world, sequence, entry);
  if (error === undefined) holdRollout(world, sequence, definition);
  return error;
}

/** What changes nothing is not kept; what does has room always, for there are few of it, and what takes a version back is among it. */
export function steer(world: World, sequence: number, entry: Uint8Array, definition: SteerDefinition): void {
  if (!isStep(world, definition)) return;
  if (definition.kind !== "pause") takeStep(world, sequence, definition);
  else {
    const gone = takePause(world, sequence, definition);
    if (gone !== undefined) remove(world, gone);
    if (!definition.paused) return;
  }
  keep(world, sequence, entry);
}

/** Kept for good: what another steward defines of the saga afterwards counts for nobody. What frees room is never refused. */
export function takeUndeploy(
  world: World,
  sequence: number,
  entry: Uint8Array,
  { stateGroup }: UndeployDefinition,
): void {
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
