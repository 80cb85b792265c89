import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative, resolve } from "node:path";
import { VertebraError } from "../../firmware/core/errors";
import { define, projectOf } from "./types";

/**
 * Lays a saga out in a folder of its name: its file, the entries that it is tested with, and what TypeScript has to know of where it is.
 * Returns the files.
 */
export function layOut(name: string): string[] {
  if (!/^[a-z][a-z0-9-]{0,40}$/.test(name)) {
    throw new VertebraError(
      "usage",
      `'${name}' is no name for a saga`,
      "Take small letters, digits and '-', a letter first",
    );
  }
  if (existsSync(name)) {
    throw new VertebraError("saga-exists", `${name} is there already`, "Take another name, or another folder to be in");
  }
  mkdirSync(name);
  const files = [
    [join(name, `${name}.ts`), sagaText(name)],
    [join(name, `${name}.entries.json`), entriesText],
    [join(name, "tsconfig.json"), projectText(name)],
  ] as const;
  for (const [file, text] of files) writeFileSync(file, text);
  return files.map(([file]) => file);
}

/** As `vertebra saga check` looks at it. Where the folder is in a project that has vertebra, its name needs no path. */
function projectText(folder: string): string {
  const { files: _, compilerOptions, ...rest } = projectOf([], relative(resolve(folder), define));
  const { paths, ...options } = compilerOptions;
  const project = {
    compilerOptions: hasVertebra(folder) ? options : { ...options, paths },
    include: ["*.ts"],
    ...rest,
  };
  return `${JSON.stringify(project, null, 2)}\n`;
}

function hasVertebra(folder: string): boolean {
  try {
    createRequire(join(resolve(folder), "saga.ts")).resolve("vertebra/saga");
    return true;
  } catch {
    return false;
  }
}

const sagaText = (name: string) => `import { defineBehavior, definePact, defineSaga, defineState } from "vertebra/saga";

const reading = definePact("reading", { celsius: { type: "f32", unit: "°C" } });
const alarm = definePact("alarm", { text: "text" });

const highest = defineState({ celsius: -273 });

const watch = defineBehavior({
  name: "watch",
  state: highest,
  consumes: reading,
  produces: [alarm],
  run({ entry, state, produce }) {
    if (entry.celsius <= state.celsius) return;
    if (entry.celsius > 60) produce(alarm, { text: \`\${entry.celsius} °C is the most so far.\` });
    return { celsius: entry.celsius };
  },
});

export default defineSaga({ name: "${name}", version: 1, reach: "saga", stages: [watch] });
`;

const entriesText = `{
  "entries": [
    { "pact": "reading", "entry": { "celsius": 21.5 } },
    { "pact": "reading", "entry": { "celsius": 64 }, "at": 1000 },
    { "pact": "reading", "entry": { "celsius": 40 }, "at": 2000 }
  ],
  "expect": {
    "states": ["watch done", "watch done", "watch done"],
    "entries": { "alarm": [{ "text": "64 °C is the most so far." }] },
    "state": { "celsius": 64 }
  }
}
`;
