import { expect, it } from "vitest";
import { decodeBlock } from "../../firmware/core/block/block";
import { blockKey } from "../../firmware/core/block/records";
import type { GroupStatus } from "../../firmware/core/chain/explain";
import { toHex } from "../../firmware/core/wire/bytes";
import { verifySignature } from "../../firmware/core/wire/signature";
import { signedBlockHeader } from "../../firmware/core/wire/structures";
import { nobleCrypto } from "../../firmware/device/noble";
import { listen } from "../core/forge";
import { createNetwork, type Network } from "../core/network";

/**
 * Claims 1, 2, 3 and 11 of US 12,393,566 B1, sentence by sentence, as far as they go without the saga runtime, which is not
 * built yet: "operate a saga runtime to execute one or more behaviors", and all that claim 1 says after "transmitting the new
 * metablock to one or more other participants".
 */

const crypto = nobleCrypto();

/** "One or more computing devices": two, on one link, that share two sync groups. */
function twoDevices(): Network {
  return createNetwork({
    crypto,
    members: ["gateway", "board"],
    groups: [
      { name: "load", owners: ["gateway", "board"] },
      { name: "temperature", owners: ["gateway", "board"] },
    ],
  });
}

function groupOf(network: Network, member: string, group: string): GroupStatus {
  const id = toHex(network.groups.get(group)!);
  return network.members
    .get(member)!
    .participant.status(network.tag)
    .groups.find((each) => each.group === id)!;
}

/** Connects a channel that writes two entries, and seals them: the path of claim 3, in the words of its last paragraph. */
function moveEntriesIntoABlock(network: Network) {
  const heard = listen(network);
  // "For each accessed sync group, establish an entry buffer and a block stack within the local storage"
  expect([groupOf(network, "board", "load").buffered, groupOf(network, "board", "load").pendingBlocks]).toEqual([0, 0]);
  // "and allow the connected channel of the accessed sync group to read from and write to the entry buffer"
  network.push("board", "load", 30);
  network.push("board", "load", 31);
  expect(groupOf(network, "board", "load").buffered).toBe(2);
  expect(groupOf(network, "board", "temperature").buffered).toBe(0);
  // "move one or more entries from the entry buffer into a new block"
  network.flush("board");
  const board = network.members.get("board")!;
  const sealed = board.sealed[0]!;
  expect(groupOf(network, "board", "load").buffered).toBe(0);
  expect(sealed.tokens).toEqual([30, 31]);
  // "place the new block in the block stack"
  expect(groupOf(network, "board", "load").pendingBlocks).toBe(1);
  const key = blockKey(network.tag, toHex(sealed.group), 0);
  const stored = decodeBlock(crypto, board.store.get(key)!);
  expect(stored.entries).toHaveLength(2);
  // "sign the new block with a digital signature of the participant"
  expect(stored.header.value.issuer).toEqual(board.avatar);
  expect(verifySignature(crypto, board.avatar, sealed.block, stored.header.signature)).toBe(true);
  // "and transmit the new block to one or more peer participants"
  const sent = heard.find(({ from, to, message }) => from === "board" && to === "gateway" && message.type === "block")!;
  if (sent.message.type !== "block") throw new Error("it is a block");
  expect(signedBlockHeader(crypto, sent.message.header, sent.message.signature).id).toEqual(sealed.block);
  expect(sent.message.entries).toEqual(stored.entries);
}

it("claim 2: a computing device with memory and local storage operates as a participant", () => {
  const network = twoDevices();
  const board = network.members.get("board")!;
  // "Operate as a participant within the data backbone"
  expect(board.participant.avatars()).toEqual([{ world: network.tag, avatar: board.avatar }]);
  expect(board.participant.status(network.tag).peers).toEqual([toHex(network.members.get("gateway")!.avatar)]);
  network.push("board", "load", 1);
  network.run(network.now + 2_000);
  expect(network.entriesOf("gateway", "load")).toEqual([1]);
  // "Each computing device has memory, storage, a processor, a local storage": what was in memory alone is gone with the
  // power, and the participant goes on from its local storage.
  network.crash("board");
  network.boot("board");
  network.connect("gateway", "board");
  network.push("board", "load", 2);
  network.run(network.now + 4_000);
  expect(network.entriesOf("gateway", "load")).toEqual([1, 2]);
  expect(groupOf(network, "board", "load").finalEntries).toBe(2);
});

// "The system of claim 2, wherein the software is further programming the computing device to" and "A method of operating a
// Data Backbone comprising" are followed by the same steps.
for (const claim of [3, 11]) {
  it(`claim ${claim}: entries move from a channel into a buffer, a signed block, the block stack and the peers`, () => {
    const network = twoDevices();
    // "Create a unique metablockchain; connect to one or more channels which access one or more sync groups"
    const world = network.members.get("board")!.participant.status(network.tag);
    expect(world.highestFinalizableGeneration).toBe(-1);
    expect(world.groups.map(({ pact }) => pact).sort()).toEqual(["load", "temperature"]);
    moveEntriesIntoABlock(network);
  });
}

it("claim 1: a data backbone is operated from the channel to the transmitted metablock, its saga runtime apart", () => {
  const network = twoDevices();
  moveEntriesIntoABlock(network);
  const heard = listen(network);
  network.run(network.now + 2_000);
  const metablocks = heard.filter(({ message }) => message.type === "metablock");
  const certificates = heard.filter(({ message }) => message.type === "certificate");
  // "Creating the new metablock with references to one or more observed blocks and a certificate of the participant";
  // "transmitting the new metablock to one or more other participants"
  expect(metablocks.length).toBeGreaterThan(0);
  // "Observing a new certificate for a metablock by creating the new certificate or receiving the new certificate from another
  // participant; broadcasting the new certificate to one or more other participants"
  expect(certificates.length).toBeGreaterThan(0);
  for (const name of ["gateway", "board"]) {
    const { highestCertifiedGeneration, highestFinalizableGeneration } = network.members
      .get(name)!
      .participant.status(network.tag);
    // "Setting a highest certified generation of the participant to at least the sequence number of the observed metablock"
    expect(highestCertifiedGeneration).toBeGreaterThanOrEqual(1);
    // "Setting the state of the observed metablock to at least finalizable; … of all parents … to at least finalized"
    expect(highestFinalizableGeneration).toBeGreaterThanOrEqual(1);
    // "and setting the states of all blocks referenced by parents of the observed metablock to finalized"
    expect(network.entriesOf(name, "load")).toEqual([30, 31]);
    expect(groupOf(network, name, "load").pendingBlocks).toBe(0);
  }
});
