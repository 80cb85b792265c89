import { describe, expect, it } from "vitest";
import { encodeEntry, encodeGap } from "../../firmware/core/pact/entry";
import { idBytes, readProduced, withId } from "../../firmware/core/pact/produced";
import { finalEntries } from "../../firmware/core/saga/conductor";
import { createNetwork, type Network, numberOf } from "./network";

/** PROTOCOL 9: produced entries have their ids beside them in the block, and nobody is told of a repeat. */

const id = (first: number, second = 0) => new Uint8Array(32).fill(1).fill(first, 0, 1).fill(second, 1, 2);

const told = (network: Network, member: string) =>
  network.members.get(member)!.finals.flatMap((block) => finalEntries(block).map(({ entry }) => numberOf(entry)));

const pair = () =>
  createNetwork({
    members: ["ada", "bea"],
    groups: [{ name: "g", owners: ["ada", "bea"], policy: { largestEntry: 40 } }],
  });

describe("an entry with an id beside it", () => {
  it("is read back with its id, and one without stays as it is", () => {
    const entry = encodeEntry([{ name: "value", type: { kind: "u32" } }], [7], pair().pacts.get("g")!.policy);
    expect(readProduced(withId({ id: id(9), entry }))).toEqual({ id: id(9), entry });
    expect(withId({ id: null, entry })).toBe(entry);
    expect(readProduced(entry)).toEqual({ id: null, entry });
  });

  it("is none where less than an id is there, or something else", () => {
    for (const bytes of [
      new Uint8Array(),
      withId({ id: id(1), entry: new Uint8Array() }).subarray(0, idBytes - 1),
      encodeGap(3),
    ]) {
      expect(readProduced(bytes).id).toBeNull();
    }
  });

  it("is not measured with its id against the largest entry of its pact", () => {
    const network = pair();
    network.connect("ada", "bea");
    network.push("ada", "g", 1, id(1));
    network.run(10_000);
    expect(network.members.get("ada")!.refused).toEqual([]);
    expect(told(network, "bea")).toEqual([1]);
  });

  it("is refused where it holds a gap entry, or another entry with an id", () => {
    const network = pair();
    const ada = network.members.get("ada")!;
    const inner = withId({ id: id(2), entry: encodeGap(1) });
    for (const entry of [encodeGap(5), inner]) {
      const push = {
        kind: "push",
        world: network.tag,
        group: network.groups.get("g")!,
        entry,
        id: id(1),
        token: 1,
      } as const;
      const actions = ada.participant.handle(push, { monotonic: 1, wall: 1 });
      expect(actions.map((action) => action.kind === "refused" && action.error.code)).toContain("entry-shape");
    }
  });
});

describe("a repeat of an id", () => {
  it("of two owners who pushed at once becomes final, keeps its sequence, and is told to nobody", () => {
    const network = pair();
    network.connect("ada", "bea");
    network.push("ada", "g", 1, id(5));
    network.push("bea", "g", 1, id(5));
    network.push("bea", "g", 2);
    network.run(20_000);
    for (const name of ["ada", "bea"]) {
      expect(told(network, name).sort()).toEqual([1, 2]);
      expect(network.entriesOf(name, "g").sort()).toEqual([1, 1, 2]);
    }
  });

  it("within one block is told once", () => {
    const network = pair();
    network.connect("ada", "bea");
    network.push("ada", "g", 1, id(5));
    network.push("ada", "g", 2, id(5));
    network.run(20_000);
    expect(told(network, "bea")).toEqual([1]);
    expect(network.members.get("bea")!.finals.map(({ repeats }) => repeats)).toEqual([[1]]);
  });

  it("that is final already is refused when it is pushed, also after a restart", () => {
    const network = pair();
    network.connect("ada", "bea");
    network.push("ada", "g", 1, id(5));
    network.run(20_000);
    network.crash("bea");
    network.boot("bea");
    network.push("bea", "g", 2, id(5));
    expect(network.members.get("bea")!.refused.map(({ error }) => error.code)).toEqual(["entry-repeated"]);
  });

  it("is known by one who was away and learned all from proofs", () => {
    const network = createNetwork({
      members: ["ada", "bea", "cyd", "dan"],
      groups: [{ name: "g", owners: ["ada", "bea", "cyd", "dan"], policy: { quorum: "two-thirds" } }],
      links: [
        ["ada", "bea"],
        ["ada", "cyd"],
        ["bea", "cyd"],
      ],
    });
    network.push("ada", "g", 1, id(5));
    network.push("bea", "g", 1, id(5));
    network.push("cyd", "g", 2, id(6));
    network.run(30_000);
    network.connect("dan", "cyd");
    network.run(60_000);
    expect(told(network, "dan").sort()).toEqual([1, 2]);
    expect(told(network, "dan")).toEqual(told(network, "ada"));
  });

  it("is known by all alike among the last 1,024 ids and forgotten by all alike after 1,087, restarted or not", () => {
    const network = pair();
    network.connect("ada", "bea");
    const pushAll = (from: number, until: number) => {
      for (let value = from; value < until; value++) {
        network.push("ada", "g", value, id(value >> 8, value & 255));
        if (value % 32 === 31) network.run(network.now + 2_000);
      }
      network.run(network.now + 5_000);
    };
    pushAll(0, 1_088);
    network.crash("bea");
    network.boot("bea");
    network.connect("ada", "bea");
    // Ids 0 to 63 left together, when the next record of 64 was begun; the oldest that is left is known.
    pushAll(1_088, 1_089);
    network.push("bea", "g", 5_000, id(0, 64));
    network.push("bea", "g", 5_001, id(0, 3));
    network.run(network.now + 5_000);
    expect(network.members.get("bea")!.refused.map(({ token }) => token)).toEqual([5_000]);
    for (const name of ["ada", "bea"]) expect(told(network, name).filter((value) => value >= 5_000)).toEqual([5_001]);
  });
});
