import { existsSync } from "node:fs";
import { relative, resolve } from "node:path";
import { type Message, transform } from "esbuild";
import { VertebraError } from "../../firmware/core/errors";
import { bundleForXs } from "../fleet/xs-program";
import { faultError } from "./faults";
import { define } from "./types";

/** A module that a sandbox can load: the file of a saga with all that it imports. */
export interface SagaSource {
  readonly file: string;
  readonly text: string;
}

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
      // The engine loads a module at once.
      supported: { "top-level-await": false },
    });
    return { file, text };
  } catch (error) {
    const errors = (error as { errors?: Message[] }).errors ?? [];
    if (errors.length === 0) throw error;
    throw faultError(
      errors.map((each) => ({
        place: place(file, each),
        code: "saga-source",
        message: each.text,
        remedy: remedyOf(each),
      })),
    );
  }
}

/** A module as it was deployed, laid out again for people: it is to be read, not run. */
export async function laidOut(text: string): Promise<string> {
  const { code } = await transform(text, { format: "esm", charset: "utf8", logLevel: "silent" }).catch(() => {
    return { code: text };
  });
  return code
    .split("\n")
    .flatMap((line) => (line.length > widest ? parted(line) : [line]))
    .join("\n");
}

const widest = 80;

/** A line whose statements and fields have been put into one, each in one of its own, as deep as it stands in brackets. */
function parted(line: string): string[] {
  const indent = line.length - line.trimStart().length;
  let depth = 0;
  return line
    .trimStart()
    .split(/(?<=[,{;]) /)
    .map((part) => {
      const closes = /^[)\]}]*/.exec(part)![0].length;
      const shown = `${" ".repeat(Math.max(0, indent + 2 * (depth - closes)))}${part}`;
      depth += (part.match(/[([{]/g) ?? []).length - (part.match(/[)\]}]/g) ?? []).length;
      return shown;
    });
}

function place(file: string, { location }: Message): string {
  if (location === null) return `${relative(process.cwd(), resolve(file))}:1:1`;
  return `${relative(process.cwd(), resolve(location.file))}:${location.line}:${location.column + 1}`;
}

function remedyOf({ text }: Message): string {
  return text.startsWith("Could not resolve")
    ? "A behavior can import its own files and packages that need no platform, no module of Node."
    : "Correct that line.";
}
