import type { Command } from "commander";
import { VertebraError } from "../../firmware/core/errors";
import { controlClient } from "../channels/control-client";
import type { PushTold } from "../channels/pushing";
import { readJson } from "../system/json";
import { paint } from "../system/text";
import { shownId, type WorldOptions, worldCommand } from "./options";
import { print, printJson, say } from "./output";

export function pushCommand(): Command {
  return worldCommand("push", "push an entry; returns when it is sealed, so that it will become final", [
    `vertebra push machine@board-1 '{"load":0.5,"memory":512,"temperature":null,"uptime":60}'`,
    `vertebra push machine-shared '{"load":0.5,"memory":512,"temperature":41.5,"uptime":60}' --final`,
  ])
    .argument("<group>", "the group: its name, its pact where that has one group, or digits of its id", shownId)
    .argument("<entry>", "the entry as JSON, field by field; `vertebra pact list` shows the fields")
    .option("--final", "return when it is final, with its sequence")
    .addHelpText(
      "after",
      "\nOne that is given up before it says `sealed` is withdrawn: push it again, and it is there once. What was said to be\nsealed becomes final. With --json a line each for `waiting`, `sealed` and `final`.",
    )
    .action(push);
}

async function push(group: string, text: string, options: WorldOptions & { final?: boolean }): Promise<void> {
  const told = controlClient(options.dir).push(group, parseEntry(text), options.final === true);
  for await (const each of told) {
    if (options.json) await printJson(each);
    else showPushed(each);
  }
}

export function showPushed(told: PushTold): void {
  if (told.state === "waiting") say(paint("yellow", "waiting:"), ` ${told.sentence}`);
  else if (told.state === "sealed") print(`sealed in block ${told.block}`);
  else print(`final: ${told.group}/${told.sequence}, in block ${told.block}`);
}

function parseEntry(text: string): unknown {
  const usage = () =>
    new VertebraError("usage", `The entry is not a JSON object: ${text}`, `Give it like '{"load":0.5}', in quotes`);
  try {
    const entry = readJson(text);
    if (entry !== null && typeof entry === "object" && !Array.isArray(entry)) return entry;
  } catch (error) {
    if ((error as VertebraError).code !== "json-syntax") throw error;
  }
  throw usage();
}
