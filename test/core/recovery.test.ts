import { describe, expect, it } from "vitest";
import { decodeFinalRecord, finalKey } from "../../firmware/core/block/final-record";
import { toHex } from "../../firmware/core/wire/bytes";
import { decodeMessage, encodeMessage } from "../../firmware/core/wire/messages";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import { createNetwork, type Network } from "./network";

const blocks = 12;

/** Two owners with so many final blocks, and one who shares another group with one of them. */
function agreed(): Network {
  const network = createNetwork({
    members: ["gateway", "board", "other"],
    groups: [
      { name: "shared", owners: ["gateway", "board"] },
      { name: "elsewhere", owners: ["gateway", "other"] },
    ],
  });
  for (let value = 0; value < blocks; value++) {
    network.push("board", "shared", value);
    network.flush("board");
    network.run(network.now + 2_000);
  }
  expect(network.entriesOf("gateway", "shared")).toHaveLength(blocks);
  return network;
}

const gatewayOf = (network: Network) => network.members.get("gateway")!;
const positions = (network: Network) => gatewayOf(network).recovered.map(({ position }) => position);
const recordOf = (network: Network, member: string, position: number) =>
  decodeFinalRecord(
    network.members.get(member)!.store.get(finalKey(network.tag, toHex(network.groups.get("shared")!), position))!,
  );

/** Whom the gateway sent a PULL, and from which position. */
function pulls(network: Network): (readonly [to: string, from: number, at: number])[] {
  const heard: (readonly [string, number, number])[] = [];
  network.filter = (from, to, bytes, at) => {
    const message = decodeMessage(bytes);
    if (from === "gateway" && message.type === "pull") heard.push([to, message.from, at]);
    return true;
  };
  return heard;
}

describe("a final block that the store lost", () => {
  it("comes back from an owner, as it was, with a proof that holds", () => {
    const network = agreed();
    const before = recordOf(network, "board", 7);
    network.lose("gateway", "shared", 7);
    network.run(network.now + 1_000);
    const [block] = gatewayOf(network).recovered;
    const { proof, entries, firstEntry, count } = before;
    expect(block).toMatchObject({ position: 7, firstEntry, count, proof, entries });
    expect(gatewayOf(network).recovered).toHaveLength(1);
    // Nobody is told of it a second time, and the group stands where it stood.
    expect(network.entriesOf("gateway", "shared")).toHaveLength(blocks);
    expect(gatewayOf(network).notices).toEqual([]);
  });

  it("is asked for with others in as few PULLs as they need, and what was not lost is passed over", () => {
    const network = agreed();
    const heard = pulls(network);
    for (const position of [2, 4, 3, 11, 9]) network.lose("gateway", "shared", position);
    network.run(network.now + 10_000);
    expect([...positions(network)].sort((a, b) => a - b)).toEqual([2, 3, 4, 9, 11]);
    expect(heard.map(([to, from]) => [to, from])).toEqual([
      ["board", 2],
      ["board", 11],
    ]);
  });

  it("is asked for when an owner comes that has it, and again, ever later, where no answer came", () => {
    const network = agreed();
    network.disconnect("gateway", "board");
    const heard = pulls(network);
    network.lose("gateway", "shared", 3);
    network.run(network.now + 60_000);
    expect(heard).toEqual([]);
    network.filter = ((heardBy) => (from, to, bytes, at) => {
      heardBy(from, to, bytes, at);
      return decodeMessage(bytes).type !== "proof";
    })(network.filter);
    network.connect("gateway", "board");
    const connected = network.now;
    network.run(network.now + 40_000);
    const waits = heard.map(([, , at], index) => at - (heard[index - 1]?.[2] ?? connected));
    // Five seconds for the answer, then a rest of five, then of ten.
    expect(waits.slice(1)).toEqual([10_000, 15_000]);
    network.filter = () => true;
    network.run(network.now + 60_000);
    expect(positions(network)).toEqual([3]);
  });

  it("is taken from no proof of another block, and from none whose entries are others", () => {
    const network = agreed();
    network.disconnect("gateway", "board");
    network.lose("gateway", "shared", 3);
    network.filter = (_, to, bytes) => to !== "gateway" || decodeMessage(bytes).type !== "proof";
    network.connect("gateway", "board");
    network.run(network.now + 1_000);
    const gateway = gatewayOf(network);
    const send = (position: number, entriesOf: number) => {
      const { proof } = recordOf(network, "board", position);
      const { entries } = recordOf(network, "board", entriesOf);
      network.inject("gateway", "board", encodeMessage({ type: "proof", proof, entries }));
    };
    send(4, 4);
    expect(gateway.recovered).toEqual([]);
    send(3, 4);
    expect(gateway.recovered).toEqual([]);
    expect(gateway.notices.map(({ error }) => error.code)).toEqual(["proof-entries"]);
    send(3, 3);
    send(3, 3);
    expect(positions(network)).toEqual([3]);
  });

  it("of a wide group is taken where its block came before a proof that fills its message", () => {
    const network = agreed();
    network.filter = () => false;
    network.lose("gateway", "shared", 3);
    const { proof, entries } = recordOf(network, "board", 3);
    const { blockHeader: header, blockSignature: signature } = decodeFinalityProof(proof);
    const alone = encodeMessage({ type: "proof", proof, entries: null });
    network.inject("gateway", "board", alone);
    expect(positions(network)).toEqual([]);
    network.inject("gateway", "board", encodeMessage({ type: "block", header, signature, entries: entries! }));
    network.inject("gateway", "board", alone);
    expect(gatewayOf(network).recovered).toMatchObject([{ position: 3, entries }]);
  });
});
