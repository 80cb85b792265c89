import { spawnSync } from "node:child_process";
import { rmSync, truncateSync, writeFileSync } from "node:fs";
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

/** What a program prints until it ends, and its status, on a machine whose flash holds these parts in its first sector. */
export function runOnRv32(
  image: Rv32Image,
  folder: string,
  parts: readonly (readonly [string, Uint8Array])[],
  change: (sector: Buffer) => void = () => {},
) {
  const flash = join(folder, "flash");
  const sector = provisionSector(parts);
  change(sector);
  writeFileSync(flash, sector);
  truncateSync(flash, flashSize);
  const board = ["-drive", `if=pflash,unit=1,format=raw,file=${escaped(flash)}`, "-serial", "null"];
  const { status, stdout, error } = spawnSync(emulator, [...machineOf("520K", image.path), ...board], {
    encoding: "utf8",
    timeout: 60_000,
  });
  rmSync(flash);
  if (error) throw error;
  return { status, lines: stdout.split("\n").filter((line) => line !== "") };
}
