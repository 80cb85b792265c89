import { finalKey } from "../../firmware/core/block/final-record";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import { decode } from "../../firmware/core/wire/cbor";
import { maxCount } from "../../firmware/core/wire/limits";
import { encodeMessage } from "../../firmware/core/wire/messages";
import { decodeCertificate, encodeCertificate } from "../../firmware/core/wire/structures";
import type { BlockReference, Frontier, Hash } from "../../firmware/core/wire/types";
import type { ForgedBlock, ForgedMetablock } from "../core/forge";
import { type HeardBlock, type HeardMetablock, type Liar, remember, say } from "./liar";
import type { LieName } from "./plan";
import type { Group } from "./world";

/** The menu of lies: each has the wire's form and the liar's own signature, and is built on what it heard. */
export const lies: Readonly<Record<LieName, (liar: Liar, group: Group) => void>> = {
  /** Two metablocks in one view with another block in one slot, each shown to some, and certified both. */
  equivocate(liar, group) {
    const { draw } = liar.world;
    const counter = nextCounter(liar, group);
    const blocks = [counter, draw.chance(0.5) ? counter : counter + 1].map((used) => newBlock(liar, group, used));
    const view = viewOf(liar);
    for (const [side, block] of blocks.entries()) {
      const metablock = liar.forge.metablock(liar.member.name, view, [nextPlace(liar, group, block)]);
      const shown = (index: number) => (index + side) % 2 === 0 || draw.chance(0.1);
      say(liar, block.message, draw.chance(0.5) ? shown : undefined);
      say(liar, metablock.message, shown);
      keep(liar, metablock, view, 1);
    }
  },

  "certify everything"(liar) {
    const { draw } = liar.world;
    for (const metablock of liar.metablocks.slice(-4)) {
      const { referenceCount, parents } = metablock.header;
      const own = [...Array(referenceCount).keys()];
      const inParents = parents.flatMap((_, parent) => [0, 1, 2].map((index) => [parent, index] as const));
      const scope = draw.chance(0.3) ? null : { own, parents: inParents.filter(() => draw.chance(0.7)) };
      say(liar, liar.forge.certificate(liar.member.name, metablock, scope).message);
    }
  },

  "double counter"(liar, group) {
    const counter = nextCounter(liar, group);
    for (const side of [0, 1]) say(liar, newBlock(liar, group, counter).message, (index) => index % 2 === side);
  },

  "counter far ahead"(liar, group) {
    say(liar, newBlock(liar, group, nextCounter(liar, group) + 1 + liar.world.draw.below(1_000)).message);
  },

  /** A proof of what is final with one byte changed, and certificates in the name of others. */
  "forge proofs"(liar, group) {
    const { draw, tag } = liar.world;
    const stored = liar.member.store.records();
    const { finalBlocks } = placeOf(liar, group);
    for (const metablock of liar.metablocks.slice(-3)) say(liar, inTheNameOf(liar, draw.one(group.owners), metablock));
    const record = stored.get(finalKey(tag, group.key, draw.below(finalBlocks + 1)));
    if (record === undefined) return;
    const [, , proof, entries] = decode(record, { depth: 4, items: 4_096, length: 1 << 20 }) as [
      number,
      number,
      Uint8Array,
      Uint8Array[],
    ];
    const forged = proof.slice();
    forged[draw.below(forged.length)]! ^= 1 << draw.below(8);
    say(liar, encodeMessage({ type: "proof", proof: forged, entries }));
  },

  "release needlessly"(liar, group) {
    const view = viewOf(liar);
    if (view.sequence === 0) return;
    const references = liar.world.draw.chance(0.5) ? [nextPlace(liar, group, someBlock(liar, group))] : [];
    issue(liar, { ...view, releasedGroups: [group.id] }, references);
  },

  "attempt far ahead"(liar, group) {
    const { draw } = liar.world;
    const attempt = draw.one([3, 20, 1_000, maxCount]);
    say(liar, frontier(liar, { attempt }));
    issue(liar, { ...viewOf(liar), attempt }, [nextPlace(liar, group, someBlock(liar, group))]);
  },

  "generation far ahead"(liar, group) {
    const { draw } = liar.world;
    const ahead = draw.one([5, 1_000, 2 ** 20, 2 ** 21, maxCount]);
    say(liar, frontier(liar, { highestFinalizableGeneration: ahead }));
    const parents = [liar.world.crypto.sha256(new Uint8Array([draw.below(256)]))];
    issue(liar, { sequence: ahead, attempt: 0, parents }, [nextPlace(liar, group, someBlock(liar, group))]);
  },

  /** Generation after generation of its own: the runaway of PROTOCOL 6. */
  "run ahead"(liar, group) {
    let { sequence, parents } = viewOf(liar);
    for (let count = 0; count < 8; count++) {
      const metablock = issue(liar, { sequence, attempt: 0, parents }, [
        nextPlace(liar, group, someBlock(liar, group)),
      ]);
      parents = [metablock.id];
      sequence++;
    }
  },

  flood(liar, group) {
    const { draw } = liar.world;
    for (let count = 0; count < 150; count++) {
      if (draw.chance(0.5)) say(liar, encodeMessage({ type: "want", hashes: [new Uint8Array(32).fill(count)] }));
      else say(liar, newBlock(liar, group, 10_000 + draw.below(10_000)).message);
    }
  },

  replay(liar) {
    for (let count = 0; count < 10 && liar.heard.length > 0; count++) say(liar, liar.world.draw.one(liar.heard));
  },

  "report nonsense"(liar, group) {
    const { draw } = liar.world;
    const { finalBlocks } = placeOf(liar, group);
    const { highestFinalizableGeneration } = statusOf(liar);
    const changes = {
      highestFinalizableGeneration: Math.max(-1, highestFinalizableGeneration + draw.below(3) - 1),
      tip: liar.metablocks.length > 0 ? draw.one(liar.metablocks).id : null,
      attempt: draw.below(5),
      positions: [[group.id, finalBlocks + draw.below(4)] as const],
      locks: liar.locks.length > 0 ? [draw.one(liar.locks)] : [],
    };
    say(liar, frontier(liar, changes));
  },

  /** Blocks of anybody in several groups, at any place, in any order, some of them twice, and not all of them shown. */
  misplace(liar, group) {
    const { draw } = liar.world;
    const groups = liar.groups.filter((other) => other === group || draw.chance(0.4));
    const references = groups.sort((a, b) => compare(a.id, b.id)).flatMap((each) => misplaced(liar, each));
    const header = { ...viewOf(liar), releasedGroups: draw.chance(0.2) ? [group.id] : [] };
    const metablock = liar.forge.metablock(liar.member.name, header, references);
    const part = { type: "metablock", header: metablock.bytes, signature: metablock.signature } as const;
    const message = encodeMessage({ ...part, references: metablock.shown.slice(0, 1) });
    say(liar, draw.chance(0.7) ? metablock.message : message);
    keep(liar, metablock, header, references.length);
  },
};

function misplaced(liar: Liar, group: Group): BlockReference[] {
  const { draw } = liar.world;
  const { finalBlocks, finalEntries } = placeOf(liar, group);
  const skipped = draw.below(3);
  return Array.from({ length: 1 + draw.below(3) }, (_, index) => {
    const { id, header } = someBlock(liar, group);
    const place = skipped + index;
    const firstEntry = finalEntries + place;
    return { group: group.id, position: finalBlocks + place, firstEntry, block: id, count: header.count };
  });
}

/** Another's certificate, as far as one can make it without its key. */
function inTheNameOf({ world, member, forge }: Liar, name: string, { id, header }: HeardMetablock): Uint8Array {
  const scope = { own: [...Array(header.referenceCount).keys()], parents: [] };
  const signer = world.members.get(name)!.avatar;
  const { signature } = decodeCertificate(forge.certificate(member.name, { id }, scope).bytes);
  return encodeMessage({
    type: "certificate",
    certificate: encodeCertificate({ metablock: id, signer, scope, signature }),
  });
}

export function statusOf(liar: Liar) {
  return liar.member.participant?.status(liar.world.tag) ?? liar.stands!;
}

export function placeOf(liar: Liar, { key }: Group) {
  return statusOf(liar).groups.find(({ group }) => group === key)!;
}

function nextCounter(liar: Liar, group: Group): number {
  const used = liar.counters.get(group.key) ?? 0;
  const counter = liar.world.draw.chance(0.8) ? used + 1 : 1 + liar.world.draw.below(used + 1);
  liar.counters.set(group.key, Math.max(used, counter));
  return counter;
}

function newBlock(liar: Liar, group: Group, counter: number): ForgedBlock {
  const value = 100_000 + liar.world.draw.below(100_000);
  const block = liar.forge.block(liar.member.name, group.name, [value], { counter });
  remember(liar.blocks, block);
  return block;
}

/** One that it heard of in the group, or a new one. */
export function someBlock(liar: Liar, group: Group): HeardBlock {
  const known = liar.blocks.filter(({ header }) => toHex(header.group) === group.key);
  if (known.length > 0 && liar.world.draw.chance(0.8)) return liar.world.draw.one(known);
  const block = newBlock(liar, group, nextCounter(liar, group));
  say(liar, block.message);
  return block;
}

export function nextPlace(liar: Liar, group: Group, { id, header }: HeardBlock): BlockReference {
  const { finalBlocks, finalEntries } = placeOf(liar, group);
  return { group: group.id, position: finalBlocks, firstEntry: finalEntries, block: id, count: header.count };
}

/** A view near that of the others, with any parents of the generation before that it heard of. */
function viewOf(liar: Liar): { sequence: number; attempt: number; parents: Hash[] } {
  const { draw } = liar.world;
  const { highestFinalizableGeneration, attempt } = statusOf(liar);
  const sequence = Math.max(0, highestFinalizableGeneration + draw.below(3));
  const before = liar.metablocks.filter(({ header }) => header.sequence === sequence - 1);
  if (sequence === 0 || before.length === 0) return { sequence: 0, attempt, parents: [] };
  const chosen = Array.from({ length: 1 + draw.below(2) }, () => draw.one(before).id);
  const parents = [...new Map(chosen.map((id) => [toHex(id), id])).values()].sort(compare);
  return { sequence, attempt: draw.chance(0.7) ? attempt : draw.below(4), parents };
}

type Header = Parameters<Liar["forge"]["metablock"]>[1];

function issue(liar: Liar, header: Header, references: readonly BlockReference[]): ForgedMetablock {
  const metablock = liar.forge.metablock(liar.member.name, header, references);
  say(liar, metablock.message);
  keep(liar, metablock, header, references.length);
  return metablock;
}

function keep(liar: Liar, { id }: ForgedMetablock, header: Header, referenceCount: number): void {
  const { sequence, attempt = 0, parents = [] } = header;
  remember(liar.metablocks, { id, header: { sequence, attempt, parents, referenceCount } });
}

function frontier(liar: Liar, changes: Partial<Frontier>): Uint8Array {
  const { highestFinalizableGeneration, attempt } = statusOf(liar);
  const standing = { highestFinalizableGeneration, tip: null, attempt, positions: [], locks: [] };
  return encodeMessage({ type: "frontier", frontier: { ...standing, ...changes } });
}
