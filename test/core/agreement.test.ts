import { describe, expect, it } from "vitest";
import { toHex } from "../../firmware/core/wire/bytes";
import { createNetwork, type Network } from "./network";

function sameOrder(network: Network, group: string, members: readonly string[]): void {
  const [first, ...others] = members.map((name) => network.entriesOf(name, group));
  for (const other of others) expect(other).toEqual(first);
}

describe("two owners on one link", () => {
  it("finalize an entry within 2 one-way delays at its writer and 3 at the other, counted from the seal", () => {
    const network = createNetwork({
      members: ["gateway", "board"],
      groups: [{ name: "pair", owners: ["gateway", "board"] }],
      delay: 10,
    });
    network.run(5_000);
    network.push("board", "pair", 5);
    network.flush("board");
    const sealedAt = network.now;
    const seen = new Map<string, number>();
    for (let time = sealedAt; time < sealedAt + 200; time++) {
      network.run(time);
      for (const name of ["gateway", "board"]) {
        if (!seen.has(name) && network.entriesOf(name, "pair").length === 1) seen.set(name, time - sealedAt);
      }
    }
    expect(seen.get("board")).toBe(20);
    expect(seen.get("gateway")).toBe(30);
  });

  it("finalize a long run of entries in one order, without gap or double", () => {
    const network = createNetwork({
      members: ["gateway", "board"],
      groups: [{ name: "pair", owners: ["gateway", "board"] }],
    });
    for (let value = 0; value < 100; value++) {
      network.push("board", "pair", value);
      network.run(network.now + 100);
    }
    network.run(network.now + 3_000);
    sameOrder(network, "pair", ["gateway", "board"]);
    expect(network.entriesOf("board", "pair")).toEqual([...Array(100).keys()]);
  });

  it("finalize what both write at once", () => {
    const network = createNetwork({
      members: ["gateway", "board"],
      groups: [{ name: "pair", owners: ["gateway", "board"] }],
    });
    for (let value = 0; value < 20; value++) {
      network.push("board", "pair", value);
      network.push("gateway", "pair", 100 + value);
      network.run(network.now + 500);
    }
    network.run(network.now + 20_000);
    sameOrder(network, "pair", ["gateway", "board"]);
    expect(network.entriesOf("board", "pair")).toHaveLength(40);
  });
});

describe("three boards and a gateway", () => {
  const boards = ["board-1", "board-2", "board-3"];
  const members = ["gateway", ...boards];
  const plan = {
    members,
    groups: [
      ...boards.map((board) => ({ name: `of-${board}`, owners: ["gateway", board] })),
      { name: "shared", owners: members, policy: { quorum: "two-thirds" as const } },
    ],
  };

  it("finalize their own groups and the shared one", () => {
    const network = createNetwork(plan);
    for (let round = 0; round < 50; round++) {
      for (const [index, board] of boards.entries()) {
        network.push(board, `of-${board}`, round);
        network.push(board, "shared", 1000 * (index + 1) + round);
      }
      network.run(network.now + 300);
    }
    network.run(network.now + 20_000);
    for (const board of boards) {
      sameOrder(network, `of-${board}`, ["gateway", board]);
      expect(network.entriesOf(board, `of-${board}`)).toEqual([...Array(50).keys()]);
    }
    sameOrder(network, "shared", members);
    expect(network.entriesOf("gateway", "shared")).toHaveLength(150);
    for (const member of network.members.values()) expect(member.notices.map(({ error }) => error.message)).toEqual([]);
    const gateway = network.members.get("gateway")!;
    expect(gateway.participant.status(network.tag).groups.every((group) => group.pendingBlocks === 0)).toBe(true);
    expect(toHex(gateway.avatar)).toHaveLength(64);
  });

  it("go on without one that is unplugged for good", () => {
    const network = createNetwork(plan);
    network.run(1_000);
    network.disconnect("gateway", "board-3");
    for (let round = 0; round < 30; round++) {
      for (const board of boards) {
        network.push(board, `of-${board}`, round);
        network.push(board, "shared", 1000 + round);
      }
      network.run(network.now + 300);
    }
    network.run(network.now + 20_000);
    expect(network.entriesOf("gateway", "of-board-1")).toHaveLength(30);
    expect(network.entriesOf("gateway", "of-board-2")).toHaveLength(30);
    expect(network.entriesOf("board-1", "shared")).toHaveLength(60);
    sameOrder(network, "shared", ["gateway", "board-1", "board-2"]);
  });

  it("catch one up that comes back", () => {
    const network = createNetwork(plan);
    network.run(1_000);
    network.disconnect("gateway", "board-3");
    for (let round = 0; round < 60; round++) {
      network.push("board-1", "shared", round);
      network.run(network.now + 300);
    }
    network.push("board-3", "of-board-3", 7);
    network.push("board-3", "shared", 777);
    network.run(network.now + 3_000);
    network.connect("gateway", "board-3");
    network.run(network.now + 30_000);
    expect(network.entriesOf("board-3", "shared")).toHaveLength(61);
    sameOrder(network, "shared", members);
    expect(network.entriesOf("gateway", "of-board-3")).toEqual([7]);
  });
});
