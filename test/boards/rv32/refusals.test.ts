import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeProvision, type Provision } from "../../../firmware/core/identity/provision";
import { crc32c } from "../../../firmware/core/wire/crc32c";
import { encodeText } from "../../../firmware/core/wire/text";
import { formatVersion } from "../../../firmware/store/front";
import { openJournal, readRecord, writeRecords } from "../../../firmware/store/journal";
import { nodeRandom } from "../../../gateway/participant/platform";
import { layOutWorld } from "../../../gateway/world/layout";
import { readDefinition } from "../../../gateway/world/world";
import { crypto } from "../../gateway/worlds";
import { noWear } from "../../store/all-records";
import { createNor, type Nor } from "../../store/nor";
import { firmwareOrReason, type Machine, runOnRv32 } from "./emulated";

const { image, reason } = await firmwareOrReason();
const sectorSize = 256 * 1024;
const sectors = 8;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vertebra-rv32-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const definition = readDefinition("rv32");
const [{ provision } = { provision: undefined as never }] = layOutWorld(crypto, nodeRandom(), {
  boards: [definition],
  sagas: [],
}).boards;

function ownerOf(seed: Uint8Array): Uint8Array {
  return crypto.signer(seed).publicKey;
}

/** A flash in which the board has been at work. */
function usedBy(seed: Uint8Array): Nor {
  const nor = createNor(sectors, sectorSize);
  writeRecords(openJournal(nor.flash, ownerOf(seed), noWear), new Map([["board/halted", Uint8Array.of(0)]]), new Set());
  return nor;
}

interface Case {
  readonly journal: Uint8Array;
  readonly provision?: Provision;
  readonly definition?: Uint8Array;
  readonly machine?: Machine;
}

async function runWith(each: Case) {
  const parts = [
    ["provision", encodeProvision(each.provision ?? provision)],
    ["board.json", each.definition ?? definition],
  ] as const;
  const { status, lines, flash } = await runOnRv32(image!, folder, parts, undefined, {
    journal: each.journal,
    ...each.machine,
  });
  const journal = flash.subarray(sectorSize, sectorSize + each.journal.length);
  return { status, told: lines.join("\n"), journal };
}

/** What the board says of it on its log line; what lies in its journal must be as it was. */
async function refusalOf(each: Case): Promise<string> {
  const { status, told, journal } = await runWith(each);
  expect(status).toBe(1);
  expect(journal.equals(each.journal)).toBe(true);
  return told;
}

/** A version of the format that is not there yet, in all that was prepared. */
function newer({ bytes }: Nor): Uint8Array {
  const changed = Buffer.from(bytes);
  for (let at = 0; at < changed.length; at += sectorSize) {
    if (changed.readUInt32LE(at) === 0xffffffff) continue;
    changed.writeUInt16LE(formatVersion + 1, at + 4);
    changed.writeUInt32LE(crc32c(changed.subarray(at, at + 52)), at + 52);
  }
  return changed;
}

/** A flash that noted of three of its sectors that they hold no more what is put into them. */
function worn(): Uint8Array {
  const nor = createNor(sectors, sectorSize);
  for (const sector of [2, 3, 4]) nor.wearOut(sector);
  const journal = openJournal(nor.flash, ownerOf(provision.seed), () => {});
  for (let step = 0; step < 400; step++)
    writeRecords(journal, new Map([["w/t/state", new Uint8Array(8_000).fill(step % 100)]]), new Set());
  return nor.bytes;
}

describe.skipIf(reason)(
  "an emulated board tells what is wrong and what to do, ends, and leaves its flash as it is",
  () => {
    it("where the flash is another participant's", async () => {
      const told = await refusalOf({ journal: usedBy(new Uint8Array(32).fill(9)).bytes });
      expect(told).toContain("(store-foreign)");
      expect(told).toContain("Give this participant a store of its own");
    });

    it("where a newer version wrote it", async () => {
      expect(await refusalOf({ journal: newer(usedBy(provision.seed)) })).toMatch(/Update Vertebra.*\(store-newer\)/);
    });

    it("where it is full of something else", async () => {
      const journal = Buffer.alloc(sectors * sectorSize, "no store, but photographs ");
      expect(await refusalOf({ journal })).toMatch(/something that is no store.*\(store-unknown\)/);
    });

    it("where it was made in a flash of another size", async () => {
      const nor = createNor(2 * sectors, sectorSize / 2);
      openJournal(nor.flash, ownerOf(provision.seed), noWear);
      expect(await refusalOf({ journal: nor.bytes })).toMatch(/16 sectors of 131072 bytes.*\(store-size\)/);
    });

    it("where so much of it is worn that its promises find no room, and none of them is lost", async () => {
      const { status, told, journal } = await runWith({ journal: worn() });
      expect(told).toMatch(/needs \d+\. Give it a larger flash.*\(store-small\)/);
      expect(status).toBe(1);
      const nor = createNor(sectors, sectorSize);
      nor.bytes.set(journal);
      expect(
        readRecord(
          openJournal(nor.flash, ownerOf(provision.seed), () => {}),
          "w/t/state",
        )![0],
      ).toBe(399 % 100);
    });

    it("where its memory can't hold its groups, before its flash is touched", async () => {
      const boards = Array.from({ length: 7 }, () => readDefinition("linux"));
      const wide = layOutWorld(crypto, nodeRandom(), { boards, sagas: [] }).boards[0]!.provision;
      const told = await refusalOf({ journal: new Uint8Array(sectors * sectorSize).fill(0xff), provision: wide });
      expect(told).toMatch(
        /The board has 520 KB of memory.*2 groups \(of 2, 8 owners\).*1 of the groups fit.*\(board-memory\)/,
      );
    });

    it("where nothing says how much memory it has", async () => {
      const { memory: _, ...without } = JSON.parse(new TextDecoder().decode(definition));
      const told = await refusalOf({
        journal: new Uint8Array(sectors * sectorSize).fill(0xff),
        definition: encodeText(JSON.stringify(without)),
      });
      expect(told).toMatch(/does not say how much memory.*\(board-memory\)/);
    });
  },
);

describe.skipIf(reason)("an emulated board whose parts fail", () => {
  const parts = [
    ["provision", encodeProvision(provision)],
    ["board.json", definition],
  ] as const;

  it("does not start without random bytes, and says what it needs", async () => {
    const journal = new Uint8Array(sectors * sectorSize).fill(0xff);
    const machine = { journal, without: ["virtio-rng-device"] };
    const { status, lines } = await runOnRv32(image!, folder, parts, undefined, machine);
    expect(lines.join("\n")).toMatch(/no random bytes.*virtio-rng-device.*\(native-random\)/);
    expect(status).toBe(1);
  });

  it("that has a flash which can't be written says so, and tries again", async () => {
    const journal = new Uint8Array(sectors * sectorSize).fill(0xff);
    const machine = { journal, drive: ",readonly=on", until: /another flash/ };
    const { lines, flash } = await runOnRv32(image!, folder, parts, undefined, machine);
    expect(lines.join("\n")).toMatch(/The flash can't be .*Give the board another flash/);
    expect(flash.subarray(sectorSize, sectorSize + journal.length).equals(journal)).toBe(true);
  });
});
