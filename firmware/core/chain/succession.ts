import { take } from "../block/buffer";
import { VertebraError } from "../errors";
import { type Produced, readMoved, readProduced, withMoved } from "../pact/produced";
import { equal, toHex } from "../wire/bytes";
import type { Block, BlockHeader } from "../wire/types";
import { mayWrite } from "./access";
import type { FinalDefinition } from "./defining";
import { forgetBlock } from "./finalize";
import type { Group } from "./group";
import { successorsOf } from "./retired";
import { issueNext, keepIssued, pushEntry } from "./seal";
import type { World } from "./world";

/**
 * A group that was retired (PROTOCOL 10, "Succession"): "owners who know the retirement seal nothing more there and vote on what is under
 * way; what stays sealed and not final is pushed by its issuer into the successor". The blocks of others stay, and what becomes final
 * there yet is told as ever: who reads both groups as one row passes over what was moved and is in the other, too.
 */

/** What this participant has in retired groups and may write to their successors goes there. */
export function moveRetired(world: World): void {
  for (const group of world.groups.values()) {
    if (group.retired === null) continue;
    moveBuffered(world, group);
    const successors = writableSuccessors(world, group);
    if (successors.length === 0) continue;
    // Others tell it again of what is here no more.
    const own = [...group.blocks.values()].filter(
      ({ header: { value } }) => equal(value.issuer, world.avatar) && value.counter > group.movedThrough,
    );
    own.sort((one, other) => one.header.value.counter - other.header.value.counter);
    for (const block of own) moveBlock(world, group, successors, block);
  }
}

/** Up to the one that this participant may write to; none where it knows none. */
function writableSuccessors(world: World, group: Group): Group[] {
  const successors = successorsOf(world, group);
  const last = successors.at(-1);
  return last !== undefined && mayWrite(world, last, world.avatarKey) ? successors : [];
}

/** In one write: it is there from then on, and here no more. If it becomes final here all the same, others have it. */
function moveBlock(world: World, group: Group, successors: readonly Group[], block: Block): void {
  const { id, value } = block.header;
  const last = successors.at(-1)!;
  if (block.entries === null || last.observesUntil > last.position) return;
  forgetBlock(world, group, toHex(id));
  const moved = issueMoved(world, group, successors, value, block.entries);
  const to = { group: last.id, block: moved.header.id };
  world.delivered.push({ kind: "moved", world: world.tag, group: group.id, block: id, to });
  keepIssued(world, last, moved);
}

/** The same entries in the last of the successors, the first of them saying which block it was here. */
function issueMoved(
  world: World,
  group: Group,
  successors: readonly Group[],
  { counter, time }: Pick<BlockHeader, "counter" | "time">,
  [first, ...rest]: readonly Uint8Array[],
): Block {
  const before = readMoved(first!);
  // In those between, which were retired before this participant heard of them, it never was.
  const between = successors.slice(1).map(() => 0);
  const counters = [...between, counter, ...(before?.counters ?? [])];
  group.movedThrough = counter;
  world.changed.groups.add(group);
  return issueNext(world, successors.at(-1)!, [withMoved({ counters, entry: before?.entry ?? first! }), ...rest], time);
}

/**
 * What this participant defined behind the definition by which other stewards define counts for nobody: where it heard of both at the same
 * time, and moved nothing, it defines it anew. `late` are final, in their order.
 */
export function defineAnew(world: World, late: readonly FinalDefinition[]): void {
  for (let at = 0; at < late.length; ) {
    const { group, own } = late[at]!;
    const begins = at;
    while (at < late.length && late[at]!.own === own) at++;
    const successors = writableSuccessors(world, group);
    if (own === null || own.counter <= group.movedThrough || successors.length === 0) continue;
    const entries = late.slice(begins, at).map(({ entry }) => entry);
    keepIssued(world, successors.at(-1)!, issueMoved(world, group, successors, own, entries));
  }
}

function moveBuffered(world: World, group: Group): void {
  while (group.buffer.held.entries.length > 0) {
    const { entries, tokens } = take(group.buffer);
    // A gap stands before them, and says what was dropped of a buffer that is no more.
    const pushed = entries.slice(entries.length - tokens.length);
    for (const [index, entry] of pushed.entries()) pushOn(world, group, readProduced(entry), tokens[index]!);
  }
}

/** What is pushed into a retired group goes to its successor. */
export function pushOn(world: World, group: Group, produced: Produced, token: number): void {
  const successor = writableSuccessors(world, group).at(-1);
  if (successor !== undefined) pushEntry(world, successor, produced, token);
  else world.delivered.push({ kind: "refused", token, error: retiredError(group) });
}

function retiredError(group: Group): VertebraError {
  return new VertebraError(
    "group-retired",
    `Group ${group.key.slice(0, 16)} of pact ${group.pact.name} was retired, and this participant writes to none that succeeds it.`,
    "Push to a group in which it may write, or have a steward define one.",
  );
}
