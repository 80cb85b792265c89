import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { delimiter, join, posix } from "node:path";
import { describe, expect, it } from "vitest";
import { filesIn, root, textOf } from "../house/sources";
import { firstEntry } from "./first-entry/first-entry";
import { firstSaga } from "./first-saga/first-saga";
import { movingPins } from "./moving-pins/moving-pins";

const sdk = process.env.MODDABLE;

const needsSdk = "set MODDABLE to a Moddable SDK 8.2 with its command line tools built, to run this";

/** What each piece has, of which nothing is in two of them. */
const pieces = {
  participant: [
    "firmware/ports.ts",
    ...filesIn("firmware/core").filter((file) => !/^firmware\/core\/(?:capability|saga)\//.test(file)),
    ...filesIn("firmware/link", "firmware/store"),
  ],
  capabilities: filesIn("firmware/core/capability"),
  sagas: filesIn("firmware/core/saga"),
  // The program of a process of its own is none of a board's.
  sandbox: filesIn("firmware/sandbox").filter((file) => file !== "firmware/sandbox/main.ts"),
  pins: ["firmware/device/capabilities.ts", ...filesIn("firmware/device/pins")],
};

describe("the manifests of the pieces of a board", () => {
  for (const [piece, files] of Object.entries(pieces)) {
    it(`keep every module of ${piece} in ROM, by name: mcconfig takes no pattern there for TypeScript`, () => {
      const { preload } = JSON.parse(textOf(`manifests/${piece}/manifest.json`)) as { preload: string[] };
      expect([...preload].sort()).toEqual(files.map((file) => file.replace(/\.ts$/, "")).sort());
    });
  }

  it("leave a participant alone without sagas, capabilities and sandbox: nothing in it imports them", () => {
    for (const file of pieces.participant) {
      expect(textOf(file), file).not.toMatch(/from "[^"]*\/(?:saga|capability|sandbox)\//);
    }
  });
});

describe("the manifest of a program", () => {
  for (const folder of ["first-entry", "first-saga", "moving-pins"]) {
    it(`of ${folder} has each module that the program imports, with its pieces`, () => {
      const has = modulesOf(`test/boards/${folder}/manifest.json`);
      for (const module of importedBy(`test/boards/${folder}/main`)) expect(has(module), module).toBe(true);
    });
  }
});

/** Which modules, by their path in the repository, mcconfig puts into a program. */
function modulesOf(manifest: string): (module: string) => boolean {
  const { modules, include = [] } = JSON.parse(textOf(manifest)) as {
    modules: Record<string, string>;
    include?: string[];
  };
  const included = include.map((path) => modulesOf(posix.join(posix.dirname(manifest), path)));
  return (module) =>
    Object.keys(modules).some((name) =>
      name.endsWith("/*") ? posix.dirname(module) === name.slice(0, -2) : module === name,
    ) || included.some((has) => has(module));
}

/** The module and all that it imports from the repository, but for types alone. */
function importedBy(module: string, found = new Set<string>()): Set<string> {
  if (found.has(module)) return found;
  found.add(module);
  const imports = textOf(`${module}.ts`).matchAll(/^(?:import|export) (?!type )(?:[^;"]*? from )?"(\.[^"]+)";/gm);
  for (const [, path] of imports) importedBy(posix.join(posix.dirname(module), path!), found);
  return found;
}

describe("a program that mcconfig builds of them", () => {
  for (const [folder, what, lines, last] of [
    ["first-entry", "agrees on an entry", firstEntry, "final 0 0.25 86400"],
    ["first-saga", "takes a saga to its end", firstSaga, "under way 0"],
    ["moving-pins", "moves its pins", movingPins, "drive 0 lease"],
  ] as const) {
    it(`${what} as on Node, to the last byte`, { timeout: 600_000 }, ({ skip }) => {
      if (sdk === undefined) skip(needsSdk);
      const printed = runOnLinux(sdk!, `test/boards/${folder}`);
      expect(printed).toEqual(lines());
      expect(printed).toContain(last);
    });
  }
});

/** The lines that the program of a manifest prints, as an ordinary Linux executable (platform `x-cli-lin`). */
function runOnLinux(moddable: string, folder: string): string[] {
  const out = join(root, "build/moddable");
  mkdirSync(out, { recursive: true });
  const tools = [join(moddable, "build/bin/lin/release"), join(root, "node_modules/.bin")];
  const env = { ...process.env, PATH: [...tools, process.env.PATH].join(delimiter) };
  const words = ["-m", "-p", "x-cli-lin", "-o", out, join(root, folder, "manifest.json")];
  execFileSync("mcconfig", words, { env, stdio: "pipe" });
  const program = join(out, "bin/lin/release", folder.split("/").at(-1)!);
  return execFileSync(program, { encoding: "utf8" }).trimEnd().split("\n");
}
