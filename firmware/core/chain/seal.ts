import { issueBlock } from "../block/block";
import { dueAt, expire, offer, take, waitMs, withdraw } from "../block/buffer";
import { VertebraError } from "../errors";
import { checkEntry } from "../pact/entry";
import { type Produced, withId } from "../pact/produced";
import { equal } from "../wire/bytes";
import { maxCount } from "../wire/limits";
import { encodeFinalityProof } from "../wire/proofs";
import type { Block } from "../wire/types";
import { mayWrite } from "./access";
import { hasRoomToSeal, makeRoomToSeal } from "./block-room";
import { finalizeNext } from "./finalize";
import { type Group, soleOwner } from "./group";
import { keepBlock } from "./observe";
import { isRepeat } from "./repeats";
import type { World } from "./world";

/** Puts an encoded entry into the group's buffer; a refusal names the field and the bound, or what is full. */
export function pushEntry(world: World, group: Group, produced: Produced, token: number): void {
  const entry = withId(produced);
  try {
    checkWriter(world, group);
    checkEntry(group.fields, group.pact.policy, entry);
  } catch (error) {
    if (!(error instanceof VertebraError)) throw error;
    world.delivered.push({ kind: "refused", token, error });
    return;
  }
  if (produced.id !== null && isRepeat(group, produced.id)) {
    refuse(world, token, "entry-repeated", "is final in its group already, under the same id", "Leave it at that.");
    return;
  }
  if (!hasRoomToSeal(world, group, entry.length)) {
    refuse(
      world,
      token,
      "store-full",
      `can't be kept: the store has no more room for group ${group.key.slice(0, 16)} until some of what waits there is final`,
      "Push again later. If it goes on, look whether the group's owners hear each other, or give this participant a larger flash.",
    );
    return;
  }
  const { accepted, dropped } = offer(group.buffer, entry, token, world.now.monotonic);
  for (const other of dropped) refuse(world, other, "entry-replaced", "was replaced by a newer one in a full buffer");
  if (!accepted) refuse(world, token, "buffer-full", `found the buffer of group ${group.key.slice(0, 16)} full`);
}

/** Takes a push back that is not in a block yet; one that is stays, since it was said to be sealed. */
export function withdrawEntry(world: World, group: Group, token: number): void {
  if (!withdraw(group.buffer, token)) return;
  refuse(
    world,
    token,
    "entry-withdrawn",
    "was withdrawn before it was sealed",
    "Push it again if it is wanted after all.",
  );
}

function checkWriter(world: World, group: Group): void {
  if (!mayWrite(world, group, world.avatarKey)) {
    throw new VertebraError(
      "writer-refused",
      `Only ${group.pact.policy.writers} write to group ${group.key.slice(0, 16)} of pact ${group.pact.name}, and this participant is not among them.`,
      "Push to a group in which it may write, or have a steward define one.",
    );
  }
  if (group.observesUntil > group.position) {
    throw new VertebraError(
      "observer",
      `This participant forgot what it signed in group ${group.key.slice(0, 16)}: it only observes until ${group.observesUntil} blocks are final there (${group.position} are).`,
      "Wait for the group's other owners, or provision this participant anew.",
    );
  }
  if (group.ownCounter >= maxCount) {
    throw new VertebraError(
      "counters-spent",
      `This participant has no block left to issue in group ${group.key.slice(0, 16)}: somebody with its seed issued the last that there can be.`,
      "Provision this participant anew, and find who has its seed.",
    );
  }
}

const tooFast = "Push again later, or less often: the group's owners finalize more slowly than this writer writes.";

function refuse(world: World, token: number, code: string, what: string, remedy = tooFast): void {
  world.delivered.push({ kind: "refused", token, error: new VertebraError(code, `The entry ${what}.`, remedy) });
}

/**
 * Moves what is due, or with `flush` all that is buffered, into signed blocks. They are durable before their writers hear
 * that they are sealed. Few of one's own blocks are under way at once: the rest waits in the buffer, which is bounded.
 */
export function sealDue(world: World, flush: boolean): void {
  for (const group of world.groups.values()) {
    const expired = expire(group.buffer, world.now.monotonic);
    for (let at = 0; at < expired.length; at++) {
      refuse(
        world,
        expired[at]!,
        "buffer-full",
        `waited ${waitMs / 1000} s for room in the buffer of group ${group.key.slice(0, 16)}`,
      );
    }
    for (;;) {
      const due = dueAt(group.buffer);
      if (due === undefined || (due > world.now.monotonic && !flush) || !mayIssue(world, group)) break;
      sealBlock(world, group);
    }
  }
}

/**
 * Whether another block of one's own may be under way. Where all lines to the owners are full it would only wait there: in the buffer
 * what is pushed meanwhile shares its block, and where that is full too, its writer waits.
 */
export function mayIssue(world: World, group: Group): boolean {
  let own = 0;
  if (group.blocks.size > 0) {
    for (const block of group.blocks.values()) if (equal(block.header.value.issuer, world.avatar)) own++;
  }
  const most = group.full ? 1 : world.bounds.blocksInFlight;
  return (
    own < most && group.retired === null && group.observesUntil <= group.position && hasRoomToSeal(world, group, 0)
  );
}

function sealBlock(world: World, group: Group): void {
  const { entries, tokens } = take(group.buffer);
  const block = issueNext(world, group, entries, world.now.wall);
  const { id, value } = block.header;
  world.delivered.push({
    kind: "sealed",
    world: world.tag,
    group: group.id,
    block: id,
    counter: value.counter,
    tokens,
  });
  keepIssued(world, group, block);
}

/** The next block of this participant, of entries that were sealed at `time`; it is still to be kept. */
export function issueNext(world: World, group: Group, entries: readonly Uint8Array[], time: number): Block {
  group.ownCounter++;
  world.changed.groups.add(group);
  return issueBlock(world.crypto, world.signer, {
    ...{ group: group.id, counter: group.ownCounter, entries, time },
    previous: soleOwner(group) ? group.lastFinal : null,
  });
}

/** Keeps it and spreads it; of a sole owner it is final. */
export function keepIssued(world: World, group: Group, block: Block): void {
  if (soleOwner(group)) {
    finalizeNext(world, group, block, soleProof(group, block));
    return;
  }
  makeRoomToSeal(world, group, block);
  keepBlock(world, group, block);
  world.news.push({ kind: "block", group, block });
}

/** "A block whose group has one owner, its issuer, is final at once": its signature is its proof (PROTOCOL 3). */
function soleProof(group: Group, { header }: Block): Uint8Array {
  const { bytes, signature } = header;
  return encodeFinalityProof({
    pacts: group.pactBytes,
    group: group.bytes,
    blockHeader: bytes,
    blockSignature: signature,
    chain: null,
  });
}
