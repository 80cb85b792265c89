import { controlClient } from "../channels/control-client";
import type { DefinedJson } from "../channels/defining";
import { paint } from "../system/text";
import type { WorldOptions } from "./options";
import { print, printJson } from "./output";

/** Has the world's gateway define something, and shows what it did, or would. Errors: those of the gateway. */
export async function askToDefine(options: WorldOptions, path: string, asked: object): Promise<void> {
  const defined = await controlClient(options.dir).post<DefinedJson>(path, asked);
  if (options.json) printJson(defined);
  else showDefined(defined);
}

export function showDefined({ dry, defined }: DefinedJson): void {
  const done = dry ? paint("yellow", "would define") : paint("green", "defined");
  for (const { kind, name, id } of defined) {
    print(done, ` ${kind} `, paint("bold", name), id === "" ? "" : ` ${id.slice(0, 16)}…`);
  }
}
