import type { Command } from "commander";
import { controlClient } from "../channels/control-client";
import { asVertebraError } from "../system/errors";
import { writeWhole } from "../world/files";
import { shownId, type WorldOptions, worldCommand } from "./options";
import { print, printJson } from "./output";

export function proofCommand(): Command {
  return worldCommand("proof", "write the finality proof of an entry's block to a file, with the block's entries", [
    "vertebra proof machine-shared/17 -o entry-17.proof",
    "vertebra verify entry-17.proof",
  ])
    .argument("<entry>", "GROUP/SEQUENCE of a final entry, or the id of its block, or its first digits", shownId)
    .requiredOption("-o, --output <file>", "where to write it")
    .action(async (of: string, options: WorldOptions & { output: string }) => {
      const proof = await controlClient(options.dir).bytes("/proof", { of });
      write(options.output, proof);
      if (options.json) printJson({ entry: of, file: options.output, bytes: proof.length });
      else print(`${options.output}: ${proof.length} bytes, which anyone can check: vertebra verify`);
    });
}

function write(file: string, proof: Uint8Array): void {
  try {
    writeWhole(file, proof, 0o644);
  } catch (error) {
    throw asVertebraError(error, `${file} can't be written`);
  }
}
