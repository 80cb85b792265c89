// Builds the firmware of the emulated board, build/rv32/native/firmware.bin: `node firmware/native/rv32/build.mjs`, or `buildRv32()` from a program.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, buildAlone, packageFolder } from "../build.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const compiler = "riscv64-unknown-elf-gcc";
/** Of the sources that npm's package carries. */
const sodiumRelease = "1.0.16";

/** As `buildHost`, for the emulated board. */
export async function buildRv32(say = () => {}) {
  const engine = packageFolder("@agoric/xsnap", "The sources of the XS engine");
  const sodium = packageFolder("sodium", "The sources of libsodium");
  const plan = {
    what: "The firmware of the emulated board",
    makefile: here,
    sources: [join(here, ".."), here],
    libraries: [engine, sodium],
    out: join(here, "../../../build/rv32/native"),
    product: "firmware.bin",
    tools: [compiler, "make"],
    parameters: [
      `ENGINE=${join(engine, "moddable/xs")}`,
      `SODIUM=${join(sodium, "deps/libsodium/src/libsodium")}`,
      `RELEASE=${sodiumRelease}`,
    ],
    waiting: "Building the firmware of the emulated board, once: about half a minute.",
    remedy: "On Debian and Ubuntu: apt-get install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf make",
  };
  return build(plan, say);
}

await buildAlone(import.meta.url, buildRv32);
