import { equal, toHex } from "../wire/bytes";
import type { Block, Hash, View } from "../wire/types";
import { type Group, slotWindow } from "./group";
import { isCausallyConsistent } from "./predicates";
import { mayClaim } from "./slots";

/**
 * The blocks of a group to put forward from `position` on in a metablock of `view`, in order: "the locked block where a slot
 * is locked, in the lowest slot where it is locked, and nothing after it that is locked elsewhere; otherwise what it claimed
 * itself there" (PROTOCOL 6); then, in the order of arrival, what is held. `window` are the BlockIds, in hex, that the
 * parents hold. Every one may be certified by this participant by rule 4.
 */
export function proposableBlocks(group: Group, position: number, window: readonly string[], view: View): Block[] {
  const chosen: Block[] = [];
  const taken = new Set(window);
  const last = group.position + slotWindow;
  for (let slot = position; slot < last; slot++) {
    const block = blockFor(group, slot, view, taken);
    if (block === undefined) break;
    taken.add(toHex(block.header.id));
    chosen.push(block);
  }
  return chosen;
}

function blockFor(group: Group, position: number, view: View, taken: ReadonlySet<string>): Block | undefined {
  const slot = group.slots.get(position);
  const bound = slot?.final?.block ?? slot?.lock?.block;
  if (slot?.final) return undefined;
  const candidates =
    bound !== undefined ? [bound] : slot?.claim ? [slot.claim.block, ...waiting(group)] : waiting(group);
  for (const id of candidates) {
    const block = group.blocks.get(toHex(id));
    if (block === undefined || taken.has(toHex(id))) continue;
    if (block.entries === null && !group.pact.policy.private) continue;
    if (bound === undefined && lockedElsewhere(group, position, id)) continue;
    if (!followsOn(group, block, taken) || !mayClaim(slot, id, view)) continue;
    return block;
  }
  return undefined;
}

function* waiting(group: Group): Iterable<Hash> {
  for (const block of group.blocks.values()) yield block.header.id;
}

function lockedElsewhere(group: Group, position: number, id: Hash): boolean {
  for (const [other, slot] of group.slots) {
    if (other !== position && slot.lock !== null && equal(slot.lock.block, id)) return true;
  }
  return false;
}

/** The patent's "Is Causally Consistent", with the blocks taken so far as the finality window. */
function followsOn(group: Group, block: Block, taken: ReadonlySet<string>): boolean {
  const { issuer } = block.header.value;
  const window: number[] = [];
  for (const key of taken) {
    const header = group.blocks.get(key)?.header.value;
    if (header !== undefined && equal(header.issuer, issuer)) window.push(header.counter);
  }
  return isCausallyConsistent(group, block, window);
}
