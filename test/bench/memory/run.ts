import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { BuildOptions, Plugin } from "esbuild";
import type { Line } from "../../../firmware/device/lines";
import { bundleForXs } from "../../../gateway/fleet/xs-program";
import { bundleSaga } from "../../../gateway/saga/source";
import { scratchFolder } from "../../xs/host";
import { createTwoBoards } from "../../xs/two-boards";
import { writeNumbers } from "../numbers";
import { behaviorOf } from "./behavior";
import type { BehaviorMemory } from "./behavior-on-xs";
import { nobleCrypto as boardCrypto } from "./board-crypto";
import type { BoardMemory } from "./board-on-xs";
import { buildCountingHost } from "./counting-host";
import type { SagaMemory } from "./saga-on-xs";

/** Counts what a board, a behavior and a saga take of RAM on XS with 32-bit slots, and writes it into docs/numbers.md. */

const ram = 200 * 1024;
const host = buildCountingHost();
const folder = scratchFolder();

const cryptoOfBoards: Plugin = {
  name: "cryptography as a board has it in C",
  setup(build) {
    build.onResolve({ filter: /\/noble$/ }, () => ({
      path: fileURLToPath(new URL("board-crypto.ts", import.meta.url)),
    }));
  },
};

async function programOf(name: string, options: BuildOptions): Promise<string> {
  const path = join(folder, `${name}.js`);
  writeFileSync(path, await bundleForXs({ ...options, plugins: [cryptoOfBoards] }));
  return path;
}

const entryOf = (name: string) => ({ entryPoints: [fileURLToPath(new URL(`${name}.ts`, import.meta.url))] });

/** What a program prints as its one line. */
function printed<T>(program: string, parameters: readonly string[] = [], stack = "1024"): T {
  const env = { ...process.env, STACK: stack };
  return JSON.parse(execFileSync(host, [program, ...parameters], { encoding: "utf8", env })) as T;
}

type How = "source" | "precompiled";

interface Behavior extends BehaviorMemory {
  readonly bytes: number;
}

async function behaviors() {
  const program = await programOf("behavior", entryOf("behavior-on-xs"));
  const load = (how: How, source: string): Behavior => {
    const module = join(folder, "module.js");
    writeFileSync(module, source);
    return { ...printed<BehaviorMemory>(program, [how, module]), bytes: source.length };
  };
  const run = (how: How, lines: number): Behavior => {
    const memory = load(how, behaviorOf(lines));
    if (memory.reply.kind !== "done") throw new Error(`The behavior of ${lines} lines failed`);
    return memory;
  };
  const largest = (how: How): Behavior => {
    let [fits, most] = [0, 10_000];
    while (most - fits > 1) {
      const middle = (fits + most) >> 1;
      if (run(how, middle).peak <= ram) fits = middle;
      else most = middle;
    }
    return run(how, fits);
  };
  const perByte = (how: How) => {
    const [small, large] = [run(how, 100), run(how, 500)];
    return (large.peak - small.peak) / (large.bytes - small.bytes);
  };
  const of = (how: How) => ({ largest: largest(how), perByte: perByte(how) });
  const examples = [];
  for (const name of ["order", "swarm", "thermostat"]) {
    const { text } = await bundleSaga(`examples/${name}/${name}.ts`);
    // Without its entry it comes to nothing, once it is there.
    examples.push({ name, source: load("source", text), precompiled: load("precompiled", text) });
  }
  return { source: of("source"), precompiled: of("precompiled"), empty: run("source", 0).before, examples };
}

async function sagas(): Promise<SagaMemory> {
  const memory = printed<SagaMemory>(await programOf("saga", entryOf("saga-on-xs")), [], "2048");
  if (memory.states !== 816) throw new Error(`${memory.states} saga states became final, and 816 should`);
  return memory;
}

/** What its heap holds after so many blocks of its group became final. */
async function board(blocks: readonly number[]): Promise<number[]> {
  const firmware = { host, program: await programOf("board", entryOf("board-on-xs")) };
  const boards = createTwoBoards(firmware, folder, 200, boardCrypto());
  const [first, second] = [boards.start(0, { STACK: "8192" }), boards.start(1, { STACK: "8192" })];
  const told = () => first.told() as (Line | BoardMemory)[];
  const held: number[] = [];
  for (const count of blocks) {
    for (;;) {
      const lines = told();
      const finals = lines.flatMap(({ event }, index) => (event === "final" ? [index] : []));
      const memory = lines.slice((finals[count - 1] ?? lines.length) + 1).find((line) => line.event === "memory");
      if (memory !== undefined) {
        held.push((memory as BoardMemory).used);
        break;
      }
      if (first.child.exitCode !== null) throw new Error(`A board ended after ${finals.length} final blocks`);
      await sleep(100);
    }
  }
  for (const { child, ended } of [first, second]) {
    child.kill("SIGTERM");
    await ended;
  }
  return held;
}

/** What each piece of a board's program is, with those above it: what a program asks of it, by its module. */
const pieces: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "a participant: core, link and store": {
    "core/participant": "createParticipant",
    "link/link": "createLink, startLink, receiveBytes, sendMessage, alarmLink",
    "store/journal": "openJournal, readRecord, writeRecords",
  },
  "with sagas, and the capabilities that they ask for": {
    "core/saga/conductor": "createConductor",
    "core/capability/board": "decodeBoard",
    "device/capabilities": "openCapabilities, operate, alarmCapabilities",
  },
  "with the sandbox": { "sandbox/conducting": "createConducting", "sandbox/perform": "lockDown, perform" },
};

interface Loaded {
  readonly used: number;
  readonly flashed: number;
}

/** Of each piece with those above it. */
async function loadedPieces(): Promise<(Loaded & { readonly name: string })[]> {
  const kept: Record<string, string> = {};
  const all = [];
  for (const [name, modules] of Object.entries(pieces)) {
    Object.assign(kept, modules);
    all.push({ name, ...(await loaded(kept)) });
  }
  return all;
}

/** What a program takes once it is loaded that keeps these of each module, and calls none. */
async function loaded(kept: Readonly<Record<string, string>>): Promise<Loaded> {
  const imports = Object.entries(kept).map(([module, names]) => `import { ${names} } from "./firmware/${module}";`);
  const contents = `${imports.join("\n")}
    globalThis.kept = { ${Object.values(kept).join(", ")} };
    native.timer.set(native.timer.open(() => native.print(JSON.stringify({ used: native.used(), flashed: native.flashed() }))), 0);`;
  const resolveDir = fileURLToPath(new URL("../../..", import.meta.url));
  return printed(await programOf("loaded", { stdin: { contents, resolveDir } }), [], "8192");
}

const kb = (bytes: number) => (bytes / 1024).toFixed(bytes < 102_400 ? 1 : 0);
const whole = (bytes: number) => Math.round(bytes).toLocaleString("en");

writeFileSync(join(folder, "bare.js"), "native.print(JSON.stringify(native.peak()))");
const bare = printed<number>(join(folder, "bare.js"));
const { source, precompiled, empty, examples } = await behaviors();
const saga = await sagas();
const program = await loaded({ "device/board": "startBoard" });
const ofPieces = await loadedPieces();
const running = await board([1, 8, 64]);
rmSync(folder, { recursive: true });

writeNumbers(
  "memory",
  `| a machine for behaviors alone | |
|:--|--:|
| XS with all its intrinsics: heaps, tables and a stack of 16 KB | ${kb(bare)} KB |
| with the program of the sandbox in flash, locked down | ${kb(empty)} KB |
| the largest behavior in 200 KB, **as source** | **${whole(source.largest.bytes)} bytes** |
| RAM for each byte of source, while it is compiled | ${source.perByte.toFixed(0)} bytes |
| the largest behavior in 200 KB, **precompiled** | **${whole(precompiled.largest.bytes)} bytes** of source, ${whole(precompiled.largest.flashed)} of bytecode in flash |
| RAM for each byte of its source | ${precompiled.perByte.toFixed(2)} bytes |

| of the examples | bytes of source | RAM as source | RAM precompiled |
|:--|--:|--:|--:|
${examples.map((each) => `| ${each.name} | ${whole(each.source.bytes)} | ${kb(each.source.peak)} KB | ${kb(each.precompiled.peak)} KB |`).join("\n")}

| a saga of three stages | bytes of heap |
|:--|--:|
| its runtime, without an invocation | ${whole(saga.idle)} |
| an invocation that waits after its first stage | ${whole(saga.waiting[0]!)} |
| and after its second | ${whole(saga.waiting[1]!)} |
| one that has ended, of 256 after these | ${whole(saga.ended)} |

| its work | bytecodes |
|:--|--:|
| to start the runtime | ${whole(saga.bytecodes.start)} |
| an invocation, the three stages together | ${whole(saga.bytecodes.invocation)} |
| an alarm when nothing is due | ${whole(saga.bytecodes.alarm)} |

| the pieces of a program apart, loaded | bytecode in flash | heap, all intrinsics in it |
|:--|--:|--:|
${ofPieces.map(({ name, flashed, used }) => `| ${name} | ${kb(flashed)} KB | ${kb(used)} KB |`).join("\n")}

| a board that shares one group with another | heap |
|:--|--:|
| its program loaded, ${kb(program.flashed)} KB of bytecode in flash; with all intrinsics | ${kb(program.used)} KB |
| when the first block of its group is final | ${kb(running[0]!)} KB |
| after 8 blocks | ${kb(running[1]!)} KB |
| after 64 blocks, of which it keeps the records | ${kb(running[2]!)} KB |`,
);
