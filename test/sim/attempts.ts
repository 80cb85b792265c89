import { toHex } from "../../firmware/core/wire/bytes";
import { decodeMessage } from "../../firmware/core/wire/messages";
import { decodeCertificate } from "../../firmware/core/wire/structures";
import { type Checkers, isSuspect } from "./checkers";
import type { Member, Watcher, World } from "./world";

/** "K is not ahead of its attempt" (PROTOCOL 6): what an honest member certifies of the generation that is next, it is as far as. */
export function checkAttempts(worldOf: () => World, checkers: Checkers): Watcher {
  return {
    sent() {},
    answered(member, _event, actions, { signatures }) {
      if (signatures === 0 || isSuspect(worldOf(), member)) return;
      for (const action of actions) {
        // The second byte of a message is its type: CERTIFICATE.
        if (action.kind === "send" && action.bytes[1] === 5) checkVote(member, action.bytes, signatures);
      }
    },
    wrote() {},
    delivered() {},
    power() {},
    ordered() {},
    noted() {},
  };

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
    // Both only rise, but for the attempt, which begins anew with a generation.
    if (header.sequence === chain.highestFinalizableGeneration + 1 && header.attempt > chain.attempt)
      checkers.fail(
        `${member.name} voted in attempt ${header.attempt} of generation ${header.sequence}, and is in ${chain.attempt}`,
      );
  }
}
