import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { VertebraError } from "../../../firmware/core/errors";
import { buildRv32Firmware } from "../../../gateway/fleet/rv32-board";
import { provisionSector } from "../../../gateway/fleet/rv32-flash";
import type { Rv32Image } from "../../../gateway/fleet/rv32-image";
import { emulator, escaped, flashSize, machineOf } from "../../../gateway/fleet/rv32-image";

/** The firmware of the board, or why these tests can't run: it is said as the reason to skip them. */
export async function firmwareOrReason(): Promise<
  { image: Rv32Image; reason: "" } | { image: undefined; reason: string }
> {
  try {
    return { image: await buildRv32Firmware(() => {}), reason: "" };
  } catch (error) {
    const { code, message } = error as VertebraError;
    if (code !== "no-qemu" && code !== "no-compiler") throw error;
    return { image: undefined, reason: message };
  }
}

/** What else a machine has that runs a program; a board's own where nothing is said. */
export interface Machine {
  /** What lies behind the first sector; zeros where it is missing. */
  readonly journal?: Uint8Array;
  /** How the flash is given, besides its file. */
  readonly drive?: string;
  /** Options of the emulator without these. */
  readonly without?: readonly string[];
  /** What it prints when enough was seen of it: then its power is cut. */
  readonly until?: RegExp;
}

/** What a program prints until it ends, its status, and what its flash holds then, on a machine whose flash holds these parts in its first sector. */
export async function runOnRv32(
  image: Rv32Image,
  folder: string,
  parts: readonly (readonly [string, Uint8Array])[],
  change: (sector: Buffer) => void = () => {},
  { journal = new Uint8Array(), drive = "", without = [], until }: Machine = {},
) {
  const path = join(folder, "flash");
  const sector = provisionSector(parts);
  change(sector);
  writeFileSync(path, Buffer.concat([sector, journal]));
  truncateSync(path, flashSize);
  const machine = machineOf("520K", image.path).filter((each, at, all) => {
    return !without.includes(each) && !(each === "-device" && without.includes(all[at + 1]!));
  });
  const board = ["-drive", `if=pflash,unit=1,format=raw,file=${escaped(path)}${drive}`, "-serial", "null"];
  const child = spawn(emulator, [...machine, ...board], { stdio: ["ignore", "pipe", "inherit"] });
  let told = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    told += text;
    if (until?.test(told)) child.kill("SIGKILL");
  });
  const [status] = await once(child, "close");
  const flash = readFileSync(path);
  rmSync(path);
  return { status: status as number | null, lines: told.split("\n").filter((line) => line !== ""), flash };
}
