import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { createProgram } from "../../gateway/cli/main";
import { filesIn, importsOf, root, textOf } from "./sources";

const rooms = ["firmware", "gateway", "test"];
const modules = filesIn(...rooms).filter((file) => /\.(ts|mjs)$/.test(file) && !file.endsWith(".d.mts"));

/** What each room may import besides itself: the first that fits a file counts. */
const mayImport: readonly (readonly [room: string, others: readonly string[]])[] = [
  ["firmware/core/wire/", ["firmware/core/errors", "firmware/ports"]],
  ["firmware/core/", ["firmware/ports"]],
  ["firmware/link/", ["firmware/core/wire/", "firmware/core/errors", "firmware/ports"]],
  ["firmware/store/", ["firmware/core/wire/", "firmware/core/errors", "firmware/ports"]],
  // Of what it does in C, and with, it has the types.
  ["firmware/native/", ["firmware/store/packed", "firmware/store/pass", "firmware/ports", "node:"]],
  [
    "firmware/device/",
    [
      "firmware/core/",
      "firmware/link/",
      "firmware/store/",
      "firmware/sandbox/",
      "firmware/native/native",
      "firmware/ports",
      "@noble/",
    ],
  ],
  ["firmware/sandbox/", ["firmware/core/", "firmware/native/native", "firmware/ports"]],
  ["firmware/ports", []],
  // How the programs for XS are built for this machine.
  [
    "gateway/saga/",
    ["gateway/", "firmware/core/", "firmware/native/build", "firmware/ports", "firmware/sandbox/", "node:", "esbuild"],
  ],
  [
    "gateway/fleet/",
    ["gateway/", "firmware/core/", "firmware/native/build", "firmware/native/rv32/build", "node:", "esbuild"],
  ],
  // What a board prints is read by its types.
  ["gateway/demo/", ["gateway/", "firmware/core/", "firmware/device/lines", "node:"]],
];
const gatewayMay = ["gateway/", "firmware/core/", "firmware/link/", "firmware/store/", "firmware/ports", "node:"];

describe("imports run one way", () => {
  for (const file of modules.filter((each) => !each.startsWith("test/"))) {
    it(`in ${file}`, () => {
      const rule = mayImport.find(([room]) => file.startsWith(room));
      const allowed = rule ? [rule[0], ...rule[1]] : gatewayMay;
      const outside = importsOf(file).filter((name) => !allowed.some((room) => name.startsWith(room)));
      const packages = rule ? [] : Object.keys(JSON.parse(textOf("package.json")).dependencies);
      expect(outside.filter((name) => !packages.some((each) => name === each || name.startsWith(`${each}/`)))).toEqual(
        [],
      );
    });
  }
});

describe("the firmware", () => {
  const firmware = modules.filter((file) => file.startsWith("firmware/") && file.endsWith(".ts"));

  it("knows no type of Node", () => {
    execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", "firmware/tsconfig.json"], { cwd: root, stdio: "pipe" });
  });

  it("imports without extension, as the Moddable SDK wants it", () => {
    const withExtension = firmware.filter((file) => /from "\.[^"]*\.(ts|js|mjs)"/.test(textOf(file)));
    expect(withExtension).toEqual([]);
  });

  it("has no mutable state in its modules, which lie in ROM on a board", () => {
    const state = /^(?:export )?(?:let|var) |^(?:export )?const [^=]*= new (?:Map|Set|WeakMap|[A-Za-z0-9]*Array)\b/m;
    expect(firmware.filter((file) => state.test(textOf(file)))).toEqual([]);
  });

  it("uses nothing that XS lacks", () => {
    const lacking = /\b(?:TextEncoder|TextDecoder|setTimeout|setInterval|structuredClone|queueMicrotask|console\.)/;
    const code = (file: string) => textOf(file).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    expect(firmware.filter((file) => lacking.test(code(file)))).toEqual([]);
  });
});

describe("the house", () => {
  it("has no file that nobody can read in one go", () => {
    const long = filesIn(...rooms)
      .filter((file) => /\.(ts|mjs|mts|c|h)$/.test(file))
      .filter((file) => textOf(file).split("\n").length > 600);
    expect(long).toEqual([]);
  });

  it("has no drawer where things end up that found no place", () => {
    const drawers = filesIn(...rooms).filter((file) => /(^|\/)(utils?|helpers?|misc|common|manager)[./]/.test(file));
    expect(drawers).toEqual([]);
  });

  it("is typed strictly throughout", () => {
    execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.json"], { cwd: root, stdio: "pipe" });
  });

  it("is formatted and linted", () => {
    execFileSync(join(root, "node_modules/.bin/biome"), ["check", "."], { cwd: root, stdio: "pipe" });
  });

  it("asks for exact versions of what it depends on", () => {
    const { dependencies, devDependencies } = JSON.parse(textOf("package.json"));
    const loose = Object.values<string>({ ...dependencies, ...devDependencies }).filter(
      (version) => !/^\d+\.\d+\.\d+$/.test(version),
    );
    expect(loose).toEqual([]);
  });
});

describe("what the documents tell people to type", () => {
  const documents = ["README.md", ...filesIn("docs", "boards").filter((file) => file.endsWith(".md"))];
  for (const document of documents.filter((file) => existsSync(join(root, file)))) {
    it(`exists, in ${document}`, () => {
      const commands = commandsIn(textOf(document));
      expect(commands.map((words) => wrongWith(createProgram(), words)).filter(Boolean)).toEqual([]);
      const scripts = Object.keys(JSON.parse(textOf("package.json")).scripts);
      const named = [...textOf(document).matchAll(/\bnpm (?:run )?(start|test|[a-z:]+)/g)].map((match) => match[1]!);
      const ofNpm = ["install", "ci", "exec", "link"];
      expect(named.filter((name) => ![...scripts, ...ofNpm].includes(name))).toEqual([]);
    });
  }

  it("exists, in the README", () => {
    expect(documents).toContain("README.md");
    expect(existsSync(join(root, "README.md"))).toBe(true);
  });
});

/** The words after `vertebra` of each command line in a document's code blocks. */
function commandsIn(document: string): string[][] {
  const blocks = [...document.matchAll(/```(?:sh|bash|console|shell)\n([\s\S]*?)```/g)].map((match) => match[1]!);
  const lines = blocks.flatMap((block) => block.split("\n"));
  return lines
    .map((line) => /^(?:\$ )?(?:npx )?vertebra (.*?)(?:\s+#.*)?$/.exec(line.trim())?.[1])
    .filter((words) => words !== undefined)
    .map((words) => words.split(/\s+/));
}

/** The first word that is no command, or the first option that its command doesn't know. */
function wrongWith(program: Command, words: readonly string[]): string | undefined {
  let command = program;
  for (const word of words) {
    if (word.startsWith("-")) {
      const known =
        command.options.some(({ long, short }) => [long, short].includes(word.replace(/=.*/, ""))) || word === "--help";
      if (!known) return `vertebra ${words.join(" ")}: ${word}`;
      continue;
    }
    const next = command.commands.find((each) => each.name() === word);
    if (next) command = next;
    else if (command.commands.length > 0) return `vertebra ${words.join(" ")}: ${word}`;
  }
  return undefined;
}
