import { describe, expect, it } from "vitest";
import { toHex } from "../../firmware/core/wire/bytes";
import { encodeMessage } from "../../firmware/core/wire/messages";
import type { Message, Policy } from "../../firmware/core/wire/types";
import { cheapCrypto } from "./cheap-crypto";
import { listen, type Passing } from "./forge";
import { createNetwork, type Network } from "./network";

/** `readers: owners | members | stewards` is checked wherever a group's data leaves (PROTOCOL 8). */

const crypto = cheapCrypto();

/** Two boards of one gateway: each shares a group with it, and all three another. */
function world(policy: Partial<Policy> = {}, followers: readonly string[] = []): Network {
  return createNetwork({
    crypto,
    members: ["gateway", "board1", "board2"],
    groups: [
      { name: "own1", owners: ["gateway", "board1"], policy },
      { name: "shared", owners: ["gateway", "board1", "board2"], policy: { quorum: "two-thirds" } },
    ],
    links: [
      ["gateway", "board1"],
      ["gateway", "board2"],
    ],
    followers,
  });
}

const say = (network: Network, message: Message) => network.inject("gateway", "board2", encodeMessage(message));

/** Asks in every way there is, before and after something new is written. */
function ask(network: Network): Passing[] {
  const group = network.groups.get("own1")!;
  network.push("board1", "own1", 4242);
  network.run(network.now + 5_000);
  const heard = listen(network);
  const block = network.members
    .get("board1")!
    .finals.find(({ group: of }) => of === group || of.every((byte, at) => byte === group[at]))!;
  say(network, { type: "hello", capabilities: [], groups: [group], epoch: 1 });
  const frontier = {
    highestFinalizableGeneration: -1,
    tip: null,
    attempt: 0,
    positions: [[group, 0] as const],
    locks: [],
  };
  say(network, { type: "frontier", frontier });
  say(network, { type: "pull", group, from: 0 });
  say(network, { type: "want", hashes: [block.block] });
  network.run(network.now + 2_000);
  network.push("board1", "own1", 777);
  network.run(network.now + 5_000);
  return heard.filter(({ to }) => to === "board2");
}

const carriers = (heard: readonly Passing[]) =>
  heard.flatMap(({ message }) =>
    message.type === "block" || message.type === "header" || message.type === "proof" ? [message] : [],
  );

describe("who owns nothing of a group", () => {
  for (const isPrivate of [false, true]) {
    it(`is given none of it, however it asks${isPrivate ? ", nor headers of a private pact" : ""}`, () => {
      const network = world({ private: isPrivate });
      const heard = ask(network);
      expect(carriers(heard)).toEqual([]);
      for (const { message } of heard) {
        if (message.type !== "frontier") continue;
        const told = message.frontier.positions.map(([id]) => toHex(id));
        expect(told).not.toContain(toHex(network.groups.get("own1")!));
      }
    });
  }

  it("is named to a person who looks after the gateway, once", () => {
    const network = world();
    const group = network.groups.get("own1")!;
    for (let count = 0; count < 5; count++)
      say(network, { type: "hello", capabilities: [], groups: [group], epoch: 1 });
    const told = network.members.get("gateway")!.notices.map(({ error }) => error.code);
    expect(told).toEqual(["follower-refused"]);
    expect(network.members.get("gateway")!.cuts).toEqual([]);
  });

  it("is given all of it where the pact's readers are members", () => {
    const entries = carriers(ask(world({ readers: "members" }))).flatMap((message) =>
      message.type === "header" ? [] : [message.entries],
    );
    expect(entries.length).toBeGreaterThan(0);
    expect(entries.every((each) => each !== null)).toBe(true);
  });

  it("is given none of it where the readers are stewards, and it is none", () => {
    expect(carriers(ask(world({ readers: "stewards" })))).toEqual([]);
  });

  it("reads all of it where it is named to relay it", () => {
    const network = world({}, ["board2"]);
    network.push("board1", "own1", 5);
    network.run(10_000);
    expect(network.entriesOf("board2", "own1")).toEqual([5]);
  });

  it("learns what became of what it wrote itself, and no entries of others, where members write and owners read", () => {
    const network = createNetwork({
      crypto,
      members: ["gateway", "board1", "writer"],
      groups: [{ name: "box", owners: ["gateway", "board1"], policy: { writers: "members" } }],
      knowing: { writer: ["box"] },
    });
    const heard = listen(network);
    network.push("board1", "box", 1);
    network.push("writer", "box", 2);
    network.run(20_000);
    expect([...network.entriesOf("gateway", "box")].sort()).toEqual([1, 2]);
    const { finals } = network.members.get("writer")!;
    expect(finals).toHaveLength(2);
    const own = finals.find(({ issuer }) =>
      issuer.every((byte, at) => byte === network.members.get("writer")!.avatar[at]),
    )!;
    expect(own.entries).toHaveLength(1);
    for (const each of finals) if (each !== own) expect(each.entries).toBeNull();
    for (const { to, message } of heard) {
      if (to === "writer" && message.type === "block") throw new Error("a block of another came with its entries");
      if (to === "writer" && message.type === "proof") expect(message.entries).toBeNull();
    }
  });
});
