import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import { expect, it } from "vitest";
import { hostOrReason, startOnXs } from "./host";
import { bundleProgram } from "./suites";

/**
 * A log that is read in C comes to what the reference comes to, whatever was written, wherever power was cut and whatever was spoilt:
 * the same in RAM, the same in flash, and the same errors.
 */

const host = await hostOrReason();
const rounds = 70;

const program = `
  import { VertebraError } from "./firmware/core/errors";
  import { crc32c } from "./firmware/core/wire/crc32c";
  import { utf8FromText } from "./firmware/core/wire/bulk";
  import { openJournal, writeRecords } from "./firmware/store/journal";
  import { keysIn, addressOf } from "./firmware/store/table";
  import { createNor, parts, PowerCut } from "./test/store/nor";
  import { seeded } from "./test/sim/random";

  const draw = seeded(Number(native.arguments[0]));
  const owner = new Uint8Array(32).fill(7);
  const seen = new Set();

  const inRam = ({ log, names }) => {
    const { table, sequences, ends, live, removals, states, head, sequence, liveBytes } = log;
    const places = [...keysIn(table)].sort((a, b) => a - b).map((key) => [key, addressOf(table, key), log.parts.get(key)]);
    return JSON.stringify([places, table.size, ...[sequences, ends, live, removals, states].map((each) => [...each]), head, sequence, liveBytes]);
  };
  const digest = (text) => crc32c(utf8FromText(text));
  const opened = (nor) => {
    try {
      return openJournal(nor.flash, owner, () => {});
    } catch (error) {
      if (!(error instanceof VertebraError)) throw error;
      return error;
    }
  };
  const keyOf = (many) => draw.one(["claim", "w/t/slot/" + draw.below(many), "final/" + draw.below(9) + "/" + draw.below(many), "w/t/block/" + (2 ** 32 - 1 - draw.below(9))]);
  const writeOf = (many, largest) => {
    const puts = new Map();
    for (let left = draw.below(5); left > 0; left--) puts.set(keyOf(many), new Uint8Array(draw.below(draw.chance(0.1) ? largest : 90)).fill(left));
    const deletes = new Set(Array.from({ length: draw.below(3) }, () => keyOf(many)));
    return [puts, deletes];
  };
  const history = (nor, writes, many, largest) => {
    let journal = opened(nor);
    for (let written = 0; written < writes; written++) {
      if (draw.chance(0.02)) nor.cutAt(nor.operations() + draw.below(12), draw.one(parts));
      try {
        writeRecords(journal, ...writeOf(many, largest));
      } catch (error) {
        if (!(error instanceof PowerCut) && error.code !== "store-full") throw error;
        seen.add(error.code ?? "cut");
      }
      nor.restore();
      if (journal.log.failed) journal = opened(nor);
      if (journal instanceof VertebraError) throw journal;
    }
    if (journal.log.parts.size > 0) seen.add("in parts");
  };
  for (let round = 0; round < Number(native.arguments[1]); round++) {
    const sectorSize = draw.one([512, 1024, 4096, 4096, 8192]);
    const nor = createNor(8 + draw.below(12), sectorSize, draw.one([0, 4, 8, 32]));
    history(nor, draw.below(draw.one([9, 90, 200])), draw.one([3, 30, 120]), draw.one([91, 2 * sectorSize]));
    if (draw.chance(0.4)) {
      seen.add("spoilt");
      for (let left = 1 + draw.below(3); left > 0; left--) nor.bytes[draw.below(nor.bytes.length)] ^= 1 << draw.below(8);
      nor.restore();
    }
    const journal = opened(nor);
    const told = journal instanceof VertebraError ? journal.code + journal.message : inRam(journal);
    seen.add(journal instanceof VertebraError ? journal.code : "opened");
    native.print(round + " " + digest(told) + " " + crc32c(nor.bytes));
  }
  native.print([...seen].sort().join(", "));
  const nor = createNor(20, 4096);
  history(nor, 400, 30, 91);
  const before = native.meter();
  opened(nor);
  native.print("" + (native.meter() - before));
`;

/** The modules of these names in C. */
const inC = (...modules: string[]): Plugin => ({
  name: "in C",
  setup(build) {
    for (const [name, native] of Object.entries({ bulk: "bulk", crc32c: "bulk", "plain-writes": "plain-writes" }))
      if (modules.includes(name))
        build.onResolve({ filter: new RegExp(`^\\.{1,2}/.*${name}$`) }, () => ({
          path: fileURLToPath(new URL(`../../firmware/native/native-${native}.ts`, import.meta.url)),
        }));
  },
});

async function run(
  modules: string[],
): Promise<{ readonly rounds: string[]; readonly seen: string; readonly bytecodes: number }> {
  const source = await bundleProgram(program, [inC(...modules)]);
  const { stdout, stderr } = await startOnXs(host.path, source, ["1", `${rounds}`]).ended;
  expect(stderr).toBe("");
  const lines = stdout.trimEnd().split("\n");
  return { rounds: lines.slice(0, -2), seen: lines.at(-2)!, bytecodes: Number(lines.at(-1)) };
}

it("reads a log in C as the reference does, histories and faults drawn at random", { timeout: 240_000 }, async ({
  skip,
}) => {
  if (host.reason) skip(host.reason);
  const reference = await run(["bulk", "crc32c"]);
  const read = await run(["bulk", "crc32c", "plain-writes"]);
  expect(read.rounds).toEqual(reference.rounds);
  expect(read.rounds.length).toBe(rounds);
  expect(read.seen).toBe("cut, in parts, opened, spoilt, store-damaged, store-full");
  expect(read.bytecodes).toBeLessThan(reference.bytecodes / 3);
});
