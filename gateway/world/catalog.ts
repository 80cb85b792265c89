import { VertebraError } from "../../firmware/core/errors";
import { decodePact, pactId, resolveFields, syncGroupId } from "../../firmware/core/pact/pact";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { decodeSyncGroup } from "../../firmware/core/wire/structures";
import type { AvatarId, Field, Hash, Pact } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";

/** The names by which people call what the protocol names by hashes. */
export interface Catalog {
  readonly pacts: readonly KnownPact[];
  readonly groups: readonly KnownGroup[];
  readonly members: readonly Member[];
  /** The group called so: by its name, by its pact's where that has one group only, or by the first digits of its id. */
  group(called: string): KnownGroup;
  groupOf(id: Hash): KnownGroup | undefined;
  /** The member's name, or the first digits of its AvatarId. */
  memberName(avatar: AvatarId): string;
}

export interface KnownPact {
  readonly id: Hash;
  readonly pact: Pact;
  /** Those of the pacts that it extends first. */
  readonly fields: readonly Field[];
}

export interface KnownGroup {
  readonly name: string;
  readonly id: Hash;
  readonly pact: KnownPact;
  readonly owners: readonly AvatarId[];
}

export interface Member {
  readonly name: string;
  readonly avatar: AvatarId;
}

const leastDigits = 6;

export function createCatalog(
  crypto: Crypto,
  encodedPacts: readonly Uint8Array[],
  namedGroups: readonly { readonly name: string; readonly bytes: Uint8Array }[],
  members: readonly Member[],
): Catalog {
  const pacts = readPacts(crypto, encodedPacts);
  const groups = namedGroups.map(({ name, bytes }): KnownGroup => {
    const { pact: id, owners } = decodeSyncGroup(bytes);
    const pact = pacts.find((each) => equal(each.id, id));
    if (pact === undefined) {
      const message = `Group ${name} is of pact ${toHex(id)}, which this world doesn't know`;
      throw new VertebraError("pact-unknown", message, "Provision the world with that pact, too.");
    }
    return { name, id: syncGroupId(crypto, bytes), pact, owners };
  });
  return {
    pacts,
    groups,
    members,
    group: (called) => findGroup(groups, called),
    groupOf: (id) => groups.find((group) => equal(group.id, id)),
    memberName: (avatar) =>
      members.find((member) => equal(member.avatar, avatar))?.name ?? `${toHex(avatar).slice(0, 8)}…`,
  };
}

/** Pacts of a row or of a world, decoded, with all their fields. */
export function readPacts(crypto: Crypto, encodedPacts: readonly Uint8Array[]): KnownPact[] {
  const decoded = encodedPacts.map((bytes) => ({ id: pactId(crypto, bytes), pact: decodePact(bytes) }));
  const lookup = (id: Hash) => decoded.find((each) => equal(each.id, id))?.pact;
  return decoded.map(({ id, pact }) => ({ id, pact, fields: resolveFields(pact, lookup) }));
}

function findGroup(groups: readonly KnownGroup[], called: string): KnownGroup {
  const named = groups.filter((group) => group.name === called);
  const ofPact = groups.filter((group) => group.pact.pact.name === called);
  const digits = called.length < leastDigits ? [] : groups.filter((group) => toHex(group.id).startsWith(called));
  const found = [named, ofPact, digits].find((candidates) => candidates.length > 0) ?? [];
  if (found.length === 1) return found[0]!;
  const names = (found.length > 1 ? found : groups).map((group) => group.name).join(", ");
  if (found.length > 1) {
    throw new VertebraError("group-ambiguous", `'${called}' names several groups`, `Say which: ${names}.`);
  }
  throw new VertebraError(
    "group-unknown",
    `No group or pact is called '${called}' in this world`,
    groups.length > 0 ? `There are: ${names}.` : "Make a world with boards: `vertebra world create --boards 3`.",
  );
}
