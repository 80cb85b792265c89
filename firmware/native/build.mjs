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
  const compiler = process.env.CC ?? "gcc";
  const engine = packageFolder("@agoric/xsnap", "The sources of the XS engine");
  const plan = {
    what: "The XS host",
    makefile: here,
    sources: [here],
    libraries: [engine],
    out: join(here, "../../build/native"),
    product: "vertebra-xs",
    tools: [compiler, "make"],
    parameters: [`CC=${compiler}`, `ENGINE=${join(engine, "moddable/xs")}`],
    waiting: "Building the XS host, once: about half a minute.",
    remedy: "On Debian and Raspberry Pi OS: apt-get install gcc make libc6-dev",
  };
  return build(plan, say);
}

/**
 * The path of what a makefile makes of C sources: the product, in the folder `out` that nothing else is put into. It is made where it is
 * missing or older than its sources, its flags or the libraries, which are npm's packages. Several processes may ask at once.
 */
export async function build(plan, say) {
  const product = join(plan.out, plan.product);
  const stamp = sourcesHash(plan);
  const isBuilt = () =>
    read(join(plan.out, "stamp")) === stamp && statSync(product, { throwIfNoEntry: false }) !== undefined;
  if (isBuilt()) return product;
  mkdirSync(plan.out, { recursive: true });
  const release = await lock(plan.out);
  try {
    // Another process may have built it meanwhile.
    if (isBuilt()) return product;
    await checkTools(plan);
    say(plan.waiting);
    const { folder, keep } = objects(plan.out, librariesHash(plan));
    await make(plan, folder);
    renameSync(join(folder, plan.product), product);
    keep();
    writeFileSync(join(plan.out, "stamp"), stamp);
    return product;
  } finally {
    release();
  }
}

/**
 * A folder for this build alone, with the objects of the last that came to its end where they are of these libraries: what npm unpacks bears old
 * dates, and make can't see that they are others. One that was killed leaves half an object behind, and a make that goes on: both in a folder
 * that nobody takes over.
 */
function objects(out, libraries) {
  const kept = join(out, "objects");
  for (const name of readdirSync(out)) {
    if (/^under-way-/.test(name)) rmSync(join(out, name), { recursive: true, force: true });
  }
  const folder = mkdtempSync(join(out, "under-way-"));
  if (read(join(kept, "engine.stamp")) === libraries) renameSync(kept, folder);
  else rmSync(kept, { recursive: true, force: true });
  writeFileSync(join(folder, "engine.stamp"), libraries);
  return { folder, keep: () => renameSync(folder, kept) };
}

/** The folder of a package that npm installed. */
export function packageFolder(name, what) {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch {
    throw new BuildError("no-engine", `${what} are missing`, "Run: npm install");
  }
}

function librariesHash({ libraries, makefile }) {
  const hash = createHash("sha256").update(readFileSync(join(makefile, "makefile")));
  for (const each of libraries)
    hash.update(JSON.parse(readFileSync(join(each, "package.json"), "utf8")).version + each);
  return hash.digest("hex");
}

function sourcesHash(plan) {
  const hash = createHash("sha256").update(librariesHash(plan));
  for (const folder of plan.sources) {
    for (const name of readdirSync(folder).sort()) {
      if (/\.([chS]|ld)$/.test(name)) hash.update(name).update(readFileSync(join(folder, name)));
    }
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

/**
 * One process builds at a time. The lock is a name that the kernel keeps (unix(7), abstract sockets), and so ends with its process, however
 * that ends: nothing is left over that could bar the next.
 */
async function lock(out) {
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

async function checkTools({ what, tools, remedy }) {
  for (const tool of tools) {
    if ((await run(tool, ["--version"])).status !== 0) {
      const message = `no C compiler: building ${inSentence(what)} needs ${tool}, which is not here`;
      throw new BuildError("no-compiler", message, remedy);
    }
  }
}

async function make({ what, makefile, parameters, remedy }, folder) {
  const { status, output } = await run("make", ["-C", makefile, "-j2", ...parameters, `OUT=${folder}`]);
  if (status !== 0) throw new BuildError("build-failed", `${what} does not build:\n${output.slice(-4000)}`, remedy);
}

function inSentence(what) {
  return what[0].toLowerCase() + what.slice(1);
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

/** A build called by itself prints where its product lies. */
export async function buildAlone(url, build) {
  if (process.argv[1] !== fileURLToPath(url)) return;
  try {
    console.log(await build((text) => console.error(text)));
  } catch (error) {
    console.error(error.remedy ? `${error.message}\n${error.remedy}` : error);
    process.exitCode = 1;
  }
}

await buildAlone(import.meta.url, buildHost);
