import { describe, expect, it } from "vitest";
import { decodeFinalRecord, finalKey } from "../../firmware/core/block/final-record";
import { verifyFinalityProof } from "../../firmware/core/chain/proof";
import { decodeDefinition, definitionsPactBytes, encodeDefinition } from "../../firmware/core/definitions/definition";
import { encodeEntry } from "../../firmware/core/pact/entry";
import { decodePact, syncGroupId } from "../../firmware/core/pact/pact";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { type Cbor, encode } from "../../firmware/core/wire/cbor";
import { decodeMessage } from "../../firmware/core/wire/messages";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import { decodeBlockHeader } from "../../firmware/core/wire/structures";
import type { Message } from "../../firmware/core/wire/types";
import { cheapCrypto } from "./cheap-crypto";
import { createNetwork, everyPair, type Network } from "./network";
import type { NetworkPlan } from "./plan";
import { refusal } from "./refusal";

/** “A definition counts at a participant from when it is final there” (PROTOCOL 10). */

const crypto = cheapCrypto();

/** A gateway that is the one steward, and boards on its cables, which share nothing yet. */
function star(plan: Partial<NetworkPlan> = {}): Network {
  const network = createNetwork({
    crypto,
    members: ["gateway", "board1", "board2"],
    groups: [],
    stewards: ["gateway"],
    ...plan,
  });
  network.run(1_000);
  return network;
}

function tellsDefinition(network: Network, message: Message): boolean {
  const definitions = network.groups.get("definitions")!;
  return (
    (message.type === "block" && equal(decodeBlockHeader(message.header).group, definitions)) ||
    (message.type === "proof" && equal(syncGroupId(crypto, decodeFinalityProof(message.proof).group), definitions))
  );
}

/** In hex: whose certificates the proofs count that a member holds of a group. */
function votersOf(network: Network, name: string, group: string): string[] {
  const records = [...network.members.get(name)!.store].filter(([key]) =>
    key.startsWith(finalKey(network.tag, toHex(network.groups.get(group)!), 0).slice(0, -1)),
  );
  return records.flatMap(([, record]) => {
    const { certifiedBy, closedBy } = verifyFinalityProof(crypto, decodeFinalityProof(decodeFinalRecord(record).proof));
    return [...certifiedBy, ...closedBy].map(toHex);
  });
}

describe("a group that is defined while the world runs", () => {
  for (const quorum of ["all", "two-thirds"] as const) {
    it(`is agreed on by its owners, of whom ${quorum} must`, () => {
      const network = star();
      network.define("gateway", { name: "new", owners: ["gateway", "board1", "board2"], policy: { quorum } });
      network.run(2_000);
      for (const [name, value] of [
        ["gateway", 1],
        ["board1", 2],
        ["board2", 3],
      ] as const)
        network.push(name, "new", value);
      network.run(20_000);
      const order = network.entriesOf("gateway", "new");
      expect([...order].sort()).toEqual([1, 2, 3]);
      for (const name of ["board1", "board2"]) expect(network.entriesOf(name, "new")).toEqual(order);
    });
  }

  it("is nothing to who neither owns nor relays it", () => {
    const network = star();
    network.define("gateway", { name: "new", owners: ["gateway", "board1"] });
    network.run(2_000);
    network.push("board1", "new", 7);
    network.push("board2", "new", 8);
    network.run(10_000);
    expect(network.members.get("board1")!.defined).toEqual(["new"]);
    expect(network.members.get("board2")!.defined).toEqual([]);
    expect(network.members.get("board2")!.refused.map(({ error }) => error.code)).toEqual(["group-unknown"]);
    expect(network.entriesOf("gateway", "new")).toEqual([7]);
    expect(network.members.get("board2")!.finals.filter(({ entries }) => entries?.length === 0)).toEqual([]);
  });

  it("is relayed by who is named for it", () => {
    const network = star();
    network.define("gateway", { name: "new", owners: ["board1", "board2"] }, ["gateway"]);
    network.run(2_000);
    network.push("board1", "new", 7);
    network.push("board2", "new", 8);
    network.run(20_000);
    expect([...network.entriesOf("board2", "new")].sort()).toEqual([7, 8]);
    expect(network.entriesOf("gateway", "new")).toEqual(network.entriesOf("board1", "new"));
  });

  it("is there again after a restart, with what was final in it", () => {
    const network = star();
    network.define("gateway", { name: "new", owners: ["gateway", "board1"] });
    network.run(2_000);
    network.push("board1", "new", 1);
    network.run(8_000);
    for (const name of ["board1", "gateway"]) network.crash(name);
    for (const name of ["board1", "gateway"]) network.boot(name);
    for (const name of ["board1", "board2"]) network.connect(name, "gateway");
    network.run(9_000);
    network.push("board1", "new", 2);
    network.push("gateway", "new", 3);
    network.run(20_000);
    expect(network.entriesOf("board1", "new")).toEqual(network.entriesOf("gateway", "new"));
    expect([...network.entriesOf("board1", "new")].sort()).toEqual([1, 2, 3]);
  });

  it("comes to who was away when it was defined, and waits for it", () => {
    const network = star();
    network.crash("board1");
    network.define("gateway", { name: "one", owners: ["gateway", "board1"] });
    network.define("gateway", { name: "two", owners: ["gateway", "board1", "board2"] });
    network.run(2_000);
    network.push("gateway", "one", 1);
    network.push("board2", "two", 2);
    network.run(30_000);
    expect(network.entriesOf("gateway", "one")).toEqual([]);
    network.boot("board1");
    network.connect("board1", "gateway");
    network.run(60_000);
    expect(network.entriesOf("board1", "one")).toEqual([1]);
    for (const name of ["gateway", "board1", "board2"]) expect(network.entriesOf(name, "two")).toEqual([2]);
  });

  it("is known to who joins a world in which much was defined, of which it keeps what it owns", () => {
    const network = star();
    network.crash("board2");
    for (let each = 0; each < 40; each++) {
      network.define("gateway", { name: `of-board1-${each}`, owners: ["gateway", "board1"] });
      network.run(network.now + 200);
    }
    network.define("gateway", { name: "mine", owners: ["gateway", "board2"] });
    network.run(network.now + 1_000);
    network.boot("board2");
    network.connect("board2", "gateway");
    network.run(network.now + 30_000);
    network.push("board2", "mine", 5);
    network.run(network.now + 10_000);
    expect(network.entriesOf("gateway", "mine")).toEqual([5]);
    const { store, participant } = network.members.get("board2")!;
    expect([...store.keys()].filter((key) => key.includes("/defined/"))).toHaveLength(1);
    expect(participant.status(network.tag).groups.map(({ pact }) => pact)).toEqual(["definitions", "mine"]);
  });

  it("is caught up with by an owner that heard of it before it heard its definition", () => {
    const network = star({ members: ["gateway", "board1", "board2", "board3"] });
    network.define("gateway", {
      name: "new",
      owners: ["gateway", "board1", "board2", "board3"],
      policy: { quorum: "two-thirds" },
    });
    network.filter = (_from, to, bytes, at) =>
      to !== "board2" || at > 4_000 || !tellsDefinition(network, decodeMessage(bytes));
    network.run(1_500);
    for (const value of [1, 2, 3]) network.push("board1", "new", value);
    network.run(30_000);
    expect(network.entriesOf("board2", "new")).toEqual([1, 2, 3]);
  });

  it("has no vote of an owner that has not heard of it, whatever that one issues", () => {
    const owners = ["gateway", "board1", "board2", "board3"];
    for (const quorum of ["two-thirds", "majority"] as const) {
      const network = star({ members: owners, links: everyPair(owners) });
      network.define("gateway", { name: "known", owners: ["gateway", "board1"] });
      network.run(2_000);
      network.filter = (_from, to, bytes) => to !== "board1" || !tellsDefinition(network, decodeMessage(bytes));
      network.define("gateway", { name: "new", owners, policy: { quorum } });
      for (let value = 1; value <= 20; value++) {
        network.run(network.now + 300);
        for (const group of ["known", "new"]) network.push("gateway", group, value);
      }
      network.run(60_000);
      const avatar = toHex(network.members.get("board1")!.avatar);
      const voters = votersOf(network, "gateway", "new");
      expect(network.entriesOf("gateway", "new")).toHaveLength(20);
      expect(network.entriesOf("board1", "known")).toHaveLength(20);
      expect(voters.length).toBeGreaterThan(0);
      expect(voters).not.toContain(avatar);
    }
  });

  it("is relayed over two who relay, whichever of them hears of it first", () => {
    for (const steward of ["g1", "g2"]) {
      const links: [string, string][] = [
        ["b1", "g1"],
        ["g1", "g2"],
        ["g2", "b2"],
      ];
      const network = star({ members: ["g1", "g2", "b1", "b2"], stewards: [steward], links });
      network.define(steward, { name: "new", owners: ["b1", "b2"] }, ["g1", "g2"]);
      network.run(2_000);
      network.push("b1", "new", 1);
      network.push("b2", "new", 2);
      network.run(10_000);
      expect([...network.entriesOf("b2", "new")].sort()).toEqual([1, 2]);
    }
  });

  it("needs the agreement of the stewards where there are several", () => {
    const members = ["s1", "s2", "s3", "board"];
    const network = star({
      members,
      stewards: ["s1", "s2", "s3"],
      links: [
        ["s1", "s2"],
        ["s1", "s3"],
        ["s2", "s3"],
        ["s1", "board"],
      ],
    });
    for (const name of ["s2", "s3"]) network.disconnect("s1", name);
    network.define("s1", { name: "new", owners: ["s1", "board"] });
    network.run(20_000);
    expect(network.members.get("board")!.defined).toEqual([]);
    network.connect("s1", "s2");
    network.run(40_000);
    expect(network.members.get("board")!.defined).toEqual(["new"]);
    network.push("board", "new", 4);
    network.run(60_000);
    expect(network.entriesOf("s1", "new")).toEqual([4]);
  });
});

describe("what can't be taken", () => {
  it("is a definition by who is no steward", () => {
    const network = star();
    network.define("board1", { name: "mine", owners: ["board1", "board2"] });
    network.run(20_000);
    expect(network.members.get("board1")!.refused).toHaveLength(1);
    for (const member of network.members.values()) expect(member.defined).toEqual([]);
  });

  it("is a group for which there is no memory, until it is started with more", () => {
    const spareBytes: Record<string, number> = { board1: 100 };
    const network = star({ spareBytes });
    network.define("gateway", { name: "new", owners: ["gateway", "board1"] });
    network.run(2_000);
    const { notices, defined } = network.members.get("board1")!;
    expect(notices.map(({ error }) => error.code)).toEqual(["board-memory"]);
    expect(defined).toEqual([]);
    network.crash("board1");
    spareBytes.board1 = 1_000_000;
    network.boot("board1");
    network.connect("board1", "gateway");
    network.push("gateway", "new", 9);
    network.run(20_000);
    expect(network.entriesOf("board1", "new")).toEqual([9]);
  });

  it("is a group for whose definition its store has no room, and it goes on with the others", () => {
    const network = star({ flash: { board1: 80 } });
    const notices = () => network.members.get("board1")!.notices;
    for (let each = 0; notices().length === 0 && each < 200; each++) {
      network.define("gateway", { name: `group${each}`, owners: ["gateway", "board1"] });
      network.run(network.now + 50);
    }
    expect(notices().map(({ error }) => error.code)).toEqual(["definition-room"]);
    network.push("board1", "group0", 1);
    network.run(network.now + 10_000);
    expect(network.entriesOf("gateway", "group0")).toEqual([1]);
  });

  it("is a member whose labels are not as there is one way to write them; one without any is written as it ever was", () => {
    const member = { kind: "member", name: "porch", avatar: new Uint8Array(32), board: "linux" } as const;
    const { fields, policy } = decodePact(definitionsPactBytes());
    const labelled = (...more: Cbor[]) => {
      const key = more.length > 0 ? [null] : [];
      const body = encode([member.name, member.avatar, member.board, ...key, ...more]);
      return () => decodeDefinition(crypto, encodeEntry(fields, ["member", body], policy));
    };
    expect(refusal(labelled())).toBe("accepted");
    expect(encodeDefinition({ ...member, labels: [] })).toEqual(
      encodeEntry(fields, ["member", encode([member.name, member.avatar, member.board])], policy),
    );
    expect(labelled(["a", "b"])()).toEqual({ ...member, labels: ["a", "b"] });
    const many = Array.from({ length: 17 }, (_, index) => `l${index + 10}`);
    const codes = [[[]], [["b", "a"]], [["a", "a"]], [["a b"]], [[1]], ["a"], [many], [["a"], []]].map((more) =>
      refusal(labelled(...(more as Cbor[]))).replace(/:.*/, ""),
    );
    expect(codes).toEqual([
      ...["structure-field", "structure-order", "structure-order", "pact-name", "structure-field", "structure-shape"],
      ...["structure-bound", "structure-shape"],
    ]);
  });

  it("is an entry that defines nothing that hangs together: told, and passed over", () => {
    const network = star();
    const group = network.groups.get("definitions")!;
    const about = { kind: "push", world: network.tag, group, id: null } as const;
    // ["group", h'80'], ["member", h'ff'] and ["later", h''].
    for (const [token, hex] of ["826567726f75704180", "82666d656d62657241ff", "82656c6174657240"].entries()) {
      network.give("gateway", {
        ...about,
        token,
        entry: Uint8Array.from(hex.match(/../g)!, (byte) => Number.parseInt(byte, 16)),
      });
    }
    network.define("gateway", { name: "new", owners: ["gateway", "board1"] });
    network.run(5_000);
    expect(network.members.get("board1")!.notices.map(({ error }) => error.code)).toEqual([
      "definition-invalid",
      "definition-invalid",
    ]);
    expect(network.members.get("board1")!.defined).toEqual(["new"]);
  });
});
