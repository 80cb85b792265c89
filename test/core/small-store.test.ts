import { describe, expect, it } from "vitest";
import { leastRoom } from "../../firmware/core/chain/store-room";
import { VertebraError } from "../../firmware/core/errors";
import { toHex } from "../../firmware/core/wire/bytes";
import { sharesOf } from "../../firmware/device/keeping";
import { journalStats, openJournal, recordKeys, writeRecords } from "../../firmware/store/journal";
import { noWear } from "../store/all-records";
import { createNor } from "../store/nor";
import { createForge } from "./forge";
import { createNetwork } from "./network";
import { crypto, finalEntries, members, networkOf, smallest } from "./small-flash";

describe("a board with a small flash", () => {
  it("refuses pushes before it is full, by name, and takes them again when what waits is final", () => {
    const network = networkOf(smallest);
    network.disconnect("gateway", "board");
    network.disconnect("liar", "board");
    for (let value = 1; value <= 200; value++) {
      for (const group of ["pair", "open"]) network.push("board", group, 2 * value, undefined, "x".repeat(3900));
      if (value % 2 === 0) network.run(network.now + 300);
    }
    const board = network.members.get("board")!;
    const codes = new Set(board.refused.map(({ error }) => error.code));
    expect(codes).toContain("store-full");
    expect(board.refused.find(({ error }) => error.code === "store-full")!.error.remedy).toContain("larger flash");
    network.connect("gateway", "board");
    network.run(network.now + 60_000);
    const sealed = board.sealed.reduce((sum, { tokens }) => sum + tokens.length, 0);
    expect(finalEntries(network, "board")).toBe(sealed);
    network.push("board", "pair", 1000, undefined, "after");
    network.run(network.now + 10_000);
    expect(finalEntries(network, "gateway")).toBe(sealed + 1);
  });

  it("keeps of what is final the newest of each group, and of the group with most the least", () => {
    const network = networkOf(smallest);
    for (let value = 1; value <= 60; value++) {
      for (const group of ["pair", "open"]) network.push("board", group, 2 * value, undefined, "x".repeat(3900));
      if (value % 10 === 0) network.push("board", "four", value, undefined, "small");
      network.run(network.now + 1000);
    }
    const { journal } = network.members.get("board")!;
    const kept = (group: string) =>
      [...recordKeys(journal!)]
        .filter((key) => key.startsWith(`final/${network.tag}/${toHex(network.groups.get(group)!)}/`))
        .sort();
    expect(kept("four").length).toBe(6);
    expect(kept("pair").length).toBeGreaterThan(10);
    expect(kept("pair").length).toBeLessThan(50);
    expect(Number(kept("pair").at(-1)!.split("/").at(-1))).toBe(59);
    const { live, room } = journalStats(journal!);
    expect(live).toBeLessThan(room + 4096);
  });

  it("that begins with a flash filled to the last by what is final comes up, and gives it up", () => {
    const network = networkOf(smallest);
    const board = network.members.get("board")!;
    const key = (position: number) =>
      `final/${network.tag}/${toHex(network.groups.get("pair")!)}/${String(position).padStart(12, "0")}`;
    // Of a group that it is no longer provisioned with, too.
    writeRecords(
      board.journal!,
      new Map([[`final/${network.tag}/${"ab".repeat(32)}/000000000000`, new Uint8Array(60_000)]]),
      new Set(),
    );
    let position = 0;
    const fill = (size: number) => {
      for (;;) writeRecords(board.journal!, new Map([[key(position++), new Uint8Array(size)]]), new Set());
    };
    for (const size of [4000, 200, 1]) expect(() => fill(size)).toThrow("The store is full");
    expect(() => writeRecords(board.journal!, new Map([["w/x", new Uint8Array(150)]]), new Set())).toThrow(
      "The store is full",
    );
    network.crash("board");
    network.boot("board");
    network.connect("gateway", "board");
    network.push("board", "pair", 1, undefined, "x");
    network.run(network.now + 10_000);
    expect(finalEntries(network, "gateway")).toBe(1);
  });

  describe("that a liar fills with blocks that can never be final", () => {
    /** Of an ordered group the first counter is left out. */
    function flooded(claimed: boolean) {
      const network = networkOf(smallest);
      const forge = createForge(network, crypto);
      const values = [1, 2, 3, 4];
      const blocks = Array.from({ length: 16 }, (_, index) =>
        forge.block("liar", "four", values, { counter: index + 2 }, "y".repeat(3900)),
      );
      for (const attempt of claimed ? [0, 1] : []) {
        const shown = blocks.slice(8 * attempt, 8 * attempt + 8);
        const references = shown.map((block, position) => forge.reference(block, position));
        network.inject("board", "liar", forge.metablock("liar", { sequence: 0, attempt }, references).message);
      }
      for (const { message } of blocks) network.inject("board", "liar", message);
      const pending = () => {
        const { groups: all } = network.members.get("board")!.participant.status(network.tag);
        const { pendingBlocks, ownPendingBlocks } = all.find(({ pact }) => pact === "four")!;
        return pendingBlocks - ownPendingBlocks;
      };
      return { network, pending };
    }

    it("takes what it is asked to vote on all the same", () => {
      const { network, pending } = flooded(true);
      const held = pending();
      expect(held).toBeGreaterThan(5);
      for (let value = 1; value <= 12; value++) {
        for (const name of ["gateway", "other"]) network.push(name, "four", value, undefined, "x".repeat(3900));
      }
      network.run(network.now + 60_000);
      expect(finalEntries(network, "board")).toBe(24);
      expect(pending()).toBeLessThan(held);
    });

    it("takes what is pushed there all the same", () => {
      const { network, pending } = flooded(false);
      const held = pending();
      for (let value = 1; value <= 12; value++) network.push("board", "four", value, undefined, "x".repeat(3900));
      expect(pending()).toBeLessThan(held);
      network.run(network.now + 60_000);
      expect(network.members.get("board")!.refused).toEqual([]);
      expect(finalEntries(network, "gateway")).toBe(12);
    });
  });

  it("keeps up in a group of many owners, whose proofs are larger", () => {
    const owners = [...members, ...Array.from({ length: 16 }, (_, index) => `owner-${index}`)];
    const wide = { name: "wide", owners, texts: true, policy: { quorum: "two-thirds", largestEntry: 4096 } } as const;
    const network = createNetwork({ members: owners, groups: [wide], crypto, flash: { board: smallest } });
    for (let value = 1; value <= 4; value++) {
      network.push(value % 2 === 0 ? "board" : "owner-7", "wide", value, undefined, "x".repeat(3900));
      network.run(network.now + 3000);
    }
    network.run(network.now + 60_000);
    expect(finalEntries(network, "board")).toBe(4);
    expect(finalEntries(network, "gateway")).toBe(4);
  });

  it("that is too small for the largest block is refused by name", () => {
    const journal = openJournal(createNor(20, 4096).flash, new Uint8Array(32), noWear);
    expect(sharesOf(journal).participant).toBeLessThan(leastRoom);
    expect(() => networkOf(20)).toThrow(VertebraError);
    expect(() => networkOf(20)).toThrow("The store has room for");
  });
});
