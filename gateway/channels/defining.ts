import { existsSync, readFileSync } from "node:fs";
import { decodeBoard, machineSensors } from "../../firmware/core/capability/board";
import {
  type Definition,
  encodeDefinition,
  type GroupDefinition,
  idOfDefined,
} from "../../firmware/core/definitions/definition";
import { VertebraError } from "../../firmware/core/errors";
import { noSagas } from "../../firmware/core/identity/provision";
import { decodePact, pactId } from "../../firmware/core/pact/pact";
import { idOfSaga } from "../../firmware/core/saga/deployed";
import { equal, fromHex, toHex } from "../../firmware/core/wire/bytes";
import { decodeSyncGroup, encodeSyncGroup } from "../../firmware/core/wire/structures";
import { encodeText } from "../../firmware/core/wire/text";
import { usualBaudRate } from "../avatars/address";
import type { Gateway } from "../gateway";
import { nodeRandom } from "../participant/platform";
import { checkDefinitions, groupsOwnedBy, numberIn } from "../world/catalog";
import { type AskedGroup, newBoard, newGroup } from "../world/growing";
import { checkMemory } from "../world/layout";
import { isSteward, stewardsOf } from "../world/stewarding";
import { boardOf, placeBoard, type World } from "../world/world";
import { newcomerOf } from "./newcomer";
import { beforeEnd } from "./pushing";
import { checkRequired } from "./requiring";

/** What people define in a world that runs. With `dry`, all is checked and nothing done. */

export interface BoardAsked {
  readonly name: string;
  /** The text of its board.json. */
  readonly board: string;
  readonly labels: readonly string[];
  readonly dry: boolean;
}

export interface PactAsked {
  /** Hex of encoded pacts: the one that is asked for last, and before it those that it extends and the world lacks. */
  readonly pacts: readonly string[];
  readonly dry: boolean;
}

export interface GroupAsked extends AskedGroup {
  readonly dry: boolean;
}

/** What `--json` prints of it. */
export interface DefinedJson {
  readonly dry: boolean;
  readonly defined: readonly DefinedThing[];
  /** Of a board: the file that it is to be given, which holds secrets. */
  readonly provisionFile?: string;
}

interface DefinedThing {
  readonly kind: Definition["kind"];
  readonly name: string;
  /** AvatarId, PactId, SyncGroupId, of a saga that of its description, of a rollout that of its status group, of an epoch the hash of its secret; in hex. What is of a rollout has none. */
  readonly id: string;
  /** In the definitions group; null where nothing was defined. */
  readonly sequence: number | null;
}

/** Defines a member, and its group with the gateway; then it can be run, or its provision be put on a board. */
export async function addBoard(gateway: Gateway, asked: BoardAsked, ending: AbortSignal): Promise<DefinedJson> {
  const { crypto, world } = gateway;
  const definition = encodeText(asked.board);
  const random = nodeRandom();
  const newcomer = newcomerOf(gateway);
  const { definitions, provision } = newBoard(crypto, random, world, asked.name, definition, asked.labels, newcomer);
  const would = tried(gateway, definitions);
  if (asked.dry) return would;
  placeBoard(world, asked.name, provision, definition);
  const defined = await define(gateway, definitions, ending);
  return { ...defined, provisionFile: linkBoard(gateway, asked.name) };
}

/** Opens the cable of a board that was added; returns the file that it is to be given. */
export function linkBoard(gateway: Gateway, name: string): string {
  const { terminal, provisionFile } = boardOf(gateway.world, name);
  gateway.links.open({ kind: "serial", path: terminal, baudRate: usualBaudRate }, false);
  return provisionFile;
}

export async function addPacts(gateway: Gateway, { pacts, dry }: PactAsked, ending: AbortSignal): Promise<DefinedJson> {
  const definitions = pacts.map((hex): Definition => ({ kind: "pact", pact: fromHex(hex) }));
  const would = tried(gateway, definitions);
  return dry ? would : define(gateway, definitions, ending);
}

export async function addGroup(gateway: Gateway, asked: GroupAsked, ending: AbortSignal): Promise<DefinedJson> {
  const { crypto, world } = gateway;
  const definition = newGroup(crypto, world, asked);
  await checkGroup(gateway, definition);
  const would = tried(gateway, [definition]);
  return asked.dry ? would : define(gateway, [definition], ending);
}

/** What would be defined. Throws why it would count for nobody. */
export function tried(gateway: Gateway, definitions: readonly Definition[]): DefinedJson {
  const { crypto, world, participant } = gateway;
  const { avatar } = participant.status(world.tag);
  if (!isSteward(world, fromHex(avatar))) {
    throw new VertebraError(
      "steward-needed",
      "This gateway is no steward of its world, and what it defined would count for nobody",
      `Ask one of them: ${stewardsOf(world).owners.map(world.catalog.memberName).join(", ")}.`,
    );
  }
  checkDefinitions(crypto, world.catalog, definitions);
  return { dry: true, defined: toldOf(gateway, definitions, []) };
}

/** As `propose`. Throws why one of them counts for nobody, where another steward was first, and `define-overtaken`. */
export async function define(
  gateway: Gateway,
  definitions: readonly Definition[],
  ending: AbortSignal,
): Promise<DefinedJson> {
  const { catalog } = gateway.world;
  const proposed = await propose(gateway, definitions, ending);
  for (const { sequence } of proposed.defined) {
    if (sequence === null) throw overtaken(stewardsOf(gateway.world).owners.map(catalog.memberName));
    const refusal = catalog.refusalOf(sequence);
    if (refusal !== undefined) throw refusal;
  }
  return proposed;
}

function overtaken(stewards: readonly string[]): VertebraError {
  return new VertebraError(
    "define-overtaken",
    `The stewards changed at the same time: they are ${stewards.join(", ")} now, and what was asked for counts once they agree on it, too`,
    "Look whether it is there before you ask again: `vertebra world show`. Where this gateway is none of them, ask one of them.",
  );
}

/**
 * Defines what was tried, in its order, and most often in one block; resolves when all is final. What another steward defines at the same time
 * may have it count for nobody; what is final behind a change of the stewards has no sequence.
 */
export async function propose(
  gateway: Gateway,
  definitions: readonly Definition[],
  ending: AbortSignal,
): Promise<DefinedJson> {
  const { world, channel } = gateway;
  const group = stewardsOf(world);
  const pushed = await Promise.all(definitions.map((each) => channel.push(group, encodeDefinition(each), ending)));
  const places = await beforeEnd(Promise.all(pushed.map(({ place }) => place)), ending);
  const numbers = places.map((place) => numberIn(world.catalog, place));
  return { dry: false, defined: toldOf(gateway, definitions, numbers) };
}

function toldOf(
  gateway: Gateway,
  definitions: readonly Definition[],
  sequences: readonly (number | undefined)[],
): DefinedThing[] {
  return definitions.map((each, index) => ({ ...namedThing(gateway, each), sequence: sequences[index] ?? null }));
}

function namedThing({ crypto, world: { catalog } }: Gateway, definition: Definition): Omit<DefinedThing, "sequence"> {
  switch (definition.kind) {
    case "member":
      return { kind: "member", name: definition.name, id: toHex(definition.avatar) };
    case "pact": {
      const { name, version } = decodePact(definition.pact);
      return { kind: "pact", name: `${name} v${version}`, id: toHex(pactId(crypto, definition.pact)) };
    }
    case "retire":
      return { kind: "retire", name: catalog.groupOf(definition.group)?.name ?? "", id: toHex(definition.group) };
    case "group":
      return { kind: "group", name: definition.name, id: toHex(idOfDefined(crypto, definition)) };
    case "saga":
      return { kind: "saga", name: `${definition.name} v${definition.version}`, id: idOfSaga(crypto, definition) };
    case "rollout":
      return { kind: "rollout", name: `${definition.name} v${definition.version}`, id: toHex(definition.statusGroup) };
    case "undeploy":
      return { kind: "undeploy", name: catalog.sagaOf(definition.stateGroup), id: toHex(definition.stateGroup) };
    case "epoch":
      return { kind: "epoch", name: `for ${definition.sealed.length} members`, id: toHex(definition.secret) };
    case "expel":
      return { kind: "expel", name: catalog.memberName(definition.avatar), id: toHex(definition.avatar) };
    case "pause":
      return { kind: "pause", name: `${rolloutName(catalog, definition)}${definition.paused ? "" : " ends"}`, id: "" };
    case "stop":
      return { kind: "stop", name: rolloutName(catalog, definition), id: "" };
    case "step":
      return { kind: "step", name: `${rolloutName(catalog, definition)} to ${definition.open} rings`, id: "" };
  }
}

function rolloutName({ rollouts }: World["catalog"], { rollout }: { readonly rollout: number }): string {
  const { name, version } = rollouts.find(({ sequence }) => sequence === rollout)!.definition;
  return `${name} v${version}`;
}

/** Throws as `checkBoard`, for each of its owners whose board.json is here, and `group-requires`. */
export async function checkGroup(gateway: Gateway, definition: GroupDefinition): Promise<void> {
  const { world } = gateway;
  for (const { name } of ownersHere(world, definition)) checkBoard(world, name, definition);
  await checkRequired(gateway, definition);
}

/** Boards among its owners whose board.json is here. */
function ownersHere(world: World, { group }: GroupDefinition): World["boards"] {
  const { owners } = decodeSyncGroup(group);
  return world.boards.filter(
    ({ avatar, definitionFile }) => existsSync(definitionFile) && owners.some((owner) => equal(owner, avatar)),
  );
}

/** Throws `board-memory` where the board has no room for the group beside its others, and `readings-field` where it has not its sensors. */
function checkBoard(world: World, name: string, { group, pacts, readings }: GroupDefinition): void {
  const { avatar, definitionFile } = boardOf(world, name);
  const definition = new Uint8Array(readFileSync(definitionFile));
  const owned = groupsOwnedBy(world.catalog, avatar);
  const groups = owned.map(({ pact, owners }) => encodeSyncGroup({ pact: pact.id, owners }));
  const its = { ...world.provision, sagas: noSagas, groups: [...groups, group] };
  checkMemory(name, definition, { ...its, pacts: [...owned.map(({ pact }) => pact.bytes), ...pacts] });
  if (!readings.some((reading) => equal(reading.avatar, avatar))) return;
  const sensors = [...machineSensors, ...decodeBoard(definition).sensors.map((sensor) => sensor.name)];
  const lacking = pacts.flatMap((pact) => decodePact(pact).fields).find((field) => !sensors.includes(field.name));
  if (lacking === undefined) return;
  throw new VertebraError(
    "readings-field",
    `${name} has no sensor for field '${lacking.name}'`,
    `It has: ${sensors.join(", ")}. It can own the group without readings.`,
  );
}
