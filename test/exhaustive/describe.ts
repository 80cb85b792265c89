import { equal, toHex } from "../../firmware/core/wire/bytes";
import { hash } from "../../firmware/core/wire/hash";
import { decodeMessage } from "../../firmware/core/wire/messages";
import { decodeBlockReference, decodeCertificate, decodeMetablockHeader } from "../../firmware/core/wire/structures";
import type { Scenario } from "./scenario";

/** A message in a trace: `METABLOCK 3f9a 1.0 of B on 77d2, 0:c41e` is of generation 1, attempt 0, with block c41e in slot 0. */
export function describe(scenario: Scenario, bytes: Uint8Array): string {
  const { crypto } = scenario;
  const message = decodeMessage(bytes);
  const nameOf = (avatar: Uint8Array) => "ABC"[scenario.avatars.findIndex((each) => equal(each, avatar))];
  const type = message.type.toUpperCase();
  switch (message.type) {
    case "block":
      return `${type} ${short(hash(crypto, "block", message.header))}`;
    case "metablock": {
      const { sequence, attempt, issuer, parents, releasedGroups } = decodeMetablockHeader(message.header);
      const references = message.references.map(({ bytes: reference }) => decodeBlockReference(reference));
      const on = parents.length > 0 ? ` on ${parents.map(short).join(" ")}` : "";
      const releases = releasedGroups.length > 0 ? ", releases" : "";
      const slots = references.map(({ position, block }) => `, ${position}:${short(block)}`).join("");
      const id = short(hash(crypto, "metablock", message.header));
      return `${type} ${id} ${sequence}.${attempt} of ${nameOf(issuer)}${on}${releases}${slots}`;
    }
    case "certificate": {
      const { metablock, signer, scope } = decodeCertificate(message.certificate);
      const what = scope === null ? "all" : `[${scope.own}] [${scope.parents.join(" ")}]`;
      return `${type} of ${nameOf(signer)} for ${short(metablock)} ${what}`;
    }
    case "frontier": {
      const { highestFinalizableGeneration, attempt, positions, locks } = message.frontier;
      return `${type} ${highestFinalizableGeneration}.${attempt} final ${positions.map(([, position]) => position)}, ${locks.length} locks`;
    }
    default:
      return type;
  }
}

function short(id: Uint8Array): string {
  return toHex(id).slice(0, 4);
}
