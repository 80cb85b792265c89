import { avatarSeed } from "../../firmware/core/identity/avatar";
import { worldTag } from "../../firmware/core/identity/world";
import { encodeEntry } from "../../firmware/core/pact/entry";
import { encodePact, pactId, syncGroupId } from "../../firmware/core/pact/pact";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import type { AvatarId, Hash, Pact, Quorum } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";
import { cheapCrypto } from "../core/cheap-crypto";
import { createMember, type Member } from "./member";

/** Three owners of one group, each linked with both others. */
export interface Scenario {
  readonly crypto: Crypto;
  readonly tag: string;
  readonly group: Hash;
  readonly avatars: readonly AvatarId[];
  readonly seeds: readonly Uint8Array[];
  readonly members: readonly Member[];
  entry(value: number): Uint8Array;
  worldId: Uint8Array;
}

export const participants = 3;

export function createScenario(quorum: Quorum): Scenario {
  const crypto = cheapCrypto();
  const worldId = new Uint8Array(32).fill(7);
  const seeds = Array.from({ length: participants }, (_, index) => new Uint8Array(32).fill(index + 1));
  const avatars = seeds.map((seed) => crypto.signer(avatarSeed(crypto, seed, worldId)).publicKey);
  const pact: Pact = {
    name: "shared",
    version: 1,
    extends: null,
    fields: [{ name: "value", type: { kind: "u32" } }],
    policy: {
      quorum,
      ordered: true,
      private: false,
      writers: "owners",
      retention: 0,
      largestEntry: 64,
      whenFull: "wait",
    },
  };
  const pactBytes = encodePact(pact);
  const groupBytes = encodeSyncGroup({ pact: pactId(crypto, pactBytes), owners: [...avatars].sort(compare) });
  const world = { worldId, stewards: [], pacts: [pactBytes], groups: [groupBytes], readings: [] };
  return {
    crypto,
    tag: toHex(worldTag(crypto, worldId)),
    group: syncGroupId(crypto, groupBytes),
    avatars,
    seeds,
    members: seeds.map((seed) => createMember({ crypto, seed, world })),
    entry: (value) => encodeEntry(pact.fields, [value], pact.policy),
    worldId,
  };
}
