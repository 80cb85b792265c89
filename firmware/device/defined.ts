import { definedKeys } from "../core/block/records";
import { countSagas, definedIn } from "../core/definitions/defined";
import { type GroupDefinition, idOfDefined } from "../core/definitions/definition";
import { VertebraError } from "../core/errors";
import { equal, toHex } from "../core/wire/bytes";
import type { AvatarId } from "../core/wire/types";
import type { Crypto } from "../ports";
import { type Journal, readRecord, recordKeys, recordLength } from "../store/journal";
import { renewCable } from "./cable";
import { packWith } from "./keeping";
import { sources } from "./readings";
import type { Board } from "./wiring";
import { addSource } from "./writers";

/** What a board does about groups that a steward defines for it, besides what its participant does. */

/** Those that it took before this start, as `definedIn` orders them. `tag` is the hex of the worldTag. */
export function definedBefore(
  crypto: Crypto,
  journal: Journal,
  tag: string,
  avatar: AvatarId,
  founding: Uint8Array | undefined,
): GroupDefinition[] {
  const isThere = (key: string) => recordLength(journal, key) !== undefined;
  const defined = definedIn(crypto, tag, avatar, founding, recordsOf(journal, tag), isThere);
  return defined.map(({ definition }) => definition);
}

/** Of how many sagas it keeps definitions. */
export function deployedBefore(crypto: Crypto, journal: Journal, tag: string): number {
  return countSagas(crypto, tag, recordsOf(journal, tag));
}

function* recordsOf(journal: Journal, tag: string): Generator<readonly [string, Uint8Array]> {
  for (const key of [...recordKeys(journal, definedKeys(tag))]) yield [key, readRecord(journal, key)!];
}

/** Its records are packed as those of others from now on, and what it is to read of its sensors is pushed. */
export function takeDefined(board: Board, crypto: Crypto, definition: GroupDefinition): void {
  const { packing, known, print, ofWriters, clock } = board;
  packWith(packing, definition.group, definition.pacts);
  known.groups.push(definition.group);
  known.pacts.push(...definition.pacts);
  print({ event: "defined", group: toHex(idOfDefined(crypto, definition)), name: definition.name });
  addReadings(board, crypto, definition);
  ofWriters.set(clock.now().monotonic);
}

/** Its cable is told: the session ends where this was its peer, and goes on in the new epoch where not. */
export function takeExpelled({ print, cable }: Board, avatar: AvatarId, epoch: number): void {
  print({ event: "expelled", avatar: toHex(avatar), epoch });
  renewCable(cable);
}

/** A sensor that this board has not is told, and it goes on without: it agrees on what others push. */
export function addReadings(board: Board, crypto: Crypto, definition: GroupDefinition): void {
  const { pacts, group, readings } = definition;
  const mine = readings.filter(({ avatar }) => equal(avatar, board.identity.avatar.publicKey));
  const world = {
    pacts,
    groups: [group],
    readings: mine.map(({ everyMs }) => ({ group: idOfDefined(crypto, definition), everyMs })),
  };
  try {
    for (const source of sources(crypto, world, board.native.sensors, board.capabilities!.sensors)) {
      addSource(board.writers, source);
    }
  } catch (error) {
    if (!(error instanceof VertebraError) || error.code === "assertion") throw error;
    board.notice(error);
  }
}
