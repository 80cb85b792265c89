import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ample } from "../../firmware/core/bounds";
import { createParticipant } from "../../firmware/core/participant";
import { toHex } from "../../firmware/core/wire/bytes";
import { type Disk, nodeDisk } from "../../gateway/participant/disk";
import type { HistoricBlock } from "../../gateway/participant/final-block";
import type { World } from "../../gateway/world/world";
import { failingDisk, PowerCut } from "./failing-disk";
import { openedStore } from "./stores";
import { crypto, encodedReading, worldOfOne } from "./worlds";

let parent: string;
let world: World;
let directory: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "vertebra-cut-"));
  world = worldOfOne(join(parent, "world"));
  directory = join(parent, "store");
});
afterEach(() => rmSync(parent, { recursive: true }));

const group = () => world.catalog.group("machine");
const owner = () => crypto.signer(world.seed).publicKey;

function entryOf(load: number): Uint8Array {
  return encodedReading(group(), load);
}

/** Seals blocks of these loads, each final at once, until the power is cut. Returns the loads that were said to be sealed. */
async function seal(disk: Disk, loads: readonly number[]): Promise<number[]> {
  const store = await openedStore(directory, owner(), disk);
  const worlds = [world.provision];
  const participant = createParticipant({ crypto, seed: world.seed, worlds, bounds: ample, records: store.records() });
  const told: number[] = [];
  let now = 0;
  try {
    for (const load of loads) {
      const entry = entryOf(load);
      const pushed = { kind: "push", world: world.tag, group: group().id, entry, id: null, token: load } as const;
      for (const event of [...(now === 0 ? [{ kind: "boot" } as const] : []), pushed, { kind: "flush" } as const]) {
        now += 1;
        for (const action of participant.handle(event, { monotonic: now, wall: now })) {
          if (action.kind === "write") await store.write(action.puts, action.deletes);
          else if (action.kind === "sealed") told.push(...action.tokens);
        }
      }
    }
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error;
  }
  await store.close();
  return told;
}

async function history(): Promise<(HistoricBlock | undefined)[]> {
  const store = await openedStore(directory, owner());
  const key = toHex(group().id);
  const { blocks, entries } = store.final(world.tag, key);
  const found = await store.blocks(world.tag, key, 0, blocks + 5);
  expect(entries).toBe(blocks);
  expect(found).toHaveLength(blocks);
  await store.close();
  return found;
}

describe("a power cut between the history and the journal", () => {
  it("at any write to the disk loses nothing that was told, and doubles nothing", async () => {
    const whole = failingDisk();
    expect(await seal(whole, [0, 1, 2])).toEqual([0, 1, 2]);
    for (let cut = 0; cut < whole.operations; cut++) {
      rmSync(directory, { recursive: true });
      const disk = failingDisk();
      disk.cutAt = cut;
      const told = await seal(disk, [0, 1, 2]).catch((error) => {
        if (error instanceof PowerCut) return [];
        throw error;
      });
      // And once more, in what comes after it.
      const again = await seal(nodeDisk, [3, 4]);
      const loads = (await history()).map((block) => block!.entries![0]!);
      const expected = [...told, ...again].map((load) => toHex(entryOf(load)));
      const found = loads.map(toHex);
      // The last before the cut may have become durable without its word being told.
      if (found.length > expected.length) found.splice(told.length, 1);
      expect(found, `cut at ${cut}`).toEqual(expected);
    }
  }, 60_000);

  it("leaves in the history a block that the journal knows nothing of, which nobody sees, and which the next one replaces", async () => {
    await seal(nodeDisk, [0, 1]);
    const journal = join(directory, "journal");
    copyFileSync(journal, join(parent, "before"));
    await seal(nodeDisk, [2]);
    copyFileSync(join(parent, "before"), journal);
    expect(await history()).toHaveLength(2);
    await seal(nodeDisk, [7]);
    const [, , third] = await history();
    expect(third!.header.counter).toBe(3);
    expect(third!.entries).toEqual([entryOf(7)]);
  });
});
