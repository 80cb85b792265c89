import { pactId, syncGroupId } from "../../firmware/core/pact/pact";
import { compare } from "../../firmware/core/wire/bytes";
import { hash } from "../../firmware/core/wire/hash";
import { merkleRoot } from "../../firmware/core/wire/merkle";
import { encodeMessage } from "../../firmware/core/wire/messages";
import { encodeFinalityProof } from "../../firmware/core/wire/proofs";
import { encodeBlockReference, encodeMetablockHeader, encodeSyncGroup } from "../../firmware/core/wire/structures";
import type { Hash, MetablockHeader } from "../../firmware/core/wire/types";
import { leadTo } from "../core/forge";
import { type Liar, say } from "./liar";
import { nextPlace, placeOf, someBlock, statusOf } from "./lies";
import type { BoldLieName } from "./plan";
import type { Group } from "./world";

/** Lies that use what is allowed to its end, or speak of what is not there: each must cost who hears it little, and end nobody. */
export const boldLies: Readonly<Record<BoldLieName, (liar: Liar, group: Group) => void>> = {
  /** Certificates of indexes that the metablock does not have. */
  "scope beyond"(liar) {
    for (const metablock of liar.metablocks.slice(-3)) {
      // As many as a certificate has room for: all that it has, and more.
      const own = Array.from({ length: metablock.header.referenceCount + 2 }, (_, index) => index).slice(0, 24);
      const parents = Array.from({ length: liar.world.draw.one([0, 6]) }, (_, at) => [at >> 1, at & 1] as const);
      say(liar, liar.forge.certificate(liar.member.name, metablock, { own, parents }).message);
    }
  },

  "wrong paths"(liar, group) {
    const metablock = liar.forge.metablock(liar.member.name, near(liar), [
      nextPlace(liar, group, someBlock(liar, group)),
      nextPlace(liar, group, someBlock(liar, group)),
    ]);
    const references = metablock.shown.map(({ index, bytes, path }) => ({ index: 1 - index, bytes, path }));
    say(
      liar,
      encodeMessage({ type: "metablock", header: metablock.bytes, signature: metablock.signature, references }),
    );
  },

  /** A child that closes what nobody certified, with all certificates that it can make. */
  "forge closings"(liar) {
    for (const parent of liar.metablocks.slice(-3)) {
      const { sequence, attempt } = parent.header;
      const child = liar.forge.metablock(liar.member.name, { sequence: sequence + 1, attempt, parents: [parent.id] });
      say(liar, child.message);
      const parents = [...Array(Math.min(8, parent.header.referenceCount)).keys()].map((index) => [0, index] as const);
      say(liar, liar.forge.certificate(liar.member.name, child, { own: [], parents }).message);
    }
  },

  /** Blocks and metablocks whose issuer is another, signed by the liar. */
  "in others' names"(liar, group) {
    const { draw, members } = liar.world;
    const issuer = members.get(draw.one(group.owners))!.avatar;
    const { name } = liar.member;
    say(liar, liar.forge.block(name, group.name, [draw.below(100)], { issuer, counter: 1 + draw.below(40) }).message);
    const references = [nextPlace(liar, group, someBlock(liar, group))];
    say(liar, liar.forge.metablock(name, { ...near(liar), issuer }, references).message);
  },

  /** A group that nobody knows, of which all is right: a proof, a block, a metablock, and questions. */
  "invent groups"(liar) {
    const { crypto, draw, groups } = liar.world;
    const [{ pact, pactBytes, name }] = [...groups.values()] as [Group];
    const owner = liar.member.avatar;
    const definition = encodeSyncGroup({ pact: pactId(crypto, pactBytes), owners: [owner] });
    const id = syncGroupId(crypto, definition);
    const block = liar.forge.block(liar.member.name, name, [draw.below(100)], { group: id, counter: 1 });
    const proof = encodeFinalityProof({
      pacts: [pactBytes],
      group: definition,
      blockHeader: block.bytes,
      blockSignature: block.signature,
      chain: null,
    });
    say(liar, encodeMessage({ type: "proof", proof, entries: pact.policy.private ? null : block.entries }));
    say(liar, block.message);
    say(liar, encodeMessage({ type: "pull", group: id, from: draw.below(5) }));
    say(liar, liar.forge.metablock(liar.member.name, near(liar), [liar.forge.reference(block, 0)]).message);
  },

  /** As many references as a message holds, of its own group and of others around it, by an issuer that nobody knows. */
  "largest metablock"(liar, group) {
    const { crypto, draw } = liar.world;
    const signer = crypto.signer(crypto.sha256(Uint8Array.of(draw.below(256), 7)));
    const count = draw.one([60, 170, 300, 600, 780]);
    const places = [
      ...[0, 1, 2, 3].map((position) => ({ group: new Uint8Array(32), position })),
      ...Array.from({ length: count }, (_, position) => ({ group: group.id, position })),
      ...[0, 1, 2, 3].map((position) => ({ group: new Uint8Array(32).fill(255), position })),
    ];
    const references = places.map(({ group, position }, at) =>
      encodeBlockReference({
        ...{ group, position, firstEntry: position, count: 1 },
        block: crypto.sha256(Uint8Array.of(at & 255, at >> 8)),
      }),
    );
    const header = encodeMetablockHeader({
      ...{ parents: [], releasedGroups: [], ...near(liar) },
      root: merkleRoot(crypto, references),
      referenceCount: references.length,
      issuer: signer.publicKey,
    });
    const signature = signer.sign(hash(crypto, "metablock", header));
    const shown = references.map((bytes, index) => ({ index, bytes, path: [] }));
    say(liar, encodeMessage({ type: "metablock", header, signature, references: shown }));
  },

  /** A block of as many entries as one may hold. */
  "largest block"(liar, group) {
    const values = Array.from({ length: 1_024 }, () => 100_000 + liar.world.draw.below(100_000));
    say(
      liar,
      liar.forge.block(liar.member.name, group.name, values, { counter: 1 + liar.world.draw.below(8) }).message,
    );
  },

  /** Every lock that it heard of, over and over, and a place for as many groups as may be named. */
  "longest frontier"(liar, group) {
    const { draw } = liar.world;
    const locks = liar.locks.length === 0 ? [] : Array.from({ length: 12 }, () => draw.one(liar.locks));
    const positions = Array.from({ length: 1_000 }, (_, at) => [filled(at), draw.below(9)] as const);
    const all = [...positions, [group.id, placeOf(liar, group).finalBlocks] as const];
    all.sort(([a], [b]) => compare(a, b));
    const { highestFinalizableGeneration, attempt } = statusOf(liar);
    const standing = { highestFinalizableGeneration, tip: null, attempt };
    say(liar, encodeMessage({ type: "frontier", frontier: { ...standing, positions: all, locks: [] } }));
    say(liar, encodeMessage({ type: "frontier", frontier: { ...standing, positions: [], locks } }));
  },

  /** What it has no right to: who owns nothing of a group asks for all of it. */
  "read others"(liar) {
    const groups = [...liar.world.groups.values()].map(({ id }) => id).sort(compare);
    say(liar, encodeMessage({ type: "hello", capabilities: [], groups, epoch: 1 }));
    const positions = groups.map((id) => [id, 0] as const);
    const { highestFinalizableGeneration, attempt } = statusOf(liar);
    const standing = { highestFinalizableGeneration, tip: null, attempt, locks: [] };
    say(liar, encodeMessage({ type: "frontier", frontier: { ...standing, positions } }));
    for (const group of groups) say(liar, encodeMessage({ type: "pull", group, from: 0 }));
  },

  /** Certificates for metablocks that nobody will ever have. */
  "certificates for nothing"(liar) {
    const { crypto, draw } = liar.world;
    const round = draw.below(1_000);
    for (let count = 0; count < 120; count++) {
      const id = crypto.sha256(Uint8Array.of(count, round & 255, round >> 8));
      say(liar, liar.forge.certificate(liar.member.name, { id }, { own: [count & 7], parents: [] }).message);
    }
  },

  /** Metablocks for the next slot in generations around the next one, always of an attempt that nobody saw, of parents that are there or of such as are not. */
  "always new"(liar, group) {
    const { draw, crypto } = liar.world;
    for (let count = 1 + draw.below(10); count > 0; count--) {
      const attempt = (liar.counters.get("attempts") ?? 0) + 1;
      liar.counters.set("attempts", attempt);
      const sequence = Math.max(0, statusOf(liar).highestFinalizableGeneration + draw.one([-1, 0, 0, 1, 2, 2, 3, 5]));
      const before = liar.metablocks.filter(({ header }) => header.sequence === sequence - 1);
      const invented = crypto.sha256(Uint8Array.of(attempt & 255, (attempt >> 8) & 255, attempt >> 16));
      const parents = sequence === 0 ? [] : [before.length > 0 && draw.chance(0.5) ? draw.one(before).id : invented];
      const references = [nextPlace(liar, group, someBlock(liar, group))];
      say(liar, liar.forge.metablock(liar.member.name, { sequence, attempt, parents }, references).message);
    }
  },

  /** Leads its neighbours apart, each part to another block, on and on: to ever higher attempts of a generation ahead, or to ever higher generations. */
  "lead astray"(liar, group) {
    const { draw, crypto } = liar.world;
    const { counters, forge, member } = liar;
    const times = (counters.get("led") ?? 0) + 1;
    counters.set("led", times);
    if (times === 1) {
      counters.set("led from", statusOf(liar).highestFinalizableGeneration + draw.one([2, 3, 10]));
      counters.set("led by", draw.one([0, 0, 1, 3]));
      counters.set("led apart", 2 + draw.below(2));
    }
    const by = counters.get("led by")!;
    const from = Math.max(statusOf(liar).highestFinalizableGeneration + 2, counters.get("led from")!);
    const view = { sequence: from + by * times, attempt: by === 0 ? times : 0 };
    const parts = counters.get("led apart")!;
    for (let part = 0; part < parts; part++) {
      const block = someBlock(liar, group);
      const invented = crypto.sha256(Uint8Array.of(part));
      for (const { message } of leadTo(forge, member.name, view, nextPlace(liar, group, block), invented))
        say(liar, message, (index) => index % parts === part);
    }
  },

  /** A generation far ahead, on a parent of a group that only the liar knows: who can't see through it may follow, but not so far. */
  "run away"(liar, group) {
    const { draw, crypto } = liar.world;
    const { name } = liar.member;
    const ahead = draw.one([10, 2 ** 19, 2 ** 21, 2 ** 40, 2 ** 50]);
    const sequence = statusOf(liar).highestFinalizableGeneration + ahead;
    const invented = crypto.sha256(Uint8Array.of(draw.below(256)));
    const block = someBlock(liar, group);
    const reference = { ...nextPlace(liar, group, block), group: invented, position: 0 };
    const parent = liar.forge.metablock(name, { sequence, parents: [invented] }, [reference]);
    say(liar, parent.message, () => true);
    const child = { sequence: sequence + 1, parents: [parent.id] };
    const metablock = liar.forge.metablock(name, child, [nextPlace(liar, group, block)]);
    say(liar, metablock.message, () => true);
  },
};

function filled(number: number): Hash {
  const id = new Uint8Array(32).fill(number & 255);
  id[0] = number >> 8;
  return id;
}

function near(liar: Liar): Pick<MetablockHeader, "sequence" | "attempt"> {
  const { highestFinalizableGeneration, attempt } = statusOf(liar);
  return { sequence: Math.max(0, highestFinalizableGeneration + liar.world.draw.below(2)), attempt };
}
