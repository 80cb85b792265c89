import { equal, toHex } from "../wire/bytes";
import type { AvatarId, Block, Hash, View } from "../wire/types";
import { isWhole } from "./access";
import { type Group, slotWindow } from "./group";
import { isCausallyConsistent } from "./predicates";
import { mayClaim } from "./slots";
import { claimRoom, hasRoom } from "./store-room";
import { roomForSlot, type World } from "./world";

/** Blocks of one group that one metablock puts forward; caution halves it. */
const referencesPerGroup = 8;
/** Up to this caution blocks are put forward as they came, and what was claimed before first. */
const cautionByArrival = 2;

/**
 * The blocks of a group to put forward from `position` on in a metablock of `view`, in order: "the locked block where a slot
 * is locked, in the lowest slot where it is locked, and nothing after it that is locked elsewhere; otherwise what it claimed
 * itself there" (PROTOCOL 6); then, in the order of arrival, what is held. `window` are the BlockIds, in hex, that the
 * parents hold. Every one may be certified by this participant by rule 4. One that some owners don't have keeps those before it
 * from being closed: so after attempts that failed, which is `caution`, they are fewer, in the end one.
 */
export function proposableBlocks(
  group: Group,
  position: number,
  window: readonly string[],
  view: View,
  { caution, room }: Pick<World, "caution" | "room">,
): Block[] {
  const chosen: Block[] = [];
  if (group.blocks.size === 0) return chosen;
  const taken = new Set(window);
  const inTurn = caution > cautionByArrival || isTriedAgain(group, position, view);
  const order = inTurn ? byIssuer(group, view) : [...group.blocks.values()];
  const most = Math.max(1, Math.floor(referencesPerGroup / 2 ** caution));
  const end = Math.min(group.position + slotWindow, position + most);
  for (let slot = position; slot < end; slot++) {
    const claimed = inTurn ? undefined : group.slots.get(slot)?.claim?.block;
    const first = claimed === undefined ? undefined : group.blocks.get(toHex(claimed));
    const block = blockFor(group, slot, view, taken, first === undefined ? order : [first, ...order]);
    if (block === undefined || !hasRoom(room, roomForSlot(group, slot), claimRoom(group.slots.get(slot)))) break;
    taken.add(toHex(block.header.id));
    chosen.push(block);
  }
  return chosen;
}

/**
 * In a first attempt of a pair, what was claimed in an earlier generation and is put forward again lost its vote to the other's order. Generations go on
 * with other groups, so there may never be a second attempt: two owners who each put their own block first again would do so for ever.
 * Among more, one claims what it voted for last, which brings them together.
 */
function isTriedAgain({ ownerKeys, slots }: Group, position: number, { sequence, attempt }: View): boolean {
  const claim = attempt === 0 && ownerKeys.length === 2 ? slots.get(position)?.claim : undefined;
  return claim != null && claim.view.sequence < sequence;
}

/**
 * A liar can send some owners blocks that others don't have, nor room for. So where attempts fail whose blocks go first changes
 * with each view, and those of honest issuers have their turn.
 */
function byIssuer(group: Group, { sequence, attempt }: View): Block[] {
  const blocks = [...group.blocks.values()];
  if (blocks.length === 1) return blocks;
  const issuerOf = ({ header }: Block) => toHex(header.value.issuer);
  const issuers = [...new Set(blocks.map(issuerOf))].sort();
  const place = (block: Block) => (issuers.indexOf(issuerOf(block)) + sequence + attempt) % issuers.length;
  return blocks.sort((a, b) => place(a) - place(b));
}

function blockFor(
  group: Group,
  position: number,
  view: View,
  taken: ReadonlySet<string>,
  order: readonly Block[],
): Block | undefined {
  const slot = group.slots.get(position);
  if (slot?.final) return undefined;
  const bound = slot?.lock?.block;
  const locked = bound && group.blocks.get(toHex(bound));
  for (const block of bound === undefined ? order : locked === undefined ? [] : [locked]) {
    const { id } = block.header;
    if (taken.has(toHex(id))) continue;
    if (!isWhole(block, group)) continue;
    if (bound === undefined && lockedElsewhere(group, position, id)) continue;
    if (!followsOn(group, block, taken) || !mayClaim(slot, id, view)) continue;
    return block;
  }
  return undefined;
}

function lockedElsewhere(group: Group, position: number, id: Hash): boolean {
  for (const [other, slot] of group.slots) {
    if (other !== position && slot.lock !== null && equal(slot.lock.block, id)) return true;
  }
  return false;
}

/** The patent's "Is Causally Consistent", with the blocks taken so far as the finality window. */
function followsOn(group: Group, block: Block, taken: ReadonlySet<string>): boolean {
  return isCausallyConsistent(group, block, countersIn(group, taken, block.header.value.issuer));
}

/** The counters of this issuer's blocks among these, by the hex of their ids, as far as they are held. */
export function countersIn(group: Group, keys: ReadonlySet<string>, issuer: AvatarId): number[] {
  const counters: number[] = [];
  if (keys.size === 0) return counters;
  for (const key of keys) {
    const header = group.blocks.get(key)?.header.value;
    if (header !== undefined && equal(header.issuer, issuer)) counters.push(header.counter);
  }
  return counters;
}
