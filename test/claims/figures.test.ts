import { describe, expect, it } from "vitest";
import { blockKey } from "../../firmware/core/block/records";
import { ample } from "../../firmware/core/bounds";
import { attest, verifyAttestation } from "../../firmware/core/identity/attestation";
import { avatarSeed } from "../../firmware/core/identity/avatar";
import { worldTag } from "../../firmware/core/identity/world";
import { encodeEntry } from "../../firmware/core/pact/entry";
import { encodePact, pactId, syncGroupId } from "../../firmware/core/pact/pact";
import { createParticipant, type Participant } from "../../firmware/core/participant";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import {
  decodeBlockHeader,
  decodeBlockReference,
  decodeMetablockHeader,
  encodeSyncGroup,
  signedMetablockHeader,
} from "../../firmware/core/wire/structures";
import type { Message, MetablockHeader, Pact } from "../../firmware/core/wire/types";
import { nobleCrypto } from "../../firmware/device/noble";
import { cheapCrypto } from "../core/cheap-crypto";
import { createForge, listen } from "../core/forge";
import { createNetwork, type Network, policy } from "../core/network";
import { bothUp, createPair, identityOf, worldA } from "../link/pair";

/** Figures 1 to 5 of US 12,393,566 B1: the structure of a data backbone. Figures 6A to 6D are in `flowcharts.test.ts`. */

const crypto = cheapCrypto();
const now = { monotonic: 0, wall: 0 };
const pact: Pact = {
  name: "reading",
  version: 1,
  extends: null,
  fields: [{ name: "value", type: { kind: "u32" } }],
  policy,
};

/** A participant with an avatar in each of two worlds, and a group of its own in each. */
function inTwoWorlds() {
  const seed = new Uint8Array(32).fill(1);
  const worldIds = [new Uint8Array(32).fill(100), new Uint8Array(32).fill(200)];
  const groups = worldIds.map((worldId) => {
    const avatar = crypto.signer(avatarSeed(crypto, seed, worldId)).publicKey;
    return encodeSyncGroup({ pact: pactId(crypto, encodePact(pact)), owners: [avatar] });
  });
  const participant = createParticipant({
    crypto,
    seed,
    worlds: worldIds.map((worldId, index) => ({
      worldId,
      stewards: [],
      pacts: [encodePact(pact)],
      groups: [groups[index]!],
      readings: [],
    })),
    bounds: ample,
    records: [],
  });
  participant.handle({ kind: "boot" }, now);
  const worlds = worldIds.map((worldId) => toHex(worldTag(crypto, worldId)));
  return { participant, worlds, groups: groups.map((group) => syncGroupId(crypto, group)) };
}

function push(participant: Participant, world: string, group: Uint8Array, value: number) {
  const entry = encodeEntry(pact.fields, [value], pact.policy);
  const actions = participant.handle({ kind: "push", world, group, entry, id: null, token: value }, now);
  return [...actions, ...participant.handle({ kind: "flush" }, now)];
}

describe("figure 1: the structure of a data backbone", () => {
  it("has worlds of avatars of participants, whose channels push data to and pull data from pacts", () => {
    // "Each World contains an arbitrary number of Avatars 105 of Participants 110"
    const { participant, worlds, groups } = inTwoWorlds();
    expect(participant.avatars().map(({ world }) => world)).toEqual(worlds);
    expect(new Set(participant.avatars().map(({ avatar }) => toHex(avatar))).size).toBe(2);
    // "Channels 120 … which pull 125 data from or push 130 data to one or more Pacts 115"
    const pulled = push(participant, worlds[0]!, groups[0]!, 7).find(({ kind }) => kind === "final");
    expect(pulled).toMatchObject({ block: { world: worlds[0], firstEntry: 0, position: 0 } });
  });

  it("keeps what is one world's out of the others", () => {
    const { participant, worlds, groups } = inTwoWorlds();
    push(participant, worlds[0]!, groups[0]!, 7);
    expect(participant.status(worlds[1]!).groups[0]!.finalEntries).toBe(0);
    const refused = push(participant, worlds[1]!, groups[0]!, 8).find(({ kind }) => kind === "refused");
    expect(refused).toMatchObject({ error: { code: "group-unknown" } });
  });
});

describe("figure 2: avatars and how they are confirmed", () => {
  const noble = nobleCrypto();
  const world = new Uint8Array(32).fill(2);
  const seed = new Uint8Array(32).fill(1);

  it("derives an avatar from the participant and the world, and has it verified", () => {
    // "Each Avatar must have a unique cryptographic identity derived 215 from the cryptographic identifiers of the Participant and
    // the World's unique identifier 220."
    const avatar = noble.signer(avatarSeed(noble, seed, world)).publicKey;
    const elsewhere = noble.signer(avatarSeed(noble, seed, new Uint8Array(32).fill(3))).publicKey;
    expect(toHex(avatar)).not.toBe(toHex(elsewhere));
    // "A 'confirming' Avatar 225 must be able to verify that the new Avatar's cryptographic identity 215 was created by the new
    // Avatar's corresponding Participant 200."
    const confirmed = verifyAttestation(noble, world, attest(noble, seed, world));
    expect(confirmed.avatarId).toEqual(avatar);
    expect(confirmed.participantKey).toEqual(noble.signer(seed).publicKey);
  });

  it("lets two avatars connect without exchanging the world's unique identifier", () => {
    // "The participant may then select an initial peer Avatar to connect to 230, exchanging and verifying 225 its Avatar's unique
    // identifier without exchanging the World's unique identifier."
    const pair = createPair(noble, { left: identityOf(noble, 1, worldA), right: identityOf(noble, 2, worldA) });
    pair.start();
    expect(pair.until(() => bothUp(pair))).toBe(true);
    const [left, right] = [pair.left, pair.right].map(({ identity }) => toHex(identity.avatar.publicKey).slice(0, 8));
    expect(pair.left.events).toContain(`up ${right}`);
    expect(pair.right.events).toContain(`up ${left}`);
    // The identifier is 32 times one byte here: four of it in a row would be a part of it.
    const part = toHex(worldA.slice(0, 4));
    for (const { bytes } of pair.written) expect(toHex(bytes)).not.toContain(part);
  });
});

it("figure 3: entries flow from the entry buffer to the block stack, and their blocks into the metablockchain", () => {
  const network = createNetwork({
    crypto,
    members: ["gateway", "board"],
    groups: [{ name: "g", owners: ["gateway", "board"] }],
  });
  const heard = listen(network, ({ to }) => to === "board");
  const group = () => network.members.get("board")!.participant.status(network.tag).groups[0]!;
  // "Channels 330 which 'push' new Entries 332": into the entry buffer 342, which is ephemeral.
  network.push("board", "g", 1);
  expect(group()).toMatchObject({ buffered: 1, pendingBlocks: 0 });
  network.crash("board");
  network.boot("board");
  expect(group()).toMatchObject({ buffered: 0, pendingBlocks: 0 });
  network.connect("gateway", "board");
  // "the Entries in the Entry Buffer are moved to a new Block certified by the Participant, and stored in the Entry Buffer's
  // corresponding Block Stack 344", which is durable.
  network.push("board", "g", 2);
  network.flush("board");
  expect(group()).toMatchObject({ buffered: 0, pendingBlocks: 1 });
  const { sealed, store } = network.members.get("board")!;
  const block = sealed[0]!.block;
  expect(store.has(blockKey(network.tag, toHex(network.groups.get("g")!), 0))).toBe(true);
  network.crash("board");
  network.boot("board");
  expect(group()).toMatchObject({ buffered: 0, pendingBlocks: 1 });
  // "A created Metablock contains a list of references to Blocks": in the metablockchain 352 of the world.
  const created = heard.flatMap(({ message }) => (message.type === "metablock" ? [message] : []))[0]!;
  expect(decodeBlockReference(created.references[0]!.bytes).block).toEqual(block);
  // "and 'pull' Finalized Entries 334"
  listen(network);
  network.connect("gateway", "board");
  network.run(network.now + 5_000);
  expect(network.entriesOf("board", "g")).toEqual([2]);
  expect(network.entriesOf("gateway", "g")).toEqual([2]);
  expect(group().pendingBlocks).toBe(0);
});

/** A world with a fork at any moment: pairs that write at once, over links of unlike delays, and a group of all. */
function busyWorld(): { network: Network; messages: readonly Message[] } {
  const boards = ["b1", "b2", "b3"];
  const members = ["gateway", ...boards];
  const network = createNetwork({
    crypto,
    members,
    groups: [
      ...boards.map((board) => ({ name: `of-${board}`, owners: ["gateway", board] })),
      { name: "shared", owners: members, policy: { quorum: "two-thirds" as const } },
    ],
    delayOf: (from, to) => 10 + 17 * members.indexOf(from) + 5 * members.indexOf(to),
  });
  const heard = listen(network);
  for (let round = 0; round < 5; round++) {
    for (const board of boards) {
      network.push(board, `of-${board}`, round);
      network.push(board, "shared", 100 + round);
    }
    network.run(network.now + 250);
  }
  network.run(network.now + 20_000);
  return { network, messages: heard.map(({ message }) => message) };
}

interface Node {
  readonly id: string;
  readonly header: MetablockHeader;
}

/** Every metablock that was sent, once. */
function nodesIn(messages: readonly Message[]): Node[] {
  const nodes = new Map<string, Node>();
  for (const message of messages) {
    if (message.type !== "metablock") continue;
    const { id, value } = signedMetablockHeader(crypto, message.header, message.signature);
    nodes.set(toHex(id), { id: toHex(id), header: value });
  }
  return [...nodes.values()];
}

describe("figure 4: the SIC-DAG", () => {
  it("forks, leaves orphans behind, and goes on", () => {
    const { network, messages } = busyWorld();
    const nodes = nodesIn(messages);
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const linked = new Set(nodes.flatMap(({ header }) => header.parents.map(toHex)));
    const generations = Math.max(...nodes.map(({ header }) => header.sequence));
    const generation = (sequence: number) => nodes.filter(({ header }) => header.sequence === sequence);
    // "Each node with the sequence number N will have one or more nodes in the SIC-DAG with sequence number N-1 as parents"
    for (const { header } of nodes) {
      for (const parent of header.parents) expect(byId.get(toHex(parent))?.header.sequence).toBe(header.sequence - 1);
      expect(header.parents.length > 0).toBe(header.sequence > 0);
    }
    // "it is possible for the SIC-DAG to temporarily fork 430"
    const forks = [...Array(generations).keys()].filter((sequence) => generation(sequence).length > 1);
    expect(forks.length).toBeGreaterThan(0);
    // "nodes that are not directly linked to the next generation of nodes will be orphaned and abandoned 440": nothing of what they
    // held is lost.
    const orphans = nodes.filter(({ id, header }) => header.sequence < generations && !linked.has(id));
    expect(orphans.length).toBeGreaterThan(0);
    for (const [group, count] of [
      ["of-b1", 5],
      ["of-b2", 5],
      ["of-b3", 5],
      ["shared", 15],
    ] as const) {
      expect(network.entriesOf("gateway", group)).toHaveLength(count);
    }
  });

  it("merges a fork into one history", () => {
    const network = createNetwork({
      crypto,
      members: ["a", "b", "c"],
      groups: [
        { name: "ab", owners: ["a", "b"] },
        { name: "ac", owners: ["a", "c"] },
      ],
    });
    listen(network, ({ to }) => to !== "a");
    const forge = createForge(network, crypto);
    // "When two nodes are created at similar times … it is possible for the SIC-DAG to temporarily fork 430"
    const blocks = [forge.block("b", "ab", [1]), forge.block("c", "ac", [2])] as const;
    const fork = [
      forge.metablock("b", { sequence: 0 }, [forge.reference(blocks[0], 0)]),
      forge.metablock("c", { sequence: 0 }, [forge.reference(blocks[1], 0)]),
    ] as const;
    for (const each of [...blocks, ...fork]) network.inject("a", "b", each.message);
    // "and nodes that are linked will merge into the history of the SIC-DAG 450"
    const next = forge.block("b", "ab", [3], { counter: 2 });
    const parents = fork.map(({ id }) => id).sort(compare);
    const merge = forge.metablock("b", { sequence: 1, parents }, [forge.reference(next, 1)]);
    for (const each of [next, merge]) network.inject("a", "b", each.message);
    const place = parents.indexOf(fork[1].id);
    network.inject("a", "c", forge.certificate("c", merge, { own: [], parents: [[place, 0]] }).message);
    expect(network.entriesOf("a", "ab")).toEqual([1]);
    expect(network.entriesOf("a", "ac")).toEqual([2]);
  });
});

it("figure 5: the schemas of a SIC-DAG node, a metablock and a block", () => {
  const { network, messages } = busyWorld();
  const nodes = new Map(nodesIn(messages).map((node) => [node.id, node]));
  const avatars = [...network.members.values()].map(({ avatar }) => toHex(avatar));
  for (const message of messages) {
    if (message.type === "metablock") {
      // Node 500: "a list of references to one or more 'parent' SIC-DAG Nodes, and a sequence number equal to one greater than the
      // sequence number of all referenced parent SIC-DAG Nodes"
      const { parents, sequence, issuer } = decodeMetablockHeader(message.header);
      for (const parent of parents) expect(sequence).toBe(nodes.get(toHex(parent))!.header.sequence + 1);
      // Metablock 510: "additionally comprising a list of references to one or more Blocks" …
      for (const { bytes } of message.references) expect(decodeBlockReference(bytes).block).toHaveLength(32);
      // … "and an 'issuing certificate'", stored in the metablock itself.
      expect(avatars).toContain(toHex(issuer));
      expect(
        crypto.verify(issuer, signedMetablockHeader(crypto, message.header, message.signature).id, message.signature),
      ).toBe(true);
    }
    if (message.type === "block") {
      const { group, issuer, counter } = decodeBlockHeader(message.header);
      // Block 520: "a reference to a Pact, a list of references to the Participants which are 'owners' of the Block": both by its
      // sync group. "a list of one or more Entries defined by the referenced Pact, and an 'issuing certificate'".
      expect([...network.groups.values()].map(toHex)).toContain(toHex(group));
      expect(message.entries.length).toBeGreaterThan(0);
      expect(avatars).toContain(toHex(issuer));
      // "a causal sequence of 1 may be used for the first Block issued in a Causal Group" 530; it is the counter here.
      expect(counter).toBeGreaterThanOrEqual(1);
    }
  }
});
