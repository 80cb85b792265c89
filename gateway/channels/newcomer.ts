import type { GivenEpoch } from "../../firmware/core/identity/membership";
import { toHex } from "../../firmware/core/wire/bytes";
import { maxOwners } from "../../firmware/core/wire/limits";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { Gateway } from "../gateway";
import { presentDefining } from "../world/catalog";
import { growingWorld, type Newcomer } from "../world/growing";
import type { World } from "../world/world";

/** What a newcomer is told of a world that runs, so that it need not hear what was defined there before it came. */

/** In which epoch one comes; undefined where nobody was expelled yet. */
export function epochOf({ participant, world }: Pick<Gateway, "participant" | "world">): GivenEpoch | undefined {
  const { keyed, epochs } = participant.membership(world.tag);
  const secret = epochs.get(keyed)?.secret;
  return secret ? { number: keyed, secret } : undefined;
}

/**
 * It follows the definitions from what is final here, durably, on. Where this gateway can't say where that is, or is behind in the membership itself,
 * from the first one. Throws `world-fixed`.
 */
export function newcomerOf(gateway: Pick<Gateway, "participant" | "store" | "world">): Newcomer {
  const { participant, store, world } = gateway;
  const { catalog, tag } = world;
  const founding = growingWorld(world);
  const epoch = epochOf(gateway);
  const present = presentDefining(catalog)!;
  const group = catalog.groupOf(present.id)!;
  const stewards = everySteward(world);
  const { blocks: position, entries, lastFinal } = store.final(tag, toHex(present.id));
  const { epoch: ofWorld, keyed } = participant.membership(tag);
  // What the catalog has not taken may say that others define from now on.
  const isTaken = present.first + entries === catalog.taken;
  const given = epoch && { epoch };
  if (!isTaken || keyed !== ofWorld || stewards.length > maxOwners) return { ...founding, ...given };
  return {
    ...{ worldId: founding.worldId, stewards },
    definitions: encodeSyncGroup({ pact: group.pact.id, owners: group.owners }),
    ...given,
    definedFrom: { version: group.pact.pact.version, first: present.first, position, entries, lastFinal },
  };
}

/** Those of before, too: whether a block counts that one of them wrote must be judged alike by all. */
function everySteward({ catalog, provision }: World): AvatarId[] {
  const owners = catalog.defining.flatMap(({ id }) => catalog.groupOf(id)!.owners);
  return [...new Map([...provision.stewards, ...owners].map((avatar) => [toHex(avatar), avatar])).values()];
}
