import type { World } from "../../firmware/core/chain/world";
import type { PeerId } from "../../firmware/core/events";
import type { Peer } from "../../firmware/core/gossip/peer";
import type { Participant } from "../../firmware/core/participant";

/** The maps in which a participant's one door keeps its worlds and its peers. */
export interface OpenDoor {
  readonly worlds: Map<string, World>;
  readonly peers: Map<PeerId, Peer>;
}

/** It shows them to nobody, so we look over its shoulder while it handles the event that `tell` gives it. */
export function openDoor(participant: Participant, tell: (participant: Participant) => unknown): OpenDoor {
  const seen: Map<never, unknown>[] = [];
  const values = Map.prototype.values;
  Map.prototype.values = function (this: Map<never, unknown>) {
    seen.push(this);
    return values.call(this);
  };
  try {
    tell(participant);
  } finally {
    Map.prototype.values = values;
  }
  // In this order, `handle` tells all worlds the time, and then gathers the peers of the first.
  const worlds = seen[0] as Map<string, World>;
  const inWorld = new Set<unknown>(Object.values([...worlds.values()][0]!));
  const peers = seen.find((map) => map !== worlds && !inWorld.has(map)) as Map<never, unknown>;
  return { worlds, peers: peers as unknown as Map<PeerId, Peer> };
}
