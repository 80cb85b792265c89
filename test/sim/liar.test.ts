import { describe, expect, it } from "vitest";
import { decodeFinalRecord, finalKey } from "../../firmware/core/block/final-record";
import { verifyFinalityProof } from "../../firmware/core/chain/proof";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import { decodeMessage, encodeMessage } from "../../firmware/core/wire/messages";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import { signedBlockHeader, signedMetablockHeader } from "../../firmware/core/wire/structures";
import type { BlockHeader, BlockReference, Hash, LockProof } from "../../firmware/core/wire/types";
import { cheapCrypto } from "../core/cheap-crypto";
import { createForge, type Forge } from "../core/forge";
import { createNetwork, type Network } from "../core/network";
import { type Draw, seeded } from "./random";

/**
 * A member who lies as a seed has it: everything that it says has the wire's form and its own signature, and is built on what it hears.
 * The groups of the honest, and the one of all, lose nothing and agree. A failing seed is named by its test.
 */

const crypto = cheapCrypto();
const honest = ["a", "b", "c"];
const members = [...honest, "liar"];
const liarsGroups = ["all", "with-a", "with-a-and-b"];

interface Liar {
  readonly network: Network;
  readonly forge: Forge;
  readonly draw: Draw;
  readonly metablocks: {
    readonly id: Hash;
    readonly sequence: number;
    readonly parents: number;
    readonly held: number;
  }[];
  readonly blocks: Map<string, { readonly id: Hash; readonly header: BlockHeader }>;
  readonly locks: LockProof[];
  readonly heard: Uint8Array[];
  readonly counters: Map<string, number>;
}

function createWorld(draw: Draw): Liar {
  const network = createNetwork({
    crypto,
    members,
    groups: [
      { name: "all", owners: members, policy: { quorum: "two-thirds", ordered: draw.chance(0.7) } },
      { name: "ab", owners: ["a", "b"] },
      { name: "bc", owners: ["b", "c"] },
      { name: "with-a", owners: ["a", "liar"] },
      { name: "with-a-and-b", owners: ["a", "b", "liar"] },
    ],
    links: members.flatMap((one, index) => members.slice(index + 1).map((other) => [one, other] as const)),
    delayOf: () => 1 + draw.below(80),
  });
  const forge = createForge(network, crypto);
  const liar: Liar = {
    ...{ network, forge, draw, metablocks: [], blocks: new Map() },
    ...{ locks: [], heard: [], counters: new Map() },
  };
  // Half of the liars also say now and then what an honest participant in their place would.
  const talks = draw.chance(0.5);
  const loss = draw.chance(0.5) ? 0.1 : 0;
  network.filter = (from, to, bytes) => {
    if (to === "liar") hear(liar, bytes);
    return from === "liar" ? talks && draw.chance(0.5) : !draw.chance(loss);
  };
  return liar;
}

function hear(liar: Liar, bytes: Uint8Array): void {
  liar.heard.push(bytes);
  if (liar.heard.length > 200) liar.heard.shift();
  const message = decodeMessage(bytes);
  if (message.type === "metablock") {
    const { id, value } = signedMetablockHeader(crypto, message.header, message.signature);
    const { sequence, parents, referenceCount } = value;
    liar.metablocks.push({ id, sequence, parents: parents.length, held: referenceCount });
  } else if (message.type === "block") {
    const { id, value } = signedBlockHeader(crypto, message.header, message.signature);
    liar.blocks.set(toHex(id), { id, header: value });
  } else if (message.type === "frontier") liar.locks.push(...message.frontier.locks);
}

/** To most of the honest, and not to the others. */
function say({ network, draw }: Liar, message: Uint8Array): void {
  for (const name of honest) if (draw.chance(0.7)) network.inject(name, "liar", message);
}

const lies: readonly ((liar: Liar) => void)[] = [
  lieInBlock,
  lieInMetablock,
  lieInMetablock,
  certifyAnything,
  lieInFrontier,
  repeatOld,
];

/** A block whose counter is the next, or one used before. */
function lieInBlock(liar: Liar): void {
  const { draw, forge, counters, blocks } = liar;
  const group = draw.one(liarsGroups);
  const used = counters.get(group) ?? 0;
  const counter = draw.chance(0.7) ? used + 1 : 1 + draw.below(used + 2);
  counters.set(group, Math.max(used, counter));
  const block = forge.block("liar", group, [900 + draw.below(50)], { counter, time: draw.below(1000) });
  blocks.set(toHex(block.id), block);
  say(liar, block.message);
}

/** A metablock of a generation near that of the others, with any parents of the one before and any blocks in any order. */
function lieInMetablock(liar: Liar): void {
  const { network, forge, draw, metablocks } = liar;
  const { highestFinalizableGeneration, attempt } = network.members.get("a")!.participant.status(network.tag);
  const sequence = Math.max(0, highestFinalizableGeneration + draw.below(4) - 1);
  const before = metablocks.filter((each) => each.sequence === sequence - 1);
  if (sequence > 0 && before.length === 0) return;
  const chosen = sequence === 0 ? [] : Array.from({ length: 1 + draw.below(2) }, () => draw.one(before).id);
  const parents = [...new Map(chosen.map((id) => [toHex(id), id])).values()].sort(compare);
  const references = liarsGroups
    .map((name) => ({ name, id: network.groups.get(name)! }))
    .sort((x, y) => compare(x.id, y.id))
    .flatMap(({ id }) => (draw.chance(0.6) ? misplaced(liar, id) : []));
  const metablock = forge.metablock(
    "liar",
    {
      ...{ sequence, parents, attempt: draw.chance(0.7) ? attempt : draw.below(4) },
      releasedGroups: draw.chance(0.2) ? [network.groups.get(draw.one(liarsGroups))!] : [],
    },
    references,
  );
  metablocks.push({ id: metablock.id, sequence, parents: parents.length, held: references.length });
  const { bytes: header, signature, shown } = metablock;
  const part = { type: "metablock", header, signature, references: shown.slice(0, 1) } as const;
  say(liar, draw.chance(0.7) ? metablock.message : encodeMessage(part));
}

/** A few blocks of the group from about its next place on. */
function misplaced({ network, draw, blocks }: Liar, group: Hash): BlockReference[] {
  const { groups } = network.members.get("a")!.participant.status(network.tag);
  const { finalBlocks, finalEntries } = groups.find((each) => each.group === toHex(group))!;
  const known = [...blocks.values()].filter(({ header }) => toHex(header.group) === toHex(group));
  if (known.length === 0) return [];
  const skipped = draw.below(3);
  return Array.from({ length: 1 + draw.below(3) }, (_, index) => {
    const { id, header } = draw.one(known);
    const place = skipped + index;
    return { group, position: finalBlocks + place, firstEntry: finalEntries + place, block: id, count: header.count };
  });
}

/** A certificate of any scope for one of the latest metablocks. */
function certifyAnything(liar: Liar): void {
  const { draw, forge, metablocks } = liar;
  if (metablocks.length === 0) return;
  const metablock = metablocks[Math.max(0, metablocks.length - 1 - draw.below(6))]!;
  const own = [...Array(metablock.held).keys()].filter(() => draw.chance(0.7));
  const parents = [...Array(metablock.parents + 1).keys()].flatMap((parent) =>
    [0, 1, 2].map((index) => [parent, index] as const).filter(() => draw.chance(0.5)),
  );
  say(liar, forge.certificate("liar", metablock, draw.chance(0.2) ? null : { own, parents }).message);
}

function lieInFrontier(liar: Liar): void {
  const { network, draw, metablocks, locks } = liar;
  const { highestFinalizableGeneration, groups } = network.members.get("a")!.participant.status(network.tag);
  const group = network.groups.get(draw.one(liarsGroups))!;
  const { finalBlocks } = groups.find((each) => each.group === toHex(group))!;
  const frontier = {
    highestFinalizableGeneration: Math.max(-1, highestFinalizableGeneration + draw.below(3) - 1),
    tip: metablocks.length > 0 ? draw.one(metablocks).id : null,
    attempt: draw.below(5),
    positions: [[group, finalBlocks + draw.below(4)] as const],
    locks: locks.length > 0 ? [draw.one(locks)] : [],
  };
  say(liar, encodeMessage({ type: "frontier", frontier }));
}

function repeatOld(liar: Liar): void {
  if (liar.heard.length > 0) say(liar, liar.draw.one(liar.heard));
}

const writes = [
  ["a", "all"],
  ["b", "all"],
  ["c", "all"],
  ["a", "ab"],
  ["b", "bc"],
  ["c", "bc"],
  ["a", "with-a"],
  ["b", "with-a-and-b"],
] as const;

function lieAndWrite(seed: number) {
  const draw = seeded(seed);
  const liar = createWorld(draw);
  const { network } = liar;
  const pushed = new Map<string, number[]>();
  for (let value = 0; value < 50; value++) {
    for (let count = draw.below(8); count > 0; count--) {
      draw.one(lies)(liar);
      network.run(network.now + draw.below(30));
    }
    const [member, group] = draw.one(writes);
    network.push(member, group, value);
    pushed.set(group, [...(pushed.get(group) ?? []), value]);
    network.run(network.now + draw.below(500));
  }
  network.filter = (from) => from !== "liar";
  network.run(network.now + 200_000);
  return { network, pushed };
}

/** The final blocks of a group in this member's store, each with a proof that holds. */
function historyOf(network: Network, member: string, group: string): string[] {
  const { store } = network.members.get(member)!;
  const history: string[] = [];
  for (;;) {
    const stored = store.get(finalKey(network.tag, toHex(network.groups.get(group)!), history.length));
    if (stored === undefined) return history;
    const proven = verifyFinalityProof(crypto, decodeFinalityProof(decodeFinalRecord(stored).proof));
    expect(proven.position).toBe(history.length);
    history.push(toHex(proven.block));
  }
}

describe("a world of four with a liar", () => {
  const first = Number(process.env.LIAR_FIRST ?? 1);
  const count = Number(process.env.LIAR_COUNT ?? 3);
  for (let seed = first; seed < first + count; seed++) {
    it(`agrees and loses nothing (LIAR_FIRST=${seed} LIAR_COUNT=1)`, () => {
      const { network, pushed } = lieAndWrite(seed);
      for (const [group, owners] of [
        ["all", honest],
        ["ab", ["a", "b"]],
        ["bc", ["b", "c"]],
      ] as const) {
        const [history, ...others] = owners.map((owner) => historyOf(network, owner, group));
        for (const other of others) expect(other).toEqual(history);
        const final = network.entriesOf(owners[0]!, group);
        for (const value of pushed.get(group) ?? []) expect(final.filter((each) => each === value)).toEqual([value]);
      }
      // The liar may hold up a group of all's quorum, never split it.
      const [a, b] = ["a", "b"].map((owner) => historyOf(network, owner, "with-a-and-b"));
      const common = Math.min(a!.length, b!.length);
      expect(a!.slice(0, common)).toEqual(b!.slice(0, common));
      for (const name of honest) {
        const { cuts, peers } = network.members.get(name)!;
        expect(cuts.map(({ peer }) => peers.get(peer)).filter((peer) => peer !== "liar")).toEqual([]);
      }
    });
  }
});
