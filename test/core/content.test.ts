import { describe, expect, it } from "vitest";
import { contentKey } from "../../firmware/core/block/records";
import { ample } from "../../firmware/core/bounds";
import { encodeDefinition } from "../../firmware/core/definitions/definition";
import { toHex } from "../../firmware/core/wire/bytes";
import { chunkBytes } from "../../firmware/core/wire/limits";
import { decodeMessage, encodeMessage } from "../../firmware/core/wire/messages";
import { cheapCrypto } from "./cheap-crypto";
import { deploy, piecesHeld, putContent, sourceOf } from "./contents";
import { createNetwork, everyPair, type Network } from "./network";
import type { NetworkPlan } from "./plan";

/** “Content is not in entries: CHUNK answers WANT, from any peer that has it, checked chunk by chunk, kept as it comes” (PROTOCOL 10). */

const crypto = cheapCrypto();

/** A gateway that is the one steward, and boards on its cables. */
function star(plan: Partial<NetworkPlan> = {}): Network {
  const members = ["gateway", "board1", "board2", "board3"];
  const network = createNetwork({ crypto, members, groups: [], stewards: ["gateway"], ...plan });
  network.run(1_000);
  network.define("gateway", { name: "states", owners: ["gateway", "board1", "board2"] });
  network.run(2_000);
  return network;
}

function deployed(network: Network, name: string): readonly string[] {
  return network.members.get(name)!.deployed;
}

describe("the source of a saga", () => {
  it("reaches those who own its state group, and nobody else", () => {
    const network = star();
    const source = sourceOf(crypto, 3 * chunkBytes + 17);
    putContent(network, "gateway", source);
    deploy(network, "gateway", "states", source);
    network.run(20_000);
    for (const name of ["gateway", "board1", "board2"]) expect(deployed(network, name)).toEqual(["watch v1"]);
    expect([piecesHeld(network, "board1"), piecesHeld(network, "board3")]).toEqual([4, 0]);
    expect(deployed(network, "board3")).toEqual([]);
  });

  it("is given to nobody who has no part in it, whatever that one asks for", () => {
    const network = star();
    const source = sourceOf(crypto, chunkBytes);
    putContent(network, "gateway", source);
    deploy(network, "gateway", "states", source);
    network.run(5_000);
    let given = 0;
    network.filter = (_from, to, bytes) => {
      if (to === "board3" && decodeMessage(bytes).type === "chunk") given++;
      return true;
    };
    const hashes = source.pieces.map((piece) => piece.hash);
    network.inject("gateway", "board3", encodeMessage({ type: "want", hashes }));
    network.run(10_000);
    expect(given).toBe(0);
  });

  it("is gone on with at the piece at which power or line was cut, each piece on its way once", () => {
    const network = star();
    const source = sourceOf(crypto, 12 * chunkBytes);
    putContent(network, "gateway", source);
    const heard = new Map<string, number>();
    let cuts = 0;
    network.filter = (_from, to, bytes) => {
      if (to !== "board1" || decodeMessage(bytes).type !== "chunk") return true;
      const key = toHex(bytes.subarray(0, 64));
      heard.set(key, (heard.get(key) ?? 0) + 1);
      return true;
    };
    deploy(network, "gateway", "states", source);
    while (deployed(network, "board1").length === 0 && network.now < 200_000) {
      network.run(network.now + 25);
      if (piecesHeld(network, "board1") === 0) continue;
      cuts++;
      if (cuts % 2 === 0) network.disconnect("board1", "gateway");
      else {
        network.crash("board1");
        network.boot("board1");
      }
      network.connect("board1", "gateway");
    }
    expect(cuts).toBeGreaterThan(4);
    expect(deployed(network, "board1")).toEqual(["watch v1"]);
    // What was on its way at a cut comes once more: two at most.
    expect([...heard.values()].reduce((sum, count) => sum + count - 1, 0)).toBeLessThanOrEqual(2 * cuts);
  });

  it("is asked of the next neighbour where one does not answer", () => {
    const network = star({ links: everyPair(["gateway", "board1", "board2", "board3"]) });
    const source = sourceOf(crypto, 2 * chunkBytes);
    putContent(network, "gateway", source);
    network.filter = (from, to, bytes) =>
      from !== "gateway" || to !== "board1" || decodeMessage(bytes).type !== "chunk";
    deploy(network, "gateway", "states", source);
    network.run(60_000);
    expect(deployed(network, "board1")).toEqual(["watch v1"]);
  });

  it("comes to all who are behind one that relays, which asks for it once", () => {
    const members = ["gateway", "hub", "board1", "board2"];
    const links: [string, string][] = [
      ["gateway", "hub"],
      ["hub", "board1"],
      ["hub", "board2"],
    ];
    const network = createNetwork({ crypto, members, groups: [], stewards: ["gateway"], links });
    network.run(1_000);
    network.define("gateway", { name: "states", owners: ["gateway", "board1", "board2"] }, ["hub"]);
    network.run(3_000);
    const source = sourceOf(crypto, 2 * chunkBytes);
    putContent(network, "gateway", source);
    let fromGateway = 0;
    network.filter = (from, _to, bytes) => {
      if (from === "gateway" && decodeMessage(bytes).type === "chunk") fromGateway++;
      return true;
    };
    deploy(network, "gateway", "states", source);
    network.run(60_000);
    for (const name of ["hub", "board1", "board2"]) expect([name, piecesHeld(network, name)]).toEqual([name, 2]);
    expect(fromGateway).toBe(2);
  });

  it("comes from others where the store lost a piece of it or has another in its place", () => {
    const network = star();
    const source = sourceOf(crypto, 2 * chunkBytes);
    putContent(network, "gateway", source);
    deploy(network, "gateway", "states", source);
    network.run(20_000);
    const { store } = network.members.get("gateway")!;
    network.crash("gateway");
    const [first, second] = source.pieces.map((piece) => contentKey(network.tag, toHex(piece.hash)));
    store.delete(first!);
    store.set(second!, Uint8Array.of(1, 2, 3));
    network.boot("gateway");
    for (const name of ["board1", "board2"]) network.connect("gateway", name);
    network.run(60_000);
    expect(deployed(network, "gateway")).toEqual(["watch v1", "watch v1"]);
    expect(store.get(second!)).toEqual(source.pieces[1]!.bytes);
  });

  it("is not taken from who sends other bytes, or what nobody asked for", () => {
    const network = star();
    const source = sourceOf(crypto, 2 * chunkBytes);
    deploy(network, "gateway", "states", source);
    network.run(5_000);
    const lie = source.pieces[0]!.bytes.slice();
    lie[7]! ^= 1;
    network.inject("board1", "gateway", encodeMessage({ type: "chunk", bytes: lie }));
    network.inject("board3", "gateway", encodeMessage({ type: "chunk", bytes: source.pieces[0]!.bytes }));
    expect([piecesHeld(network, "board1"), piecesHeld(network, "board3")]).toEqual([0, 0]);
    network.inject("board1", "board1", encodeMessage({ type: "chunk", bytes: source.pieces[1]!.bytes }));
    network.inject("board1", "gateway", encodeMessage({ type: "chunk", bytes: source.pieces[1]!.bytes }));
    expect(piecesHeld(network, "board1")).toBe(1);
  });

  it("is told, and not taken, where the store has no room for it, and the board goes on with the rest", () => {
    const network = star({ flash: { board1: 80 } });
    const source = sourceOf(crypto, 16 * chunkBytes);
    putContent(network, "gateway", source);
    deploy(network, "gateway", "states", source);
    network.run(20_000);
    const { notices } = network.members.get("board1")!;
    expect(notices.map(({ error }) => error.code)).toEqual(["definition-room"]);
    expect(deployed(network, "board2")).toEqual(["watch v1"]);
    network.push("board1", "states", 1);
    network.run(30_000);
    expect(network.entriesOf("gateway", "states")).toEqual([1]);
  });

  it("is asked for by who has memory to run it, and by nobody else until it is started with more", () => {
    const spareBytes: Record<string, number> = { board1: 4_000_000 };
    const network = star({ spareBytes });
    const source = sourceOf(crypto, 2 * chunkBytes);
    putContent(network, "gateway", source);
    deploy(network, "gateway", "states", source);
    network.run(20_000);
    const { notices } = network.members.get("board1")!;
    expect(notices.map(({ error }) => `${error.code} ${error.message.slice(0, 10)}`)).toEqual([
      "board-memory Saga watch",
    ]);
    expect([piecesHeld(network, "board1"), piecesHeld(network, "board2")]).toEqual([0, 2]);
    network.crash("board1");
    delete spareBytes.board1;
    network.boot("board1");
    network.connect("board1", "gateway");
    network.run(40_000);
    expect(deployed(network, "board1")).toEqual(["watch v1"]);
  });

  it("of more sagas than a participant takes is left to others, and said", () => {
    const network = star();
    for (let version = 1; version <= 65; version++) {
      const source = sourceOf(crypto, 10, version);
      putContent(network, "gateway", source);
      deploy(network, "gateway", "states", source, { version });
      network.run(network.now + 300);
    }
    network.run(network.now + 60_000);
    expect(deployed(network, "board1")).toHaveLength(64);
    expect(network.members.get("board1")!.notices.map(({ error }) => error.code)).toEqual(["definition-sagas"]);
  });

  it("that does not hang together is no definition", () => {
    const network = star();
    const source = sourceOf(crypto, chunkBytes + 1);
    deploy(network, "gateway", "states", { ...source, size: chunkBytes });
    deploy(network, "gateway", "states", source, { groups: [] });
    network.run(10_000);
    const codes = network.members.get("board1")!.notices.map(({ error }) => error.code);
    expect(codes).toEqual(["definition-invalid", "definition-invalid"]);
  });
});

/** A steward's gateway defines it, and all hear of it. */
function define(network: Network, definition: Parameters<typeof encodeDefinition>[0]): void {
  const about = { world: network.tag, group: network.groups.get("definitions")!, id: null, token: 1 };
  network.give("gateway", { kind: "push", ...about, entry: encodeDefinition(definition) });
  network.flush("gateway");
  network.run(network.now + 500);
}

function rollOut(network: Network, version: number): void {
  const group = network.groups.get("states")!;
  define(network, {
    ...{ kind: "rollout", name: "watch", version, stateGroup: group, statusGroup: group },
    rings: ["board1", "board2"].map((name) => [network.members.get(name)!.avatar]),
    ...{ soakMs: 0, maxFailures: 0, minSuccess: 100, healthy: { runs: 1, failures: 0, withinMs: 1_000 } },
  });
}

/** In versions 1 and 2, both staged. */
function deployTwo(network: Network): void {
  for (const version of [1, 2]) {
    const source = sourceOf(crypto, 10, version);
    putContent(network, "gateway", source);
    deploy(network, "gateway", "states", source, { version, staged: true, parts: Uint8Array.of(version) });
    network.run(network.now + 2_000);
  }
}

describe("a rollout", () => {
  /** Whom a member was told how many rings are open to, in the order in which it was. */
  function opened(network: Network): Map<string, number[]> {
    const told = new Map<string, number[]>();
    network.rolls = (name, action) => {
      if (action.kind === "rollout") told.set(name, [...(told.get(name) ?? []), action.open]);
    };
    return told;
  }

  it("opens ring by ring, never closes one for a step that is late, and stays taken back", () => {
    const network = star();
    const told = opened(network);
    deployTwo(network);
    rollOut(network, 1);
    const sequence = 3;
    for (const open of [2, 1, 16, 0, 2]) define(network, { kind: "step", rollout: sequence, open });
    define(network, { kind: "step", rollout: 77, open: 0 });
    expect(told.get("board1")).toEqual([1, 2, 0]);
    expect(told.has("board3")).toBe(false);
    network.crash("board1");
    network.boot("board1");
    expect(told.get("board1")!.slice(3)).toContain(0);
    expect(told.get("board1")!.at(-1)).toBe(0);
  });

  it("is told after its saga, at a restart too: who runs that knows then by which version it begins", () => {
    const network = star();
    const told: string[] = [];
    deployTwo(network);
    rollOut(network, 2);
    network.rolls = (name, action) => {
      if (name === "board1") told.push(action.kind);
    };
    network.crash("board1");
    network.boot("board1");
    network.run(network.now + 1_000);
    expect(told).toEqual(["deployed", "deployed", "rollout", "deployed", "deployed"]);
  });

  it("opens no ring while it is paused, by a step that is late either, over a restart too; and goes on as if it had never been", () => {
    const network = star();
    const told = opened(network);
    deployTwo(network);
    rollOut(network, 1);
    const records = () =>
      [...network.members.get("board1")!.store.keys()].filter((key) => key.includes("/defined/")).length;
    const before = records();
    const pause = (paused: boolean) => define(network, { kind: "pause", rollout: 3, paused });
    for (const paused of [false, true, true]) pause(paused);
    define(network, { kind: "step", rollout: 3, open: 2 });
    network.run(network.now + 1_000);
    expect([told.get("board1"), records()]).toEqual([[1], before + 1]);
    network.crash("board1");
    network.boot("board1");
    network.connect("board1", "gateway");
    network.run(network.now + 1_000);
    define(network, { kind: "step", rollout: 3, open: 2 });
    expect([told.get("board1"), records()]).toEqual([[1, 1], before + 1]);
    pause(false);
    network.run(network.now + 1_000);
    expect(records()).toBe(before);
    define(network, { kind: "step", rollout: 3, open: 2 });
    pause(true);
    define(network, { kind: "step", rollout: 3, open: 0 });
    network.run(network.now + 1_000);
    expect(told.get("board1")).toEqual([1, 1, 2, 0]);
  });

  it("that was stopped opens nothing more, over a restart too; another may begin then, and it can be taken back", () => {
    const network = star();
    const told = opened(network);
    deployTwo(network);
    rollOut(network, 1);
    const records = () =>
      [...network.members.get("board1")!.store.keys()].filter((key) => key.includes("/defined/")).length;
    const before = records();
    for (const _ of [1, 2]) define(network, { kind: "stop", rollout: 3 });
    define(network, { kind: "pause", rollout: 3, paused: true });
    define(network, { kind: "step", rollout: 3, open: 2 });
    network.run(network.now + 1_000);
    expect([told.get("board1"), records()]).toEqual([[1], before + 1]);
    network.crash("board1");
    network.boot("board1");
    network.connect("board1", "gateway");
    network.run(network.now + 1_000);
    define(network, { kind: "step", rollout: 3, open: 2 });
    expect([told.get("board1"), records()]).toEqual([[1, 1], before + 1]);
    rollOut(network, 2);
    network.run(network.now + 1_000);
    expect(told.get("board1")).toEqual([1, 1, 1]);
    define(network, { kind: "step", rollout: 3, open: 0 });
    network.run(network.now + 1_000);
    expect(told.get("board1")).toEqual([1, 1, 1, 0]);
  });

  it("counts where nothing else of the saga rolls out: the first that is final does, as does the first of two versions with one number", () => {
    const network = star();
    const told = opened(network);
    deployTwo(network);
    const second = sourceOf(crypto, 10, 99);
    putContent(network, "gateway", second);
    deploy(network, "gateway", "states", second, { version: 2, staged: true, parts: Uint8Array.of(9) });
    network.run(network.now + 5_000);
    expect(deployed(network, "board1")).toEqual(["watch v1", "watch v2"]);
    rollOut(network, 1);
    rollOut(network, 2);
    rollOut(network, 7);
    expect(told.get("board1")).toEqual([1]);
    define(network, { kind: "step", rollout: 4, open: 0 });
    rollOut(network, 2);
    expect(told.get("board1")).toEqual([1, 0, 1]);
  });
});

describe("a saga that is undeployed", () => {
  const stateGroup = (network: Network) => network.groups.get("states")!;
  const undeploy = (network: Network) => define(network, { kind: "undeploy", stateGroup: stateGroup(network) });
  const letGo = (network: Network, name: string) =>
    network.give(name, { kind: "let-go", world: network.tag, stateGroup: stateGroup(network) });
  const recordsOf = (network: Network, name: string) =>
    [...network.members.get(name)!.store.keys()].filter((key) => /\/defined\/|^content\/|^saga/.test(key));

  /** What each is told of sagas from now on, in a word each. */
  function telling(network: Network): Map<string, string[]> {
    const told = new Map([...network.members.keys()].map((name) => [name, [] as string[]]));
    network.rolls = (name, action) => {
      const of =
        action.kind === "deployed" ? `v${action.saga.version}` : action.kind === "rollout" ? action.open : action.gone;
      told.get(name)!.push(`${action.kind} ${of}`);
    };
    return told;
  }

  it("is told to who holds it, one that slept too, and no version of it that is defined later counts", () => {
    const network = star();
    deployTwo(network);
    const told = telling(network);
    network.crash("board2");
    undeploy(network);
    undeploy(network);
    const late = sourceOf(crypto, 10, 3);
    deploy(network, "gateway", "states", late, { version: 3, parts: Uint8Array.of(3) });
    network.run(network.now + 2_000);
    expect([told.get("gateway"), told.get("board1")]).toEqual([["undeployed false"], ["undeployed false"]]);
    expect(told.get("board3")).toEqual([]);
    network.boot("board2");
    network.connect("board2", "gateway");
    network.run(network.now + 5_000);
    expect(told.get("board2")!.at(-1)).toBe("undeployed false");
    expect(told.get("board2")).not.toContain("deployed v3");
    // It is told so at each start, until it lets go of it.
    told.get("board1")!.length = 0;
    network.crash("board1");
    network.boot("board1");
    expect(told.get("board1")).toEqual([
      ...["deployed v1", "deployed v2", "undeployed false"],
      ...["deployed v1", "deployed v2"],
    ]);
  });

  it("is let go of, with its source, its rollouts and their steps and what was kept of it, and so it is after a restart", () => {
    const network = star();
    deployTwo(network);
    rollOut(network, 2);
    for (const open of [2, 1, 0]) define(network, { kind: "step", rollout: 3, open });
    network.run(network.now + 2_000);
    const told = telling(network);
    letGo(network, "board1");
    expect(told.get("board1")).toEqual([]);
    undeploy(network);
    const before = recordsOf(network, "board1");
    // The group, two versions and their pieces, the rollout, the steps that opened or closed a ring, and the end.
    expect(before).toHaveLength(1 + 4 + 1 + 2 + 1);
    const kept = `saga/${network.tag}/${toHex(stateGroup(network))}`;
    network.members.get("board1")!.store.set(kept, Uint8Array.of(1));
    letGo(network, "board1");
    letGo(network, "board1");
    expect(told.get("board1")).toEqual(["undeployed false", "undeployed true"]);
    expect(recordsOf(network, "board1")).toHaveLength(2);
    network.crash("board1");
    network.boot("board1");
    network.connect("board1", "gateway");
    const late = sourceOf(crypto, 10, 3);
    putContent(network, "gateway", late);
    deploy(network, "gateway", "states", late, { version: 3, parts: Uint8Array.of(3) });
    network.run(network.now + 5_000);
    expect([told.get("board1")!.length, recordsOf(network, "board1").length]).toEqual([2, 2]);
    network.push("board1", "states", 7);
    network.run(network.now + 5_000);
    expect(network.entriesOf("board1", "states")).toEqual([7]);
  });

  it("is ended, and a version taken back, where the store has no room for a definition more", () => {
    const network = star({ flash: { board1: 80 } });
    deployTwo(network);
    rollOut(network, 1);
    network.run(network.now + 1_000);
    const { notices } = network.members.get("board1")!;
    for (let each = 0; notices.length === 0 && each < 200; each++) {
      network.define("gateway", { name: `group${each}`, owners: ["gateway", "board1"] });
      network.run(network.now + 50);
    }
    expect(notices.map(({ error }) => error.code)).toEqual(["definition-room"]);
    const told = telling(network);
    define(network, { kind: "step", rollout: 3, open: 0 });
    undeploy(network);
    network.run(network.now + 2_000);
    expect(told.get("board1")).toEqual(["rollout 0", "undeployed false"]);
  });

  it("is kept while something is on its way that the participant itself put into its states", () => {
    const network = star();
    deployTwo(network);
    const told = telling(network);
    undeploy(network);
    network.disconnect("board1", "gateway");
    network.push("board1", "states", 1);
    letGo(network, "board1");
    network.run(network.now + 2_000);
    letGo(network, "board1");
    expect(told.get("board1")).toEqual(["undeployed false"]);
    network.connect("board1", "gateway");
    network.run(network.now + 5_000);
    expect(network.entriesOf("board1", "states")).toEqual([1]);
    letGo(network, "board1");
    expect(told.get("board1")!.at(-1)).toBe("undeployed true");
  });

  it("leaves its memory, and pieces that others have too, to them", () => {
    // For its groups, and one saga.
    const network = star({
      spareBytes: { board1: 33_000_000 },
      bounds: { board1: { ...ample, sagaBytes: 20_000_000 } },
    });
    network.define("gateway", { name: "others", owners: ["gateway", "board1"] });
    network.run(network.now + 2_000);
    const source = sourceOf(crypto, 2 * chunkBytes);
    putContent(network, "gateway", source);
    deploy(network, "gateway", "states", source);
    network.run(network.now + 5_000);
    const { notices } = network.members.get("board1")!;
    const codes = () => notices.map(({ error }) => error.code);
    expect([codes(), piecesHeld(network, "board1")]).toEqual([[], 2]);
    deploy(network, "gateway", "others", source, { name: "other", parts: Uint8Array.of(5) });
    network.run(network.now + 5_000);
    expect(codes()).toEqual(["board-memory"]);
    undeploy(network);
    letGo(network, "board1");
    expect(piecesHeld(network, "board1")).toBe(0);
    deploy(network, "gateway", "others", source, { name: "other", version: 2, parts: Uint8Array.of(6) });
    network.run(network.now + 10_000);
    expect(codes()).toEqual(["board-memory"]);
    expect(piecesHeld(network, "board1")).toBe(2);
    // Of two that share it, the source stays with the other.
    letGo(network, "gateway");
    expect(piecesHeld(network, "gateway")).toBe(2);
  });
});
