import type { Command } from "commander";
import { controlClient } from "../channels/control-client";
import type { VersionsJson } from "../channels/versions";
import { paint } from "../system/text";
import { type WorldOptions, worldCommand } from "./options";
import { print, printJson, printTable } from "./output";

export function sagaVersionsCommand(): Command {
  return worldCommand("versions", "show the versions of sagas that were deployed, and which of them each member runs", [
    "vertebra saga versions",
    "vertebra saga versions watch --json",
  ])
    .argument("[name]", "of this saga alone")
    .addHelpText(
      "after",
      "\nBEGINS BY follows from what is final, and holds at a member once that has heard of it. RAN LAST is of the last state that it made.",
    )
    .action(async (name: string | undefined, options: WorldOptions) => {
      const query = name === undefined ? {} : { saga: name };
      const sagas = await controlClient(options.dir).get<VersionsJson[]>("/versions", query);
      if (options.json) return printJson(sagas);
      if (sagas.length === 0) print("No saga was deployed in this world since it was made: vertebra saga deploy FILE");
      for (const saga of sagas) showSaga(saga);
    });
}

export function showSaga({ saga, undeployed, versions, members }: VersionsJson): void {
  print(
    paint("bold", saga),
    undeployed === null ? "" : [" ", paint("red", "undeployed"), ` by definition ${undeployed}`],
  );
  printTable([
    ["  VERSION", "DEFINITION", "BYTES", "STANDS"],
    ...versions.map((each) => [`  v${each.version}`, `${each.definition}`, `${each.size}`, standing(each)]),
  ]);
  printTable([
    ["  MEMBER", "BEGINS BY", "RAN LAST", "TOLD"],
    ...members.map(({ name, begins, ran, told }) => [
      ...[`  ${name}`, numbered(begins), numbered(ran)],
      told === null ? "-" : `v${told.version} ${told.state}`,
    ]),
  ]);
}

function standing({ stands, open, rings, all }: VersionsJson["versions"][number]): string {
  const how =
    stands === "rolling out" || stands === "stopped" ? `${stands}, ${open} of ${rings} rings are open` : stands;
  return all ? `${how}: all begin by it` : how;
}

function numbered(version: number | null): string {
  return version === null ? "-" : `v${version}`;
}
