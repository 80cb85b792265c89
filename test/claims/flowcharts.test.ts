import { describe, expect, it } from "vitest";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import { issuingHash } from "../../firmware/core/wire/hash";
import { encodeMessage } from "../../firmware/core/wire/messages";
import { decodeBlockReference, decodeMetablockHeader } from "../../firmware/core/wire/structures";
import { createForge, listen } from "../core/forge";
import { createNetwork } from "../core/network";
import {
  certificatesOfA,
  certifiedGenesisAndChild,
  crypto,
  fourOwners,
  give,
  givenGenesis,
  isMetablock,
  ownBlock,
  ownCertificates,
  type Scene,
  statusOf,
} from "./scene";

/** Figures 6A to 6D of US 12,393,566 B1: what a participant does with metablocks and certificates, box by box. */

/** The metablocks that a prepared and sent to b, in order. */
function preparedByA({ heard, forge }: Scene) {
  return heard.flatMap(({ from, to, message }) => {
    if (from !== "a" || to !== "b" || message.type !== "metablock") return [];
    const header = decodeMetablockHeader(message.header);
    if (toHex(header.issuer) !== toHex(forge.signer("a").publicKey)) return [];
    return [{ ...header, references: message.references.map(({ bytes }) => decodeBlockReference(bytes)) }];
  });
}

describe("figure 6A: a metablock or a certificate is observed", () => {
  it("the participant that should certify the metablock does, progresses it, and broadcasts it to its peers", () => {
    const scene = fourOwners();
    const { network, forge, heard } = scene;
    const genesis = givenGenesis(scene);
    const kinds = heard.filter(({ from, to }) => from === "a" && to === "c").map(({ message }) => message.type);
    // 6200 certify, 6400 broadcast: the metablock goes before the certificate of it.
    expect(kinds.indexOf("metablock")).toBeLessThan(kinds.indexOf("certificate"));
    expect(kinds.filter((kind) => kind === "certificate")).toHaveLength(1);
    // 6300 progress: nothing yet, until the last certificate is there.
    expect(statusOf(network).highestFinalizableGeneration).toBe(-1);
    for (const name of ["c", "d"]) give(network, name, forge.certificate(name, genesis, ownBlock));
    expect(statusOf(network).highestFinalizableGeneration).toBe(0);
  });

  it("the participant that should not certify it skips certifying, and broadcasts it", () => {
    const scene = fourOwners();
    const { network, forge, heard } = scene;
    const block = forge.block("b", "others", [1]);
    const genesis = forge.metablock("b", { sequence: 0 }, [forge.reference(block, 0)]);
    give(network, "b", block, genesis);
    expect(ownCertificates(scene, genesis)).toEqual([]);
    expect(heard.filter(({ message }) => isMetablock(message, genesis)).map(({ to }) => to)).toEqual(["c"]);
  });

  it("a certificate of a metablock in local storage is broadcast in the metablock's place", () => {
    const scene = fourOwners();
    const { network, forge, heard } = scene;
    const genesis = givenGenesis(scene);
    heard.length = 0;
    give(network, "c", forge.certificate("c", genesis, ownBlock));
    // 6600, 6700, 6400: "instead of broadcasting M, the Participant will broadcast C".
    const sent = heard.filter(({ message }) => message.type === "metablock" || message.type === "certificate");
    expect(sent.map(({ to, message }) => `${message.type} to ${to}`)).toEqual(["certificate to b", "certificate to d"]);
  });

  it("a certificate of a metablock that is not in local storage is broadcast at once, and counts when that comes", () => {
    const scene = fourOwners();
    const { network, forge } = scene;
    const block = forge.block("b", "g", [1]);
    const genesis = forge.metablock("b", { sequence: 0 }, [forge.reference(block, 0)]);
    for (const name of ["c", "d"]) give(network, name, forge.certificate(name, genesis, ownBlock));
    expect(certificatesOfA(scene, genesis).map(({ to }) => to)).toEqual(["b", "d", "b", "c"]);
    give(network, "b", block, genesis);
    expect(statusOf(network).highestFinalizableGeneration).toBe(0);
  });

  it("when a parent progresses, the metablock is observed again", () => {
    const scene = fourOwners();
    const { network, forge } = scene;
    const genesis = givenGenesis(scene);
    const block = forge.block("b", "g", [2], { counter: 2 });
    const child = forge.metablock("b", { sequence: 1, parents: [genesis.id] }, [forge.reference(block, 1)]);
    give(network, "b", block, child);
    expect(ownCertificates(scene, child)).toEqual([]);
    // 6650: the last certificate makes the parent finalizable, and the child is certified with nothing more of it heard.
    for (const name of ["c", "d"]) give(network, name, forge.certificate(name, genesis, ownBlock));
    expect(ownCertificates(scene, child)).not.toEqual([]);
  });

  it("a block that it references and that is not in local storage is asked for, and found with whoever has it", () => {
    const scene = fourOwners();
    const { network, forge, heard } = scene;
    const block = forge.block("b", "g", [1]);
    give(network, "b", forge.metablock("b", { sequence: 0 }, [forge.reference(block, 0)]));
    const asked = heard.flatMap(({ message }) => (message.type === "want" ? message.hashes : []));
    expect(asked.map(toHex)).toContain(toHex(block.id));
    heard.length = 0;
    give(network, "c", block);
    network.inject("a", "d", encodeMessage({ type: "want", hashes: [block.id] }));
    expect(heard.filter(({ to, message }) => to === "d" && message.type === "block").length).toBeGreaterThan(0);
  });
});

describe("figure 6B: a metablock is certified", () => {
  it("not again if it was already certified 6210; HCG is at least its sequence number 6250", () => {
    const scene = fourOwners();
    const genesis = givenGenesis(scene);
    const { signatures } = scene.network.members.get("a")!;
    give(scene.network, "c", genesis);
    expect(scene.network.members.get("a")!.signatures).toBe(signatures);
    expect(statusOf(scene.network).highestCertifiedGeneration).toBe(0);
  });

  it("if it is certifiable: the certificate is stored, HCG is set, and both outlive a power cut", () => {
    const scene = fourOwners();
    const { network, forge, heard } = scene;
    const genesis = givenGenesis(scene);
    expect(ownCertificates(scene, genesis)).toHaveLength(3);
    network.crash("a");
    network.boot("a");
    expect(statusOf(network).highestCertifiedGeneration).toBe(0);
    // What was promised in that place stands: no other block of the same view is certified there.
    network.connect("a", "b");
    const other = forge.block("c", "g", [2]);
    const rival = forge.metablock("c", { sequence: 0 }, [forge.reference(other, 0)]);
    heard.length = 0;
    give(network, "b", other, rival);
    expect(ownCertificates(scene, rival)).toEqual([]);
  });

  it("if it is not certifiable, no certificate is generated 6260", () => {
    const scene = fourOwners();
    const { network, forge } = scene;
    const block = forge.block("b", "g", [1]);
    // Its block is said to have another place than the first.
    const genesis = forge.metablock("b", { sequence: 0 }, [forge.reference(block, 1)]);
    give(network, "b", block, genesis);
    expect(ownCertificates(scene, genesis)).toEqual([]);
    expect(statusOf(network).highestCertifiedGeneration).toBe(-1);
  });
});

// The three checks of the figure are judged per group (PROTOCOL 5 and 6); here all is of one group, and nothing is released.
describe("figure 6C: the state of a metablock progresses", () => {
  it("if it was certifiable, is finalizable and N is at least HFG: it, its parents and their blocks", () => {
    const scene = fourOwners();
    const { network, forge } = scene;
    const { child } = certifiedGenesisAndChild(scene);
    for (const name of ["c", "d"]) {
      give(network, name, forge.certificate(name, child, { own: [0], parents: [[0, 0]] }));
    }
    // 6340 finalizable, 6350 and 6360 finalized.
    expect(statusOf(network).highestFinalizableGeneration).toBe(1);
    expect(network.entriesOf("a", "g")).toEqual([1]);
  });

  it("with no action taken 6370 if it was not certifiable", () => {
    const scene = fourOwners();
    const { network, forge } = scene;
    const genesis = givenGenesis(scene);
    const block = forge.block("b", "g", [2], { counter: 2 });
    const child = forge.metablock("b", { sequence: 1, parents: [genesis.id] }, [forge.reference(block, 1)]);
    give(network, "b", block, child);
    // All others certify the child, but its parent is not finalizable: d did not certify it.
    give(network, "c", forge.certificate("c", genesis, ownBlock));
    for (const name of ["c", "d"]) {
      give(network, name, forge.certificate(name, child, { own: [0], parents: [[0, 0]] }));
    }
    expect(statusOf(network).highestFinalizableGeneration).toBe(-1);
    expect(network.entriesOf("a", "g")).toEqual([]);
  });

  it("with no action taken 6370 if it is not finalizable", () => {
    const scene = fourOwners();
    const { network, forge } = scene;
    const { child } = certifiedGenesisAndChild(scene);
    give(network, "d", forge.certificate("d", child, ownBlock));
    expect(statusOf(network).highestFinalizableGeneration).toBe(0);
    expect(network.entriesOf("a", "g")).toEqual([]);
  });
});

describe("figure 6D: a metablock is prepared", () => {
  it("at N = 0 without parents 6920, with the blocks of local storage 6960, certified and stored 6980", () => {
    const scene = fourOwners();
    const { network } = scene;
    network.push("a", "g", 7);
    network.flush("a");
    const [genesis] = preparedByA(scene);
    expect(genesis).toMatchObject({ sequence: 0, parents: [] });
    const sealed = network.members.get("a")!.sealed[0]!.block;
    expect(genesis!.references.map(({ block }) => block)).toEqual([sealed]);
    expect(statusOf(network).highestCertifiedGeneration).toBe(0);
  });

  it("at N > 0 with the finalizable parents of N - 1, and blocks that are not in its finality window 6960", () => {
    const scene = fourOwners();
    const { network, forge } = scene;
    const genesis = givenGenesis(scene);
    network.push("a", "g", 7);
    network.flush("a");
    for (const name of ["c", "d"]) give(network, name, forge.certificate(name, genesis, ownBlock));
    network.run(network.now + 500);
    const [child] = preparedByA(scene);
    expect(child).toMatchObject({ sequence: 1, parents: [genesis.id] });
    const sealed = network.members.get("a")!.sealed[0]!.block;
    expect(child!.references.map(({ block, position }) => [toHex(block), position])).toEqual([[toHex(sealed), 1]]);
  });

  it("not at all without a valid parent 6950: while no genesis is finalizable, nobody goes beyond N = 0", () => {
    const scene = fourOwners();
    const { network } = scene;
    network.push("a", "g", 7);
    network.flush("a");
    network.run(network.now + 20_000);
    const prepared = preparedByA(scene);
    expect(prepared.length).toBeGreaterThan(1);
    expect(new Set(prepared.map(({ sequence }) => sequence))).toEqual(new Set([0]));
  });

  it("not at all with an empty finality window 6970: a world with nothing to finalize is still", () => {
    const network = createNetwork({ crypto, members: ["a", "b"], groups: [{ name: "g", owners: ["a", "b"] }] });
    const heard = listen(network);
    network.push("a", "g", 1);
    network.run(network.now + 10_000);
    expect(network.entriesOf("b", "g")).toEqual([1]);
    heard.length = 0;
    network.run(network.now + 60_000);
    expect(heard.filter(({ message }) => message.type === "metablock")).toEqual([]);
  });

  it("with the L parents of the highest Issuing Hashes 6935, where there are more", () => {
    const peers = Array.from({ length: 18 }, (_, index) => `peer-${index}`);
    const groups = peers.map((peer) => ({ name: `of-${peer}`, owners: ["a", peer] }));
    const network = createNetwork({ crypto, members: ["a", ...peers], groups });
    const heard = listen(network, ({ to }) => to !== "a");
    const forge = createForge(network, crypto);
    const fork = peers.map((peer) => {
      const block = forge.block(peer, `of-${peer}`, [1]);
      const genesis = forge.metablock(peer, { sequence: 0 }, [forge.reference(block, 0)]);
      give(network, peer, block, genesis);
      return genesis;
    });
    // The first genesis had a child at once; the next attempt finds them all.
    network.run(network.now + 1_500);
    const children = heard.flatMap(({ from, message }) =>
      from === "a" && message.type === "metablock" ? [decodeMetablockHeader(message.header)] : [],
    );
    const chosen = children.filter(({ sequence, attempt }) => sequence === 1 && attempt === 1)[0]!.parents;
    fork.sort((x, y) => compare(issuingHash(crypto, y.signature), issuingHash(crypto, x.signature)));
    const highest = fork.slice(0, 16).map(({ id }) => toHex(id));
    expect(chosen.map(toHex)).toEqual(highest.sort());
  });
});
