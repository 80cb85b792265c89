import { definedKey, definedKeys } from "../block/records";
import { takeRoom } from "../chain/store-room";
import { put, type World } from "../chain/world";
import { VertebraError } from "../errors";

/** Where definitions are kept, by their sequences; and what there is no room for. */

/** Of a store's room, so that they never crowd out blocks: they stay for good. */
const shareOfDefinitions = 1 / 8;

export function keepDefinition(world: World, sequence: number, entry: Uint8Array): VertebraError | undefined {
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

export function keep(world: World, sequence: number, entry: Uint8Array): void {
  takeRoom(world.room, entry.length);
  put(world, definedKey(world.tag, sequence), entry);
}

function definedBytes({ room, tag }: World): number {
  const prefix = definedKeys(tag);
  let bytes = 0;
  for (const [key, size] of room.sizes) if (key.startsWith(prefix)) bytes += size;
  return bytes;
}

export function noMemory(what: string, bytes: number, { spareBytes, groups }: World): VertebraError {
  const kb = (count: number) => `${Math.ceil(count / 1024)} KB`;
  return new VertebraError(
    "board-memory",
    `${what} for this participant and takes up to ${kb(bytes)}, and beside its ${groups.size} groups there are ${kb(Math.max(0, spareBytes))} left: it takes no part in it`,
    "Start it anew: it holds less of everything else then, if that does. Else leave it to others, or give this one fewer groups and sagas or more memory.",
  );
}
