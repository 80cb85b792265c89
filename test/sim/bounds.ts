import { blocksPerIssuer, issuersPerGroup, recentFinalKept, slotWindow } from "../../firmware/core/chain/group";
import { type World as Chain, certificatesWaiting } from "../../firmware/core/chain/world";
import type { Action, Event } from "../../firmware/core/events";
import type { Peer } from "../../firmware/core/gossip/peer";
import { messageLimit } from "../../firmware/core/wire/limits";
import type { OpenDoor } from "../core/door";
import { isSuspect } from "./checkers";
import type { Work } from "./compute";
import type { Member, Watcher, World } from "./world";

/**
 * What one event may cost an honest member, whoever sent it, judged while it is under way: work, what goes out, and what is kept of it
 * in RAM and in the store.
 */
export function checkCosts(worldOf: () => World, fail: (what: string) => void): Watcher {
  let looked = 0;
  return {
    sent() {},
    answered(member, event, actions, work) {
      if (isSuspect(worldOf(), member)) return;
      checkSizes(member, actions, fail);
      if (event.kind === "message") checkWork(member, event, work, fail);
      if (++looked % lookedAt === 0 && member.door !== undefined) checkMemory(member, member.door, fail);
    },
    wrote() {},
    delivered() {},
    power() {},
    ordered() {},
    noted() {},
  };
}

/** Every so manieth event its RAM is looked at. */
const lookedAt = 16;

function checkSizes(member: Member, actions: readonly Action[], fail: (what: string) => void): void {
  for (const action of actions) {
    if (action.kind === "send" && action.bytes.length > messageLimit)
      fail(`${member.name} sends a message of ${action.bytes.length} bytes, and the most is ${messageLimit}`);
  }
}

/** Hashes and verifications that a message may cost: some that it sets off, and so many bytes of it for each more. */
const hashesAtLeast = 3_000;
const bytesPerHash = 2;
const verificationsAtLeast = 40;
const bytesPerVerification = 64;

function checkWork(
  member: Member,
  { bytes }: Extract<Event, { kind: "message" }>,
  { hashes, verifications }: Work,
  fail: (what: string) => void,
): void {
  const what = `a message of type ${bytes[1]} and ${bytes.length} bytes cost ${member.name}`;
  if (hashes > hashesAtLeast + bytes.length / bytesPerHash) fail(`${what} ${hashes} hashes`);
  if (verifications > verificationsAtLeast + bytes.length / bytesPerVerification)
    fail(`${what} ${verifications} verifications`);
}

/** Views used since the last start, of each generation still open the first and the highest (`chain/prepare`). */
const issuedViewsKept = 2 * 36;

function checkMemory(member: Member, { worlds, peers }: OpenDoor, fail: (what: string) => void): void {
  const check = (what: string, has: number, most: number) => {
    if (has > most) fail(`${member.name} keeps ${has} ${what} in RAM, and the most is ${most}`);
  };
  for (const world of worlds.values()) checkWorld(world, peers.size, check);
  for (const peer of peers.values()) checkPeer(peer, check);
  check("peers", peers.size, member.nextPeer);
}

type Check = (what: string, has: number, most: number) => void;

function checkWorld(world: Chain, peers: number, check: Check): void {
  check("metablocks", world.metablocks.size, world.bounds.metablocks);
  check("signers whose certificates wait", world.certificatesWaiting.size, world.owners.size);
  for (const waiting of world.certificatesWaiting.values())
    check("certificates of one signer that wait", waiting.length, certificatesWaiting);
  check("reports of where others are", world.reports.size, world.owners.size + peers);
  check("missing hashes", world.missing.size, world.bounds.metablocks);
  check("views that it issued in", world.issuedViews.length, issuedViewsKept);
  for (const group of world.groups.values()) {
    const issuers = Math.min(issuersPerGroup, group.ownerKeys.length);
    // Beside those that have room, such as are proved to be final before their turn came.
    check(`blocks of ${group.pact.name}`, group.blocks.size, blocksPerIssuer * issuers + slotWindow);
    check(`slots of ${group.pact.name}`, group.slots.size, slotWindow);
    check(`issuers of ${group.pact.name}`, group.finalCounters.size, issuersPerGroup);
    check(`recent blocks of ${group.pact.name}`, group.recentFinal.size, recentFinalKept);
    check(`highest blocks of ${group.pact.name}`, group.highestSeen.size, issuers);
  }
}

function checkPeer({ world, told, interests, positions, pulls }: Peer, check: Check): void {
  check("hashes told to a peer", told.size, world.bounds.told);
  check("interests of a peer", interests.size, world.groups.size);
  check("positions of a peer", positions.size, world.groups.size);
  check("pulls from a peer", pulls.size, world.groups.size);
}

/** PROTOCOL 6 bounds what an owner keeps of slots that are not final, and what it holds of each issuer's blocks. */
const slotsKept = 32;
const blocksKeptPerIssuer = 16;
/** Of 64 ids of entries that sagas produced each (`chain/repeats`). */
const idRecordsKept = 17;

/** How many records of what is not final the member keeps, against the bounds of PROTOCOL 6. */
export function checkRecords(world: World, member: Member, fail: (what: string) => void): void {
  const kept = new Map<string, number>();
  for (const key of member.store.records().keys()) {
    if (key.startsWith("final/")) continue;
    const [, , kind, group] = key.split("/");
    const name = `${kind} ${group ?? ""}`;
    kept.set(name, (kept.get(name) ?? 0) + 1);
  }
  for (const [name, count] of kept) {
    const [kind] = name.split(" ");
    const bounds = { slot: slotsKept, block: blocksKeptPerIssuer * world.members.size + slotsKept, ids: idRecordsKept };
    const most = bounds[kind as keyof typeof bounds] ?? 1;
    if (count > most) fail(`${member.name} keeps ${count} records of ${name}, and the most is ${most}`);
  }
}
