import { transformSync } from "esbuild";
import { describe, expect, it } from "vitest";
import { parseAst } from "vitest/node";
import { filesIn, textOf } from "./sources";

/**
 * "State in records and functions over them": on a board, functions of a preloaded module lie in ROM, and each function that is made
 * at run time costs RAM, with its code. What a factory gives out must therefore hold none of its own.
 */
type Syntax = { readonly type: string; readonly [field: string]: unknown };

const isSyntax = (value: unknown): value is Syntax => typeof (value as Syntax | null)?.type === "string";
const functions = ["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"];

function childrenOf(node: Syntax): Syntax[] {
  return Object.values(node)
    .flatMap((value) => (Array.isArray(value) ? value : [value]))
    .filter(isSyntax);
}

/** Syntax below `node`, but not what is inside of functions in it. */
function ownSyntax(node: Syntax): Syntax[] {
  return childrenOf(node).flatMap((child) => (functions.includes(child.type) ? [] : [child, ...ownSyntax(child)]));
}

function allFunctions(node: Syntax): Syntax[] {
  return childrenOf(node).flatMap((child) => [
    ...(functions.includes(child.type) ? [child] : []),
    ...allFunctions(child),
  ]);
}

/** What a function gives out: what it returns, or its one expression. */
function given(node: Syntax): Syntax[] {
  const body = node.body as Syntax;
  if (body.type !== "BlockStatement") return [body];
  return ownSyntax(body).flatMap((each) =>
    each.type === "ReturnStatement" && isSyntax(each.argument) ? [each.argument] : [],
  );
}

/** By name: what a function calls a constant of its own, and the functions that are declared in it. */
function localsOf(node: Syntax): Map<string, Syntax> {
  const locals = new Map<string, Syntax>();
  for (const child of childrenOf(node.body as Syntax)) {
    if (child.type === "FunctionDeclaration") locals.set((child.id as Syntax).name as string, child);
    if (child.type !== "VariableDeclaration") continue;
    for (const { id, init } of child.declarations as { id: Syntax; init: unknown }[]) {
      if (id.type === "Identifier" && isSyntax(init)) locals.set(id.name as string, init);
    }
  }
  return locals;
}

/** Whether a value is an object with a function in it that is made where the value is. */
function holdsFunction(value: Syntax, locals: ReadonlyMap<string, Syntax>, inObject = false): boolean {
  if (functions.includes(value.type)) return inObject;
  if (value.type === "Identifier") {
    const local = locals.get(value.name as string);
    return local !== undefined && local !== value && holdsFunction(local, new Map(), inObject);
  }
  if (value.type === "ObjectExpression") {
    return (value.properties as Syntax[]).some((property) =>
      holdsFunction((property.value ?? property.argument) as Syntax, locals, true),
    );
  }
  if (value.type === "ConditionalExpression" || value.type === "LogicalExpression") {
    return childrenOf(value).some((child) => holdsFunction(child, locals, inObject));
  }
  return false;
}

/** Names of functions that give out an object with functions in it; "(…)" stands for one that has none. */
function factoriesIn(typescript: string): string[] {
  const { code } = transformSync(typescript, { loader: "ts", target: "es2022" });
  const tree = parseAst(code) as unknown as Syntax;
  return allFunctions(tree)
    .filter((each) => given(each).some((value) => holdsFunction(value, localsOf(each))))
    .map((each) => ((each.id as Syntax | null)?.name as string | undefined) ?? "(…)");
}

const port = "what a platform gives is an object of functions by its nature (`ports`)";
const sagas = "made once, and only by a board that has sagas";

/** What is left, and why. */
const excepted: ReadonlyMap<string, string> = new Map([
  ["firmware/core/capability/fields.ts fieldsOf", "gone when a board.json was read"],
  ["firmware/core/saga/conductor.ts createConductor", sagas],
  ["firmware/core/saga/runtime.ts createSagaRuntime", sagas],
  ["firmware/device/noble.ts nobleCrypto", port],
  ["firmware/device/noble.ts nobleSigner", port],
  ["firmware/device/pins/simulated.ts simulatedPins", port],
  ["firmware/device/quarantine.ts openQuarantine", sagas],
  ["firmware/device/sodium.ts sodiumCrypto", port],
  ["firmware/device/sodium.ts (…)", port],
  ["firmware/sandbox/conducting.ts createConducting", sagas],
  ["firmware/sandbox/context.ts contextOf", "what a behavior is given, for the time of one run"],
]);

describe("what a factory gives out", () => {
  it("is told from functions over records", () => {
    const factories = [
      "export function f() { let n = 0; return { up: () => n++ }; }",
      "export function f() { let n = 0; return { up() { return n++; } }; }",
      "export function f() { let n = 0; function up() { n++; } return { up }; }",
      "export const f = (n: number) => ({ n, deep: { up: () => n } });",
      "export function f(all: number[]) { return all.map((n) => ({ up: () => n })); }",
      "export function f(n: number) { const made = { up: () => n }; return made; }",
      "export function f(n: number) { return n > 0 ? { up: () => n } : undefined; }",
      "export function f(n: number) { if (n > 0) { return { ...{ up: () => n } }; } return undefined; }",
    ];
    const records = [
      "export function f() { return { n: 0 }; } export function up(f: { n: number }) { f.n++; }",
      "export function f(up: () => void) { return { up }; }",
      "function up() {} export function f() { return { up }; }",
      "export function f(all: number[]) { return { some: all.filter((n) => n > 0) }; }",
      "export function f(n: number) { return () => n; }",
    ];
    for (const text of factories) expect([text, factoriesIn(text)]).toMatchObject([text, [expect.any(String)]]);
    for (const text of records) expect([text, factoriesIn(text)]).toEqual([text, []]);
  });

  it("holds no functions of its own, in what runs on a board", () => {
    const rooms = ["core", "link", "store", "device", "sandbox"].map((room) => `firmware/${room}`);
    const found = filesIn(...rooms).flatMap((file) => factoriesIn(textOf(file)).map((name) => `${file} ${name}`));
    expect(found).toEqual([...excepted.keys()]);
  });
});
