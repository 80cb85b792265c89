import { retiredBy } from "../../firmware/core/definitions/defined";
import type { Definition } from "../../firmware/core/definitions/definition";
import { VertebraError } from "../../firmware/core/errors";
import { toHex } from "../../firmware/core/wire/bytes";
import { encodeText } from "../../firmware/core/wire/text";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { Gateway } from "../gateway";
import { nodeRandom } from "../participant/platform";
import { isExpelled, isGateway } from "../world/catalog";
import { type AskedGroup, avatarOf, memberCalled, newBoard } from "../world/growing";
import { retirementOf, successorOf, withoutMember } from "../world/succeeding";
import { placeBoard } from "../world/world";
import { checkGroup, type DefinedJson, define, linkBoard, tried } from "./defining";
import { expelMember } from "./expelling";
import { newcomerOf } from "./newcomer";

/** What people define so that groups go on with other owners, or not at all. With `dry`, all is checked and nothing done. */

export interface RetireAsked extends Pick<AskedGroup, "owners" | "readings"> {
  readonly group: string;
  readonly dry: boolean;
}

export interface ReplaceAsked {
  readonly name: string;
  readonly by: string;
  /** The text of the `board.json` of the one that takes its place, where that is no member yet. */
  readonly board: string;
  readonly dry: boolean;
}

export interface RemoveAsked {
  readonly name: string;
  readonly dry: boolean;
}

/** Retires a group; where owners are named it goes on with these. */
export async function retireGroup(gateway: Gateway, asked: RetireAsked, ending: AbortSignal): Promise<DefinedJson> {
  const { crypto, world } = gateway;
  const { group, owners, readings } = asked;
  // With readings alone, the owners were forgotten: that is refused, as what is retired is so for good.
  if (owners.length === 0 && readings.length === 0)
    return checkedAndDefined(gateway, [retirementOf(crypto, world, group)], asked.dry, ending);
  return checkedAndDefined(gateway, [successorOf(crypto, world, group, asked)], asked.dry, ending);
}

/**
 * Another board takes the place of one that is gone for good, in all its groups, and that one is expelled; the other is added where it is none
 * of the world's yet.
 */
export async function replaceBoard(gateway: Gateway, asked: ReplaceAsked, ending: AbortSignal): Promise<DefinedJson> {
  const { crypto, world } = gateway;
  const old = boardCalled(gateway, asked.name);
  if (asked.by === asked.name) throw itself(asked.name);
  if (world.catalog.members.some(({ name }) => name === asked.by)) {
    boardCalled(gateway, asked.by);
    const by = avatarOf(world.catalog, asked.by);
    return leave(gateway, asked, withoutMember(crypto, world, asked.name, old, by), ending);
  }
  const board = encodeText(asked.board);
  // Whoever chose that one by its labels chooses this one.
  const { labels = [] } = world.catalog.members.find(({ name }) => name === asked.name)!;
  const added = newBoard(crypto, nodeRandom(), world, asked.by, board, labels, newcomerOf(gateway));
  const definitions = [...added.definitions, ...withoutMember(crypto, world, asked.name, old, added.avatar)];
  if (asked.dry) return leave(gateway, asked, definitions, ending);
  await leave(gateway, { ...asked, dry: true }, definitions, ending);
  placeBoard(world, asked.by, added.provision, board);
  const left = await leave(gateway, asked, definitions, ending);
  return { ...left, provisionFile: linkBoard(gateway, asked.by) };
}

/** All groups of a board go on without it, and it is expelled. */
export async function removeBoard(gateway: Gateway, asked: RemoveAsked, ending: AbortSignal): Promise<DefinedJson> {
  const { crypto, world } = gateway;
  const avatar = boardCalled(gateway, asked.name);
  return leave(gateway, asked, withoutMember(crypto, world, asked.name, avatar, null), ending);
}

/** Its groups first: what is refused there would leave them waiting for one that is in the world no more. */
async function leave(
  gateway: Gateway,
  { name, dry }: RemoveAsked,
  definitions: readonly Definition[],
  ending: AbortSignal,
): Promise<DefinedJson> {
  const { catalog } = gateway.world;
  if (isExpelled(catalog, boardCalled(gateway, name))) {
    if (definitions.length === 0) throw isGone(name);
    return checkedAndDefined(gateway, definitions, dry, ending);
  }
  const would = await expelMember(gateway, { name, dry: true }, ending);
  const groups = await checkedAndDefined(gateway, definitions, dry, ending);
  const expelled = dry ? would : await expelMember(gateway, { name, dry }, ending);
  return { dry, defined: [...groups.defined, ...expelled.defined] };
}

async function checkedAndDefined(
  gateway: Gateway,
  definitions: readonly Definition[],
  dry: boolean,
  ending: AbortSignal,
): Promise<DefinedJson> {
  for (const each of definitions) {
    checkOver(gateway, each);
    if (each.kind === "group") await checkGroup(gateway, each);
  }
  const would = tried(gateway, definitions);
  return dry ? would : define(gateway, definitions, ending);
}

/** What was begun by a saga that was undeployed ends in the groups in which it began. Throws `group-in-use`. */
function checkOver({ crypto, sagas, world }: Gateway, definition: Definition): void {
  const retired = retiredBy(crypto, definition);
  if (retired === undefined) return;
  const using = sagas.find(
    ({ ledger: { definitions } }) => definitions.undeployed && definitions.groups.has(toHex(retired)),
  );
  if (using === undefined) return;
  const { description } = [...using.ledger.definitions.sagas.values()][0]!;
  throw new VertebraError(
    "group-in-use",
    `Group ${world.catalog.groupOf(retired)?.name} is one of those of saga ${description.name}, which was undeployed, and what it began is under way`,
    "Wait until it is over, or cancel it: `vertebra saga list` shows it.",
  );
}

/** The avatar of a board, expelled or not. Throws `member-unknown` and `board-gateway`. */
function boardCalled({ world }: Gateway, name: string): AvatarId {
  const member = memberCalled(world.catalog, name);
  if (!isGateway(member) || name !== world.own) return member.avatar;
  throw new VertebraError(
    "board-gateway",
    "The gateway is no board, and its groups need it: what they agree on is here",
    "Name a board: `vertebra board list`.",
  );
}

function isGone(name: string): VertebraError {
  return new VertebraError(
    "member-expelled",
    `${name} was expelled already, and owns nothing`,
    "Nothing is left to be done.",
  );
}

function itself(name: string): VertebraError {
  return new VertebraError(
    "board-itself",
    `${name} can't take its own place`,
    "Name another board with --by; one that is none of the world's yet is added.",
  );
}
