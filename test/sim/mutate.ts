import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Plugin } from "esbuild";
import { bundle, root } from "./bundle";
import type { Mutant } from "./mutant";
import { startWorker } from "./workers";

/** Where a mutant's file is: below firmware/core where its path does not name another room of the firmware. */
function pathOf(file: string): string {
  return join(root, "firmware", /^(?:link|store|device)\//.test(file) ? "" : "core", file);
}

/**
 * A piece of the simulator over a core that has the mutant's text; returns its path. Throws where what it replaces is not there
 * exactly once.
 */
export async function bundleMutant(
  { name, changes }: Pick<Mutant, "name" | "changes">,
  entry = "worker.ts",
): Promise<string> {
  const found = new Set<string>();
  const plugin: Plugin = {
    name: "mutant",
    setup(building) {
      building.onLoad({ filter: /firmware[\\/].*\.ts$/ }, ({ path }) => {
        const here = changes.filter(({ file }) => pathOf(file) === path);
        if (here.length === 0) return undefined;
        found.add(path);
        const contents = here.reduce((text, change) => replaced(name, text, change), readFileSync(path, "utf8"));
        return { contents, loader: "ts" };
      });
    },
  };
  const path = await bundle(entry, `${name.replaceAll(/\W+/g, "-")}-${basename(entry, ".ts")}.mjs`, [plugin]);
  for (const { file } of changes) {
    if (!found.has(pathOf(file)))
      throw new Error(`mutant "${name}" changes ${file}, which the simulator does not load`);
  }
  return path;
}

function replaced(name: string, text: string, { file, from, to }: Mutant["changes"][number]): string {
  const pieces = text.split(from);
  if (pieces.length !== 2) throw new Error(`mutant "${name}": ${file} has this ${pieces.length - 1} times: ${from}`);
  return pieces.join(to);
}

export interface Caught {
  readonly seed: number;
  readonly failure: string;
}

/** Runs the mutant in the worlds of these seeds until a checker catches what the true core does not do in the same world. */
export async function hunt(mutant: Mutant, seeds: Iterable<number>): Promise<Caught | undefined> {
  const truth = { name: `not ${mutant.name}`, changes: [] };
  const [mutated, real] = [startWorker(await bundleMutant(mutant)), startWorker(await bundleMutant(truth))];
  try {
    for (const seed of seeds) {
      const drawn = { kind: mutant.kind ?? "hostile", seed } as const;
      const failure = (await mutated.run(drawn)).failures[0];
      if (failure !== undefined && (await real.run(drawn)).failures.length === 0) return { seed, failure };
    }
    return undefined;
  } finally {
    mutated.end();
    real.end();
  }
}
