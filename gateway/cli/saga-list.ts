import type { Command } from "commander";
import { controlClient } from "../channels/control-client";
import type { SagasJson } from "../channels/sagas";
import type { Told } from "../saga/timeline";
import { fit, paint } from "../system/text";
import { type WorldOptions, worldCommand } from "./options";
import { print, printJson, printTable } from "./output";

export function sagaListCommand(): Command {
  return worldCommand("list", "show the world's sagas, how many run and failed, and the latest invocations", [
    "vertebra saga list",
    "vertebra saga list --json",
  ]).action(async (options: WorldOptions) => {
    const sagas = await controlClient(options.dir).get<SagasJson>("/sagas");
    if (options.json) printJson(sagas);
    else showSagas(sagas);
  });
}

export function showSagas({ sagas, invocations }: SagasJson): void {
  printTable([
    ["SAGA", "STAGES", "RUNNING", "DONE", "FAILED", "CANCELLED"],
    ...sagas.map(({ name, version, stages, running, done, failed, cancelled }) => [
      ...[`${name} v${version}`, stages.join(" → ")],
      ...[running, done, failed, cancelled].map(String),
    ]),
  ]);
  for (const { name } of sagas.filter(({ standsStill }) => standsStill)) {
    print(paint("yellow", `This gateway takes no part in ${name} any more: see what \`vertebra up\` printed.`));
  }
  if (invocations.length === 0) return;
  print();
  printTable([
    ["INVOCATION", "SAGA", "STATUS", "BEGUN BY", ""],
    ...[...invocations]
      .reverse()
      .map((told) => [
        told.id.slice(0, 8),
        `${told.saga} v${told.version}`,
        told.status,
        `${told.begun.group}/${told.begun.sequence}`,
        fit(reason(told), 50),
      ]),
  ]);
}

function reason({ waits, error }: Told): string {
  return waits === null ? error : `waits until ${waits.sentence}`;
}
