import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { VertebraError } from "../../firmware/core/errors";

/** Lays a saga out in a folder of its name: its file, and the entries that it is tested with. Returns the files. */
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
  ] as const;
  for (const [file, text] of files) writeFileSync(file, text);
  return files.map(([file]) => file);
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
