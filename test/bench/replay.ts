import { ample } from "../../firmware/core/bounds";
import { createParticipant } from "../../firmware/core/participant";
import { equal } from "../../firmware/core/wire/bytes";
import { packingFor } from "../../firmware/device/keeping";
import type { Crypto, Flash } from "../../firmware/ports";
import { openJournal, writeRecords } from "../../firmware/store/journal";
import { noWear } from "../store/all-records";
import { finalTail, nextDigest, type Recording, timeAt } from "./recording";

/** What a recorded participant did from the first counted event on. */
export interface Replayed {
  /** What the engine ran for the protocol, and for the store; cryptography and the flash itself are in neither. */
  core: number;
  store: number;
  /** Bytes programmed into flash. */
  programmed: number;
  /** Blocks that became final. */
  finalized: number;
}

/**
 * Gives a new participant with a new store the events of a recording. `meter` tells what the engine has run so far. Throws where
 * the participant does anything else than was recorded.
 */
export function replay(recording: Recording, crypto: Crypto, meter: () => number): Replayed {
  const inner = createInnerMeter(meter);
  const flash = createFlash(inner);
  const { seed, worlds } = recording.provision;
  const journal = openJournal(flash.port, crypto.signer(seed).publicKey, noWear, packingFor(crypto, worlds[0]!));
  const participant = createParticipant({
    crypto: notMetered(crypto, inner),
    seed,
    worlds,
    bounds: { ...ample, finalTail },
    records: [],
  });
  const spent: Replayed = { core: 0, store: 0, programmed: 0, finalized: 0 };
  let digest: Uint8Array = new Uint8Array(32);
  for (const [index, { at, event }] of recording.events.entries()) {
    const programmed = flash.programmed();
    const began = inner.read();
    const actions = participant.handle(event, timeAt(at));
    const handled = inner.read();
    for (const action of actions) if (action.kind === "write") writeRecords(journal, action.puts, action.deletes);
    const written = inner.read();
    digest = nextDigest(crypto, digest, actions);
    if (index < recording.countedFrom) continue;
    spent.core += handled - began;
    spent.store += written - handled;
    spent.programmed += flash.programmed() - programmed;
    for (const { kind } of actions) if (kind === "final") spent.finalized++;
  }
  if (!equal(digest, recording.digest)) throw new Error("the participant did not do here what was recorded");
  return spent;
}

/** A meter that stands still while something is done that is not to be counted. */
interface InnerMeter {
  read(): number;
  pause<T>(act: () => T): T;
}

function createInnerMeter(meter: () => number): InnerMeter {
  let paused = 0;
  return {
    read: () => meter() - paused,
    pause(act) {
      const before = meter();
      const result = act();
      paused += meter() - before;
      return result;
    },
  };
}

/** On a board these are C. */
function notMetered(crypto: Crypto, meter: InnerMeter): Crypto {
  return {
    ...crypto,
    sha256: (bytes) => meter.pause(() => crypto.sha256(bytes)),
    signer(seed) {
      const { publicKey, sign } = meter.pause(() => crypto.signer(seed));
      return { publicKey, sign: (message) => meter.pause(() => sign(message)) };
    },
    verify: (key, message, signature) => meter.pause(() => crypto.verify(key, message, signature)),
  };
}

/** As a board on Linux has. */
const [flashSize, sectorSize] = [4 * 1024 * 1024, 4096];

function createFlash(meter: InnerMeter): { readonly port: Flash; programmed(): number } {
  const bytes = new Uint8Array(flashSize).fill(0xff);
  let programmed = 0;
  const program = (offset: number, data: Uint8Array) => {
    for (let at = 0; at < data.length; at++) bytes[offset + at]! &= data[at]!;
    programmed += data.length;
  };
  return {
    programmed: () => programmed,
    port: {
      size: flashSize,
      sectorSize,
      writeSize: 4,
      read: (offset, length) => meter.pause(() => bytes.slice(offset, offset + length)),
      program: (offset, data) => meter.pause(() => program(offset, data)),
      erase: (sector) => void bytes.fill(0xff, sector * sectorSize, (sector + 1) * sectorSize),
      sync: () => {},
    },
  };
}
