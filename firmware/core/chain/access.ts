import type { Group } from "./group";

/** Who may write to a group and read from it: its pact's policy says, wherever its data comes in or leaves (PROTOCOL 8). */

interface Stewarded {
  /** In hex. */
  readonly stewards: ReadonlySet<string>;
}

/** Whether the pact lets this issuer write: an owner, a steward, or any member, as all are whose blocks come over a session. */
export function mayWrite({ stewards }: Stewarded, { pact, ownerKeys }: Group, avatarKey: string): boolean {
  const { writers } = pact.policy;
  if (writers === "owners") return ownerKeys.includes(avatarKey);
  return writers === "members" || stewards.has(avatarKey);
}

/** Whether it is given the group's entries: an owner, who is named to relay it, and whom the pact's `readers` are. */
export function mayRead({ stewards }: Stewarded, group: Group, avatarKey: string): boolean {
  if (group.ownerKeys.includes(avatarKey) || group.followers.has(avatarKey)) return true;
  const { readers } = group.pact.policy;
  return readers === "members" || (readers === "stewards" && stewards.has(avatarKey));
}

/** Whether it is told how far the group is: who reads it, and who writes to it and must know what became of that. */
export function mayFollow(stewarded: Stewarded, group: Group, avatarKey: string): boolean {
  return mayRead(stewarded, group, avatarKey) || mayWrite(stewarded, group, avatarKey);
}

/** Whether a block is held here as it should be: with its entries, unless the pact is private or keeps them from this participant. */
export function isWhole({ entries }: { readonly entries: readonly Uint8Array[] | null }, group: Group): boolean {
  return entries !== null || group.pact.policy.private || !group.readable;
}
