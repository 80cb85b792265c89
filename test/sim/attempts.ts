import { furthestAhead, furthestByWaiting, leap } from "../../firmware/core/chain/world";
import { toHex } from "../../firmware/core/wire/bytes";
import { decodeMessage } from "../../firmware/core/wire/messages";
import { decodeCertificate } from "../../firmware/core/wire/structures";
import { apart } from "../core/apart";
import { type Checkers, isSuspect } from "./checkers";
import type { Member, Watcher, World } from "./world";

/**
 * "K is not ahead of its attempt" (PROTOCOL 6): what an honest member certifies of the generation that is next, it is as far as. And
 * "a generation can't be run away with": its HFG leaps once a second, and by no more than 2^20 where half
 * of all generations are behind.
 */
export function checkAttempts(worldOf: () => World, checkers: Checkers): Watcher {
  const generations = new Map<string, number>();
  const leaps = new Map<string, { readonly at: number; readonly boots: number }>();
  const voted = new Set<string>();
  return {
    sent() {},
    answered(member, _event, actions, { signatures }) {
      if (isSuspect(worldOf(), member)) return;
      // Of a generation further ahead the attempt does not count, and it may have become the next one with this very event.
      if (checkGeneration(member) || signatures === 0) return;
      for (const action of actions) {
        // The second byte of a message is its type: CERTIFICATE.
        if (action.kind !== "send") continue;
        for (const each of apart(action.bytes)) if (each[1] === 5) checkVote(member, each, signatures);
      }
    },
    wrote() {},
    delivered() {},
    power() {},
    ordered() {},
    noted() {},
  };

  function checkLeap({ name, boots }: Member, generation: number): void {
    const at = worldOf().schedule.now();
    const last = leaps.get(name);
    // Its clock may run a little fast.
    if (last?.boots === boots && at - last.at < 0.8 * leap.everyMs)
      checkers.fail(`${name} leaped to generation ${generation}, and ${at - last.at} ms before to another`);
    leaps.set(name, { at, boots });
  }

  /** Returns whether its generation is another than before. */
  function checkGeneration(member: Member): boolean {
    const now = member.door?.worlds.get(worldOf().tag)?.highestFinalizableGeneration;
    if (now === undefined) return false;
    const before = generations.get(member.name) ?? -1;
    generations.set(member.name, now);
    // What follows from one event may be several generations.
    if (now > furthestByWaiting && now - before > 2 * furthestAhead)
      checkers.fail(`${member.name} went from generation ${before} to ${now} at once`);
    if (now - before > 2 * leap.generations) checkLeap(member, now);
    return now !== before;
  }

  /** Of those that were signed now: others were when it stood elsewhere. */
  function checkVote(member: Member, bytes: Uint8Array, signed: number): void {
    const world = worldOf();
    const message = decodeMessage(bytes);
    if (message.type !== "certificate") return;
    const { metablock, signer, signature } = decodeCertificate(message.certificate);
    const serial = world.signatures.serials.get(toHex(signature)) ?? -1;
    if (toHex(signer) !== member.key || serial < world.signatures.made - signed) return;
    const header = checkers.ledger.metablocks.get(toHex(metablock))?.header;
    const chain = member.door?.worlds.get(world.tag);
    if (header === undefined || chain === undefined) return;
    // "Or M is one that it certified in part" (PROTOCOL 6, rule 1): as when it was of a generation above, where K is not checked.
    const vote = `${member.name} ${toHex(metablock)}`;
    if (voted.has(vote)) return;
    voted.add(vote);
    // Both only rise, but for the attempt, which begins anew with a generation.
    if (header.sequence === chain.highestFinalizableGeneration + 1 && header.attempt > chain.attempt)
      checkers.fail(
        `${member.name} voted in attempt ${header.attempt} of generation ${header.sequence}, and is in ${chain.attempt}`,
      );
  }
}
