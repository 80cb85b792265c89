import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VertebraError } from "../../firmware/core/errors";
import { nodeDisk } from "../../gateway/participant/disk";
import { createPatience } from "../../gateway/participant/patience";
import { createPromises, journalSize, openPromises } from "../../gateway/participant/promises";

const owner = new Uint8Array(32).fill(7);
/** The smallest that a journal may have. */
const small = 8 * 4_096;

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vertebra-promises-"));
  path = join(directory, "journal");
});
afterEach(() => rmSync(directory, { recursive: true }));

type Records = ReadonlyMap<string, Uint8Array>;
const open = (at = path) =>
  openPromises(
    nodeDisk,
    createPatience(directory, () => {}),
    at,
    owner,
  );
const none: ReadonlySet<string> = new Set();

/** Claims, locks and a block, written one after the other, and one of them taken back. */
async function promised(): Promise<Records> {
  await createPromises(nodeDisk, path, owner, small, new Map());
  const promises = await open();
  for (let each = 0; each < 6; each++) {
    const value = Uint8Array.from({ length: 30 + 13 * each }, (_, at) => at * 7 + each);
    await promises.write(new Map([[`w/0/slot/${each}`, value]]), new Set([`w/0/slot/${each - 4}`]));
  }
  await promises.close();
  return new Map(promises.records);
}

/** What the journal at `at` gives, or the code of why it is refused. */
async function opened(at: string): Promise<Records | string> {
  try {
    const promises = await open(at);
    await promises.close();
    return promises.records;
  } catch (error) {
    if (error instanceof VertebraError) return error.code;
    throw error;
  }
}

describe("a gateway's promises", () => {
  it("are there again after a restart, and in the file that a new journal grew into", async () => {
    await createPromises(nodeDisk, path, owner, small, new Map());
    const promises = await open();
    const expected = new Map<string, Uint8Array>();
    // More than twice what the first journal has room for.
    for (let each = 0; each < 40; each++) {
      const value = new Uint8Array(1_000).fill(each);
      expected.set(`w/0/slot/${each}`, value);
      await promises.write(new Map([[`w/0/slot/${each}`, value]]), none);
    }
    await promises.close();
    expect(readFileSync(path).length).toBeGreaterThan(2 * small);
    expect(await opened(path)).toEqual(expected);
    expect(existsSync(`${path}.draft`)).toBe(false);
  });

  it("of one write that is larger than a whole journal find room, too", async () => {
    await createPromises(nodeDisk, path, owner, small, new Map());
    const promises = await open();
    const large = new Map(
      Array.from({ length: 9 }, (_, each) => [`w/0/block/${each}`, new Uint8Array(16_000)] as const),
    );
    await promises.write(large, none);
    await promises.close();
    expect(await opened(path)).toEqual(large);
  });

  it("with a bit flipped in any byte of the file are all there, or are refused as damaged: none is lost in silence", async () => {
    const expected = await promised();
    const whole = readFileSync(path);
    const last = [...whole].reduce((end, byte, at) => (byte === 0xff ? end : at), 0);
    const flipped = join(directory, "flipped");
    const verdicts = { whole: 0, refused: 0 };
    for (let at = 0; at < whole.length; at += at <= last ? 1 : 211) {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 1 << (at % 8);
      writeFileSync(flipped, bytes);
      const found = await opened(flipped);
      if (found === "store-damaged") {
        verdicts.refused++;
        expect(Buffer.compare(readFileSync(flipped), bytes), `the file with byte ${at} flipped`).toBe(0);
      } else {
        verdicts.whole++;
        expect(found, `what is read with byte ${at} flipped`).toEqual(expected);
      }
    }
    // All data, headers and CRCs; of what is erased, and of the padding, nothing is lost.
    expect(verdicts.refused).toBeGreaterThan(400);
    expect(verdicts.whole).toBeGreaterThan(40);
  }, 60_000);

  it("in a file that was cut short or made longer are refused, and never fewer", async () => {
    const expected = await promised();
    const { length } = readFileSync(path);
    const changed = join(directory, "changed");
    const lengths = [0, 1, 4_095, 4_096, 8_192, 12_288, length - 4_096, length - 1, length, length + 1, length + 4_096];
    for (const each of lengths) {
      copyFileSync(path, changed);
      truncateSync(changed, each);
      expect(await opened(changed), `a file of ${each} bytes`).toEqual(each === length ? expected : "store-damaged");
    }
  });

  it("are refused with the way out", async () => {
    await promised();
    const bytes = readFileSync(path);
    bytes[4_096 + 70]! ^= 1;
    writeFileSync(path, bytes);
    await expect(open()).rejects.toMatchObject({
      code: "store-damaged",
      message: expect.stringContaining(path),
      remedy: expect.stringContaining("Rename it to journal.given-up"),
    });
  });

  it("have room by how many groups there are", () => {
    expect(journalSize(1_024) - journalSize(0)).toBe(1_024 * 65_536);
  });
});
