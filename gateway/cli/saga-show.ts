import type { Command } from "commander";
import { controlClient } from "../channels/control-client";
import type { Told } from "../saga/timeline";
import { writeJson } from "../system/json";
import { paint, type Text } from "../system/text";
import { shownId, type WorldOptions, worldCommand } from "./options";
import { print, printJson, printTable } from "./output";
import { contentOf } from "./saga-timeline";

export function sagaShowCommand(): Command {
  return worldCommand("show", "show how an invocation of a saga stands, stage by stage", [
    "vertebra saga show 5f2c81ab",
    "vertebra saga show 5f2c81ab --json",
  ])
    .argument("<id>", "four digits of its id or more; `vertebra saga list` shows them", shownId)
    .action(async (id: string, options: WorldOptions) => {
      const told = await controlClient(options.dir).get<Told>(`/sagas/${encodeURIComponent(id)}`);
      if (options.json) printJson(told);
      else showTold(told);
    });
}

export function showTold(told: Told): void {
  const { saga, version, id, status, begun, stages, states, stateGroup, waits, error } = told;
  const line = (name: string, what: Text) => print(`${name.padEnd(11)} `, what);
  line("saga", paint("bold", `${saga} v${version}`));
  line("invocation", id);
  line("status", status);
  line("begun by", `${begun.issuer}, ${begun.group}/${begun.sequence}: ${contentOf(begun.entry)}`);
  if (error !== "") line("error", error);
  if (waits !== null) line("waits until", waits.sentence);
  if (waits?.block) line("why", `vertebra why ${waits.block}`);
  const left = states.at(-1);
  if (left !== undefined) line("state", writeJson(left.state));
  print();
  printTable([
    ["STAGE", "BEHAVIOR", "STATUS", "BY", "SAGA STATE"],
    ...stages.map((behavior, stage) => {
      const last = states.filter((each) => each.stage === stage).at(-1);
      const place = last ? `${stateGroup}/${last.sequence}` : "";
      return [String(stage), behavior, last?.status ?? "", last?.by ?? "", place];
    }),
  ]);
}
