import { describe, expect, it } from "vitest";
import { toHex } from "../../firmware/core/wire/bytes";
import { encodeMessage } from "../../firmware/core/wire/messages";
import { signedMetablockHeader } from "../../firmware/core/wire/structures";
import {
  certificatesOfA,
  certifiedGenesisAndChild,
  crypto,
  fourOwners,
  give,
  givenGenesis,
  isMetablock,
  missingToCertify,
  ownBlock,
  ownCertificates,
  statusOf,
} from "./scene";

/**
 * Claims 5 to 9 and 13 to 17 of US 12,393,566 B1: how metablocks and certificates are observed, and how they make blocks final.
 */

for (const claim of [5, 13]) {
  describe(`claim ${claim}: a new metablock is observed, stored and transmitted`, () => {
    it("when it is received from another participant", () => {
      const scene = fourOwners();
      const { network, heard } = scene;
      // "Observe a new metablock by … receiving the new metablock from another participant"
      const genesis = givenGenesis(scene);
      // "transmit the new metablock to one or more other participants"
      const receivers = heard.filter(({ from, message }) => from === "a" && isMetablock(message, genesis));
      expect(receivers.map(({ to }) => to)).toEqual(["c", "d"]);
      // "store the new metablock in the unique metablockchain": whoever wants it is given it from there.
      heard.length = 0;
      network.inject("a", "d", encodeMessage({ type: "want", hashes: [genesis.id] }));
      expect(heard.filter(({ message }) => isMetablock(message, genesis)).map(({ to }) => to)).toEqual(["d"]);
    });

    it("when it is created with references to observed blocks and a certificate of the participant", () => {
      const { network, heard } = fourOwners();
      network.push("a", "g", 7);
      network.flush("a");
      const created = heard.filter(({ from, message }) => from === "a" && message.type === "metablock");
      expect(created.map(({ to }) => to).sort()).toEqual(["b", "c", "d"]);
      const { message } = created[0]!;
      if (message.type !== "metablock") throw new Error("it is a metablock");
      expect(message.references).toHaveLength(1);
      const { value, id, signature } = signedMetablockHeader(crypto, message.header, message.signature);
      expect(value.issuer).toEqual(network.members.get("a")!.avatar);
      expect(crypto.verify(value.issuer, id, signature)).toBe(true);
    });
  });
}

for (const claim of [6, 14]) {
  describe(`claim ${claim}: a metablock that requires the participant's certificate is certified`, () => {
    it("if it is certifiable: the certificate is stored and HCG is set to at least its sequence number", () => {
      const scene = fourOwners();
      const { network, heard } = scene;
      expect(statusOf(network).highestCertifiedGeneration).toBe(-1);
      const genesis = givenGenesis(scene);
      expect(ownCertificates(scene, genesis).map(({ scope }) => scope)).toEqual([ownBlock, ownBlock, ownBlock]);
      expect(statusOf(network).highestCertifiedGeneration).toBe(0);
      // "Store the certificate from the participant in the local storage"
      heard.length = 0;
      network.inject("a", "d", encodeMessage({ type: "want", hashes: [genesis.id] }));
      expect(ownCertificates(scene, genesis).map(({ to }) => to)).toEqual(["d"]);
    });

    it("not a second time if the certificate is already stored: HCG stays at least its sequence number", () => {
      const scene = fourOwners();
      const { network } = scene;
      const genesis = givenGenesis(scene);
      const { signatures } = network.members.get("a")!;
      give(network, "c", genesis);
      give(network, "d", genesis);
      expect(network.members.get("a")!.signatures).toBe(signatures);
      expect(statusOf(network).highestCertifiedGeneration).toBe(0);
    });

    it("not if it is not certifiable, as while its block is not held", () => {
      const scene = fourOwners();
      const { network, forge } = scene;
      const block = forge.block("b", "g", [1]);
      const genesis = forge.metablock("b", { sequence: 0 }, [forge.reference(block, 0)]);
      give(network, "b", genesis);
      expect(ownCertificates(scene, genesis)).toEqual([]);
      expect(statusOf(network).highestCertifiedGeneration).toBe(-1);
      give(network, "b", block);
      expect(ownCertificates(scene, genesis)).toHaveLength(3);
    });

    it("only if it requires the participant's certificate to achieve the finalizable state", () => {
      const scene = fourOwners();
      const { network, forge } = scene;
      const block = forge.block("b", "others", [1]);
      const genesis = forge.metablock("b", { sequence: 0 }, [forge.reference(block, 0)]);
      give(network, "b", block, genesis);
      expect(ownCertificates(scene, genesis)).toEqual([]);
      expect(statusOf(network).highestCertifiedGeneration).toBe(-1);
    });
  });
}

for (const claim of [7, 15]) {
  it(`claim ${claim}: a certifiable metablock that is finalizable progresses, with its parents and their blocks`, () => {
    const scene = fourOwners();
    const { network, forge } = scene;
    const { child } = certifiedGenesisAndChild(scene);
    expect(ownCertificates(scene, child)[0]!.scope).toEqual({ own: [0], parents: [[0, 0]] });
    expect(statusOf(network).highestFinalizableGeneration).toBe(0);
    expect(network.entriesOf("a", "g")).toEqual([]);
    give(network, "d", forge.certificate("d", child, ownBlock));
    give(network, "c", forge.certificate("c", child, { own: [0], parents: [[0, 0]] }));
    // "Setting the state of the observed metablock to at least finalizable": the highest such generation is the child's.
    expect(statusOf(network).highestFinalizableGeneration).toBe(1);
    // "setting the states of all parents of the observed metablock to at least finalized; and setting the states of all blocks
    // referenced by parents of the observed metablock to finalized", the child's own block not among them.
    expect(network.entriesOf("a", "g")).toEqual([1]);
    // "when … the observed metablock's sequence number is greater than or equal to a highest finalizable generation"
    const late = forge.block("c", "g", [3]);
    give(network, "c", late, forge.metablock("c", { sequence: 0 }, [forge.reference(late, 0)]));
    expect(statusOf(network).highestFinalizableGeneration).toBe(1);
    expect(network.entriesOf("a", "g")).toEqual([1]);
  });
}

// PROTOCOL 5 judges the three lists per group, and calls a metablock Finalizable when they hold for all of its groups: here all is
// of one group, nothing is released, and what one list lacks is the last thing to come, as the claim has it.
for (const claim of [8, 16]) {
  describe(`claim ${claim}: a prepared metablock becomes finalizable with certificates`, () => {
    it("from every participant owning each block referenced by the metablock", () => {
      const scene = fourOwners();
      const { network, forge } = scene;
      const genesis = givenGenesis(scene);
      give(network, "c", forge.certificate("c", genesis, ownBlock));
      expect(missingToCertify(network)).toEqual([toHex(network.members.get("d")!.avatar)]);
      expect(statusOf(network).highestFinalizableGeneration).toBe(-1);
      give(network, "d", forge.certificate("d", genesis, ownBlock));
      expect(missingToCertify(network)).toEqual([]);
      expect(statusOf(network).highestFinalizableGeneration).toBe(0);
    });

    it("from at least two-thirds of the participants owning each block referenced by its parents", () => {
      const scene = fourOwners();
      const { network, forge } = scene;
      const { child } = certifiedGenesisAndChild(scene);
      // All own the child's block and certify it; its parent's block has the certificates of a and of b, who issued the child.
      for (const name of ["c", "d"]) give(network, name, forge.certificate(name, child, ownBlock));
      expect(network.entriesOf("a", "g")).toEqual([]);
      give(network, "d", forge.certificate("d", child, { own: [], parents: [[0, 0]] }));
      expect(network.entriesOf("a", "g")).toEqual([1]);
    });

    it("and from each participant that created a parent of the metablock", () => {
      const scene = fourOwners();
      const { network, forge } = scene;
      const genesis = givenGenesis(scene);
      for (const name of ["c", "d"]) give(network, name, forge.certificate(name, genesis, ownBlock));
      const block = forge.block("c", "g", [2]);
      const child = forge.metablock("c", { sequence: 1, parents: [genesis.id] }, [forge.reference(block, 1)]);
      give(network, "c", block, child);
      give(network, "d", forge.certificate("d", child, ownBlock));
      expect(network.entriesOf("a", "g")).toEqual([]);
      // b created the parent.
      give(network, "b", forge.certificate("b", child, { own: [0], parents: [[0, 0]] }));
      expect(network.entriesOf("a", "g")).toEqual([1]);
    });
  });
}

for (const claim of [9, 17]) {
  describe(`claim ${claim}: a new certificate is observed and broadcast to other participants`, () => {
    it("when it is created", () => {
      const scene = fourOwners();
      const genesis = givenGenesis(scene);
      expect(
        ownCertificates(scene, genesis)
          .map(({ to }) => to)
          .sort(),
      ).toEqual(["b", "c", "d"]);
    });

    it("when it is received from another participant", () => {
      const scene = fourOwners();
      const genesis = givenGenesis(scene);
      const certificate = scene.forge.certificate("c", genesis, ownBlock);
      give(scene.network, "c", certificate);
      const relayed = certificatesOfA(scene, genesis).filter(({ bytes }) => toHex(bytes) === toHex(certificate.bytes));
      expect(relayed.map(({ to }) => to)).toEqual(["b", "d"]);
    });
  });
}
