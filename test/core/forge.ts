import { createMetablock, type Metablock } from "../../firmware/core/chain/metablock";
import { takeReferences } from "../../firmware/core/chain/references";
import { avatarSeed } from "../../firmware/core/identity/avatar";
import { encodeEntry } from "../../firmware/core/pact/entry";
import { hash } from "../../firmware/core/wire/hash";
import { merklePath, merkleRoot } from "../../firmware/core/wire/merkle";
import { decodeMessage, encodeMessage } from "../../firmware/core/wire/messages";
import {
  certificateHash,
  encodeBlockHeader,
  encodeBlockReference,
  encodeCertificate,
  encodeMetablockHeader,
  entriesHash,
  signedMetablockHeader,
} from "../../firmware/core/wire/structures";
import type {
  BlockHeader,
  BlockReference,
  Hash,
  Message,
  MetablockHeader,
  Pact,
  Scope,
  ShownReference,
} from "../../firmware/core/wire/types";
import type { Crypto, Signer } from "../../firmware/ports";
import { apart } from "./apart";
import { type Network, worldId } from "./network";

/** Whatever the holder of a member's seed can sign, true or not: each structure with the message that carries it. */
export interface Forge {
  signer(name: string): Signer;
  /** A block of a member, right in all that `changes` does not make wrong. */
  block(
    name: string,
    group: string,
    values: readonly number[],
    changes?: Partial<BlockHeader>,
    text?: string,
  ): ForgedBlock;
  metablock(
    name: string,
    header: Partial<MetablockHeader> & { readonly sequence: number },
    references?: readonly BlockReference[],
  ): ForgedMetablock;
  certificate(name: string, metablock: { readonly id: Hash }, scope: Scope | null): ForgedCertificate;
  /** A reference to a block at this position, as it stands where all blocks have one entry. */
  reference(block: ForgedBlock, position: number, changes?: Partial<BlockReference>): BlockReference;
}

export interface ForgedBlock {
  readonly id: Hash;
  readonly header: BlockHeader;
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
  readonly entries: readonly Uint8Array[];
  readonly message: Uint8Array;
}

export interface ForgedMetablock {
  readonly id: Hash;
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
  readonly shown: readonly ShownReference[];
  readonly message: Uint8Array;
  /** As one holds it to whom all of it was shown. */
  held(): Metablock;
}

export interface ForgedCertificate {
  readonly bytes: Uint8Array;
  readonly message: Uint8Array;
}

/** What a forge must know of a world: its members' seeds, and its groups and pacts by name. */
export type Forgeable = Readonly<Pick<Network, "groups">> & {
  readonly pacts: { get(name: string): Pact | undefined };
  readonly members: { get(name: string): { readonly seed: Uint8Array } | undefined };
};

export function createForge(network: Forgeable, crypto: Crypto): Forge {
  const signers = new Map<string, Signer>();
  const signer = (name: string) => {
    const known = signers.get(name) ?? crypto.signer(avatarSeed(crypto, network.members.get(name)!.seed, worldId));
    signers.set(name, known);
    return known;
  };
  return {
    signer,
    block(name, group, values, changes = {}, text = undefined) {
      const { fields, policy } = network.pacts.get(group)!;
      const entries = values.map((value) => encodeEntry(fields, text === undefined ? [value] : [value, text], policy));
      const header: BlockHeader = {
        group: network.groups.get(group)!,
        issuer: signer(name).publicKey,
        counter: 1,
        count: entries.length,
        entriesHash: entriesHash(crypto, entries),
        time: 0,
        previous: null,
        ...changes,
      };
      const bytes = encodeBlockHeader(header);
      const id = hash(crypto, "block", bytes);
      const signature = signer(name).sign(id);
      const message = encodeMessage({ type: "block", header: bytes, signature, entries });
      return { id, header, bytes, signature, entries, message };
    },
    metablock(name, header, references = []) {
      const leaves = references.map(encodeBlockReference);
      const bytes = encodeMetablockHeader({
        attempt: 0,
        parents: [],
        releasedGroups: [],
        root: merkleRoot(crypto, leaves),
        referenceCount: leaves.length,
        issuer: signer(name).publicKey,
        ...header,
      });
      const id = hash(crypto, "metablock", bytes);
      const signature = signer(name).sign(id);
      const shown = leaves.map((leaf, index) => ({ index, bytes: leaf, path: merklePath(crypto, leaves, index) }));
      const message = encodeMessage({ type: "metablock", header: bytes, signature, references: shown });
      const held = () => {
        const metablock = createMetablock(signedMetablockHeader(crypto, bytes, signature), 0);
        takeReferences(crypto, metablock, shown);
        return metablock;
      };
      return { id, bytes, signature, shown, message, held };
    },
    certificate(name, { id }, scope) {
      const { publicKey } = signer(name);
      const signature = signer(name).sign(certificateHash(crypto, id, publicKey, scope));
      const bytes = encodeCertificate({ metablock: id, signer: publicKey, scope, signature });
      return { bytes, message: encodeMessage({ type: "certificate", certificate: bytes }) };
    },
    reference: ({ id, header }, position, changes = {}) => ({
      group: header.group,
      position,
      firstEntry: position,
      block: id,
      count: header.count,
      ...changes,
    }),
  };
}

/**
 * A metablock with this reference, and its parent, which shows a block of a group that nobody knows: who is not shown all of it can't judge it,
 * and may follow to a generation ahead. `invented` is that group.
 */
export function leadTo(
  { metablock }: Forge,
  name: string,
  { sequence, attempt = 0 }: { readonly sequence: number; readonly attempt?: number },
  place: BlockReference,
  invented: Hash,
): readonly [parent: ForgedMetablock, child: ForgedMetablock] {
  const parent = metablock(name, { sequence: sequence - 1, parents: [invented] }, [{ ...place, group: invented }]);
  return [parent, metablock(name, { sequence, attempt, parents: [parent.id] }, [place])];
}

/** A message on its way between two members. */
export interface Passing {
  readonly from: string;
  readonly to: string;
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly message: Message;
}

/** Notes every message that is sent from now on; those for which `lose` holds never arrive. */
export function listen(network: Network, lose: (passing: Passing) => boolean = () => false): Passing[] {
  const heard: Passing[] = [];
  network.filter = (from, to, bytes, at) => {
    const said = apart(bytes).map((each) => ({ from, to, at, bytes, message: decodeMessage(each) }));
    heard.push(...said);
    return !said.some(lose);
  };
  return heard;
}
