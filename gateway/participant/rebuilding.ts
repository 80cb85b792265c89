import { finalKey } from "../../firmware/core/block/final-record";
import { definedKey } from "../../firmware/core/block/records";
import { ample } from "../../firmware/core/bounds";
import { createPast, type Past, recordsOfPast, takePast } from "../../firmware/core/chain/past";
import { retiredBy } from "../../firmware/core/definitions/defined";
import { concerns, type Definition, idOfDefined } from "../../firmware/core/definitions/definition";
import type { EpochDefinition, ExpelDefinition } from "../../firmware/core/definitions/epoch-definition";
import { recordsOfEpochs } from "../../firmware/core/definitions/epochs";
import { toHex } from "../../firmware/core/wire/bytes";
import { decodeSyncGroup } from "../../firmware/core/wire/structures";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";
import { readableDefinition } from "../world/catalog";
import { followsOn, type HistoricBlock, readFinalBlock } from "./final-block";
import type { FinalHistory } from "./final-history";

/** Of a world what its records are made from anew. */
export interface RebuiltWorld {
  /** Of the world, in hex. */
  readonly tag: string;
  readonly avatar: AvatarId;
  /** The avatar's X25519 secret: what was sealed to it is opened again. */
  readonly staticSecret: Uint8Array;
  readonly groups: readonly RebuiltGroup[];
  /** The group of definitions, in hex: those of them that concern it are groups of the participant, too. Null where nothing can be defined. */
  readonly definitions: string | null;
}

interface RebuiltGroup {
  readonly id: string;
  readonly soleOwner: boolean;
}

const readTogether = 16;
/** Positions that may be missing one after the other in a group of one owner, where it goes on behind them. */
const longestHole = 1_024;

/**
 * What a journal says of where the groups stand, from the history alone, as far as that goes on without a gap; in a group of one owner
 * also behind a gap, since that must never use a counter twice.
 */
export async function rebuildRecords(
  crypto: Crypto,
  history: FinalHistory,
  world: RebuiltWorld,
): Promise<Map<string, Uint8Array>> {
  const { tag, avatar, groups, definitions } = world;
  const records = new Map<string, Uint8Array>();
  const known = groups.map(({ id }) => id);
  const defined = definitions === null ? [] : await takeDefined(crypto, history, records, world, definitions, known);
  for (const { id, soleOwner } of [...groups, ...defined]) {
    const past = createPast(tag, id);
    await takeAll(crypto, history, past, avatar, soleOwner);
    if (past.position > 0) for (const [key, value] of recordsOfPast(past)) records.set(key, value);
  }
  return records;
}

interface Rebuilding {
  readonly about: Pick<RebuiltWorld, "tag" | "avatar" | "staticSecret"> & { readonly crypto: Crypto };
  readonly records: Map<string, Uint8Array>;
  readonly defined: RebuiltGroup[];
  readonly epochs: [number, EpochDefinition | ExpelDefinition][];
  /** Those of the participant, in hex, and what rolls out in them. */
  readonly groups: Set<string>;
  readonly rollouts: Set<number>;
}

/**
 * The records of what was defined for the participant (`core/definitions/defined`), who has the `known` groups, and the groups that these
 * define: along those in which the stewards defined one after the other.
 */
async function takeDefined(
  crypto: Crypto,
  history: FinalHistory,
  records: Map<string, Uint8Array>,
  { tag, avatar, staticSecret }: RebuiltWorld,
  founding: string,
  known: readonly string[],
): Promise<RebuiltGroup[]> {
  const about = { crypto, tag, avatar, staticSecret };
  const its: Rebuilding = { about, records, defined: [], epochs: [], groups: new Set(known), rollouts: new Set() };
  let first = 0;
  for (let group: string | undefined = founding; group !== undefined; ) {
    const next = await takeDefinedIn(its, history, group, first);
    group = next?.group;
    first = next?.first ?? first;
  }
  for (const [key, value] of recordsOfEpochs(about, ample.epochsKept, its.epochs)) records.set(key, value);
  return its.defined;
}

/** Takes what counts in one of them; returns the one that succeeds it, where one does, and the number of the first definition there. */
async function takeDefinedIn(its: Rebuilding, history: FinalHistory, group: string, first: number) {
  const { crypto, tag } = its.about;
  let hole = 0;
  for (let position = 0; hole <= longestHole; position++) {
    const [record] = await history.read([finalKey(tag, group, position)]);
    const block = record && readFinalBlock(crypto, group, position, record);
    hole = block === undefined ? hole + 1 : 0;
    if (block === undefined) continue;
    for (const [index, entry] of (block.entries ?? []).entries()) {
      const definition = readableDefinition(crypto, entry);
      const sequence = first + block.firstEntry + index;
      if (definition === undefined) continue;
      const retired = retiredBy(crypto, definition);
      const goesOn = definition.kind === "group" && retired !== undefined && toHex(retired) === group;
      takeOne(its, sequence, entry, definition, goesOn);
      if (goesOn) return { group: toHex(idOfDefined(crypto, definition)), first: sequence + 1 };
    }
  }
  return undefined;
}

function takeOne(its: Rebuilding, sequence: number, entry: Uint8Array, definition: Definition, goesOn: boolean): void {
  const { about, records, groups } = its;
  const { crypto, tag, avatar } = about;
  if (definition.kind === "epoch" || definition.kind === "expel") its.epochs.push([sequence, definition]);
  const retired = retiredBy(crypto, definition);
  const isIts =
    isOfItsSagas(its, sequence, definition) || (retired !== undefined && groups.has(toHex(retired))) || goesOn;
  if (isIts) records.set(definedKey(tag, sequence), entry);
  if (definition.kind !== "group" || !(goesOn || concerns(definition, avatar))) return;
  records.set(definedKey(tag, sequence), entry);
  const soleOwner = decodeSyncGroup(definition.group).owners.length === 1;
  const id = toHex(idOfDefined(crypto, definition));
  its.defined.push({ id, soleOwner });
  groups.add(id);
}

/** Whether it is of a saga whose states these groups have, or of a rollout of one, which are noted as they come. */
function isOfItsSagas(
  { groups, rollouts }: { readonly groups: ReadonlySet<string>; readonly rollouts: Set<number> },
  sequence: number,
  definition: Definition,
): boolean {
  switch (definition.kind) {
    case "saga":
    case "undeploy":
      return groups.has(toHex(definition.stateGroup));
    case "rollout":
      if (!groups.has(toHex(definition.stateGroup))) return false;
      rollouts.add(sequence);
      return true;
    case "step":
    case "pause":
    case "stop":
      return rollouts.has(definition.rollout);
    default:
      return false;
  }
}

async function takeAll(
  crypto: Pick<Crypto, "sha256" | "verify">,
  history: FinalHistory,
  past: Past,
  avatar: AvatarId,
  soleOwner: boolean,
): Promise<void> {
  let before: HistoricBlock | undefined;
  for (let from = 0; from - past.position <= (soleOwner ? longestHole : 0); from += readTogether) {
    const keys = Array.from({ length: readTogether }, (_, index) => finalKey(past.tag, past.key, from + index));
    for (const [index, record] of (await history.read(keys)).entries()) {
      const block = record && readFinalBlock(crypto, past.key, from + index, record);
      if (block === undefined && !soleOwner) return;
      if (block === undefined || (before && block.position === before.position + 1 && !followsOn(before, block)))
        continue;
      takePast(past, avatar, block);
      before = block;
    }
  }
}
