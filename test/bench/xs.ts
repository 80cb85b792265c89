import { execFile } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleForXs } from "../../gateway/fleet/xs-program";
import { scratchFolder } from "../xs/host";
import { encodeRecording, type Recording } from "./recording";
import type { Replayed } from "./replay";

const replay = fileURLToPath(new URL("replay-on-xs.ts", import.meta.url));

/** Bytes of recordings: the engine takes half a minute for them. */
const mostReplayed = 1_000_000;

/**
 * Replays recordings on the XS host at `host`, as many of them as go into 1 MB, and gives the sum of what they cost. Throws where a
 * participant does there anything else than it did here.
 */
export async function replayOnXs(host: string, recordings: readonly Recording[]): Promise<Replayed> {
  const folder = scratchFolder();
  const program = join(folder, "program.js");
  writeFileSync(program, await bundleForXs({ entryPoints: [replay] }));
  const files: string[] = [];
  let size = 0;
  for (const recording of recordings) {
    const bytes = encodeRecording(recording);
    size += bytes.length;
    if (size > mostReplayed) break;
    const file = join(folder, `${files.length}`);
    writeFileSync(file, bytes);
    files.push(file);
  }
  const lines = await run(host, [program, ...files]);
  rmSync(folder, { recursive: true });
  return lines.map((line) => JSON.parse(line) as Replayed).reduce(sum);
}

function sum(a: Replayed, b: Replayed): Replayed {
  return {
    core: a.core + b.core,
    store: a.store + b.store,
    programmed: a.programmed + b.programmed,
    finalized: a.finalized + b.finalized,
  };
}

function run(host: string, parameters: readonly string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    execFile(host, parameters, { maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`the replay on XS ended with ${error.code ?? error.signal}: ${stderr}`));
      else resolve(stdout.split("\n").filter((line) => line !== ""));
    });
  });
}
