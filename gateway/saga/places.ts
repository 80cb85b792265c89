import { SourceMap } from "node:module";
import { relative, resolve } from "node:path";
import type { Plugin } from "esbuild";
import { bundleForXs } from "../fleet/xs-program";

/**
 * Where in a person's files is what is wrong with a saga. Its module is bundled once more, as the bundler writes it: a statement
 * begins at the start of a line, and a map says where each was written. Before each statement stands its line, and what `define…`
 * makes notes it: so whatever is wrong with that, and whatever a statement throws, has its place.
 */
export interface Placed {
  /** The module that notes places; it gives a saga as `PlacedSaga`, and what its statements throw as `thrownAt` reads it. */
  readonly text: string;
  /** As the bundler wrote it, before lines were noted. */
  readonly written: string;
  readonly map: SourceMap;
  readonly file: string;
}

/** The line of the statement in which a call of `define…` is, and which of that name in this statement it is. */
export type At = readonly [line: number, call: number];

export type Definer = "definePact" | "defineState" | "defineBehavior" | "defineSaga";

const definers = `
const define = (name, made) => {
  made.at = $place(name);
  $defined.push({ name, made });
  return made;
};
export const definePact = (name, fields, version = 1) => define("definePact", { name, version, fields });
export const defineState = (initial) => define("defineState", { initial });
export const defineBehavior = (options) => define("defineBehavior", { kind: "behavior", options });
export const defineSaga = (options) => define("defineSaga", { kind: "saga", options });
`;

const prologue = `let $line = 0, $calls = {}, $saga;
const $defined = [];
/** With what it was made of, but for what its module gives to others. */
const $whole = (saga, exported) => {
  if (saga === null || typeof saga !== "object") return saga;
  const defined = $defined.filter(({ made }) => !exported.includes(made));
  return { ...saga, defined: defined.map(({ name, made }) => ({ name, at: made.at })) };
};
const $at = (line) => { $line = line; $calls = {}; };
const $place = (name) => [$line, ($calls[name] = ($calls[name] ?? 0) + 1)];
try {
`;

/** Throws as esbuild does. `globals` are replaced by the names that `absent` gives them, where they are not what the module calls so. */
export async function placedSaga(file: string, globals: Readonly<Record<string, string>>): Promise<Placed> {
  const bundled = await bundleForXs({
    entryPoints: [resolve(file)],
    format: "esm",
    plugins: [definersOf(definers)],
    define: globals,
    sourcemap: "inline",
    sourcesContent: false,
    legalComments: "none",
    charset: "utf8",
    // Then no line of what the bundler writes begins in the middle of a text.
    supported: { "template-literal": false, "top-level-await": false },
  });
  const [written, encoded] = bundled.split(/^\/\/# sourceMappingURL=data:application\/json;base64,/m) as [
    string,
    string,
  ];
  const map = new SourceMap(JSON.parse(Buffer.from(encoded, "base64").toString("utf8")));
  return { text: noting(written), written, map, file };
}

function definersOf(contents: string): Plugin {
  return {
    name: "places",
    setup(build) {
      build.onResolve({ filter: /^vertebra\/saga$/ }, ({ path }) => ({ path, namespace: "places" }));
      build.onLoad({ filter: /.*/, namespace: "places" }, () => ({ contents, loader: "js" }));
    },
  };
}

function noting(written: string): string {
  const [body, exported = ""] = written.split(/^export \{$/m) as [string, string?];
  const names = [...exported.matchAll(/^ {2}([\w$]+)(?: as ([\w$]+))?,?$/gm)].map(([, name, as]) => ({ name, as }));
  const saga = names.find(({ as }) => as === "default")?.name ?? "undefined";
  const others = names.filter(({ as }) => as !== "default").map(({ name }) => name);
  const lines = body.split("\n").map((line, index) => (/^[^\s})\]/]/.test(line) ? `$at(${index}); ${line}` : line));
  return `${prologue}${lines.join("\n")}
$saga = $whole(${saga}, [${others.join(", ")}]);
} catch (error) {
  throw new Error("$at(" + $line + ")" + (error instanceof Error ? error.message : error));
}
export default $saga;
`;
}

/** The module, of which nothing is done from this line on: it throws `$at(line)` and that it was stopped. */
export function stoppedAt({ text }: Placed, line: number): string {
  return text.replace(
    "const $at = (line) => {",
    `const $at = (line) => { if (line >= ${line}) throw (($line = line), "${stopped}");`,
  );
}

export const stopped = "$stopped";

/** The lines of the module's statements. */
export function statementsOf({ text }: Placed): number[] {
  return [...text.matchAll(/^\$at\((\d+)\);/gm)].map(([, line]) => Number(line));
}

/** The place of a statement. */
export function placeOfStatement(placed: Placed, line: number): string {
  return originOf(placed, lineStart(placed, line));
}

/** The place of a statement that threw, and what it threw; undefined for what ended the machine. */
export function thrownAt(
  placed: Placed,
  error: string,
): { readonly place: string; readonly reason: string } | undefined {
  const [, line, reason] = /^\$at\((\d+)\)(.*)$/s.exec(error) ?? [];
  if (line === undefined) return undefined;
  return { place: originOf(placed, lineStart(placed, Number(line))), reason: reason! };
}

/** `file:line:column` of a call of `define…`, or of the field of that name in the object which it was given. */
export function placeOf(placed: Placed, name: Definer, [line, call]: At, key?: string): string {
  const calls = [...placed.written.matchAll(new RegExp(`\\b${name}\\d*\\(`, "g"))];
  const found = calls.filter(({ index }) => index >= lineStart(placed, line))[call - 1];
  if (found === undefined) return originOf(placed, lineStart(placed, line));
  const start = found.index;
  const inside = key === undefined ? undefined : keyOffset(placed.written, start + found[0].length, key);
  return originOf(placed, inside ?? start);
}

export function startOf({ file }: Pick<Placed, "file">): string {
  return `${shown(file)}:1:1`;
}

/** Where the module names something, outside of packages, as `file:line:column`. */
export function placesOf(placed: Placed, name: string): string[] {
  const found = [...placed.written.matchAll(new RegExp(`(typeof )?${name.replaceAll("$", "\\$")}\\b`, "g"))];
  return found
    .filter(([, asksWhether]) => asksWhether === undefined)
    .map(({ index }) => originOf(placed, index))
    .filter((place) => !place.includes("node_modules"));
}

/** Of a field of an object literal that is a parameter of a call, its brackets counted. */
function keyOffset(text: string, from: number, key: string): number | undefined {
  let depth = 0;
  let begins = false;
  for (let at = from; at < text.length; at++) {
    const character = text[at]!;
    if (character === '"' || character === "'") {
      const end = endOfText(text, at);
      if (depth === 1 && begins && text.slice(at + 1, end) === key) return at;
      at = end;
      begins = false;
    } else if ("([{".includes(character)) {
      depth++;
      begins = depth === 1 && character === "{";
    } else if (")]}".includes(character)) {
      if (--depth < 0) return undefined;
    } else if (depth === 1 && character === ",") begins = true;
    else if (depth === 1 && begins && /[\w$]/.test(character)) {
      const [word] = /^[\w$]+/.exec(text.slice(at, at + 80))!;
      if (word === key) return at;
      at += word.length - 1;
      begins = false;
    }
  }
  return undefined;
}

function endOfText(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === text[start]) return at;
  }
  return text.length;
}

function lineStart({ written }: Placed, line: number): number {
  let at = 0;
  for (let each = 0; each < line; each++) at = written.indexOf("\n", at) + 1;
  return at;
}

function originOf(placed: Placed, offset: number): string {
  const before = placed.written.slice(0, offset);
  const line = before.split("\n").length - 1;
  const entry = placed.map.findEntry(line, offset - (before.lastIndexOf("\n") + 1));
  if (!("originalSource" in entry) || entry.originalSource === undefined) return startOf(placed);
  return `${shown(entry.originalSource)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
}

function shown(file: string): string {
  return relative(process.cwd(), resolve(file));
}
