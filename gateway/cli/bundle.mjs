// Makes one file of the command line's TypeScript sources, so that a call of it compiles nothing.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The rooms that the command line is made of. */
const rooms = ["firmware", "gateway"];
const entry = "gateway/cli/main.ts";
/** Bundles that are left where they are: one who runs another version may be about to load its own. */
const kept = 4;

/**
 * The path of the bundle of the sources below `root` as they are now, in `folder`: its name is the hash of all that it is made of. Where it
 * is not there, it is made, and put in its place in one piece: several who do so at once make the same. Throws as the file system does.
 */
export async function bundle(root, folder) {
  const path = join(folder, `${hashOf(root)}.mjs`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const { build } = await import("esbuild");
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    tsconfigRaw: {},
    plugins: [placed],
    logLevel: "silent",
  });
  const draft = `${path}.${process.pid}.draft`;
  try {
    writeFileSync(draft, result.outputFiles[0].contents);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  forget(folder);
  return path;
}

/** A module finds files beside it by its own URL, in the bundle too. */
const placed = {
  name: "placed",
  setup({ onLoad }) {
    onLoad({ filter: /\.(ts|mjs)$/ }, ({ path }) => {
      const contents = readFileSync(path, "utf8").replaceAll(
        "import.meta.url",
        JSON.stringify(pathToFileURL(path).href),
      );
      return { contents, loader: path.endsWith(".ts") ? "ts" : "js" };
    });
  },
};

function hashOf(root) {
  const hash = createHash("sha256").update(`${root} ${readFileSync(fileURLToPath(import.meta.url))}`);
  for (const room of rooms) {
    for (const name of readdirSync(join(root, room), { recursive: true }).sort()) {
      if (!/\.(ts|mjs)$/.test(name)) continue;
      const text = readFileSync(join(root, room, name));
      hash.update(`${room}/${name} ${text.length} `).update(text);
    }
  }
  return hash.digest("hex").slice(0, 32);
}

function forget(folder) {
  const bundles = readdirSync(folder).map((name) => ({ path: join(folder, name), at: timeOf(join(folder, name)) }));
  for (const { path } of bundles.sort((a, b) => b.at - a.at).slice(kept)) rmSync(path, { force: true });
}

/** Another may have forgotten it meanwhile. */
function timeOf(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** The command line: its bundle, or, where none can be written, the sources, compiled at each call. */
export async function commandLine() {
  try {
    return await import(pathToFileURL(await bundle(root, join(root, "build/cli"))).href);
  } catch (error) {
    if (typeof error.errno !== "number") throw error;
    const { register } = await import("tsx/esm/api");
    register();
    return import("./main.ts");
  }
}
