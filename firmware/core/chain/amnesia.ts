import { equal, toHex } from "../wire/bytes";
import { verifySignature } from "../wire/signature";
import type { Block, BlockHeader, Signed } from "../wire/types";
import { type Group, slotWindow } from "./group";
import { certifiedBy, type Metablock } from "./metablock";
import { groupsAbout } from "./predicates";
import { referencesOf } from "./references";
import { compareViews } from "./view";
import { notice, type World } from "./world";

/**
 * PROTOCOL 6, Amnesia: "one whose store is older than what it signed (restored from a copy, a cloned seed) must not vote". What
 * tells it is its own signature on something that its store knows nothing of.
 */

/** Whether this block, signed by this participant, is one that it forgot: then it only observes in the group. */
export function forgottenBlock(world: World, group: Group, { header }: Block): boolean {
  const { counter } = header.value;
  if (counter <= group.ownCounter) return false;
  if (!verifySignature(world.crypto, world.avatar, header.id, header.signature)) return false;
  group.ownCounter = counter;
  observe(world, group, `its own block ${counter}`);
  return true;
}

/** Looks whether this participant signed the metablock, or certified it, without remembering the claim that goes with it. */
export function forgetIfSignedBySelf(world: World, metablock: Metablock): void {
  const issued = metablock.issuerKey === world.avatarKey;
  if (!issued && !metablock.certificates.has(world.avatarKey)) return;
  for (const group of groupsAbout(world, metablock)) {
    if (!group.mine) continue;
    const forgotten = referencesOf(metablock, group.key).some(({ index, value }) => {
      if (value.position < group.position || !certifiedBy(metablock, world.avatarKey, index)) return false;
      const slot = group.slots.get(value.position);
      if (slot?.final) return false;
      return !slot?.claim || compareViews(slot.claim.view, metablock.view) < 0;
    });
    if (forgotten) observe(world, group, `its own certificate of generation ${metablock.view.sequence}`);
  }
  if (issued && (world.issued === null || compareViews(world.issued, metablock.view) < 0)) {
    world.issued = metablock.view;
    world.issuedBefore = metablock.view;
    world.changed.state = true;
  }
}

/** A block of this participant became final that it does not remember issuing, or that it issued a second time as another. */
export function noteFinalOwn(world: World, group: Group, final: Signed<BlockHeader>): void {
  const { issuer, counter } = final.value;
  if (!equal(issuer, world.avatar)) return;
  const twice = [...group.blocks.values()].some(
    ({ header }) =>
      equal(header.value.issuer, issuer) && header.value.counter === counter && !equal(header.id, final.id),
  );
  if (counter <= group.ownCounter && !twice) return;
  group.ownCounter = Math.max(group.ownCounter, counter);
  observe(world, group, `its own final block ${counter}`);
}

/** Every slot that it may have voted on and forgotten lies within the window above what is final: until then it has no vote. */
function observe(world: World, group: Group, what: string): void {
  const until = group.position + slotWindow;
  world.changed.groups.add(group);
  if (group.observesUntil > group.position) return;
  group.observesUntil = until;
  notice(
    world,
    "amnesia",
    `${toHex(world.avatar).slice(0, 16)} does not remember ${what} in group ${group.key.slice(0, 16)}: its store is older than what it signed, so it only observes there until ${until} blocks are final.`,
    "If this store was restored from a copy, provision the participant anew. If its seed was cloned, take one of the two away.",
  );
}
