import { describe, expect, it } from "vitest";
import { decodeFinalRecord, finalKey } from "../../firmware/core/block/final-record";
import { slotWindow } from "../../firmware/core/chain/group";
import { verifyFinalityProof } from "../../firmware/core/chain/proof";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import { maxEntryBytes, maxOwners, messageLimit } from "../../firmware/core/wire/limits";
import { encodeMessage } from "../../firmware/core/wire/messages";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import type { BlockReference } from "../../firmware/core/wire/types";
import { cheapCrypto } from "./cheap-crypto";
import { createForge, listen, type Passing } from "./forge";
import { createNetwork, type Network } from "./network";

/** The largest of everything that is valid goes on its way, in as many messages as it takes; and no peer's bytes, nor honest state, end a participant. */

const crypto = cheapCrypto();

function expectWithinLimit(heard: readonly Passing[]): void {
  for (const { bytes } of heard) expect(bytes.length).toBeLessThanOrEqual(messageLimit);
}

/** A hub between a board and a member who owns nothing but what they all share. */
function hubAndBoard(groups: readonly string[]): Network {
  return createNetwork({
    crypto,
    members: ["hub", "board", "member"],
    groups: [
      ...groups.map((name) => ({ name, owners: ["hub", "board"] })),
      { name: "shared", owners: ["hub", "board", "member"], policy: { quorum: "two-thirds" as const } },
    ],
    links: [
      ["hub", "board"],
      ["hub", "member"],
    ],
  });
}

describe("a metablock of many references", () => {
  it("shown whole is passed on with paths, five times as large, in as many messages as it takes", () => {
    const names = Array.from({ length: 12 }, (_, index) => `own${index}`);
    const network = hubAndBoard(names);
    const forge = createForge(network, crypto);
    const place = (group: Uint8Array, position: number): BlockReference => {
      const block = crypto.sha256(Uint8Array.of(position, ...group));
      return { group, position, firstEntry: position, block, count: 1 };
    };
    const theirs = names.flatMap((name) =>
      Array.from({ length: slotWindow }, (_, position) => place(network.groups.get(name)!, position)),
    );
    // Of groups that nobody here knows, so that not all is shown to the board.
    const others = [0, 255].flatMap((byte) => [0, 1].map((position) => place(new Uint8Array(32).fill(byte), position)));
    const references = [...theirs, ...others].sort((a, b) => compare(a.group, b.group) || a.position - b.position);
    const made = forge.metablock("member", { sequence: 0 }, references);
    const whole = made.shown.map((each) => ({ ...each, path: [] }));
    const heard = listen(network, ({ from }) => from === "member");
    network.inject(
      "hub",
      "member",
      encodeMessage({ type: "metablock", header: made.bytes, signature: made.signature, references: whole }),
    );
    network.run(network.now + 2_000);
    const shown = heard.flatMap(({ to, message }) =>
      to === "board" && message.type === "metablock" && toHex(message.header) === toHex(made.bytes)
        ? [message.references.map(({ index }) => index)]
        : [],
    );
    expectWithinLimit(heard);
    expect(shown.length).toBeGreaterThan(1);
    // All of its groups, and the one beside them at either end.
    expect(new Set(shown.flat()).size).toBe(theirs.length + 2);
    network.push("hub", "own0", 1);
    network.run(network.now + 20_000);
    expect(network.entriesOf("board", "own0")).toEqual([1]);
  });

  it("names no more blocks of one group than could be certified", () => {
    const network = hubAndBoard(["own"]);
    const forge = createForge(network, crypto);
    const group = network.groups.get("own")!;
    const references = Array.from({ length: slotWindow + 1 }, (_, position) => ({
      ...{ group, position, firstEntry: position, count: 1 },
      block: crypto.sha256(Uint8Array.of(position)),
    }));
    network.inject("hub", "member", forge.metablock("member", { sequence: 0 }, references).message);
    expect(network.members.get("hub")!.notices.map(({ error }) => error.code)).toEqual(["metablock-references"]);
  });
});

/** A star of so many owners of one group. */
function star(count: number): Network {
  const members = Array.from({ length: count }, (_, index) => `m${index}`);
  return createNetwork({
    crypto,
    members,
    groups: [{ name: "g", owners: members, policy: { quorum: "two-thirds", largestEntry: maxEntryBytes } }],
  });
}

describe(`a group of ${maxOwners} owners`, () => {
  it("agrees, and its finality proofs are within a message and of no more certificates than they need", () => {
    const network = star(maxOwners);
    const heard = listen(network);
    network.push("m1", "g", 1);
    network.push("m2", "g", 2);
    network.run(6_000);
    expectWithinLimit(heard);
    for (const name of ["m0", "m1", `m${maxOwners - 1}`]) {
      expect([...network.entriesOf(name, "g")].sort()).toEqual([1, 2]);
    }
    const key = finalKey(network.tag, toHex(network.groups.get("g")!), 0);
    const { proof } = decodeFinalRecord(network.members.get("m0")!.store.get(key)!);
    const { certifiedBy, closedBy } = verifyFinalityProof(crypto, decodeFinalityProof(proof));
    const quorum = Math.floor((2 * maxOwners) / 3) + 1;
    expect([certifiedBy.length, closedBy.length]).toEqual([quorum, quorum]);
    expect(proof.length).toBeLessThan(messageLimit / 2);
  }, 120_000);

  it("starts again while many of its slots are locked, and tells its neighbours of them", () => {
    const network = star(24);
    // What would close the blocks is lost: so they stay certified and locked.
    const heard = listen(network, ({ message }) => message.type === "metablock" && network.now > 0 && isChild(message));
    for (let round = 0; round < 3; round++) {
      for (let index = 1; index < 9; index++) network.push(`m${index}`, "g", 10 * round + index);
      network.run(network.now + 1_000);
    }
    const locked = () => network.members.get("m0")!.participant.status(network.tag).groups[0]!.lockedSlots;
    expect(locked()).toBeGreaterThan(0);
    network.crash("m0");
    network.boot("m0");
    const before = heard.length;
    network.filter = (from, to, bytes, at) => {
      void [from, to, at];
      expect(bytes.length).toBeLessThanOrEqual(messageLimit);
      return true;
    };
    for (let index = 1; index < 24; index++) network.connect("m0", `m${index}`);
    network.run(network.now + 30_000);
    expect(heard.length).toBe(before);
    expect(network.entriesOf("m0", "g")).toHaveLength(24);
    expect(network.entriesOf("m23", "g")).toHaveLength(24);
  }, 120_000);
});

function isChild(message: Extract<Passing["message"], { type: "metablock" }>): boolean {
  return message.header[1] !== 0;
}
