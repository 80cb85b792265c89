import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** A piece of the simulator with all that it imports as one file for Node, which starts and runs faster than many; returns its path. */
export async function bundle(entry: string, outfile: string, plugins: Plugin[] = []): Promise<string> {
  const path = join(root, "build/sim", outfile);
  await mkdir(join(root, "build/sim"), { recursive: true });
  await build({
    entryPoints: [join(root, "test/sim", entry)],
    ...{ bundle: true, platform: "node", format: "esm", outfile: path, plugins, logLevel: "silent" },
  });
  return path;
}
