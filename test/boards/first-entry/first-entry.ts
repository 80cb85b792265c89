import { ample } from "../../../firmware/core/bounds";
import { avatarSeed } from "../../../firmware/core/identity/avatar";
import { decodeEntry, encodeEntry } from "../../../firmware/core/pact/entry";
import { encodePact, pactId, syncGroupId } from "../../../firmware/core/pact/pact";
import { createParticipant } from "../../../firmware/core/participant";
import { toHex } from "../../../firmware/core/wire/bytes";
import { encodeSyncGroup } from "../../../firmware/core/wire/structures";
import type { Pact } from "../../../firmware/core/wire/types";
import { createDriver, drive } from "../../../firmware/device/driver";
import { nobleCrypto } from "../../../firmware/device/noble";
import { openJournal, readRecord, writeRecords } from "../../../firmware/store/journal";
import { allRecords, noWear } from "../../store/all-records";
import { createNor } from "../../store/nor";

const pact: Pact = {
  name: "machine",
  version: 1,
  extends: null,
  fields: [
    { name: "load", type: { kind: "f32" }, min: 0 },
    { name: "uptime", type: { kind: "u32" }, unit: "s" },
  ],
  policy: {
    quorum: "all",
    ordered: true,
    private: false,
    writers: "owners",
    retention: 0,
    largestEntry: 64,
    whenFull: "wait",
  },
};

/**
 * What a participant tells of one entry, in a group that it owns alone, with its records in NOR flash: a line for each outcome,
 * and one for each record in the flash when it is opened again. The same on every engine, to the last byte.
 */
export function firstEntry(): string[] {
  const crypto = nobleCrypto();
  const seed = new Uint8Array(32).fill(1);
  const worldId = new Uint8Array(32).fill(2);
  const { publicKey: avatar } = crypto.signer(avatarSeed(crypto, seed, worldId));
  const encodedPact = encodePact(pact);
  const group = encodeSyncGroup({ pact: pactId(crypto, encodedPact), owners: [avatar] });
  const world = { worldId, stewards: [], pacts: [encodedPact], groups: [group], readings: [] };
  const participant = createParticipant({ crypto, seed, worlds: [world], bounds: ample, records: [] });
  const { flash } = createNor(8, 4096);
  const journal = openJournal(flash, avatar, noWear);
  const lines: string[] = [];
  const driver = createDriver({
    participant,
    write: (puts, deletes) => writeRecords(journal, puts, deletes),
    read: (key) => readRecord(journal, key),
    clock: { now: () => ({ monotonic: 1000, wall: 0 }) },
    send: () => lines.push("sent, though there is no peer"),
    cut: (_peer, reason) => lines.push(reason.message),
    wake: () => {},
    deliver(outcome) {
      if (outcome.kind === "sealed") lines.push(`sealed ${toHex(outcome.block)}`);
      if (outcome.kind === "refused" || outcome.kind === "notice") lines.push(outcome.error.message);
      if (outcome.kind !== "final") return;
      for (const entry of outcome.block.entries ?? []) {
        lines.push(`final ${outcome.block.firstEntry} ${decodeEntry(pact.fields, entry).join(" ")}`);
      }
    },
  });
  drive(driver, { kind: "boot" });
  const entry = encodeEntry(pact.fields, [0.25, 86_400], pact.policy);
  drive(driver, {
    kind: "push",
    world: participant.avatars()[0]!.world,
    group: syncGroupId(crypto, group),
    entry,
    id: null,
    token: 1,
  });
  drive(driver, { kind: "flush" });
  for (const [key, value] of allRecords(openJournal(flash, avatar, noWear)))
    lines.push(`record ${key} ${toHex(value)}`);
  return lines;
}
