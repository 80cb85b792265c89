import { toHex } from "../../firmware/core/wire/bytes";
import { decodeMessage } from "../../firmware/core/wire/messages";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import { decodeBlockHeader } from "../../firmware/core/wire/structures";
import type { Message } from "../../firmware/core/wire/types";
import { isSuspect } from "./checkers";
import type { Group, Member, Watcher, World } from "./world";

/** "Who may follow is the pact's policy": nothing of a group leaves an honest member to who neither owns it nor is named to relay it. */
export function checkReaders(worldOf: () => World, fail: (what: string) => void): Watcher {
  let groups: ReadonlyMap<string, Group> | undefined;
  const reads = ({ key }: Member, group: Group) =>
    group.ownerKeys.includes(key) || group.followers.some((avatar) => toHex(avatar) === key);
  return {
    sent(from, to, bytes) {
      const world = worldOf();
      // BLOCK, HEADER, FRONTIER and PROOF, as they are numbered in a message: most others only name what they are about.
      if (![2, 3, 7, 9].includes(bytes[1]!) || isSuspect(world, from)) return;
      groups ??= new Map([...world.groups.values()].map((group) => [group.key, group]));
      const about = groupsOf(decodeMessage(bytes), groups);
      for (const group of about) {
        if (!reads(to, group)) fail(`${from.name} told ${to.name} of ${group.name}, which is not for it`);
      }
    },
    answered() {},
    wrote() {},
    delivered() {},
    power() {},
    ordered() {},
    noted() {},
  };
}

function groupsOf(message: Message, groups: ReadonlyMap<string, Group>): Group[] {
  const named = (id: Uint8Array) => groups.get(toHex(id)) ?? [];
  if (message.type === "block" || message.type === "header")
    return [named(decodeBlockHeader(message.header).group)].flat();
  if (message.type === "proof")
    return [named(decodeBlockHeader(decodeFinalityProof(message.proof).blockHeader).group)].flat();
  if (message.type !== "frontier") return [];
  const { positions, locks } = message.frontier;
  return [
    ...positions.map(([id]) => named(id)),
    ...locks.map(({ blockHeader }) => named(decodeBlockHeader(blockHeader).group)),
  ].flat();
}
