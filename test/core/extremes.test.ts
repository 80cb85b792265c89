import { describe, expect, it } from "vitest";
import { slotKey, tipKey } from "../../firmware/core/block/records";
import { toHex } from "../../firmware/core/wire/bytes";
import { type Cbor, decode, encode } from "../../firmware/core/wire/cbor";
import { maxCount } from "../../firmware/core/wire/limits";
import { cheapCrypto } from "./cheap-crypto";
import { createForge, listen } from "./forge";
import { createNetwork, everyPair, type Network } from "./network";

/** The last numbers that there are, and stores of a time that had fewer bounds: nobody ends of them. */

const crypto = cheapCrypto();
const owners = ["a", "b", "c", "d"];

function four(): Network {
  return createNetwork({
    crypto,
    members: owners,
    groups: [{ name: "g", owners, policy: { quorum: "two-thirds" } }],
    links: everyPair(owners),
  });
}

function expectGoesOn(network: Network, among: readonly string[]): void {
  for (const [index, name] of among.entries()) network.push(name, "g", 100 + index);
  network.run(network.now + 60_000);
  for (const name of among) {
    const entries = network.entriesOf(name, "g");
    for (const index of among.keys()) expect(entries).toContain(100 + index);
  }
  for (const { notices } of network.members.values()) {
    for (const { error } of notices) expect(error.code).not.toBe("assertion");
  }
}

describe("who shares a participant's seed, and signs the highest that there is", () => {
  for (const [what, view] of [
    ["generation", { sequence: maxCount, attempt: 0 }],
    ["attempt", { sequence: 0, attempt: maxCount }],
    ["generation and attempt", { sequence: maxCount, attempt: maxCount }],
  ] as const) {
    it(`brings nobody down, itself neither: ${what}`, () => {
      const network = four();
      const forge = createForge(network, crypto);
      const block = forge.block("b", "g", [1]);
      const parents = view.sequence === 0 ? [] : [new Uint8Array(32).fill(1)];
      const metablock = forge.metablock("d", { ...view, parents }, [forge.reference(block, 0)]);
      const certificate = forge.certificate("d", metablock, { own: [0], parents: [] });
      for (const to of owners) {
        for (const { message } of [metablock, certificate]) network.inject(to, to === "d" ? "a" : "d", message);
      }
      network.crash("d");
      network.boot("d");
      for (const name of ["a", "b", "c"]) network.connect(name, "d");
      network.push("d", "g", 7);
      network.flush("d");
      expectGoesOn(network, ["a", "b", "c"]);
    });
  }

  it("with the last block that it can have: it writes no more, and says so", () => {
    const network = four();
    const forge = createForge(network, crypto);
    network.inject("d", "a", forge.block("d", "g", [1], { counter: maxCount }).message);
    network.push("d", "g", 7);
    network.flush("d");
    network.run(network.now + 1_000);
    expect(network.members.get("d")!.refused.map(({ error }) => error.code)).toEqual(["observer"]);
    expectGoesOn(network, ["a", "b", "c"]);
    // When it votes again it still has no counter left.
    for (let round = 0; round < 12; round++) {
      for (const [index, name] of ["a", "b", "c"].entries()) network.push(name, "g", 200 + 10 * round + index);
      network.run(network.now + 3_000);
    }
    network.push("d", "g", 8);
    network.flush("d");
    network.run(network.now + 1_000);
    const { refused } = network.members.get("d")!;
    expect(refused[refused.length - 1]!.error.code).toBe("counters-spent");
  });
});

describe("a store of an earlier version, which bounded less", () => {
  /** A world in which blocks are certified and not closed, so that locks stand. */
  function locked(): Network {
    const network = four();
    listen(network, ({ message }) => message.type === "metablock" && message.header[1] !== 0);
    for (const [index, name] of owners.entries()) network.push(name, "g", index);
    network.run(1_500);
    network.filter = () => true;
    return network;
  }

  /** Its records with the lock's proof, or the tip's certificates, as large as a liar could make them. */
  function grown(network: Network, name: string): Map<string, Uint8Array> {
    const { store } = network.members.get(name)!;
    const larger = new Map(store);
    for (const [key, value] of store) {
      const items = decode(value) as Cbor[];
      if (key.startsWith(slotKey(network.tag, toHex(network.groups.get("g")!), 0).slice(0, -1)) && items[1] !== null) {
        const [block, view, , history] = items[1] as Cbor[];
        larger.set(key, encode([items[0]!, [block!, view!, new Uint8Array(416_639), history!], items[2]!]));
      }
      if (key === tipKey(network.tag)) {
        const [header, signature, references, certificates] = items as [Cbor, Cbor, Cbor, Cbor[]];
        larger.set(key, encode([header, signature, references, [...certificates, new Uint8Array(22_000)]]));
      }
    }
    return larger;
  }

  it("is opened all the same, keeps its locks, and goes on", () => {
    const network = locked();
    const before = network.members.get("a")!.participant.status(network.tag).groups[0]!.lockedSlots;
    expect(before).toBeGreaterThan(0);
    const larger = grown(network, "a");
    expect(Math.max(...[...larger.values()].map(({ length }) => length))).toBeGreaterThan(400_000);
    network.crash("a");
    network.boot("a", larger);
    expect(network.members.get("a")!.participant.status(network.tag).groups[0]!.lockedSlots).toBe(before);
    for (const name of ["b", "c", "d"]) network.connect("a", name);
    network.run(network.now + 30_000);
    expectGoesOn(network, owners);
  });
});
