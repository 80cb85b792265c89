import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import type { Mutant } from "./mutants";
import { drawPlan } from "./plan";
import { platform } from "./platform";
import { simulate } from "./simulate";

const root = fileURLToPath(new URL("../..", import.meta.url));
const core = join(root, "firmware/core");

/** The simulator over a core in which the mutant's text stands. Throws where what it replaces is not there exactly once. */
async function mutated({ name, changes }: Mutant): Promise<typeof simulate> {
  const directory = mkdtempSync(join(tmpdir(), "vertebra-mutant-"));
  const outfile = join(directory, "simulate.mjs");
  try {
    const found = new Set<string>();
    const plugin: Plugin = {
      name: "mutant",
      setup(building) {
        building.onLoad({ filter: /firmware[\\/]core[\\/].*\.ts$/ }, ({ path }) => {
          const here = changes.filter(({ file }) => join(core, file) === path);
          if (here.length === 0) return undefined;
          found.add(path);
          return {
            contents: here.reduce((text, change) => replaced(name, text, change), readFileSync(path, "utf8")),
            loader: "ts",
          };
        });
      },
    };
    await build({
      entryPoints: [join(root, "test/sim/simulate.ts")],
      ...{ bundle: true, platform: "node", format: "esm", outfile, plugins: [plugin], logLevel: "silent" },
    });
    for (const { file } of changes) {
      if (!found.has(join(core, file)))
        throw new Error(`mutant "${name}" changes ${file}, which the simulator does not load`);
    }
    return (await import(pathToFileURL(outfile).href)).simulate;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function replaced(name: string, text: string, { file, from, to }: Mutant["changes"][number]): string {
  const pieces = text.split(from);
  if (pieces.length !== 2) throw new Error(`mutant "${name}": ${file} has this ${pieces.length - 1} times: ${from}`);
  return pieces.join(to);
}

export interface Caught {
  readonly seed: number;
  readonly worlds: number;
  readonly failure: string;
}

/** Runs the mutant in the worlds of these seeds until a checker catches what the true core does not do in the same world. */
export async function hunt(mutant: Mutant, seeds: Iterable<number>): Promise<Caught | undefined> {
  const simulateMutant = await mutated(mutant);
  let worlds = 0;
  for (const seed of seeds) {
    worlds++;
    const plan = drawPlan(seed);
    const failure = simulateMutant(plan, platform).failures[0];
    if (failure !== undefined && simulate(plan, platform).failures.length === 0) return { seed, worlds, failure };
  }
  return undefined;
}
