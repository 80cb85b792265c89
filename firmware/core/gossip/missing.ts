import type { World } from "../chain/world";
import type { Hash } from "../wire/types";
import type { Peer } from "./peer";
import { type Outgoing, send } from "./tell";

/** What is missing is asked for again after so long, and given up after so many times: nobody near has it. */
export const askAgainMs = 1_000;
const timesAsked = 3;
/** Hashes in one WANT. */
const wantedAtOnce = 16;

/** Asks the neighbours for what was found missing; asked again after a while, and given up when nobody has it. */
export function askForMissing(world: World, peers: readonly Peer[], outgoing: Outgoing[]): void {
  if (peers.length === 0) return;
  const due: Hash[] = [];
  for (const [key, entry] of world.missing) {
    if (due.length === wantedAtOnce) break;
    if (entry.askedAt !== null && world.now.monotonic - entry.askedAt < askAgainMs) continue;
    if (entry.asked >= timesAsked) {
      world.missing.delete(key);
      continue;
    }
    entry.askedAt = world.now.monotonic;
    entry.asked++;
    due.push(entry.hash);
  }
  if (due.length === 0) return;
  for (const peer of peers) send(outgoing, peer, { type: "want", hashes: due });
}
