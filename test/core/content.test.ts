import { describe, expect, it } from "vitest";
import { contentKey } from "../../firmware/core/block/records";
import { encodeDefinition } from "../../firmware/core/definitions/definition";
import { toHex } from "../../firmware/core/wire/bytes";
import { chunkBytes } from "../../firmware/core/wire/limits";
import { decodeMessage, encodeMessage } from "../../firmware/core/wire/messages";
import { cheapCrypto } from "./cheap-crypto";
import { deploy, piecesHeld, putContent, sourceOf } from "./contents";
import { createNetwork, everyPair, type Network, type NetworkPlan } from "./network";

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

describe("a rollout", () => {
  const rings = (network: Network, ...names: string[]) => names.map((name) => [network.members.get(name)!.avatar]);

  /** Whom a member was told how many rings are open to, in the order in which it was. */
  function opened(network: Network): Map<string, number[]> {
    const told = new Map<string, number[]>();
    network.rolls = (name, action) => {
      if (action.kind === "rollout") told.set(name, [...(told.get(name) ?? []), action.open]);
    };
    return told;
  }

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
      ...{ rings: rings(network, "board1", "board2"), soakMs: 0, maxFailures: 0, minSuccess: 100 },
      healthy: { runs: 1, failures: 0, withinMs: 1_000 },
    });
  }

  function deployed2(network: Network): void {
    for (const version of [1, 2]) {
      const source = sourceOf(crypto, 10, version);
      putContent(network, "gateway", source);
      deploy(network, "gateway", "states", source, { version, staged: true, parts: Uint8Array.of(version) });
      network.run(network.now + 2_000);
    }
  }

  it("opens ring by ring, never closes one for a step that is late, and stays taken back", () => {
    const network = star();
    const told = opened(network);
    deployed2(network);
    rollOut(network, 1);
    const sequence = 3;
    for (const open of [2, 1, 16, 0, 2]) define(network, { kind: "step", rollout: sequence, open });
    define(network, { kind: "step", rollout: 77, open: 0 });
    expect(told.get("board1")).toEqual([1, 2, 2, 2, 0]);
    expect(told.has("board3")).toBe(false);
    network.crash("board1");
    network.boot("board1");
    expect(told.get("board1")!.slice(5)).toContain(0);
    expect(told.get("board1")!.at(-1)).toBe(0);
  });

  it("is told after its saga, at a restart too: who runs that knows then by which version it begins", () => {
    const network = star();
    const told: string[] = [];
    deployed2(network);
    rollOut(network, 2);
    network.rolls = (name, action) => {
      if (name === "board1") told.push(action.kind);
    };
    network.crash("board1");
    network.boot("board1");
    network.run(network.now + 1_000);
    expect(told).toEqual(["deployed", "deployed", "rollout", "deployed", "deployed"]);
  });

  it("counts where nothing else of the saga rolls out: the first that is final does, as does the first of two versions with one number", () => {
    const network = star();
    const told = opened(network);
    deployed2(network);
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
