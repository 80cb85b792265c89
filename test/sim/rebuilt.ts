import { verifyFinalityProof } from "../../firmware/core/chain/proof";
import type { Action } from "../../firmware/core/events";
import type { Participant } from "../../firmware/core/participant";
import { decodeMessage } from "../../firmware/core/wire/messages";
import { decodeFinalityProof, encodeLockProof } from "../../firmware/core/wire/proofs";
import { type Checkers, type FinalBlock, isLiar } from "./checkers";
import { digestOf } from "./digest";
import { lacking } from "./finality";
import { type Group, type Member, participantOf, timeOf, type World } from "./world";

/** "A lock travels with its proof until its slot is final": so many at least in one FRONTIER. */
const locksInFrontier = 8;
/** Metablocks that a member may hold, whatever it was told: what a flood can cost (`chain/world`). */
const metablocksHeld = 256;

/**
 * An honest member's participant, made anew from its store, is where the one is that it replaces: final blocks, locks, generation, and
 * what it tells a neighbour who comes. Only for one whose every answer was done in full; it is not used again.
 */
export function checkRebuilt(world: World, member: Member, fail: (what: string) => void): void {
  const { participant } = member;
  if (participant === undefined || member.waiting.length > 0 || member.driving || member.compute.busy) return;
  const rebuilt = participantOf(world.plan, world.crypto, world.groups, member);
  const [kept, had] = [standingOf(world, rebuilt), standingOf(world, participant)];
  for (const [what, value] of had) {
    if (kept.get(what) !== value) fail(`${member.name} had ${what} ${value}, and has in its store ${kept.get(what)}`);
  }
  // What is in a buffer may be due to be sealed at this moment, and be told as a block at once.
  const seals = participant.status(world.tag).groups.some(({ buffered }) => buffered > 0);
  const neighbour = [...world.members.values()].find((other) => other !== member)!;
  const [greets, greeted] = [rebuilt, participant].map((each) => greetingOf(world, member, each, neighbour));
  for (const what of ["blocks", "generation", "positions", "locks"] as const) {
    if (what === "blocks" && seals) continue;
    if (greets![what] !== greeted![what]) fail(`${member.name} would tell other ${what} than it has in its store`);
  }
  if (greeted!.locksTold < greeted!.locksDue) {
    fail(`${member.name} tells a new neighbour ${greeted!.locksTold} locks, and ${greeted!.locksDue} concern it`);
  }
  if (greeted!.metablocks > metablocksHeld) fail(`${member.name} holds ${greeted!.metablocks} metablocks`);
}

function standingOf(world: World, participant: Participant): Map<string, string> {
  const { epoch, highestFinalizableGeneration, highestCertifiedGeneration, groups } = participant.status(world.tag);
  const standing = { epoch, highestFinalizableGeneration, highestCertifiedGeneration };
  const items = Object.entries(standing).map(([name, value]) => [name, String(value)] as const);
  const ofGroups = groups.flatMap(({ buffered, group, pact, ...durable }) =>
    Object.entries(durable).map(([name, value]) => [`${name} of ${pact}`, String(value)] as const),
  );
  return new Map([...items, ...ofGroups]);
}

/** What it tells a new neighbour of what is durable: generation, positions, locks and blocks. */
function greetingOf(world: World, member: Member, participant: Participant, neighbour: Member) {
  const connected = { kind: "connected", world: world.tag, peer: member.nextPeer, avatar: neighbour.avatar } as const;
  const locksDue = participant
    .status(world.tag)
    .groups.filter(({ owners }) => owners.includes(neighbour.key))
    .reduce((sum, { lockedSlots }) => sum + lockedSlots, 0);
  const told = participant.handle(connected, timeOf(world, member)).filter((action) => action.kind === "send");
  const mine = told.filter((action: Extract<Action, { kind: "send" }>) => action.peer === member.nextPeer);
  const messages = mine.map(({ bytes }) => decodeMessage(bytes));
  const frontier = messages.find((message) => message.type === "frontier")!.frontier;
  const blocks = mine.filter((_, at) => messages[at]!.type === "block").map(({ bytes }) => digestOf(bytes));
  return {
    blocks: blocks.sort().join(" "),
    generation: frontier.highestFinalizableGeneration,
    locksTold: frontier.locks.length,
    locksDue: Math.min(locksDue, locksInFrontier),
    positions: frontier.positions.map(String).join(" "),
    locks: frontier.locks
      .map((lock) => digestOf(encodeLockProof(lock)))
      .sort()
      .join(" "),
    metablocks: messages.filter(({ type }) => type === "metablock").length,
  };
}

/** How often a byte of a proof is changed. */
const changes = 3;

/** The firmware's judge takes the proof, and neither it nor the second judge one in which a byte was changed. */
export function checkTampered(
  world: World,
  group: Group,
  position: number,
  final: FinalBlock,
  fail: (what: string) => void,
): void {
  const { crypto, draw } = world;
  const where = `the proof of slot ${position} of ${group.name}`;
  const firmware = (bytes: Uint8Array) => verifyFinalityProof(crypto, decodeFinalityProof(bytes)).position;
  if (refuses(() => firmware(final.proof))) fail(`${where} is refused by the firmware`);
  for (let count = 0; count < changes; count++) {
    const tampered = final.proof.slice();
    const at = draw.below(tampered.length);
    tampered[at]! ^= 1 << draw.below(8);
    if (!refuses(() => firmware(tampered))) fail(`${where} with byte ${at} changed is taken by the firmware`);
    const second = () => {
      if (lacking(crypto, group, position, tampered) !== undefined) throw new Error("lacking");
    };
    if (!refuses(second)) fail(`${where} with byte ${at} changed is taken by the second judge`);
  }
}

function refuses(judge: () => unknown): boolean {
  try {
    judge();
    return false;
  } catch {
    return true;
  }
}

/** Samples what is final at one of its owners. */
export function checkSomeProofs(world: World, checkers: Checkers): void {
  for (const group of world.groups.values()) {
    const member = [...world.members.values()].find(({ name }) => group.owners.includes(name) && !isLiar(world, name));
    const history = member ? checkers.historyOf(member, group) : [];
    if (history.length === 0) continue;
    const position = world.draw.below(history.length);
    checkTampered(world, group, position, history[position]!, checkers.fail);
  }
}
