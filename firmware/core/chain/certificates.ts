import { refused } from "../errors";
import { equal, toHex } from "../wire/bytes";
import { verifySignature } from "../wire/signature";
import { certificateHash } from "../wire/structures";
import type { ReceivedCertificate } from "../wire/types";
import { addCertificate } from "./certify";
import type { Group } from "./group";
import { certificatesPerSigner, type HeldReference, isCertified, isClosed, type Metablock } from "./metablock";
import { parentAt, parentsOf } from "./predicates";
import { beyondMetablock, saysMore } from "./scope";
import { certificatesWaiting, type World } from "./world";

/**
 * Figure 6A, a certificate is observed: verified, and kept with its metablock, or for it. Returns whether it was news. Before it is
 * verified it is looked at, whether it could be worth that. Throws `certificate-…` where its scope names what the metablock does not have, the signature is
 * wrong, or the signer owns nothing that it speaks of.
 */
export function observeCertificate(world: World, certificate: ReceivedCertificate): boolean {
  const key = toHex(certificate.metablock);
  const metablock = world.metablocks.get(key);
  const signer = toHex(certificate.signer);
  if (metablock !== undefined) refuseOutOfPlace(world, metablock, certificate);
  // Of who owns nothing that is known here nobody here or near could make use.
  if (!world.owners.has(signer)) return false;
  const isWorth =
    metablock === undefined
      ? !isWaiting(world, certificate)
      : hasRoom(metablock, certificate) && stillCounts(world, metablock, certificate);
  if (!isWorth) return false;
  const signed = certificateHash(world.crypto, certificate.metablock, certificate.signer, certificate.scope);
  if (!verifySignature(world.crypto, certificate.signer, signed, certificate.signature)) {
    throw refused(
      "certificate-signature",
      `the certificate of ${signer.slice(0, 16)} for metablock ${key.slice(0, 16)} does not verify`,
    );
  }
  if (metablock === undefined) return keepWaiting(world, certificate);
  addCertificate(metablock, certificate);
  return true;
}

function refuseOutOfPlace(world: World, metablock: Metablock, { signer, scope }: ReceivedCertificate): void {
  const who = `${toHex(signer).slice(0, 16)} certified metablock ${metablock.key.slice(0, 16)}`;
  const beyond = beyondMetablock(world, metablock, scope);
  if (beyond !== undefined) throw refused("certificate-scope", `${who} with a scope that ${beyond}`);
  if (ownsNothingOf(world, metablock, toHex(signer))) {
    throw refused("certificate-stranger", `${who} and owns none of its groups`);
  }
}

function hasRoom(metablock: Metablock, { signer, scope }: ReceivedCertificate): boolean {
  const held = metablock.certificates.get(toHex(signer)) ?? [];
  return held.length < certificatesPerSigner && saysMore(held, scope);
}

/**
 * Whether it helps the metablock to stand as a parent, or is about a block that is not final and has not its quorum yet: any
 * other is not worth its verification.
 */
function stillCounts(world: World, metablock: Metablock, { signer, scope }: ReceivedCertificate): boolean {
  const signerKey = toHex(signer);
  if (scope === null || !metablock.standing || signerKey === world.avatarKey) return true;
  const open = (reference: HeldReference | undefined, reached: (group: Group) => boolean) => {
    if (reference === undefined) return true;
    const group = world.groups.get(reference.groupKey);
    if (group === undefined || !group.ownerKeys.includes(signerKey)) return false;
    return reference.value.position >= group.position && !reached(group);
  };
  const own = scope.own.some((index) =>
    open(metablock.references.get(index), (group) => isCertified(metablock, group, index)),
  );
  return (
    own ||
    scope.parents.some(([parent, index]) =>
      open(parentAt(world, metablock, parent)?.references.get(index), (group) =>
        isClosed(metablock, group, parent, index),
      ),
    )
  );
}

/** Whether all groups of the metablock and of its parents are known, and the signer is an owner of none. */
function ownsNothingOf(world: World, metablock: Metablock, signer: string): boolean {
  const parents = parentsOf(world, metablock);
  if (parents === undefined) return false;
  return [metablock, ...parents].every(
    (each) =>
      each.references.size === each.header.value.referenceCount &&
      [...each.references.values()].every(({ groupKey }) => {
        const group = world.groups.get(groupKey);
        return group !== undefined && !group.ownerKeys.includes(signer);
      }),
  );
}

function isWaiting(world: World, { signer, bytes }: ReceivedCertificate): boolean {
  return (world.certificatesWaiting.get(toHex(signer)) ?? []).some((each) => equal(each.bytes, bytes));
}

/**
 * "A certificate also when its metablock is not known yet, bounded, without blame" (PROTOCOL 7): each signer has room of its own, and
 * its oldest goes first. Returns whether there was room: what another made way for is passed on only with its metablock, since whoever passes
 * a flood on spends its own budget.
 */
function keepWaiting(world: World, certificate: ReceivedCertificate): boolean {
  const signer = toHex(certificate.signer);
  const waiting = world.certificatesWaiting.get(signer) ?? [];
  const hadRoom = waiting.length < certificatesWaiting;
  if (!hadRoom) waiting.shift();
  waiting.push(certificate);
  world.certificatesWaiting.set(signer, waiting);
  return hadRoom;
}

/** Gives a metablock that has come the certificates that waited for it, as far as they speak of it. */
export function takeWaitingCertificates(world: World, metablock: Metablock): void {
  for (const [signer, waiting] of world.certificatesWaiting) {
    const others = waiting.filter((each) => !equal(each.metablock, metablock.header.id));
    if (others.length === waiting.length) continue;
    for (const each of waiting) {
      if (others.includes(each) || beyondMetablock(world, metablock, each.scope) !== undefined) continue;
      if (hasRoom(metablock, each)) addCertificate(metablock, each);
    }
    if (others.length > 0) world.certificatesWaiting.set(signer, others);
    else world.certificatesWaiting.delete(signer);
  }
}
