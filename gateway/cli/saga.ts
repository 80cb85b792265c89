import { Command } from "commander";
import { nodeCrypto } from "../participant/crypto";
import { type CompiledSaga, compile } from "../saga/described";
import { readScript, unmet } from "../saga/expectation";
import { faultError } from "../saga/faults";
import { layOut } from "../saga/layout";
import { examineSaga, loadSaga } from "../saga/load";
import { type Moment, type Rehearsed, rehearse } from "../saga/rehearsal";
import { buildSandbox, type Sandbox } from "../saga/sandbox";
import type { SagaSource } from "../saga/source";
import { typeFaults } from "../saga/types";
import { writeJson } from "../system/json";
import { paint, type Text } from "../system/text";
import { plainCommand } from "./options";
import { exitCodes, print, printJson, say } from "./output";
import { sagaCancelCommand } from "./saga-cancel";
import { sagaDeployCommand } from "./saga-deploy";
import { sagaDevCommand } from "./saga-dev";
import { sagaListCommand } from "./saga-list";
import { sagaRedriveCommand } from "./saga-redrive";
import { sagaReplayCommand } from "./saga-replay";
import { sagaShowCommand } from "./saga-show";
import { sagaTimelineCommand } from "./saga-timeline";
import { sagaUndeployCommand } from "./saga-undeploy";
import { sagaVersionsCommand } from "./saga-versions";

interface Options {
  readonly json?: boolean;
}

export function sagaCommand(): Command {
  return new Command("saga")
    .description("sagas: behaviors that commit, wait, fail and take back what they did")
    .addCommand(newCommand())
    .addCommand(checkCommand())
    .addCommand(testCommand())
    .addCommand(sagaDevCommand())
    .addCommand(sagaDeployCommand())
    .addCommand(sagaUndeployCommand())
    .addCommand(sagaVersionsCommand())
    .addCommand(sagaListCommand())
    .addCommand(sagaShowCommand())
    .addCommand(sagaTimelineCommand())
    .addCommand(sagaReplayCommand())
    .addCommand(sagaRedriveCommand())
    .addCommand(sagaCancelCommand());
}

function newCommand(): Command {
  return plainCommand("new", "lay out a saga with the entries that test it", ["vertebra saga new watch"])
    .argument("<name>", "its name, and that of its folder")
    .action((name: string, options: Options) => {
      const files = layOut(name);
      if (options.json) printJson({ files });
      else for (const line of [...files, `Try it: vertebra saga test ${files[0]}`]) print(line);
    });
}

function checkCommand(): Command {
  return plainCommand("check", "say what is wrong with a saga, and where", [
    "vertebra saga check examples/order/order.ts",
    "vertebra saga check examples/order/order.ts --json",
  ])
    .argument("<file>", "the file of the saga")
    .action(async (file: string, options: Options) => {
      const sandbox = await buildSandbox((text) => say(text));
      const [types, { loaded, faults }] = await Promise.all([typeFaults(file), examineSaga(sandbox, file)]);
      const lines = new Set(faults.map(({ place }) => lineOf(place)));
      const all = [...faults, ...(types ?? []).filter(({ place }) => !lines.has(lineOf(place)))];
      if (loaded === undefined || all.length > 0) throw faultError(all);
      const { source, described } = loaded;
      const saga = compiled(source, described);
      const { name, version, stages } = saga;
      const bytes = Buffer.byteLength(source.text);
      if (options.json)
        printJson({ name, version, stages, pacts: [...saga.pacts.keys()], bytes, typed: types !== undefined });
      else {
        print(paint("green", "sound"), `: saga ${name} v${version}, ${stages.join(" → ")}; ${bytes} bytes of source`);
        if (types === undefined) print("  Types were not looked at: TypeScript is not installed here.");
      }
    });
}

function testCommand(): Command {
  return plainCommand("test", "run a saga against entries from a file, on the engine of a board, without a world", [
    "vertebra saga test examples/order/order.ts",
    "vertebra saga test examples/order/order.ts --entries other.entries.json",
  ])
    .argument("<file>", "the file of the saga")
    .option("--entries <file>", "the entries; otherwise those beside it, as order.entries.json is beside order.ts")
    .addHelpText(
      "after",
      "\nTime is virtual: a deadline of a day passes at once. Ends with 1 where what came is not what the entries expect.",
    )
    .action(async (file: string, options: Options & { entries?: string }) => {
      const script = readScript(options.entries ?? file.replace(/\.[a-z]+$/, ".entries.json"));
      const { saga, source, sandbox } = await load(file);
      const rehearsed = await rehearse(nodeCrypto(), sandbox, source, saga, script);
      const wrong = unmet(script, rehearsed);
      if (options.json) printJson({ ...rehearsed, unmet: wrong });
      else showRehearsed(saga, rehearsed, wrong, script.expect !== undefined);
      if (wrong.length > 0) process.exitCode = exitCodes.failed;
    });
}

/** What is wrong on a line is told once, in our words. */
function lineOf(place: string): string {
  return place.slice(0, place.lastIndexOf(":"));
}

function compiled(source: SagaSource, described: unknown): CompiledSaga {
  const crypto = nodeCrypto();
  // One participant that owns all: a saga is tested without a world.
  return compile(crypto, source, described, [crypto.sha256(new Uint8Array(32))]);
}

async function load(
  file: string,
): Promise<{ readonly saga: CompiledSaga; readonly source: SagaSource; readonly sandbox: Sandbox }> {
  const sandbox = await buildSandbox((text) => say(text));
  const { source, described } = await loadSaga(sandbox, file);
  return { saga: compiled(source, described), source, sandbox };
}

export function showRehearsed(
  saga: CompiledSaga,
  rehearsed: Rehearsed,
  wrong: readonly string[],
  expects: boolean,
): void {
  const { moments, finals, computation, replayed, underWay } = rehearsed;
  print(paint("bold", `${saga.name} v${saga.version}`), `: ${saga.stages.join(" → ")}`);
  for (const moment of moments) print(`${`${moment.at} ms`.padStart(10)}  `, line(moment));
  const most = Math.max(0, ...computation.map(({ bytecodes }) => bytecodes));
  print(
    `${finals} final entries; ${computation.length} runs, the longest of ${most} bytecodes; `,
    `${replayed} states recomputed from the entries alone, each the same`,
  );
  if (underWay > 0) print(`${underWay} of what was begun waits for more, or for longer than 30 days`);
  for (const each of wrong) print(paint("red", "not as expected"), `: ${each}`);
  if (expects && wrong.length === 0) print(paint("green", "as expected"));
}

function line(moment: Moment): Text {
  switch (moment.kind) {
    case "entry":
      return `${moment.produced ? "  → " : ""}${moment.pact} ${writeJson(moment.entry)}`;
    case "state": {
      const colour = moment.status === "done" || moment.status === "intent" ? "green" : "yellow";
      const reason = moment.error === "" ? "" : ` (${moment.error})`;
      return [`  ${moment.stage} `, paint(colour, moment.status), `${reason}  ${writeJson(moment.state)}`];
    }
    case "operation":
      return `  ⚙ ${moment.capability} ${moment.operation}: ${moment.outcome}`;
    case "log":
      return `  “${moment.text}”`;
  }
}
