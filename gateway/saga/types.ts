import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { VertebraError } from "../../firmware/core/errors";
import type { Fault } from "./faults";

/** The file that a saga imports as "vertebra/saga". */
export const define = fileURLToPath(new URL("./define.ts", import.meta.url));

/** What TypeScript finds wrong, `saga-types`; undefined where TypeScript is not installed. Throws `saga-types-unchecked` where it can't be run. */
export async function typeFaults(file: string): Promise<Fault[] | undefined> {
  const compiler = findCompiler();
  if (compiler === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "vertebra-saga-"));
  try {
    const project = join(folder, "tsconfig.json");
    writeFileSync(project, JSON.stringify(projectOf([resolve(file)], define)));
    const { output, failed } = await run(compiler, ["-p", project, "--pretty", "false"]);
    const faults = output.split("\n").flatMap(faultOf);
    if (failed !== undefined && faults.length === 0) throw unchecked(file, failed);
    return faults;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The project of these files, for TypeScript; `define` is the path of "vertebra/saga". */
export function projectOf(files: readonly string[], define: string) {
  const language = { target: "ES2022", lib: ["ES2022"], module: "ESNext", moduleResolution: "bundler", types: [] };
  const strict = { strict: true, noUncheckedIndexedAccess: true, skipLibCheck: true, noEmit: true };
  // What a behavior imports, it gets from the bundler: the same name has the same file here.
  const paths = { "vertebra/saga": [define] };
  return { compilerOptions: { ...language, ...strict, paths }, files };
}

function findCompiler(): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  } catch {
    return undefined;
  }
}

/** What it printed, and why it ended otherwise than well: with faults it does, too. */
function run(compiler: string, parameters: string[]): Promise<{ output: string; failed: string | undefined }> {
  return new Promise((done) => {
    execFile(process.execPath, [compiler, ...parameters], (error, output, complaint) => {
      const failed = error === null ? undefined : (complaint || output || error.message).trim().split("\n")[0];
      done({ output, failed });
    });
  });
}

function unchecked(file: string, why: string): VertebraError {
  return new VertebraError(
    "saga-types-unchecked",
    `TypeScript could not be run to check ${file}: ${why}`,
    "Run `npm install` in Vertebra's folder again, and see that processes can be started and files written to the temporary folder.",
  );
}

/** TypeScript names files from where this process is, as one would type them. */
function faultOf(line: string): Fault[] {
  const found = /^(.*)\((\d+),(\d+)\): error (.*)$/.exec(line);
  if (found === null) return [];
  const [, file, row, column, message] = found;
  const place = `${relative(process.cwd(), resolve(file!))}:${row}:${column}`;
  return [{ place, code: "saga-types", message: message!, remedy: "Correct that; types follow from the pacts." }];
}
