import type { Command } from "commander";
import { VertebraError } from "../../firmware/core/errors";
import { controlClient } from "../channels/control-client";
import { type WorldOptions, worldCommand } from "./options";
import { printJson } from "./terminal";

interface Pushed {
  readonly group: string;
  readonly block: string;
  readonly counter: number;
  readonly sequence?: number;
}

export function pushCommand(): Command {
  return worldCommand("push", "push an entry; returns when it is sealed, so that it will become final", [
    `vertebra push machine@board-1 '{"load":0.5,"memory":512,"temperature":null,"uptime":60}'`,
    `vertebra push machine-shared '{"load":0.5,"memory":512,"temperature":41.5,"uptime":60}' --final`,
  ])
    .argument("<group>", "the group, or its pact where that has one group only")
    .argument("<entry>", "the entry as JSON, field by field; `vertebra pact list` shows the fields")
    .option("--final", "return when it is final, with its sequence")
    .action(async (group: string, text: string, options: WorldOptions & { final?: boolean }) => {
      const body = { group, entry: parseEntry(text), final: options.final === true };
      const pushed = await controlClient(options.dir).post<Pushed>("/entries", body);
      if (options.json) printJson(pushed);
      else process.stdout.write(`${told(pushed)}\n`);
    });
}

function told({ group, block, sequence }: Pushed): string {
  if (sequence === undefined) return `sealed in block ${block}`;
  return `final: ${group}/${sequence}, in block ${block}`;
}

function parseEntry(text: string): unknown {
  try {
    const entry = JSON.parse(text);
    if (entry !== null && typeof entry === "object" && !Array.isArray(entry)) return entry;
  } catch {
    // Told below, with what it should have been.
  }
  throw new VertebraError("usage", `The entry is not a JSON object: ${text}`, `Give it like '{"load":0.5}', in quotes`);
}
