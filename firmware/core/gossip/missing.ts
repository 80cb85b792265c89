import type { World } from "../chain/world";
import type { PeerId } from "../events";
import type { Hash } from "../wire/types";
import type { Peer } from "./peer";
import { type Outgoing, send } from "./tell";

/**
 * What is missing is asked for again after so long, and several times as long as the way takes there and back: it is not missing
 * while its answer waits in the line. It is given up after so many times: nobody near has it.
 */
const askAgainMs = 1_000;
const waysWaited = 4;
const timesAsked = 4;
/** Hashes in one WANT. */
const wantedAtOnce = 16;

/** What a peer's message showed to be missing is asked of that peer first. */
export function noteWhoSpoke(world: World, peer: PeerId): void {
  if (world.missing.size === 0) return;
  for (const entry of world.missing.values()) if (entry.asked === 0) entry.source ??= peer;
}

/**
 * Asks for what was found missing: first who spoke of it, then one neighbour after the other, since each that has it would
 * answer; and gives up when nobody does.
 */
export function askForMissing(world: World, peers: readonly Peer[], outgoing: Outgoing[]): void {
  if (peers.length === 0 || world.missing.size === 0) return;
  const wanted = new Map<Peer, Hash[]>();
  for (const [key, entry] of world.missing) {
    if (entry.againAt !== null && world.now.monotonic < entry.againAt) continue;
    if (entry.asked >= timesAsked) {
      world.missing.delete(key);
      continue;
    }
    const spoke = entry.asked === 0 ? peers.find(({ id }) => id === entry.source) : undefined;
    const asked = spoke ?? peers[entry.asked % peers.length]!;
    const hashes = wanted.get(asked) ?? [];
    if (hashes.length === wantedAtOnce) continue;
    wanted.set(asked, [...hashes, entry.hash]);
    entry.againAt = world.now.monotonic + askAgainMs + waysWaited * asked.delay;
    entry.asked++;
  }
  for (const [peer, hashes] of wanted) send(outgoing, peer, { type: "want", hashes });
}
