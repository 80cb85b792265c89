import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeFinalRecord } from "../../firmware/core/block/final-record";
import { avatarSeed } from "../../firmware/core/identity/avatar";
import { encodeProvision, noSagas } from "../../firmware/core/identity/provision";
import { encodePact, pactId, syncGroupId } from "../../firmware/core/pact/pact";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import { hash } from "../../firmware/core/wire/hash";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import type { Pact } from "../../firmware/core/wire/types";
import { packingFor } from "../../firmware/device/keeping";
import type { Line } from "../../firmware/device/lines";
import type { Crypto, Flash } from "../../firmware/ports";
import { openJournal } from "../../firmware/store/journal";
import type { Firmware } from "../../gateway/fleet/xs-program";
import { nodeCrypto } from "../../gateway/participant/crypto";
import { allRecords, noWear } from "../store/all-records";
import { type Running, startProgram } from "./host";

/** Two boards of one world that own a group together, on the two ends of one pseudo-terminal. */
export interface TwoBoards {
  readonly avatars: readonly string[];
  start(board: 0 | 1, env?: Record<string, string>): RunningBoard;
  /** Positions and blocks that the flash of a board that has ended holds as final. */
  stored(board: 0 | 1): [number, string][];
}

export interface RunningBoard extends Running {
  /** What it told so far. */
  told(): Line[];
  finals(): Extract<Line, { event: "final" }>[];
  sealed(): Extract<Line, { event: "sealed" }>[];
}

export const pact: Pact = {
  name: "machine",
  version: 1,
  extends: null,
  fields: [
    { name: "load", type: { kind: "f32" }, min: 0 },
    { name: "memory", type: { kind: "f32" }, unit: "MiB", min: 0 },
    { name: "temperature", type: { kind: "f32" }, unit: "°C" },
    { name: "uptime", type: { kind: "u32" }, unit: "s" },
  ],
  policy: {
    quorum: "all",
    ordered: true,
    private: false,
    writers: "owners",
    retention: 0,
    largestEntry: 256,
    whenFull: "wait",
  },
};

export function createTwoBoards(
  firmware: Firmware,
  folder: string,
  everyMs: number,
  crypto: Crypto = nodeCrypto(),
): TwoBoards {
  const worldId = new Uint8Array(32).fill(9);
  const seeds = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const avatars = seeds.map((seed) => crypto.signer(avatarSeed(crypto, seed, worldId)).publicKey);
  const encoded = encodePact(pact);
  const group = encodeSyncGroup({ pact: pactId(crypto, encoded), owners: [...avatars].sort(compare) });
  const readings = [{ group: syncGroupId(crypto, group), everyMs }];
  for (const [index, seed] of seeds.entries()) {
    const world = { worldId, stewards: [], pacts: [encoded], groups: [group], readings, sagas: noSagas };
    writeFileSync(join(folder, `provision-${index}`), encodeProvision({ seed, worlds: [world] }));
  }
  return {
    avatars: avatars.map((avatar) => toHex(avatar)),
    start(board, env) {
      const wire = [board === 0 ? "--pty" : "--serial", join(folder, "cable")];
      const files = ["--provision", join(folder, `provision-${board}`), "--flash", join(folder, `flash-${board}`)];
      const running = startProgram(firmware.host, [firmware.program, ...files, ...wire, "--json"], env);
      const told = () => running.lines.map((line) => JSON.parse(line) as Line);
      return {
        ...running,
        told,
        finals: () => told().filter((line) => line.event === "final"),
        sealed: () => told().filter((line) => line.event === "sealed"),
      };
    },
    stored(board) {
      const owner = crypto.signer(seeds[board]!).publicKey;
      const packing = packingFor(crypto, { groups: [group], pacts: [encoded] });
      const records = allRecords(openJournal(flashOf(join(folder, `flash-${board}`)), owner, noWear, packing));
      const finals = [...records].filter(([key]) => key.startsWith("final/")).sort(([a], [b]) => (a < b ? -1 : 1));
      return finals.map(([key, value]) => {
        const { blockHeader } = decodeFinalityProof(decodeFinalRecord(value).proof);
        return [Number(key.split("/")[3]), toHex(hash(crypto, "block", blockHeader))];
      });
    },
  };
}

/** What lies in a flash file; the file itself stays as it is. */
function flashOf(path: string): Flash {
  const bytes = new Uint8Array(readFileSync(path));
  return {
    size: bytes.length,
    sectorSize: 4096,
    writeSize: 4,
    read: (offset, length) => bytes.slice(offset, offset + length),
    program: (offset, data) => {
      for (const [at, byte] of data.entries()) bytes[offset + at]! &= byte;
    },
    erase: (sector) => void bytes.fill(0xff, sector * 4096, (sector + 1) * 4096),
    sync: () => {},
  };
}
