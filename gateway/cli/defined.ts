import type { DefinedJson } from "../channels/defining";
import { paint } from "../system/text";
import { print } from "./output";

/** What a command defined, or would. */
export function showDefined({ dry, defined }: DefinedJson): void {
  const done = dry ? paint("yellow", "would define") : paint("green", "defined");
  for (const { kind, name, id } of defined) print(done, ` ${kind} `, paint("bold", name), ` ${id.slice(0, 16)}…`);
}
