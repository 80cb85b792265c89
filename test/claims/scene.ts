import { toHex } from "../../firmware/core/wire/bytes";
import { decodeCertificate } from "../../firmware/core/wire/structures";
import type { Hash } from "../../firmware/core/wire/types";
import { cheapCrypto } from "../core/cheap-crypto";
import { createForge, type Forge, type ForgedMetablock, listen, type Passing } from "../core/forge";
import { createNetwork, type Network } from "../core/network";

/**
 * Participant a runs; b, c and d say what a test has them say, and hear nothing. All are owners of one group, so that two-thirds of
 * its owners are three by the claims ("at least") and by PROTOCOL 5 ("more than") alike.
 */
export interface Scene {
  readonly network: Network;
  readonly forge: Forge;
  /** What a sent. */
  readonly heard: Passing[];
}

export const crypto = cheapCrypto();

/** The scope of a certificate for the one block that a metablock of these tests holds. */
export const ownBlock = { own: [0], parents: [] };

export function fourOwners(): Scene {
  const network = createNetwork({
    crypto,
    members: ["a", "b", "c", "d"],
    groups: [
      { name: "g", owners: ["a", "b", "c", "d"] },
      { name: "others", owners: ["b", "c"] },
    ],
    followers: ["a"],
  });
  const heard = listen(network, ({ to }) => to !== "a");
  return { network, forge: createForge(network, crypto), heard };
}

export function give(network: Network, from: string, ...messages: readonly { readonly message: Uint8Array }[]): void {
  for (const { message } of messages) network.inject("a", from, message);
}

export function statusOf(network: Network) {
  return network.members.get("a")!.participant.status(network.tag);
}

/** The certificates for the metablock that a sent, in order. */
export function certificatesOfA({ heard }: Scene, { id }: { readonly id: Hash }) {
  return heard.flatMap(({ from, to, message }) => {
    if (from !== "a" || message.type !== "certificate") return [];
    const certificate = decodeCertificate(message.certificate);
    return toHex(certificate.metablock) === toHex(id) ? [{ to, ...certificate }] : [];
  });
}

export function ownCertificates(scene: Scene, metablock: { readonly id: Hash }) {
  const { avatar } = scene.network.members.get("a")!;
  return certificatesOfA(scene, metablock).filter(({ signer }) => toHex(signer) === toHex(avatar));
}

/** A genesis metablock of b's with one block of b's, both given to a. */
export function givenGenesis({ network, forge }: Scene): ForgedMetablock {
  const block = forge.block("b", "g", [1]);
  const genesis = forge.metablock("b", { sequence: 0 }, [forge.reference(block, 0)]);
  give(network, "b", block, genesis);
  return genesis;
}

export function isMetablock(message: Passing["message"], metablock: { readonly bytes: Uint8Array }): boolean {
  return message.type === "metablock" && toHex(message.header) === toHex(metablock.bytes);
}

/** A genesis that all owners certified, and a child of it with a second block, which b issued and a certified. */
export function certifiedGenesisAndChild(scene: Scene) {
  const { network, forge } = scene;
  const genesis = givenGenesis(scene);
  for (const name of ["c", "d"]) give(network, name, forge.certificate(name, genesis, ownBlock));
  const block = forge.block("b", "g", [2], { counter: 2 });
  const child = forge.metablock("b", { sequence: 1, parents: [genesis.id] }, [forge.reference(block, 1)]);
  give(network, "b", block, child);
  return { genesis, child, block };
}

/** Owners, in hex, without whose certificate the first block waits in the only metablock that holds it. */
export function missingToCertify(network: Network): readonly string[] {
  const target = { group: network.groups.get("g")!, sequence: 0 };
  const { metablocks } = network.members.get("a")!.participant.why(network.tag, target);
  return metablocks[0]!.missingToCertify;
}
