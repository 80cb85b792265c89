import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import { bundleForXs } from "../../gateway/fleet/xs-program";
import type { Result } from "./vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

const shim = join(root, "test/xs/vitest.ts");

/** A file of tests, bundled for engines that are not Node. */
export interface Suite {
  /** Relative to the repository. */
  readonly file: string;
  /** What it registers, told by Node. */
  readonly names: readonly string[];
  readonly program: string;
}

/** The unit tests of the firmware: all of `test/capability`, `test/claims`, `test/core`, `test/link`, `test/saga` and `test/store`. */
export function firmwareTests(): string[] {
  return ["capability", "claims", "core", "link", "saga", "store"].flatMap((room) =>
    readdirSync(join(root, "test", room), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".test.ts"))
      .sort()
      .map((name) => join("test", room, name)),
  );
}

/** Throws where the file can't run outside Node, as one that imports a module of Node. */
export async function bundleSuite(file: string): Promise<Suite> {
  const code = await bundle(file);
  const names: string[] = new Function(`${code}\nreturn suite.names();`)();
  const program = join(root, "build/xs-tests", `${relative("test", file).replaceAll("/", "-")}.js`);
  await mkdir(join(root, "build/xs-tests"), { recursive: true });
  await writeFile(program, `${code}\nsuite.run();\n`);
  return { file, names, program };
}

/** The vectors of RFCs, which show that noble is right on XS. */
const nobleItself = ["test/core/signature.test.ts", "test/link/crypto-vectors.test.ts"];

const boardsCrypto: Plugin = {
  name: "the cryptography of a board",
  setup(build) {
    build.onResolve({ filter: /device\/noble$/ }, ({ importer }) =>
      importer.endsWith("test/xs/crypto.ts") ? undefined : { path: join(root, "test/xs/crypto.ts") },
    );
  },
};

async function bundle(file: string): Promise<string> {
  const tests = `import "./${file}"; export { names, run } from ${JSON.stringify(shim)};`;
  return await bundleProgram(tests, nobleItself.includes(file) ? [] : [boardsCrypto]);
}

/** A program, whose imports are relative to the repository, as one script that engines other than Node run; it is called `suite`. */
export function bundleProgram(contents: string, plugins: Plugin[] = [boardsCrypto]): Promise<string> {
  return bundleForXs({
    stdin: { contents, resolveDir: root },
    alias: { vitest: shim, "fast-check": join(root, "test/xs/fast-check.ts") },
    globalName: "suite",
    plugins,
  });
}

/** Runs a suite on the XS host at `host`; what it printed by name, and how the process ended if not well. */
export function runOnXs(
  host: string,
  suite: Suite,
): Promise<{ results: ReadonlyMap<string, Result>; failure: string | null }> {
  return new Promise((resolve) => {
    execFile(host, [suite.program], { timeout: 240_000, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      const lines = stdout.split("\n").filter((line) => line !== "");
      const results = lines.map((line) => JSON.parse(line) as Result);
      const failure = error ? `vertebra-xs ended with ${error.code ?? error.signal}: ${stderr}` : null;
      resolve({ results: new Map(results.map((result) => [result.name, result])), failure });
    });
  });
}
