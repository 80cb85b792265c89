import { describe, expect, it } from "vitest";
import { toHex } from "../../firmware/core/wire/bytes";
import { decodeBlockHeader, decodeCertificate, decodeMetablockHeader } from "../../firmware/core/wire/structures";
import { cheapCrypto } from "./cheap-crypto";
import { createForge, listen, type Passing } from "./forge";
import { createNetwork, everyPair, type Member, type Network } from "./network";

/** PROTOCOL 6, Amnesia: "one whose store is older than what it signed (restored from a copy, a cloned seed) must not vote". */

const crypto = cheapCrypto();
const members = ["a", "b", "c", "d"];

function fourOwners(): Network {
  const links = everyPair(members);
  return createNetwork({
    crypto,
    members,
    groups: [{ name: "g", owners: members, policy: { quorum: "two-thirds" } }],
    links,
  });
}

function copyOf(member: Member): Map<string, Uint8Array> {
  return new Map([...member.store].map(([key, value]) => [key, value.slice()]));
}

function restart(network: Network, store?: Map<string, Uint8Array>): Member {
  network.crash("d");
  network.boot("d", store);
  return network.members.get("d")!;
}

function connectAll(network: Network): void {
  for (const name of ["a", "b", "c"]) network.connect(name, "d");
}

function pushAndRun(network: Network, member: string, value: number, ms = 5_000): void {
  network.push(member, "g", value);
  network.run(network.now + ms);
}

function groupOf({ participant }: Member, network: Network) {
  return participant.status(network.tag).groups[0]!;
}

/** What d signed of all that was sent: certificates, metablocks and blocks. */
function signedByD(network: Network, heard: readonly Passing[]): string[] {
  const d = toHex(network.members.get("d")!.avatar);
  return heard.flatMap(({ message }) => {
    if (message.type === "certificate")
      return toHex(decodeCertificate(message.certificate).signer) === d ? ["vote"] : [];
    if (message.type === "metablock") {
      return toHex(decodeMetablockHeader(message.header).issuer) === d ? ["metablock"] : [];
    }
    if (message.type !== "block") return [];
    const { issuer, counter } = decodeBlockHeader(message.header);
    return toHex(issuer) === d ? [`block ${counter}`] : [];
  });
}

/** All agreed on a block of d's, of which d's restored store does not know, nor of the one after it. */
function restored(): { network: Network; d: Member } {
  const network = fourOwners();
  pushAndRun(network, "d", 1);
  const old = copyOf(network.members.get("d")!);
  pushAndRun(network, "d", 2);
  pushAndRun(network, "d", 3);
  const d = restart(network, old);
  connectAll(network);
  network.run(network.now + 1_000);
  return { network, d };
}

describe("a store that is restored from an older copy", () => {
  it("is noticed by its own signatures, and said with the way out", () => {
    const { d } = restored();
    expect(d.notices.map(({ error }) => error.code)).toEqual(["amnesia"]);
    const { message, remedy } = d.notices[0]!.error;
    expect(message).toMatch(/does not remember its own (final )?block [23] in group [0-9a-f]{16}: its store is older/);
    expect(remedy).toMatch(/provision the participant anew/);
  });

  it("does not vote, while the others go on and it follows them", () => {
    const { network, d } = restored();
    const heard = listen(network);
    for (let value = 10; value < 15; value++) pushAndRun(network, "a", value);
    expect(signedByD(network, heard)).toEqual([]);
    expect(network.entriesOf("a", "g")).toEqual([1, 2, 3, 10, 11, 12, 13, 14]);
    expect(groupOf(d, network)).toMatchObject({ finalEntries: 8, mine: true });
    expect(groupOf(d, network).observesUntil).toBeGreaterThan(8);
  });

  it("does not reuse a counter: its writers are refused, and told until when", () => {
    const { network, d } = restored();
    const heard = listen(network);
    pushAndRun(network, "d", 99);
    expect(d.refused.map(({ token, error }) => [token, error.code])).toEqual([[99, "observer"]]);
    expect(d.refused[0]!.error.message).toMatch(/forgot what it signed .* only observes until \d+ blocks are final/);
    expect(signedByD(network, heard)).toEqual([]);
  });

  it("votes and writes again once all that it may have forgotten is final, with counters above those it used", () => {
    const { network, d } = restored();
    for (let value = 100; groupOf(d, network).observesUntil > 0 && value < 150; value++)
      pushAndRun(network, "a", value);
    expect(groupOf(d, network).observesUntil).toBe(0);
    const heard = listen(network);
    pushAndRun(network, "d", 7, 20_000);
    expect(signedByD(network, heard)).toContain("block 4");
    expect(signedByD(network, heard).filter((each) => /^block [123]$/.test(each))).toEqual([]);
    const entries = network.entriesOf("a", "g");
    expect(entries[entries.length - 1]).toBe(7);
  });

  it("does not certify another block where its own forgotten certificate comes back to it", () => {
    const network = fourOwners();
    const forge = createForge(network, crypto);
    const old = copyOf(network.members.get("d")!);
    const heard = listen(network, () => true);
    // d certified a's block in the first slot; only a heard of it.
    const block = forge.block("a", "g", [1]);
    const genesis = forge.metablock("a", { sequence: 0 }, [forge.reference(block, 0)]);
    for (const { message } of [block, genesis]) network.inject("d", "a", message);
    expect(signedByD(network, heard)).toContain("vote");
    const certificate = heard.find(({ from, message }) => from === "d" && message.type === "certificate")!;
    const d = restart(network, old);
    connectAll(network);
    for (const bytes of [genesis.message, certificate.bytes, block.message]) network.inject("d", "a", bytes);
    expect(d.notices.map(({ error }) => error.code)).toEqual(["amnesia"]);
    heard.length = 0;
    const other = forge.block("b", "g", [2]);
    const rival = forge.metablock("b", { sequence: 0 }, [forge.reference(other, 0)]);
    for (const { message } of [other, rival]) network.inject("d", "b", message);
    network.run(network.now + 10_000);
    expect(signedByD(network, heard)).toEqual([]);
  });

  // It could not know before it met anybody. But then it holds a block of its own whose counter is final with another.
  it("says so too when it wrote before it met anybody", () => {
    const network = fourOwners();
    pushAndRun(network, "d", 1);
    const old = copyOf(network.members.get("d")!);
    pushAndRun(network, "d", 2);
    const d = restart(network, old);
    network.push("d", "g", 99);
    network.flush("d");
    connectAll(network);
    network.run(network.now + 60_000);
    expect(network.entriesOf("a", "g")).toEqual([1, 2]);
    expect(d.notices.map(({ error }) => error.code)).toEqual(["amnesia"]);
  });
});

describe("a restart with the proper store", () => {
  it("votes on, and goes on with the next counter", () => {
    const network = fourOwners();
    pushAndRun(network, "d", 1);
    const d = restart(network);
    connectAll(network);
    const heard = listen(network);
    pushAndRun(network, "a", 2);
    expect(signedByD(network, heard)).toContain("vote");
    pushAndRun(network, "d", 3);
    expect(signedByD(network, heard)).toContain("block 2");
    expect(d.notices).toEqual([]);
    for (const name of members) expect(network.entriesOf(name, "g")).toEqual([1, 2, 3]);
  });

  it("keeps what it promised: a vote before it binds as after it", () => {
    const network = fourOwners();
    const forge = createForge(network, crypto);
    const heard = listen(network, () => true);
    const block = forge.block("a", "g", [1]);
    const genesis = forge.metablock("a", { sequence: 0 }, [forge.reference(block, 0)]);
    for (const { message } of [block, genesis]) network.inject("d", "a", message);
    expect(signedByD(network, heard)).toContain("vote");
    const d = restart(network);
    connectAll(network);
    heard.length = 0;
    const other = forge.block("b", "g", [2]);
    const rival = forge.metablock("b", { sequence: 0 }, [forge.reference(other, 0)]);
    for (const { message } of [other, rival]) network.inject("d", "b", message);
    expect(signedByD(network, heard).filter((each) => each === "vote")).toEqual([]);
    expect(d.notices).toEqual([]);
  });

  it("raises its epoch at each start, and tells it", () => {
    const network = fourOwners();
    expect(network.members.get("d")!.participant.status(network.tag).epoch).toBe(1);
    const d = restart(network);
    expect(d.participant.status(network.tag).epoch).toBe(2);
    const heard = listen(network);
    connectAll(network);
    const hello = heard.find(({ from, message }) => from === "d" && message.type === "hello")!;
    expect(hello.message).toMatchObject({ epoch: 2 });
  });
});
