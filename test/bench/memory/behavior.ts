import { transformSync } from "esbuild";

/** A step of a behavior as people write them: some arithmetic, a loop, a text, properties of its own. */
const step = (index: number) => `
function step${index}(entry, state) {
  const offset = entry.celsius - state.offset${index};
  if (offset > state.highest) return { kind: "high", offset, text: "Reading " + entry.celsius + " is too much" };
  const average = (state.average${index} * 9 + offset) / 10;
  for (const each of state.steps) {
    if (each.limit < average) each.count += 1;
  }
  return { kind: "well", average, steps: state.steps.filter(({ count }) => count < ${index}) };
}`;

/** The module of a behavior of so many lines, made small as the module of a saga is: ten of them are a step. */
export function behaviorOf(lines: number): string {
  const steps = Array.from({ length: Math.floor(lines / 10) }, (_, index) => step(index));
  const rest = Array.from({ length: lines % 10 }, (_, index) => `now = (now * 9 + ${index}) / 10;`);
  const source = `${steps.join("\n")}
    export default { options: { stages: [{ options: { run({ now }) { ${rest.join("\n")} return { now }; } } }] } };`;
  return transformSync(source, { format: "esm", minifyWhitespace: true, minifySyntax: true }).code;
}
