import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { root } from "../house/sources";

const started = promisify(execFile);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vertebra-bundle-"));
  for (const room of ["gateway/cli", "firmware"]) mkdirSync(join(folder, room), { recursive: true });
  write("firmware/word.ts", 'export const word: string = "first";');
  write(
    "gateway/cli/main.ts",
    'import { word } from "../../firmware/word";\nexport const told = [word, import.meta.url];',
  );
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (file: string, text: string) => writeFileSync(join(folder, file), text);
const built = () => join(folder, "build");

/** Bundles in a process of its own, which then loads it; its path and what it told. */
async function bundled(): Promise<{ path: string; told: string[] }> {
  const bundling = pathToFileURL(join(root, "gateway/cli/bundle.mjs")).href;
  const text = `
    const { bundle } = await import(${JSON.stringify(bundling)});
    const path = await bundle(${JSON.stringify(folder)}, ${JSON.stringify(built())});
    console.log(JSON.stringify({ path, told: (await import("file://" + path)).told }));`;
  const { stdout } = await started(process.execPath, ["--input-type=module", "-e", text]);
  return JSON.parse(stdout);
}

describe("the bundle of the command line", { timeout: 60_000 }, () => {
  it("is made once, and modules know the place of their source", async () => {
    const { path, told } = await bundled();
    expect(told).toEqual(["first", pathToFileURL(join(folder, "gateway/cli/main.ts")).href]);
    const { mtimeMs, ino } = statSync(path);
    expect(await bundled()).toEqual({ path, told });
    expect(statSync(path)).toMatchObject({ mtimeMs, ino });
  });

  it("is made anew where a source has changed, whatever its date, and again found where it is as before", async () => {
    const first = await bundled();
    write("firmware/word.ts", 'export const word: string = "other";');
    expect((await bundled()).told[0]).toBe("other");
    write("firmware/word.ts", 'export const word: string = "first";');
    expect(await bundled()).toEqual(first);
    expect(readdirSync(built())).toHaveLength(2);
  });

  it("is whole for each of many who make it at once", async () => {
    const all = await Promise.all(Array.from({ length: 6 }, bundled));
    expect(new Set(all.map(({ path }) => path)).size).toBe(1);
    expect(all.map(({ told }) => told[0])).toEqual(Array(6).fill("first"));
    expect(readdirSync(built()).filter((name) => name.endsWith(".draft"))).toEqual([]);
  });

  it("leaves no more than a few of older sources", async () => {
    for (let version = 0; version < 7; version++) {
      write("firmware/word.ts", `export const word = "${version}";`);
      await bundled();
    }
    expect(readdirSync(built()).length).toBeLessThanOrEqual(4);
  });
});

describe("a call of the command line", { timeout: 60_000 }, () => {
  it("compiles no TypeScript: all that it loads of ours is one bundle", async () => {
    const call = (env: NodeJS.ProcessEnv) =>
      started(process.execPath, [join(root, "gateway/cli/vertebra.mjs"), "--version"], { env });
    await call(process.env);
    await call({ ...process.env, NODE_V8_COVERAGE: folder });
    const files = readdirSync(folder).filter((name) => name.startsWith("coverage"));
    const loaded = files.flatMap(
      (file): { url: string }[] => JSON.parse(readFileSync(join(folder, file), "utf8")).result,
    );
    const ours = loaded.map(({ url }) => url).filter((url) => url.startsWith(pathToFileURL(root).href));
    expect(ours.filter((url) => /node_modules\/(tsx|typescript)\//.test(url))).toEqual([]);
    expect(ours.filter((url) => url.includes("/build/cli/"))).toHaveLength(1);
    expect(ours.filter((url) => url.endsWith(".ts"))).toEqual([]);
  });
});
