import { describe, expect, it } from "vitest";
import { decodeMessage } from "../../firmware/core/wire/messages";
import type { Room } from "../../firmware/ports";
import { createNetwork, type Network } from "./network";

/** A pair whose links tell of their room, as a test says. */
function pair(): Network {
  return createNetwork({ members: ["a", "b"], groups: [{ name: "g", owners: ["a", "b"] }] });
}

function tellRoom(network: Network, name: string, room: Room): void {
  const member = network.members.get(name)!;
  const peer = [...member.peers.keys()].at(-1)!;
  network.give(name, { kind: "room", peer, room });
}

/** What a member sends from now on, by type. */
function listen(network: Network, name: string): string[] {
  const heard: string[] = [];
  const before = network.filter;
  network.filter = (from, to, bytes, at) => {
    if (from === name) heard.push(decodeMessage(bytes).type);
    return before(from, to, bytes, at);
  };
  return heard;
}

describe("a participant whose link is full", () => {
  it("tells its peer nothing, by news or by a timer, until there is room", () => {
    const network = pair();
    network.run(5_000);
    tellRoom(network, "a", { bytes: 0, delay: 100 });
    const heard = listen(network, "a");
    network.push("a", "g", 1);
    network.run(120_000);
    expect(heard).toEqual([]);
    tellRoom(network, "a", { bytes: 100_000, delay: 100 });
    network.run(121_000);
    expect(network.entriesOf("b", "g")).toEqual([1]);
  });

  it("then tells what is newest: of a vote that was tried again it is the last attempt that goes", () => {
    const network = pair();
    network.run(5_000);
    tellRoom(network, "a", { bytes: 0, delay: 100 });
    network.push("a", "g", 1);
    network.run(120_000);
    const heard = listen(network, "a");
    tellRoom(network, "a", { bytes: 100_000, delay: 100 });
    expect(heard.filter((type) => type === "metablock").length).toBeLessThanOrEqual(2);
    expect(heard.filter((type) => type === "block")).toHaveLength(1);
  });

  it("puts what is pushed meanwhile into few blocks, and refuses what its buffer can't hold", () => {
    const network = pair();
    network.run(5_000);
    tellRoom(network, "a", { bytes: 0, delay: 100 });
    for (let value = 0; value < 600; value++) {
      network.push("a", "g", value);
      network.run(network.now + 10);
    }
    expect(network.members.get("a")!.sealed).toHaveLength(1);
    network.run(network.now + 20_000);
    expect(network.members.get("a")!.refused.length).toBeGreaterThan(50);
    for (let times = 0; times < 40; times++) {
      tellRoom(network, "a", { bytes: 3_000, delay: 1_000 });
      network.run(network.now + 2_000);
    }
    const final = network.entriesOf("b", "g");
    expect(final).toHaveLength(600 - network.members.get("a")!.refused.length);
    expect(network.members.get("b")!.finals.length).toBeLessThan(20);
  });

  it("tells where it stands before all else when there is little room: a peer that is behind learns it on a line that is always full", () => {
    const network = createNetwork({
      members: ["a", "b", "c"],
      groups: [
        { name: "g", owners: ["a", "b"] },
        { name: "p", owners: ["a", "b", "c"], policy: { quorum: "majority" } },
      ],
    });
    network.run(3_000);
    for (const from of ["a", "c"]) network.disconnect(from, "b");
    network.connect("a", "b");
    network.run(6_000);
    tellRoom(network, "a", { bytes: 0, delay: 100 });
    network.push("a", "g", 1);
    network.push("c", "p", 2);
    network.run(60_000);
    expect(network.entriesOf("a", "p")).toEqual([2]);
    const heard = listen(network, "a");
    tellRoom(network, "a", { bytes: 1, delay: 100 });
    expect(heard).toEqual(["frontier"]);
  });

  it("asks for nothing a second time while the answer can still be on its way", () => {
    const network = pair();
    network.run(5_000);
    tellRoom(network, "b", { bytes: 3_000, delay: 5_000 });
    network.filter = (from, _to, bytes) => from !== "a" || decodeMessage(bytes).type !== "block";
    const heard = listen(network, "b");
    network.push("a", "g", 1);
    network.run(20_000);
    expect(heard.filter((type) => type === "want")).toHaveLength(1);
  });

  it("answers a PULL as there is room for it, and goes on where it stopped", () => {
    const network = pair();
    network.run(2_000);
    network.disconnect("a", "b");
    const own = createNetwork({ members: ["a", "b"], groups: [{ name: "g", owners: ["a", "b"] }] });
    for (let value = 0; value < 6; value++) {
      own.push("a", "g", value);
      own.run(own.now + 1_000);
    }
    const empty = new Map<string, Uint8Array>();
    own.crash("b");
    own.boot("b", empty);
    own.members.get("b")!.finals.length = 0;
    own.connect("a", "b");
    tellRoom(own, "a", { bytes: 1, delay: 100 });
    const heard = listen(own, "a");
    own.run(own.now + 3_000);
    const few = heard.filter((type) => type === "proof").length;
    expect(few).toBeLessThanOrEqual(2);
    for (let times = 0; times < 6; times++) {
      tellRoom(own, "a", { bytes: 1_000, delay: 100 });
      own.run(own.now + 500);
    }
    expect(own.entriesOf("b", "g")).toEqual([0, 1, 2, 3, 4, 5]);
  });
});
