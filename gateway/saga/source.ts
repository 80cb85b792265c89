import { existsSync } from "node:fs";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Message } from "esbuild";
import { VertebraError } from "../../firmware/core/errors";
import { bundleForXs } from "../fleet/xs-program";

/** A module that a sandbox can load: the file of a saga with all that it imports. */
export interface SagaSource {
  readonly file: string;
  readonly text: string;
}

const define = fileURLToPath(new URL("./define.ts", import.meta.url));

/** Throws `saga-source` with file, line and column of what is wrong. */
export async function bundleSaga(file: string): Promise<SagaSource> {
  if (!existsSync(file)) {
    throw new VertebraError("saga-source", `${file} is not there`, "Lay one out with `vertebra saga new NAME`.");
  }
  try {
    const text = await bundleForXs({
      entryPoints: [resolve(file)],
      format: "esm",
      alias: { "vertebra/saga": define },
      minifyWhitespace: true,
      minifySyntax: true,
      legalComments: "none",
      // Text in a behavior may be of any language, and counts as what it is.
      charset: "utf8",
    });
    return { file, text };
  } catch (error) {
    const [first] = (error as { errors?: Message[] }).errors ?? [];
    if (first === undefined) throw error;
    throw new VertebraError("saga-source", `${place(file, first)}: ${first.text}`, remedyOf(first));
  }
}

function place(file: string, { location }: Message): string {
  if (location === null) return file;
  return `${relative(process.cwd(), resolve(location.file))}:${location.line}:${location.column + 1}`;
}

function remedyOf({ text }: Message): string {
  return text.startsWith("Could not resolve")
    ? "A behavior can import its own files and packages that need no platform, no module of Node."
    : "Correct that line.";
}
