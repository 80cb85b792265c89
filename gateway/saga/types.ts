import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const define = fileURLToPath(new URL("./define.ts", import.meta.url));

/** What TypeScript finds wrong, each with its place; undefined where TypeScript is not installed. */
export async function typeErrors(file: string): Promise<string[] | undefined> {
  const compiler = findCompiler();
  if (compiler === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "vertebra-saga-"));
  try {
    const project = join(folder, "tsconfig.json");
    writeFileSync(project, JSON.stringify(configOf(file)));
    const output = await run(compiler, ["-p", project, "--pretty", "false"]);
    return output
      .split("\n")
      .filter((line) => /error TS\d+:/.test(line))
      .map((line) => readable(folder, line));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function configOf(file: string) {
  const language = { target: "ES2022", lib: ["ES2022"], module: "ESNext", moduleResolution: "bundler", types: [] };
  const strict = { strict: true, noUncheckedIndexedAccess: true, skipLibCheck: true, noEmit: true };
  // What a behavior imports, it gets from the bundler: the same name has the same file here.
  const paths = { "vertebra/saga": [define] };
  return { compilerOptions: { ...language, ...strict, paths }, files: [resolve(file)] };
}

function findCompiler(): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  } catch {
    return undefined;
  }
}

function run(compiler: string, parameters: string[]): Promise<string> {
  return new Promise((done) => {
    execFile(process.execPath, [compiler, ...parameters], (_error, stdout) => done(stdout));
  });
}

/** `file:line:column: what`, the file as one would type it here. */
function readable(folder: string, line: string): string {
  const found = /^(.*)\((\d+),(\d+)\): error (.*)$/.exec(line);
  if (found === null) return line;
  const [, file, row, column, what] = found;
  const path = relative(process.cwd(), resolve(folder, file!));
  return `${path}:${row}:${column}: ${what}`;
}
