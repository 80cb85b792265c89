import { describe, expect, it } from "vitest";
import {
  decodeDefinition,
  definitionsGroup,
  definitionsPactBytes,
  encodeDefinition,
  type GroupDefinition,
} from "../../firmware/core/definitions/definition";
import { toHex } from "../../firmware/core/wire/bytes";
import { cheapCrypto } from "./cheap-crypto";
import { createNetwork, everyPair, type Network } from "./network";
import type { NetworkPlan } from "./plan";
import { refusal } from "./refusal";

/** Who may define changes by a definition, and all members go on by it (PROTOCOL 10). */

const crypto = cheapCrypto();
const members = ["gateway", "second", "board1", "board2"];

function world(plan: Partial<NetworkPlan> = {}): Network {
  const network = createNetwork({
    ...{ crypto, members, groups: [], stewards: ["gateway"], links: everyPair(members) },
    ...plan,
  });
  network.run(1_000);
  return network;
}

function after(network: Network, ms: number): void {
  network.run(network.now + ms);
}

const avatarOf = (network: Network, name: string) => network.members.get(name)!.avatar;

/** That `board2` alone defines from now on, but for what is changed of it. */
function nextOf(network: Network, changed: Partial<GroupDefinition> = {}): GroupDefinition {
  const founding = definitionsGroup(crypto, [avatarOf(network, "gateway")]);
  return {
    ...{ kind: "group", name: "definitions", group: definitionsGroup(crypto, [avatarOf(network, "board2")], 2) },
    ...{ pacts: [definitionsPactBytes(2)], readings: [], followers: [], succeeds: founding, ...changed },
  };
}

function lie(network: Network, definition: GroupDefinition): void {
  const about = { world: network.tag, group: network.groups.get("definitions")!, id: null, token: 1 };
  network.give("gateway", { kind: "push", ...about, entry: encodeDefinition(definition) });
  network.flush("gateway");
  after(network, 3_000);
}

const definedFor = (network: Network, name: string) =>
  network.members.get(name)!.defined.filter((each) => !/-\d+$/.test(each));

const between = (name: string, owners = ["board1", "board2"]) => ({ name, owners });

describe("stewards who change", () => {
  it("define what counts for all, the new one and the one before", () => {
    const network = world();
    network.changeStewards("gateway", ["gateway", "second"]);
    after(network, 3_000);
    network.define("second", between("one"));
    after(network, 5_000);
    network.define("gateway", between("two"));
    after(network, 10_000);
    for (const name of ["board1", "board2"]) expect(definedFor(network, name)).toEqual(["one", "two"]);
    network.push("board1", "one", 1);
    network.push("board2", "two", 2);
    after(network, 10_000);
    expect(network.entriesOf("board2", "one")).toEqual([1]);
    expect(network.entriesOf("board1", "two")).toEqual([2]);
  });

  it("define nothing any more where they are no stewards now", () => {
    const network = world();
    network.changeStewards("gateway", ["second"]);
    after(network, 5_000);
    network.define("gateway", between("one"));
    network.define("second", between("two"));
    after(network, 20_000);
    for (const name of ["board1", "board2"]) expect(definedFor(network, name)).toEqual(["two"]);
    expect(network.members.get("gateway")!.refused).toHaveLength(1);
  });

  it("wait for each other where both must agree, and lose nothing", () => {
    const network = world();
    network.changeStewards("gateway", ["gateway", "second"]);
    after(network, 5_000);
    network.crash("second");
    network.define("gateway", between("one"));
    after(network, 30_000);
    expect(definedFor(network, "board1")).toEqual([]);
    network.boot("second");
    for (const name of ["gateway", "board1", "board2"]) network.connect(name, "second");
    after(network, 60_000);
    for (const name of ["board1", "board2"]) expect(definedFor(network, name)).toEqual(["one"]);
  });

  it("may be the same again later, in a group of their own", () => {
    const network = world();
    for (const names of [["gateway", "second"], ["gateway"], ["second", "gateway"], ["gateway"]]) {
      network.changeStewards("gateway", names);
      after(network, 8_000);
    }
    network.define("gateway", between("one"));
    after(network, 8_000);
    expect(new Set([...network.groups.values()].map(toHex)).size).toBe(network.groups.size);
    for (const name of ["board1", "board2"]) expect(definedFor(network, name)).toEqual(["one"]);
  });

  it("are found by who slept through two changes, and what they defined", () => {
    const network = world();
    network.crash("board1");
    network.define("gateway", between("before"));
    network.changeStewards("gateway", ["gateway", "second"]);
    after(network, 6_000);
    network.define("second", between("amid"));
    after(network, 6_000);
    network.changeStewards("second", ["second"]);
    after(network, 6_000);
    network.define("second", between("behind"));
    after(network, 6_000);
    network.boot("board1");
    for (const name of ["gateway", "second", "board2"]) network.connect(name, "board1");
    after(network, 60_000);
    for (const name of ["board1", "board2"]) expect(definedFor(network, name)).toEqual(["before", "amid", "behind"]);
    for (const group of ["before", "amid", "behind"]) network.push("board1", group, 7);
    after(network, 30_000);
    for (const group of ["before", "amid", "behind"]) expect(network.entriesOf("board2", group)).toEqual([7]);
  });

  it("are known after a restart of all, and go on with the numbers of definitions", () => {
    const network = world();
    network.changeStewards("gateway", ["gateway", "second"]);
    after(network, 5_000);
    network.define("gateway", between("one"));
    after(network, 8_000);
    for (const name of members) network.crash(name);
    for (const name of members) network.boot(name);
    for (const [a, b] of everyPair(members)) network.connect(a, b);
    after(network, 5_000);
    network.define("second", between("two"));
    network.changeStewards("second", ["second"]);
    after(network, 8_000);
    network.define("second", between("three"));
    after(network, 8_000);
    for (const name of ["board1", "board2"])
      expect(definedFor(network, name).slice(-3)).toEqual(["one", "two", "three"]);
    network.push("board1", "one", 1);
    network.push("board1", "three", 3);
    after(network, 10_000);
    expect(network.entriesOf("board2", "one")).toEqual([1]);
    expect(network.entriesOf("board2", "three")).toEqual([3]);
  });

  it("lose no definition that one of them had sealed when the others changed, and none counts twice", () => {
    const network = world({ stewards: ["gateway", "second"] });
    // Neither has heard of the other's when it defines its own.
    network.define("second", between("one"));
    network.changeStewards("gateway", ["gateway", "second", "board1"]);
    after(network, 30_000);
    for (const name of ["board1", "board2"]) expect(definedFor(network, name)).toEqual(["one"]);
    network.push("board1", "one", 1);
    after(network, 10_000);
    expect(network.entriesOf("board2", "one")).toEqual([1]);
  });

  it("are those whom the first of two changes names, and the other counts for nobody", () => {
    const network = world({ stewards: ["gateway", "second"] });
    const both = network.changeStewards("gateway", ["gateway", "second"]);
    const names = [both, network.changeStewards("second", ["gateway", "second", "board1"])];
    after(network, 30_000);
    const first = network.definitionsAt("board1");
    expect(names).toContain(first);
    for (const name of members) expect(network.definitionsAt(name)).toBe(first);
    const [other] = names.filter((name) => name !== first);
    for (const name of members) expect(network.members.get(name)!.defined).not.toContain(other);
    // It was moved to where the others define, and is none there either.
    network.define("gateway", between("one"));
    after(network, 10_000);
    for (const name of ["board1", "board2"]) expect(definedFor(network, name)).toEqual(["one"]);
  });

  it("may write where a pact says so, from then on; who was one may still", () => {
    const network = world();
    network.define("gateway", { ...between("orders"), policy: { writers: "stewards" } }, ["gateway", "second"]);
    after(network, 3_000);
    network.push("second", "orders", 1);
    after(network, 5_000);
    expect(network.entriesOf("board1", "orders")).toEqual([]);
    network.changeStewards("gateway", ["second"]);
    after(network, 5_000);
    network.push("second", "orders", 2);
    after(network, 5_000);
    network.push("gateway", "orders", 3);
    after(network, 10_000);
    for (const name of ["board1", "board2"]) expect(network.entriesOf(name, "orders")).toEqual([2, 3]);
  });

  it("are known to a board that has no memory left for groups", () => {
    const network = world({ spareBytes: { board1: 0 } });
    network.changeStewards("gateway", ["gateway", "second"]);
    after(network, 5_000);
    network.crash("board1");
    network.boot("board1");
    for (const name of ["gateway", "second"]) network.connect(name, "board1");
    after(network, 5_000);
    network.expel("second", "board2");
    after(network, 20_000);
    expect(network.members.get("board1")!.participant.membership(network.tag).epoch).toBe(1);
  });

  it("are not all retired at once: nobody could define anything any more", () => {
    const network = world();
    network.retire("gateway", "definitions");
    after(network, 5_000);
    network.define("gateway", between("one"));
    after(network, 10_000);
    expect(definedFor(network, "board1")).toEqual(["one"]);
  });

  it("are heard of by who slept through an expulsion, too, and comes in the epoch of before", () => {
    const network = world();
    network.crash("board1");
    network.changeStewards("gateway", ["gateway", "second"]);
    after(network, 6_000);
    network.expel("second", "board2");
    after(network, 10_000);
    network.define("second", between("one", ["board1", "second"]));
    after(network, 6_000);
    network.boot("board1");
    for (const name of ["gateway", "second"]) network.connect(name, "board1");
    after(network, 60_000);
    expect(network.members.get("board1")!.participant.membership(network.tag).epoch).toBe(1);
    network.push("board1", "one", 5);
    after(network, 20_000);
    expect(network.entriesOf("second", "one")).toEqual([5]);
  });

  it("can't be kept from changing by a group that was defined beforehand as if it were theirs", () => {
    const network = world();
    const owners = ["gateway", "second"].map((name) => avatarOf(network, name));
    lie(network, nextOf(network, { name: "mine", group: definitionsGroup(crypto, owners, 2), succeeds: null }));
    network.changeStewards("gateway", ["gateway", "second"]);
    after(network, 5_000);
    network.define("second", between("one", ["gateway", "board1"]));
    after(network, 10_000);
    for (const name of ["gateway", "board1"]) expect(definedFor(network, name)).toEqual(["one"]);
  });

  it("go on by what gateways take for that, too: under its name, in the next version, with nothing else about it", () => {
    const network = world();
    const founding = definitionsGroup(crypto, [avatarOf(network, "gateway")]);
    const [board1, board2] = ["board1", "board2"].map((name) => avatarOf(network, name)) as [Uint8Array, Uint8Array];
    const wrongs: Partial<GroupDefinition>[] = [
      { name: "mine" },
      { followers: [board1] },
      { readings: [{ avatar: board2, everyMs: 1_000 }] },
      { succeeds: null },
      // In a version that is not one more, those of before could be those of afterwards, and who follows them would go round for good.
      { group: definitionsGroup(crypto, [board2]), pacts: [definitionsPactBytes()], succeeds: founding },
      { group: definitionsGroup(crypto, [board2], 3), pacts: [definitionsPactBytes(3)], succeeds: founding },
    ];
    expect(decodeDefinition(crypto, encodeDefinition(nextOf(network)))).toMatchObject({ kind: "group" });
    for (const wrong of wrongs) {
      const entry = encodeDefinition(nextOf(network, wrong));
      expect(refusal(() => decodeDefinition(crypto, entry))).toMatch(/^definition-successor/);
    }
  });
});
