import { readMoved, readProduced } from "../../firmware/core/pact/produced";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { type Network, numberOf } from "./network";

/**
 * What a reader of groups that succeed each other, the first one first, sees as one row: of what was moved, it passes over what it was told before.
 * The judge of `gateway/channels/row`, which reads a store, and does not share its code.
 */
export function rowOf(network: Network, member: string, groups: readonly string[]): number[] {
  const seen = new Set<string>();
  const told: number[] = [];
  for (const [index, name] of groups.entries()) {
    const id = network.groups.get(name)!;
    for (const { group, issuer, counter, entries } of network.members.get(member)!.finals) {
      if (!equal(group, id)) continue;
      const moved = readMoved(entries![0]!)?.counters ?? [];
      const names = [counter, ...moved].map((each, back) => `${toHex(issuer)} ${groups[index - back]} ${each}`);
      const own = names.filter((each) => !each.endsWith(" 0"));
      if (own.some((each) => seen.has(each))) continue;
      for (const each of own) seen.add(each);
      told.push(...entries!.map((entry) => numberOf(readProduced(entry).entry)));
    }
  }
  return told;
}
