import { describe, expect, it } from "vitest";
import { syncGroupId } from "../../firmware/core/pact/pact";
import { readMoved, readProduced, withId, withMoved } from "../../firmware/core/pact/produced";
import { equal } from "../../firmware/core/wire/bytes";
import { decodeMessage } from "../../firmware/core/wire/messages";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import { cheapCrypto } from "./cheap-crypto";
import { createNetwork, type Network } from "./network";
import type { GroupPlan, NetworkPlan } from "./plan";
import { rowOf } from "./rows";

/** "To add, drop or replace an owner a steward defines a successor and retires the old group" (PROTOCOL 10, Succession). */

const crypto = cheapCrypto();
const owners = ["board1", "board2"];

function star(plan: Partial<NetworkPlan> = {}, group: GroupPlan = { name: "old", owners }): Network {
  const network = createNetwork({
    ...{ crypto, members: ["gateway", "board1", "board2", "board3"], groups: [], stewards: ["gateway"] },
    ...plan,
  });
  network.run(1_000);
  network.define("gateway", group, group.owners.includes("gateway") ? [] : ["gateway"]);
  network.run(2_000);
  return network;
}

const succeed = (network: Network, names: readonly string[]) =>
  network.define(
    "gateway",
    { name: "new", owners: names, succeeds: "old" },
    names.includes("gateway") ? [] : ["gateway"],
  );

const row = (network: Network, member: string, groups = ["old", "new"]) => rowOf(network, member, groups);
const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);

describe("a group that another succeeds", () => {
  it("goes on in that, with what was final before in its place", () => {
    const network = star();
    network.push("board1", "old", 1);
    network.run(10_000);
    succeed(network, ["board1", "board3"]);
    network.run(12_000);
    network.push("board1", "new", 2);
    network.push("board3", "new", 3);
    network.run(30_000);
    expect(network.entriesOf("board1", "old")).toEqual([1]);
    expect(sorted(network.entriesOf("board3", "new"))).toEqual([2, 3]);
    expect(network.entriesOf("gateway", "new")).toEqual(network.entriesOf("board3", "new"));
    expect(network.members.get("board2")!.retired).toEqual(new Map([["old", "new"]]));
    expect(network.members.get("board3")!.retired.size).toBe(0);
  });

  it("loses nothing that waited for an owner who is gone, and tells nothing twice", () => {
    const network = star();
    network.push("board1", "old", 1);
    network.run(10_000);
    network.crash("board2");
    for (const value of [2, 3, 4]) {
      network.push("board1", "old", value);
      network.run(network.now + 500);
    }
    succeed(network, ["board1", "board3"]);
    network.run(network.now + 20_000);
    expect(network.members.get("board1")!.moved).toHaveLength(3);
    expect(sorted(network.entriesOf("board3", "new"))).toEqual([2, 3, 4]);
    expect(sorted(row(network, "board1"))).toEqual([1, 2, 3, 4]);
  });

  it("is quiet where what waited there was moved, or waits for who is gone", () => {
    const network = star();
    network.push("board2", "old", 2);
    network.flush("board2");
    network.run(2_025);
    network.crash("board2");
    network.push("board1", "old", 3);
    network.run(8_000);
    expect(network.entriesOf("board1", "old")).toEqual([]);
    succeed(network, ["board1", "board3"]);
    network.run(700_000);
    const before = network.members.get("board1")!.signatures;
    network.run(1_400_000);
    expect(network.members.get("board1")!.signatures).toBe(before);
  });

  it("takes what is pushed into it on, and what its buffer held", () => {
    const network = star();
    network.crash("board2");
    succeed(network, ["board1", "board3"]);
    network.run(2_040);
    network.push("board1", "old", 5);
    network.run(20_000);
    network.push("board1", "old", 6);
    network.run(40_000);
    expect(network.entriesOf("board3", "new")).toEqual([5, 6]);
    expect(network.members.get("board1")!.refused).toEqual([]);
  });

  it("refuses what is pushed by who may not write to the one that succeeds it, and says so", () => {
    const network = star();
    succeed(network, ["board1", "board3"]);
    network.run(3_000);
    network.push("board2", "old", 7);
    network.run(10_000);
    expect(network.members.get("board2")!.refused.map(({ error }) => error.code)).toEqual(["group-retired"]);
  });

  it("lets what an owner sealed that is left out become final there, by the votes of the others", () => {
    const network = star();
    network.disconnect("gateway", "board2");
    network.push("board2", "old", 8);
    network.run(4_000);
    succeed(network, ["board1", "board3"]);
    network.run(6_000);
    network.connect("gateway", "board2");
    network.run(40_000);
    expect(network.entriesOf("board1", "old")).toEqual([8]);
    expect(network.members.get("board2")!.retired).toEqual(new Map([["old", "new"]]));
  });

  const tellsOf = (network: Network, group: string, proof: Uint8Array) =>
    equal(syncGroupId(crypto, decodeFinalityProof(proof).group), network.groups.get(group)!);

  /** A world in which a block of board1 is final for board2, and board1 has heard nothing from this time on. */
  function cutOff(at: number): Network {
    const all = ["gateway", "board1", "board2", "board3"];
    const network = star({}, { name: "old", owners: all, policy: { quorum: "two-thirds" } });
    network.filter = (_from, to) => to !== "board1" || network.now < at;
    network.push("board1", "old", 1);
    network.run(20_000);
    network.disconnect("gateway", "board1");
    return network;
  }

  it("is told once, though its last block was moved by who did not hear yet that it is final", () => {
    const times = Array.from({ length: 60 }, (_, index) => 2_200 + 10 * index);
    const network = times
      .map(cutOff)
      .find((each) => each.entriesOf("board2", "old").length > each.entriesOf("board1", "old").length)!;
    succeed(network, owners);
    network.run(22_000);
    // It hears of the definition first: of the old group no votes and no proofs come through until then.
    network.filter = (_from, to, bytes) => {
      if (to !== "board1" || network.now > 26_000) return true;
      const message = decodeMessage(bytes);
      if (message.type === "proof") return !tellsOf(network, "old", message.proof);
      return message.type !== "metablock" && message.type !== "certificate";
    };
    network.connect("gateway", "board1");
    network.run(80_000);
    expect(network.members.get("board1")!.moved).toHaveLength(1);
    expect(network.entriesOf("board1", "old")).toEqual([1]);
    expect(network.entriesOf("board1", "new")).toEqual([1]);
    for (const member of ["board1", "gateway"]) expect(row(network, member)).toEqual([1]);
  });

  for (const moment of ["before", "after"]) {
    it(`goes on through a restart just ${moment} it hears of it`, () => {
      const network = star();
      network.crash("board2");
      network.push("board1", "old", 9);
      network.run(4_000);
      if (moment === "before") network.crash("board1");
      succeed(network, ["board1", "board3"]);
      network.run(4_025);
      if (moment === "after") network.crash("board1");
      network.run(5_000);
      network.boot("board1");
      network.connect("board1", "gateway");
      network.run(40_000);
      expect(network.entriesOf("board3", "new")).toEqual([9]);
      network.push("board1", "old", 10);
      network.run(60_000);
      expect(network.entriesOf("board3", "new")).toEqual([9, 10]);
    });
  }

  it("comes to who slept through two of them", () => {
    const network = star();
    network.disconnect("gateway", "board1");
    network.push("board1", "old", 1);
    network.run(4_000);
    network.crash("board1");
    succeed(network, ["board1", "board3"]);
    network.run(8_000);
    network.define("gateway", { name: "newest", owners: ["board1", "board2", "board3"], succeeds: "new" }, ["gateway"]);
    network.run(12_000);
    network.boot("board1");
    network.connect("board1", "gateway");
    network.run(60_000);
    expect(network.entriesOf("board3", "newest")).toEqual([1]);
    expect(row(network, "gateway", ["old", "new", "newest"])).toEqual([1]);
    expect(network.members.get("board1")!.retired).toEqual(
      new Map([
        ["old", "new"],
        ["new", "newest"],
      ]),
    );
  });

  it("is one of many owners or of one", () => {
    const network = star();
    network.crash("board2");
    network.push("board1", "old", 1);
    network.run(4_000);
    succeed(network, ["board1"]);
    network.run(30_000);
    expect(network.entriesOf("board1", "new")).toEqual([1]);
    network.define("gateway", { name: "newest", owners: ["board1", "board3", "gateway"], succeeds: "new" });
    network.run(40_000);
    network.push("board1", "new", 2);
    network.run(60_000);
    expect(network.entriesOf("board3", "newest")).toEqual([2]);
  });

  it("is retired by the first definition that says so, and by no steward's of another pact or the same owners", () => {
    const network = star();
    succeed(network, ["board1", "board3"]);
    network.define("gateway", { name: "other", owners: ["board2", "board3"], succeeds: "old" }, ["gateway"]);
    network.retire("gateway", "old");
    network.run(10_000);
    network.push("board1", "old", 1);
    network.run(30_000);
    expect(network.entriesOf("board3", "new")).toEqual([1]);
    expect(() =>
      network.define("gateway", { name: "same", owners: ["board1", "board3"], succeeds: "new" }),
    ).not.toThrow();
    network.run(40_000);
    expect(network.members.get("board1")!.notices.map(({ error }) => error.code)).toEqual(["definition-invalid"]);
    network.push("board1", "new", 2);
    network.run(60_000);
    expect(network.entriesOf("board3", "new")).toEqual([1, 2]);
  });
});

describe("a group that is retired", () => {
  it("takes nothing more, and lets what is under way there become final", () => {
    const network = star();
    network.disconnect("gateway", "board1");
    network.push("board1", "old", 1);
    network.flush("board1");
    network.retire("gateway", "old");
    network.run(4_000);
    network.connect("gateway", "board1");
    network.run(10_000);
    network.push("board2", "old", 2);
    network.run(40_000);
    expect(network.entriesOf("board1", "old")).toEqual([1]);
    expect(network.members.get("board2")!.refused.map(({ error }) => error.code)).toEqual(["group-retired"]);
  });

  it("is never that of the definitions", () => {
    const network = star();
    network.retire("gateway", "definitions");
    network.run(10_000);
    network.define("gateway", { name: "more", owners: ["board1", "board3"] });
    network.run(20_000);
    expect(network.members.get("board1")!.defined).toEqual(["old", "more"]);
  });

  it("has no place of one that is not, where a board has memory for one alone", () => {
    const network = star({ spareBytes: { board1: 400_000 } });
    expect(network.members.get("board1")!.defined).toEqual(["old"]);
    succeed(network, ["board1", "board3"]);
    network.run(10_000);
    expect(network.members.get("board1")!.notices.map(({ error }) => error.code)).toEqual(["board-memory"]);
    network.crash("board1");
    network.boot("board1");
    network.connect("board1", "gateway");
    network.run(20_000);
    network.push("board1", "new", 1);
    network.run(40_000);
    expect(network.entriesOf("board3", "new")).toEqual([1]);
  });
});

describe("an entry that was moved", () => {
  const entry = Uint8Array.of(0x81, 1);

  it("says what it was before, how often ever it was moved", () => {
    for (const counters of [[1], [24, 256], [2 ** 32, 65_536, 1], [1, 2, 3, 4, 5, 6, 7, 8]]) {
      expect(readMoved(withMoved({ counters, entry }))).toEqual({ counters, entry });
    }
    const produced = withId({ id: new Uint8Array(32).fill(1), entry });
    expect(readProduced(withMoved({ counters: [3], entry: produced }))).toEqual({
      id: new Uint8Array(32).fill(1),
      entry,
    });
    expect(readMoved(produced)).toBeUndefined();
  });

  it("is none where it is cut anywhere, or says something else", () => {
    const moved = withMoved({ counters: [300, 70_000], entry: new Uint8Array() });
    for (let length = 0; length < moved.length; length++) expect(readMoved(moved.subarray(0, length))).toBeUndefined();
    for (const bytes of [
      [],
      [0xa1],
      [0xa1, 0x80],
      [0xa1, 0x89],
      [0xa1, 0x81, 0x41, 1],
      [0xa1, 0x81, 0x1b, 0xff, 0xff],
    ]) {
      expect(readMoved(Uint8Array.from(bytes))).toBeUndefined();
    }
  });
});
