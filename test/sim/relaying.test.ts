import { describe, expect, it } from "vitest";
import { cheapCrypto } from "../core/cheap-crypto";
import { createNetwork, type Network } from "../core/network";
import type { GroupPlan, NetworkPlan } from "../core/plan";

/** A participant that owns some groups and relays others, whose owners go through generations of their own. */

const crypto = cheapCrypto();
const pair: GroupPlan = { name: "pair", owners: ["board1", "board2"] };

function star(plan: Partial<NetworkPlan>): Network {
  const network = createNetwork({
    ...{ crypto, members: ["gateway", "board1", "board2"], groups: [pair], followers: ["gateway"] },
    ...plan,
  });
  network.run(1_000);
  return network;
}

/** Each of two boards pushes five times a second into every group that it owns; how many entries of `pair` are final then. */
function finalAfter(network: Network, seconds: number, groups: readonly GroupPlan[]): number {
  let value = 0;
  const end = network.now + seconds * 1_000;
  while (network.now < end) {
    for (const { name, owners } of groups) {
      for (const owner of owners) if (owner !== "gateway") network.push(owner, name, value++);
    }
    network.run(network.now + 200);
  }
  return network.entriesOf("board1", "pair").length;
}

describe("a group that is relayed goes on", () => {
  const pushed = 20 * 5 * 2;

  it("by one who owns nothing", () => {
    expect(finalAfter(star({}), 20, [pair])).toBeGreaterThan(pushed * 0.9);
  });

  it("by one who owns other groups with the same boards", () => {
    const groups = [
      pair,
      { name: "own1", owners: ["gateway", "board1"] },
      { name: "own2", owners: ["gateway", "board2"] },
    ];
    expect(finalAfter(star({ groups }), 20, groups)).toBeGreaterThan(pushed * 0.9);
  });

  it("by one who is alone in a group, as the steward of a world is", () => {
    expect(finalAfter(star({ stewards: ["gateway"] }), 20, [pair])).toBeGreaterThan(pushed * 0.9);
  });

  it("where its owners follow another group, of two who relay", () => {
    const members = ["gateway", "other", "board1", "board2"];
    const links: [string, string][] = [
      ["gateway", "other"],
      ["gateway", "board1"],
      ["gateway", "board2"],
    ];
    const network = star({ members, links, stewards: ["gateway", "other"] });
    expect(finalAfter(network, 20, [pair])).toBeGreaterThan(pushed * 0.9);
  });
});
