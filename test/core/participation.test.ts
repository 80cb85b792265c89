import { describe, expect, it } from "vitest";
import { ample } from "../../firmware/core/bounds";
import type { Action } from "../../firmware/core/events";
import { avatarSeed } from "../../firmware/core/identity/avatar";
import { encodeEntry, gapCount } from "../../firmware/core/pact/entry";
import { encodePact, pactId, syncGroupId } from "../../firmware/core/pact/pact";
import { createParticipant, type Participant } from "../../firmware/core/participant";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import { decodeMessage } from "../../firmware/core/wire/messages";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import type { Message, Pact } from "../../firmware/core/wire/types";
import { cheapCrypto } from "./cheap-crypto";
import { createNetwork, type Network, policy } from "./network";

const crypto = cheapCrypto();

/** What was sent over each link from here on. */
function overhear(network: Network): { from: string; to: string; message: Message }[] {
  const heard: { from: string; to: string; message: Message }[] = [];
  network.filter = (from, to, bytes) => {
    heard.push({ from, to, message: decodeMessage(bytes) });
    return true;
  };
  return heard;
}

describe("a group of one owner", () => {
  it("is final at once, without anyone's agreement, and its chain of blocks convinces a follower", () => {
    const network = createNetwork({
      members: ["gateway", "board"],
      groups: [{ name: "diary", owners: ["board"] }],
      followers: ["gateway"],
    });
    for (const value of [1, 2, 3]) {
      network.push("board", "diary", value);
      network.flush("board");
    }
    expect(network.entriesOf("board", "diary")).toEqual([1, 2, 3]);
    network.run(10_000);
    expect(network.entriesOf("gateway", "diary")).toEqual([1, 2, 3]);
    expect(network.members.get("gateway")!.signatures).toBe(0);
  });
});

describe("a private pact", () => {
  it("is agreed on by headers: its entries never leave their issuer", () => {
    const network = createNetwork({
      members: ["gateway", "board"],
      groups: [{ name: "secret", owners: ["gateway", "board"], policy: { private: true } }],
    });
    const heard = overhear(network);
    network.push("board", "secret", 42);
    network.flush("board");
    network.run(5_000);
    const [atBoard] = network.members.get("board")!.finals;
    const [atGateway] = network.members.get("gateway")!.finals;
    expect(toHex(atGateway!.block)).toBe(toHex(atBoard!.block));
    expect(atGateway!.entries).toBeNull();
    expect(atBoard!.entries).toHaveLength(1);
    expect(heard.map(({ message }) => message.type)).not.toContain("block");
    expect(heard.map(({ message }) => message.type)).toContain("header");
  });
});

describe("an owner of a private pact that was away", () => {
  it("catches up by the headers and their proofs", () => {
    const members = ["a", "b", "c", "d"];
    const network = createNetwork({
      members,
      groups: [{ name: "secret", owners: members, policy: { private: true, quorum: "two-thirds" } }],
    });
    network.run(1_000);
    network.disconnect("a", "d");
    for (let value = 0; value < 20; value++) {
      network.push("b", "secret", value);
      network.run(network.now + 1_000);
    }
    network.connect("a", "d");
    network.run(network.now + 20_000);
    expect(network.members.get("a")!.finals.length).toBeGreaterThan(10);
    expect(network.members.get("d")!.finals.map(({ block }) => toHex(block))).toEqual(
      network.members.get("a")!.finals.map(({ block }) => toHex(block)),
    );
  });
});

describe("a trimmed participant", () => {
  it("is shown no more of a metablock than its own groups and their neighbours, and sees no other's blocks", () => {
    const boards = ["b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8"];
    const network = createNetwork({
      members: ["gateway", ...boards],
      groups: boards.map((board) => ({ name: `of-${board}`, owners: ["gateway", board] })),
    });
    network.run(1_000);
    const heard = overhear(network);
    for (const board of boards) {
      network.push("gateway", `of-${board}`, 1);
      network.push(board, `of-${board}`, 2);
    }
    network.run(20_000);
    for (const board of boards) expect(network.entriesOf(board, `of-${board}`)).toHaveLength(2);
    const shown = heard.filter(({ from, message }) => from === "gateway" && message.type === "metablock");
    for (const { message } of shown)
      if (message.type === "metablock") expect(message.references.length).toBeLessThanOrEqual(4);
    for (const { to, message } of heard) {
      if (message.type === "certificate" && to !== "gateway") expect(message.certificate.length).toBeLessThan(200);
    }
    const blocks = heard.filter(({ to, message }) => to === "b1" && message.type === "block");
    expect(blocks).toHaveLength(1);
  });
});

describe("a full buffer", () => {
  const stalled = (whenFull: "wait" | "replace-oldest" | "keep-latest") => {
    const network = createNetwork({
      members: ["gateway", "board"],
      groups: [{ name: "g", owners: ["gateway", "board"], policy: { whenFull } }],
    });
    network.disconnect("gateway", "board");
    for (let value = 0; value < 1_000; value++) {
      network.push("board", "g", value);
      if (value % 32 === 0) network.run(network.now + 1);
    }
    network.run(network.now + 20_000);
    return network;
  };

  it("lets writers wait, and then refuses them in words; nothing that was sealed is lost", () => {
    const network = stalled("wait");
    const board = network.members.get("board")!;
    expect(board.refused.length).toBeGreaterThan(100);
    expect(board.refused[0]!.error).toMatchObject({ code: "buffer-full" });
    expect(board.refused[0]!.error.remedy).toMatch(/later/);
    network.connect("gateway", "board");
    network.run(network.now + 60_000);
    const refused = new Set(board.refused.map(({ token }) => token));
    const taken = [...Array(1_000).keys()].filter((value) => !refused.has(value));
    expect(network.entriesOf("gateway", "g")).toEqual(taken);
  });

  it("replaces the oldest, and says how many in a gap entry of its own sequence", () => {
    const network = stalled("replace-oldest");
    const board = network.members.get("board")!;
    network.connect("gateway", "board");
    network.run(network.now + 60_000);
    const entries = network.members.get("gateway")!.finals.flatMap(({ entries }) => entries!);
    const gaps = entries.map(gapCount).filter((count) => count !== undefined);
    const dropped = gaps.reduce((sum, count) => sum + count, 0);
    expect(dropped).toBe(board.refused.length);
    expect(dropped).toBeGreaterThan(100);
    expect(entries.length - gaps.length + dropped).toBe(1_000);
    expect(board.refused[0]!.error).toMatchObject({ code: "entry-replaced" });
  });
});

describe("a push", () => {
  const network = () =>
    createNetwork({ members: ["gateway", "board"], groups: [{ name: "g", owners: ["gateway", "board"] }] });

  it("that breaks its pact is refused by the field and the bound, and nothing is buffered", () => {
    const { members, groups, tag } = network();
    const { participant } = members.get("board")!;
    const entry = new Uint8Array([0x81, 0x20]);
    const actions = participant.handle(
      { kind: "push", world: tag, group: groups.get("g")!, entry, id: null, token: 7 },
      { monotonic: 1, wall: 1 },
    );
    const refused = actions.find((action) => action.kind === "refused");
    expect(refused).toMatchObject({ token: 7 });
    expect(refused?.kind === "refused" && refused.error.message).toMatch(/value.*-1/);
    expect(participant.status(tag).groups[0]!.buffered).toBe(0);
  });

  it("to a group that is not known here is refused, with what to do", () => {
    const { members, tag } = network();
    const push = {
      kind: "push",
      world: tag,
      group: new Uint8Array(32),
      entry: new Uint8Array(1),
      id: null,
      token: 1,
    } as const;
    const [refused] = members.get("board")!.participant.handle(push, { monotonic: 1, wall: 1 });
    expect(refused).toMatchObject({ kind: "refused", token: 1, error: { code: "group-unknown" } });
  });

  it("to a world that is not its own is an error of the driver", () => {
    const { members } = network();
    expect(() => members.get("board")!.participant.status("00")).toThrow(/no avatar in world 00/);
  });
});

describe("a participant in two worlds", () => {
  const pact: Pact = { name: "p", version: 1, extends: null, fields: [{ name: "v", type: { kind: "u8" } }], policy };
  const bytes = encodePact(pact);
  const seeds = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] as const;
  const worldIds = [new Uint8Array(32).fill(3), new Uint8Array(32).fill(4)] as const;
  const avatarOf = (seed: Uint8Array, worldId: Uint8Array) =>
    crypto.signer(avatarSeed(crypto, seed, worldId)).publicKey;
  const groupOf = (worldId: Uint8Array) =>
    encodeSyncGroup({
      pact: pactId(crypto, bytes),
      owners: seeds.map((seed) => avatarOf(seed, worldId)).sort(compare),
    });

  function join(seed: Uint8Array, bounds = ample): Participant {
    const worlds = worldIds.map((worldId) => ({
      worldId,
      stewards: [],
      pacts: [bytes],
      groups: [groupOf(worldId)],
      readings: [],
    }));
    return createParticipant({ crypto, seed, worlds, bounds, records: [] });
  }

  it("has an avatar and a metablockchain in each, and sends nothing of one in the other", () => {
    const self = join(seeds[0]);
    const [first, second] = self.avatars();
    expect(toHex(first!.avatar)).not.toBe(toHex(second!.avatar));
    const now = { monotonic: 1, wall: 1 };
    self.handle({ kind: "boot" }, now);
    for (const [index, { world }] of [first!, second!].entries()) {
      self.handle({ kind: "connected", world, peer: index + 1, avatar: avatarOf(seeds[1], worldIds[index]!) }, now);
    }
    const group = syncGroupId(crypto, groupOf(worldIds[0]));
    const entry = encodeEntry(pact.fields, [9], policy);
    const actions: Action[] = [
      ...self.handle({ kind: "push", world: first!.world, group, entry, id: null, token: 1 }, now),
      ...self.handle({ kind: "flush" }, now),
    ];
    const sent = actions.filter((action) => action.kind === "send");
    expect(sent.length).toBeGreaterThan(1);
    expect(new Set(sent.map((action) => action.kind === "send" && action.peer))).toEqual(new Set([1]));
    expect(self.status(second!.world).groups[0]!.pendingBlocks).toBe(0);
    expect(self.status(first!.world).groups[0]!.pendingBlocks).toBe(1);
    // A group of one world is unknown in the other.
    const refused = self.handle({ kind: "push", world: second!.world, group, entry, id: null, token: 2 }, now);
    expect(refused[0]).toMatchObject({ kind: "refused", error: { code: "group-unknown" } });
  });

  it("seals no more blocks while nobody confirms them than its platform has memory for; what is pushed then waits", () => {
    for (const blocksInFlight of [1, 2, 8]) {
      const self = join(seeds[0], { ...ample, blocksInFlight });
      const [{ world } = { world: "" }] = self.avatars();
      const group = syncGroupId(crypto, groupOf(worldIds[0]));
      const now = { monotonic: 1, wall: 1 };
      self.handle({ kind: "boot" }, now);
      for (let token = 0; token < 10; token++) {
        const entry = encodeEntry(pact.fields, [token], policy);
        self.handle({ kind: "push", world, group, entry, id: null, token }, now);
        self.handle({ kind: "flush" }, now);
      }
      expect(self.status(world).groups[0]).toMatchObject({
        pendingBlocks: blocksInFlight,
        buffered: 10 - blocksInFlight,
      });
    }
  });
});

describe("provisioning", () => {
  it("with a group whose pact is not there is refused, and says which", () => {
    const group = encodeSyncGroup({ pact: new Uint8Array(32).fill(5), owners: [new Uint8Array(32)] });
    const worlds = [{ worldId: new Uint8Array(32), stewards: [], pacts: [], groups: [group], readings: [] }];
    const make = () => createParticipant({ crypto, seed: new Uint8Array(32), worlds, bounds: ample, records: [] });
    expect(make).toThrow(/pact 0505050505050505 of a group is not known/);
  });
});
