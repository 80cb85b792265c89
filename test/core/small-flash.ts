import { cheapCrypto } from "./cheap-crypto";
import { createNetwork, type Network } from "./network";

/** A board with a small flash among members that have all the room they like: a gateway, another, and one that lies. */

export const crypto = cheapCrypto();
export const members = ["gateway", "board", "other", "liar"];
export const groups = [
  { name: "pair", owners: ["gateway", "board"], texts: true },
  { name: "four", owners: members, texts: true, policy: { quorum: "two-thirds", largestEntry: 4096 } },
  {
    name: "open",
    owners: ["gateway", "board", "other"],
    texts: true,
    policy: { writers: "members", quorum: "majority" },
  },
] as const;
export const names = groups.map(({ name }) => name);
/** Sectors of 4 KB: the smallest flash that will do, and others. */
export const smallest = 130;

export function networkOf(sectors: number): Network {
  const plan = groups.map((group) => ({
    ...group,
    policy: { largestEntry: 4096, ...("policy" in group ? group.policy : {}) },
  }));
  const all = createNetwork({ members, groups: plan, crypto, flash: { board: sectors } });
  all.connect("board", "liar");
  return all;
}

export function finalEntries(network: Network, name: string): number {
  return network.members.get(name)!.finals.reduce((sum, { count }) => sum + count, 0);
}
