import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { VertebraError } from "../../../firmware/core/errors";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const wrapped = [
  "malloc",
  "calloc",
  "realloc",
  "free",
  "fxCreateMachine",
  "fxParseScript",
  "runProgram",
  "defineSandbox",
];

/** The XS host with the pointers and slots of a 32-bit chip, which counts the RAM that it takes. Throws `no-compiler`. */
export function buildCountingHost(): string {
  const engine = join(dirname(createRequire(import.meta.url).resolve("@agoric/xsnap/package.json")), "moddable/xs");
  const out = join(root, "build/bench/32-bit");
  const counting = join(out, "host/counting.o");
  mkdirSync(out, { recursive: true });
  try {
    const places = [`ENGINE=${engine}`, `OUT=${out}`, `VPATH=${import.meta.dirname}`];
    // With the flags of the host's own files: they say what the engine's structures look like.
    run("make", ["-C", "firmware/native", "-j2", "CC=gcc -m32", ...places, join(out, "vertebra-xs"), counting]);
  } catch (error) {
    const said = (error as { stderr?: string }).stderr ?? "";
    const message = `The host does not build for 32 bits: ${said.slice(-500)}`;
    throw new VertebraError("no-compiler", message, "On Debian: apt-get install gcc-multilib");
  }
  const objects = ["engine", "host"].flatMap((folder) =>
    readdirSync(join(out, folder)).map((name) => join(out, folder, name)),
  );
  const host = join(out, "counting-xs");
  const wraps = wrapped.map((each) => `-Wl,--wrap=${each}`);
  run("gcc", ["-m32", "-pthread", ...wraps, ...objects, "-lm", "-ldl", "-o", host]);
  return host;
}

function run(program: string, parameters: readonly string[]): void {
  execFileSync(program, parameters, { cwd: root, encoding: "utf8", stdio: ["ignore", "ignore", "pipe"] });
}
