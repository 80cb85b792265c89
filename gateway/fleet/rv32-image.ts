import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import { VertebraError } from "../../firmware/core/errors";
import { encodeText } from "../../firmware/core/wire/text";
import { buildRv32 } from "../../firmware/native/rv32/build.mjs";
import { asVertebraError, errnoOf } from "../system/errors";
import { bulkInC, bundleForXs, told } from "./xs-program";

/** The flash that the emulated board is run from: its firmware, and the bytecode of its program behind it. */
export interface Rv32Image {
  readonly path: string;
  /** Bytes. */
  readonly firmware: number;
  readonly program: number;
}

export const emulator = "qemu-system-riscv32";
/** Bytes of either flash of the machine: QEMU takes no other file. */
export const flashSize = 32 * 1024 * 1024;
/** In the flash (firmware/native/rv32/machine.h). */
const programOffset = 2 * 1024 * 1024;
const root = fileURLToPath(new URL("../..", import.meta.url));

/** What every call of the emulator has: one core, a console on the standard streams, and an entropy device. */
export function machineOf(memory: string, codeImage: string): string[] {
  return [
    ...["-M", "virt", "-nodefaults", "-nographic", "-bios", "none", "-m", memory],
    ...["-drive", `if=pflash,unit=0,format=raw,readonly=on,file=${escaped(codeImage)}`],
    ...["-chardev", "stdio,id=console,signal=off", "-device", "pci-serial,addr=1,chardev=console"],
    ...["-device", "virtio-rng-device"],
  ];
}

/** A path in an option of QEMU, where a comma begins the next one. */
export function escaped(path: string): string {
  return path.replaceAll(",", ",,");
}

/** The cryptography of this board is linked, and it runs no behaviors. */
const withoutSpare: Plugin = {
  name: "no noble, no sagas",
  setup({ onResolve }) {
    const device = (file: string) => join(root, "firmware/device", file);
    onResolve({ filter: /\/noble$/ }, () => ({ path: device("no-noble.ts") }));
    onResolve({ filter: /^\.\/(?:sagas|sandbox)$/ }, ({ importer }) =>
      importer === device("board.ts") ? { path: device("no-sagas.ts") } : undefined,
    );
  },
};

/**
 * The image that runs the program of a module below the repository, made where it is missing or older than its sources; `say` is told when
 * there is something to wait for. Errors: `no-compiler`, `no-engine`, `no-qemu`, `build-failed`.
 */
export async function buildRv32Image(module: string, name: string, say: (text: string) => void): Promise<Rv32Image> {
  const firmware = readFileSync(await told(buildRv32(say), "The firmware of the emulated board"));
  const plugins = [withoutSpare, bulkInC];
  // Each name that stands in a program takes RAM, and each constant that a function closes over.
  const small = { minifySyntax: true, minifyIdentifiers: true };
  const source = encodeText(await bundleForXs({ entryPoints: [join(root, module)], plugins, ...small }));
  const stamp = createHash("sha256").update(firmware).update(source).digest("hex").slice(0, 16);
  const path = join(root, "build/rv32", `${name}-${stamp}.image`);
  const made = existsSync(path) ? programOf(path) : await makeImage(path, firmware, source);
  return { path, firmware: firmware.length, program: made };
}

/** Bytes of the program in an image, of whose 32 MB its header is read alone. */
function programOf(path: string): number {
  const header = Buffer.alloc(8);
  const file = openSync(path, "r");
  try {
    readSync(file, header, 0, header.length, programOffset);
  } finally {
    closeSync(file);
  }
  return programIn(header);
}

/** Bytes of a program, by its header. */
function programIn(program: Uint8Array): number {
  return new DataView(program.buffer, program.byteOffset).getUint32(4, true);
}

/** In a folder of its own, then in its place in one piece: several who do so at once make the same. */
async function makeImage(path: string, firmware: Uint8Array, source: Uint8Array): Promise<number> {
  mkdirSync(dirname(path), { recursive: true });
  const folder = mkdtempSync(`${path}.`);
  try {
    const draft = join(folder, "image");
    const image = Buffer.alloc(programOffset);
    image.set(firmware);
    writeFlash(draft, image);
    const program = await compile(draft, join(folder, "source"), source);
    writeFlash(draft, Buffer.concat([image, program]));
    renameSync(draft, path);
    return program.length;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeFlash(path: string, content: Uint8Array): void {
  writeFileSync(path, content);
  truncateSync(path, flashSize);
}

/** Has the firmware itself compile its program, in a machine with more memory: its bytecode is of this firmware alone. */
async function compile(codeImage: string, path: string, source: Uint8Array): Promise<Buffer> {
  const header = Buffer.alloc(28);
  header.write("vertebra source 1");
  header.writeUInt32LE(source.length, 24);
  writeFlash(path, Buffer.concat([header, source]));
  const board = ["-drive", `if=pflash,unit=1,format=raw,readonly=on,file=${escaped(path)}`];
  const { status, output, complaints } = await runEmulator([...machineOf("64M", codeImage), ...board]);
  if (status === 0 && output.length > 28 && programIn(output) === output.length) return output;
  throw new VertebraError(
    "build-failed",
    `The program of the board can't be compiled (status ${status}): ${output.toString("latin1").slice(-500)}${complaints}`,
    `Look whether this works: ${emulator} --version`,
  );
}

function runEmulator(parameters: readonly string[]) {
  return new Promise<{ status: number; output: Buffer; complaints: string }>((resolve, reject) => {
    const child = spawn(emulator, parameters, { stdio: ["ignore", "pipe", "pipe"] });
    const output: Buffer[] = [];
    let complaints = "";
    child.on("error", (error) => reject(withoutEmulator(error)));
    child.stdout?.on("data", (bytes) => output.push(bytes));
    child.stderr?.on("data", (bytes) => {
      complaints += bytes;
    });
    child.on("close", (status) => resolve({ status: status ?? -1, output: Buffer.concat(output), complaints }));
  });
}

/** Why QEMU can't be started. */
export function withoutEmulator(error: Error): VertebraError {
  if (errnoOf(error) !== "ENOENT") return asVertebraError(error, `${emulator} can't be started`);
  return new VertebraError(
    "no-qemu",
    `The emulated board needs ${emulator}, which is not here`,
    "On Debian and Ubuntu: apt-get install qemu-system-misc",
  );
}
