import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { packScopes } from "../../firmware/core/chain/scope";
import { maxCertificateBytes, maxParents, maxReferences } from "../../firmware/core/wire/limits";
import { encodeCertificate } from "../../firmware/core/wire/structures";
import type { Scope } from "../../firmware/core/wire/types";
import { cheapCrypto } from "./cheap-crypto";
import { createForge, listen } from "./forge";
import { createNetwork, everyPair, type Network } from "./network";

/** "It counts for those blocks and no others" (PROTOCOL 4): what a certificate names is there, and is no more than others can carry. */

const crypto = cheapCrypto();
const key = new Uint8Array(32).fill(0xff);

const sizeOf = (scope: Scope) =>
  encodeCertificate({ metablock: key, signer: key, scope, signature: new Uint8Array(64) }).length;

const ascending = (most: number, maxLength: number) =>
  fc.uniqueArray(fc.nat(most - 1), { maxLength }).map((indexes) => indexes.sort((a, b) => a - b));

const placesOf = (ranks: readonly number[]) =>
  ranks.map((rank) => [Math.floor(rank / maxReferences), rank % maxReferences] as const);

/** Scopes of groups that have nothing in common, as the groups of a metablock have. */
const ofGroups: fc.Arbitrary<Scope[]> = fc
  .tuple(ascending(maxReferences, 200), ascending(maxParents * maxReferences, 200), fc.integer({ min: 1, max: 12 }))
  .map(([own, ranks, groups]) =>
    Array.from({ length: groups }, (_, group) => ({
      own: own.filter((_, at) => at % groups === group),
      parents: placesOf(ranks.filter((_, at) => at % groups === group)),
    })),
  );

describe("the scopes of one who certifies much", () => {
  it("together name all of it once, and each fits a certificate", () => {
    fc.assert(
      fc.property(ofGroups, (parts) => {
        const packed = packScopes(parts);
        for (const scope of packed) expect(sizeOf(scope)).toBeLessThanOrEqual(maxCertificateBytes);
        const named = (scopes: readonly Scope[]) =>
          scopes.flatMap(({ own, parents }) => [...own.map(String), ...parents.map((place) => place.join("."))]).sort();
        expect(named(packed)).toEqual(named(parts));
        for (const { own, parents } of packed) {
          expect(own).toEqual([...own].sort((a, b) => a - b));
          expect(parents).toEqual([...parents].sort((a, b) => a[0] - b[0] || a[1] - b[1]));
        }
      }),
      { numRuns: 200 },
    );
  });

  it("keep together what is of one group, where it fits", () => {
    const part = (first: number) => ({ own: [first, first + 1], parents: placesOf([first, first + 1]) });
    const parts = Array.from({ length: 40 }, (_, group) => part(300 + 10 * group));
    for (const { own, parents } of parts) {
      const holding = packScopes(parts).filter((scope) => scope.own.includes(own[0]!));
      expect(holding).toHaveLength(1);
      for (const index of own) expect(holding[0]!.own).toContain(index);
      const places = holding[0]!.parents.map((place) => place.join("."));
      for (const place of parents) expect(places).toContain(place.join("."));
    }
  });
});

const owners = ["a", "b", "c", "liar"];
const links = everyPair(owners);

function withLiar(): Network {
  const network = createNetwork({
    crypto,
    members: owners,
    groups: [{ name: "g", owners, policy: { quorum: "two-thirds" } }],
    links,
  });
  network.filter = (from) => from !== "liar";
  return network;
}

const codesOf = (network: Network, name: string) => network.members.get(name)!.notices.map(({ error }) => error.code);

describe("a certificate whose scope its metablock does not have", () => {
  const beyond: readonly (readonly [string, Scope])[] = [
    ["a reference", { own: [0, 1], parents: [] }],
    ["the last reference that a metablock may have", { own: [maxReferences - 1], parents: [] }],
    ["a parent", { own: [0], parents: [[0, 0]] }],
  ];
  for (const [what, scope] of beyond) {
    it(`is refused by name: ${what}`, () => {
      const network = withLiar();
      const forge = createForge(network, crypto);
      const block = forge.block("liar", "g", [1]);
      const genesis = forge.metablock("liar", { sequence: 0 }, [forge.reference(block, 0)]);
      const lie = forge.certificate("liar", genesis, scope);
      for (const { message } of [block, genesis, lie]) network.inject("a", "liar", message);
      expect(codesOf(network, "a")).toContain("certificate-scope");
    });

    it(`is dropped without a word where it came before its metablock: ${what}`, () => {
      const network = withLiar();
      const forge = createForge(network, crypto);
      const block = forge.block("liar", "g", [1]);
      const genesis = forge.metablock("liar", { sequence: 0 }, [forge.reference(block, 0)]);
      const early = forge.certificate("liar", genesis, scope);
      for (const { message } of [early, block, genesis]) network.inject("b", "liar", message);
      network.run(20_000);
      expect(network.entriesOf("b", "g")).toContain(1);
      for (const record of network.members.get("b")!.store.values()) expect(record.length).toBeLessThan(4_096);
    });
  }

  it("does not get who passed it on cut off, who may not have had the parents to judge it by", () => {
    const network = withLiar();
    const forge = createForge(network, crypto);
    const block = forge.block("liar", "g", [1]);
    const genesis = forge.metablock("liar", { sequence: 0 }, [forge.reference(block, 0)]);
    network.inject("a", "b", block.message);
    network.inject("a", "b", genesis.message);
    for (let index = 1; index < 20; index++) {
      network.inject("a", "b", forge.certificate("liar", genesis, { own: [index], parents: [] }).message);
    }
    expect(network.members.get("a")!.cuts).toEqual([]);
  });
});

describe("what a signer says twice", () => {
  it("is not verified, kept or passed on a second time", () => {
    let verified = 0;
    const counting = {
      ...crypto,
      verify(...given: Parameters<typeof crypto.verify>) {
        verified++;
        return crypto.verify(...given);
      },
    };
    const network = createNetwork({
      crypto: counting,
      members: owners,
      groups: [{ name: "g", owners, policy: { quorum: "two-thirds" } }],
      links,
    });
    const forge = createForge(network, crypto);
    const blocks = [1, 2, 3].map((value) => forge.block("liar", "g", [value], { counter: value }));
    const references = blocks.map((each, position) => forge.reference(each, position));
    const genesis = forge.metablock("b", { sequence: 0 }, references);
    const heard = listen(network, ({ from }) => from !== "a");
    for (const each of [...blocks, genesis]) network.inject("a", "b", each.message);
    const say = (scope: Scope) => network.inject("a", "liar", forge.certificate("liar", genesis, scope).message);
    say({ own: [0, 1, 2], parents: [] });
    const [before, passed] = [verified, heard.filter(({ message }) => message.type === "certificate").length];
    for (const own of [[0], [1], [0, 2], [1, 2]]) say({ own, parents: [] });
    expect(verified).toBe(before);
    expect(heard.filter(({ message }) => message.type === "certificate")).toHaveLength(passed);
  });
});
