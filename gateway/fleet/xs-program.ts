import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { VertebraError } from "../../firmware/core/errors";
import { buildHost } from "../../firmware/native/build.mjs";
import { asVertebraError } from "../system/errors";
import { writeWhole } from "../world/files";

/** The XS host and a program that it runs. */
export interface Firmware {
  readonly host: string;
  readonly program: string;
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/** One text for XS, which knows no platform, of what the options name; a script where they name no format. Throws as esbuild does. */
export async function bundleForXs(options: BuildOptions): Promise<string> {
  const result = await build({
    format: "iife",
    ...options,
    bundle: true,
    write: false,
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "es2022",
    // XS 13 refuses a static initializer that constructs its own class.
    supported: { ...options.supported, "class-static-field": false },
    logLevel: "silent",
  });
  return result.outputFiles[0]!.text;
}

/** What runs over every byte is done in C where the host runs the program. */
export const bulkInC: Plugin = {
  name: "what runs over every byte, in C",
  setup(build) {
    const native = (file: string) => ({ path: join(root, "firmware/native", file) });
    build.onResolve({ filter: /\/(?:bulk|crc32c)$/ }, () => native("native-bulk.ts"));
    build.onResolve({ filter: /\/packing$/ }, () => native("native-packing.ts"));
    build.onResolve({ filter: /\/plain-writes$/ }, () => native("native-plain-writes.ts"));
  },
};

/**
 * The XS host, and the program of a module, both below the repository, built where they are missing or older than their sources.
 * `say` is told when there is something to wait for. Errors: `no-compiler`, `no-engine`, `build-failed`.
 */
export async function buildForXs(module: string, built: string, say: (text: string) => void): Promise<Firmware> {
  const host = await told(buildHost(say), "The XS host");
  const text = await bundleForXs({ entryPoints: [join(root, module)], plugins: [bulkInC] });
  const program = join(root, built);
  mkdirSync(dirname(program), { recursive: true });
  writeWhole(program, text, 0o644);
  return { host, program };
}

/** The path that a build of C sources (firmware/native) gives, whose errors know nothing of ours. */
export function told(built: Promise<string>, what: string): Promise<string> {
  return built.catch((error: Error & { code?: string; remedy?: string }) => {
    const { code, message, remedy } = error;
    if (code !== undefined && remedy !== undefined) throw new VertebraError(code, message, remedy);
    throw asVertebraError(error, `${what} can't be built`);
  });
}
