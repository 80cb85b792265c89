// Builds the XS host, build/native/vertebra-xs: `node firmware/native/build.mjs`, or `buildHost()` from a program.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "../../build/native");
const host = join(out, "vertebra-xs");

/** What went wrong for a person: the message names it, `remedy` says what to do. */
class BuildError extends Error {
  constructor(code, message, remedy) {
    super(message);
    this.code = code;
    this.remedy = remedy;
  }
}

/**
 * The path of the host, built first where it is missing or older than its sources, its flags or the engine.
 * `say` is told when there is something to wait for. Throws an error with `code`, `message` and `remedy`.
 */
export async function buildHost(say = () => {}) {
  const engine = engineFolder();
  const stamp = sourcesHash(engine);
  if (isBuilt(stamp)) return host;
  mkdirSync(out, { recursive: true });
  const release = await lock();
  try {
    // Another process may have built it meanwhile.
    if (isBuilt(stamp)) return host;
    await checkTools();
    say("Building the XS host, once: about half a minute.");
    // What npm unpacks bears old dates: make can't see that the engine is another one.
    if (read(join(out, "engine.stamp")) !== engineHash(engine))
      rmSync(join(out, "engine"), { recursive: true, force: true });
    await make(engine);
    writeFileSync(join(out, "engine.stamp"), engineHash(engine));
    writeFileSync(join(out, "stamp"), stamp);
    return host;
  } finally {
    release();
  }
}

function engineFolder() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve("@agoric/xsnap/package.json")), "moddable/xs");
  } catch {
    throw new BuildError("no-engine", "The sources of the XS engine are missing", "Run: npm install");
  }
}

function engineHash(engine) {
  const { version } = JSON.parse(readFileSync(join(engine, "../../package.json"), "utf8"));
  return createHash("sha256")
    .update(`${version} ${engine}`)
    .update(readFileSync(join(here, "makefile")))
    .digest("hex");
}

function sourcesHash(engine) {
  const hash = createHash("sha256").update(engineHash(engine));
  for (const name of readdirSync(here).sort()) {
    if (/\.[ch]$/.test(name)) hash.update(name).update(readFileSync(join(here, name)));
  }
  return hash.digest("hex");
}

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function isBuilt(stamp) {
  return read(join(out, "stamp")) === stamp && statSync(host, { throwIfNoEntry: false }) !== undefined;
}

/** One process builds at a time; the lock of one that died is taken over. */
async function lock() {
  const path = join(out, "lock");
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: "wx" });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const holder = Number(read(path));
    if (holder > 0 && !isAlive(holder)) rmSync(path, { force: true });
    else await sleep(200);
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

const compiler = process.env.CC ?? "gcc";
const remedy = "On Debian and Raspberry Pi OS: apt-get install gcc make libc6-dev";

async function checkTools() {
  for (const tool of [compiler, "make"]) {
    if ((await run(tool, ["--version"])).status !== 0) {
      throw new BuildError(
        "no-compiler",
        `no C compiler: building the XS host needs ${tool}, which is not here`,
        remedy,
      );
    }
  }
}

async function make(engine) {
  const parameters = ["-C", here, "-j2", `CC=${compiler}`, `ENGINE=${engine}`, `OUT=${out}`];
  const { status, output } = await run("make", parameters);
  if (status !== 0) throw new BuildError("build-failed", `The XS host does not build:\n${output.slice(-4000)}`, remedy);
}

/** Ends with the exit status, -1 where the program is not there, and what it printed. */
function run(program, parameters) {
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(program, parameters, { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", (text) => {
      output += text;
    });
    child.stderr.on("data", (text) => {
      output += text;
    });
    child.on("error", () => resolve({ status: -1, output }));
    child.on("close", (status) => resolve({ status: status ?? -1, output }));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(await buildHost((text) => console.error(text)));
  } catch (error) {
    console.error(error.remedy ? `${error.message}\n${error.remedy}` : error);
    process.exitCode = 1;
  }
}
