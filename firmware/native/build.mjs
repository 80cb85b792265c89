// Builds the XS host, build/native/vertebra-xs: `node firmware/native/build.mjs`, or `buildHost()` from a program.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
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
    const { folder, keep } = objects(engineHash(engine));
    await make(engine, folder);
    renameSync(join(folder, "vertebra-xs"), host);
    keep();
    writeFileSync(join(out, "stamp"), stamp);
    return host;
  } finally {
    release();
  }
}

/**
 * A folder for this build alone, with the objects of the last that came to its end where they are of this engine: what npm unpacks bears old
 * dates, and make can't see that it is another. One that was killed leaves half an object behind, and a make that goes on: both in a folder
 * that nobody takes over.
 */
function objects(engine) {
  const kept = join(out, "objects");
  for (const name of readdirSync(out)) {
    if (/^under-way-/.test(name)) rmSync(join(out, name), { recursive: true, force: true });
  }
  const folder = mkdtempSync(join(out, "under-way-"));
  if (read(join(kept, "engine.stamp")) === engine) renameSync(kept, folder);
  else rmSync(kept, { recursive: true, force: true });
  writeFileSync(join(folder, "engine.stamp"), engine);
  return { folder, keep: () => renameSync(folder, kept) };
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

/**
 * One process builds at a time. The lock is a name that the kernel keeps (unix(7), abstract sockets), and so ends with its process, however
 * that ends: nothing is left over that could bar the next.
 */
async function lock() {
  const name = `\0vertebra-build-${createHash("sha256").update(out).digest("hex")}`;
  for (;;) {
    const server = createServer();
    const error = await new Promise((resolve) => {
      server.once("error", resolve);
      server.listen(name, () => resolve(undefined));
    });
    if (error === undefined) return () => server.close();
    if (error.code !== "EADDRINUSE") throw error;
    await sleep(200);
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

async function make(engine, folder) {
  const parameters = ["-C", here, "-j2", `CC=${compiler}`, `ENGINE=${engine}`, `OUT=${folder}`];
  const { status, output } = await run("make", parameters);
  if (status !== 0) throw new BuildError("build-failed", `The XS host does not build:\n${output.slice(-4000)}`, remedy);
}

/** Ends with the exit status, -1 where the program is not there, and what it printed. Rejects where the system can't start it now. */
function run(program, parameters) {
  return new Promise((resolve, reject) => {
    let output = "";
    const child = spawn(program, parameters, { stdio: ["ignore", "pipe", "pipe"] });
    // Without a descriptor left it has no streams.
    if (child.stdout === undefined) return void child.on("error", reject);
    child.stdout.on("data", (text) => {
      output += text;
    });
    child.stderr.on("data", (text) => {
      output += text;
    });
    child.on("error", (error) => (error.code === "ENOENT" ? resolve({ status: -1, output }) : reject(error)));
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
