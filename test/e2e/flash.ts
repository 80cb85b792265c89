import { readFileSync } from "node:fs";
import { decodeProvision } from "../../firmware/core/identity/provision";
import { packingFor } from "../../firmware/device/keeping";
import { type Journal, openJournal } from "../../firmware/store/journal";
import type { Board } from "../../gateway/world/world";
import { crypto } from "../gateway/worlds";
import { noWear } from "../store/all-records";
import { createNor } from "../store/nor";

/** As firmware/device/ports.ts has it. */
const sectorSize = 4096;

/** What the flash of a board holds, which may be running: then it is what a power cut would leave. */
export function journalOf({ flashFile, provisionFile }: Board): Journal {
  const bytes = readFileSync(flashFile);
  const nor = createNor(bytes.length / sectorSize, sectorSize);
  nor.bytes.set(bytes);
  const { seed, worlds } = decodeProvision(new Uint8Array(readFileSync(provisionFile)));
  return openJournal(nor.flash, crypto.signer(seed).publicKey, noWear, packingFor(crypto, worlds[0]!));
}
