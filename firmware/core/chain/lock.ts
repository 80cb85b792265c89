import { refused, type VertebraError } from "../errors";
import { equal, toHex } from "../wire/bytes";
import { encodeLockProof } from "../wire/proofs";
import { verifySignature } from "../wire/signature";
import { decodeBlockReference, decodeMetablockHeader, signedBlockHeader } from "../wire/structures";
import type { BlockReference, Hash, LockProof, MetablockEvidence } from "../wire/types";
import { type Group, slotWindow } from "./group";
import { reportMissing } from "./missing";
import { signersOf, verifiedHeader, verifiedReference } from "./proof";
import { lockBytes } from "./slots";
import { compareViews } from "./view";
import { changeSlot, takeSlotRoom, type World } from "./world";

/**
 * "A lock travels with its proof until its slot is final" (PROTOCOL 6): adopts a peer's lock where it is of a higher view than
 * this participant's own. Throws `proof-…` or `lock-…` where the proof does not hold.
 */
export function adoptLock(world: World, proof: LockProof): void {
  const { crypto } = world;
  const block = signedBlockHeader(crypto, proof.blockHeader, proof.blockSignature);
  const group = world.groups.get(toHex(block.value.group));
  if (group === undefined || !group.mine) return;
  const header = decodeMetablockHeader(proof.metablock.bytes);
  const shown = proof.metablock.references.length + (proof.parent?.references.length ?? 0);
  if (shown > 2 * slotWindow + 1) throw refusedLock(`shows ${shown} references, and the most is ${2 * slotWindow + 1}`);
  const claimed = proof.metablock.references.find(({ bytes }) => isTo(bytes, group.id, block.id));
  if (claimed === undefined) throw refusedLock("shows no reference to its block");
  const { position } = decodeBlockReference(claimed.bytes);
  const { sequence, attempt } = header;
  const view = { sequence, attempt };
  // What would change nothing here is not worth verifying.
  if (position < group.position || position >= group.position + slotWindow) return;
  const slot = group.slots.get(position);
  if (slot?.final || (slot?.lock && compareViews(slot.lock.view, view) >= 0)) return;
  const metablock = verifiedHeader(crypto, proof.metablock);
  const references = proof.metablock.references.map((each) => verifiedReference(crypto, metablock.value, each));
  if (!verifySignature(crypto, block.value.issuer, block.id, block.signature))
    throw refusedLock("holds a block that its issuer did not sign");
  const owners = group.definition.owners;
  const signers = signersOf(crypto, metablock, proof.metablock, owners, { own: claimed.index }, true);
  if (signers.length < group.quorum)
    throw refusedLock(`has ${signers.length} certificates, and its group asks ${group.quorum}`);
  const before = [...parentReferences(world, proof.parent, metablock.value.parents), ...references];
  const history = before
    .filter((value) => equal(value.group, group.id) && value.position < position)
    .map((value) => [value.position, value.block] as const);
  if (!historyHolds(group, position, history)) return;
  const lock = { block: block.id, view, proof: encodeLockProof(proof), history };
  if (!takeSlotRoom(world, group, position, lockBytes(lock), slot?.lock ? lockBytes(slot.lock) : undefined)) return;
  changeSlot(world, group, position).lock = lock;
  if (!group.blocks.has(toHex(block.id))) reportMissing(world, toHex(block.id), block.id, null);
}

function isTo(reference: Uint8Array, group: Hash, block: Hash): boolean {
  const value = decodeBlockReference(reference);
  return equal(value.block, block) && equal(value.group, group);
}

function parentReferences(world: World, parent: MetablockEvidence | null, parents: readonly Hash[]): BlockReference[] {
  if (parent === null) return [];
  const header = verifiedHeader(world.crypto, parent);
  if (!parents.some((id) => equal(id, header.id))) throw refusedLock("names a parent that its metablock does not have");
  return parent.references.map((shown) => verifiedReference(world.crypto, header.value, shown));
}

/**
 * A lock is adopted only with its whole history, from what is final here up to its slot, and none that contradicts that:
 * else nobody here could tell later that it has become void.
 */
function historyHolds(group: Group, position: number, history: readonly (readonly [number, Hash])[]): boolean {
  const shown = new Map(history);
  for (let before = group.position; before < position; before++) if (!shown.has(before)) return false;
  return history.every(([at, block]) => {
    const final = group.slots.get(at)?.final?.block ?? group.recentFinal.get(at);
    return final === undefined ? at >= group.position : equal(final, block);
  });
}

function refusedLock(what: string): VertebraError {
  return refused("lock-proof", `a lock's proof ${what}`);
}
