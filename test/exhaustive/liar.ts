import { avatarSeed } from "../../firmware/core/identity/avatar";
import { hash } from "../../firmware/core/wire/hash";
import { merklePath, merkleRoot } from "../../firmware/core/wire/merkle";
import { decodeMessage, encodeMessage } from "../../firmware/core/wire/messages";
import {
  certificateHash,
  decodeMetablockHeader,
  encodeBlockHeader,
  encodeBlockReference,
  encodeCertificate,
  encodeMetablockHeader,
  entriesHash,
} from "../../firmware/core/wire/structures";
import type { BlockReference, Hash } from "../../firmware/core/wire/types";
import type { Scenario } from "./scenario";

/**
 * A member who lies, from a menu: two blocks with one counter, two metablocks in one view, certificates for everything that it
 * was sent or made up itself, children that close either, or put the slot's other block forward again; and any of them withheld,
 * from one or from both.
 */
export interface Liar {
  /** What it can say, having been sent these messages. Each is said once to each of the others, or not at all. */
  menu(heard: readonly Uint8Array[]): Uint8Array[];
  /** Whether it can make anything of this message. */
  heeds(message: Uint8Array): boolean;
}

/** All of the menu, or only its certificates: for what others made, to each what it likes to hear. */
export type Menu = "everything" | "certificates";

export function createLiar(scenario: Scenario, who: number, choice: Menu): Liar {
  const { crypto, group } = scenario;
  const signer = crypto.signer(avatarSeed(crypto, scenario.seeds[who]!, scenario.worldId));

  function block(value: number): { readonly id: Hash; readonly message: Uint8Array } {
    const entries = [scenario.entry(value)];
    const bytes = encodeBlockHeader({
      group,
      issuer: signer.publicKey,
      counter: 1,
      count: 1,
      entriesHash: entriesHash(crypto, entries),
      time: 0,
      previous: null,
    });
    const id = hash(crypto, "block", bytes);
    return { id, message: encodeMessage({ type: "block", header: bytes, signature: signer.sign(id), entries }) };
  }

  function metablock(sequence: number, parents: readonly Hash[], released: boolean, blocks: readonly Hash[]) {
    const references = blocks.map(
      (id, position): BlockReference => ({ group, position, firstEntry: position, block: id, count: 1 }),
    );
    const leaves = references.map(encodeBlockReference);
    const header = encodeMetablockHeader({
      sequence,
      attempt: 0,
      parents,
      releasedGroups: released ? [group] : [],
      root: merkleRoot(crypto, leaves),
      referenceCount: leaves.length,
      issuer: signer.publicKey,
    });
    const id = hash(crypto, "metablock", header);
    const shown = leaves.map((bytes, index) => ({ index, bytes, path: merklePath(crypto, leaves, index) }));
    const signature = signer.sign(id);
    return { id, message: encodeMessage({ type: "metablock", header, signature, references: shown }) };
  }

  function certificate(id: Hash): Uint8Array {
    const signature = signer.sign(certificateHash(crypto, id, signer.publicKey, null));
    const bytes = encodeCertificate({ metablock: id, signer: signer.publicKey, scope: null, signature });
    return encodeMessage({ type: "certificate", certificate: bytes });
  }

  const forged = [block(101), block(102)];
  return {
    heeds: (message) => message[1] === 2 || message[1] === 4,
    menu(heard) {
      const made = forged.map(({ message }) => message);
      const certificates: Uint8Array[] = [];
      const blocks: Hash[] = forged.map(({ id }) => id);
      const roots: Hash[] = [];
      for (const bytes of heard) {
        const message = decodeMessage(bytes);
        if (message.type === "block") blocks.push(hash(crypto, "block", message.header));
        if (message.type !== "metablock") continue;
        const id = hash(crypto, "metablock", message.header);
        certificates.push(certificate(id));
        if (decodeMetablockHeader(message.header).sequence === 0) roots.push(id);
      }
      for (const id of blocks) {
        const root = metablock(0, [], false, [id]);
        roots.push(root.id);
        made.push(root.message);
      }
      for (const root of roots) {
        made.push(metablock(1, [root], false, []).message);
        for (const id of blocks) made.push(metablock(1, [root], true, [id]).message);
      }
      return choice === "certificates" ? certificates : [...made, ...certificates];
    },
  };
}
