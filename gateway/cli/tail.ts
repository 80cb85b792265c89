import type { Command } from "commander";
import { controlClient, gatewayEnded } from "../channels/control-client";
import type { ToldEntry } from "../channels/entry";
import { writeJson } from "../system/json";
import { paint, type Text } from "../system/text";
import { askedToEnd } from "./ending";
import { shownId, type WorldOptions, wholeNumber, worldCommand } from "./options";
import { print, printJson } from "./output";

interface TailOptions extends WorldOptions {
  readonly from: number;
  readonly pending?: boolean;
  readonly follow: boolean;
}

export function tailCommand(): Command {
  return worldCommand("tail", "print final entries in sequence, and go on with those to come, until Ctrl-C", [
    "vertebra tail",
    "vertebra tail machine-shared --from 100",
    "vertebra tail machine@board-1 --no-follow --json",
    "vertebra tail --pending",
  ])
    .argument("[group]", "one group only: its name, its pact where that has one group, or digits of its id", shownId)
    .option("--from <sequence>", "begin with this sequence", wholeNumber(0), 0)
    .option("--pending", "print sealed and buffered entries too, marked as such: they may come in another order")
    .option("--no-follow", "print what is there, and end")
    .addHelpText(
      "after",
      "\nWithout a group all that there are now are told; one that is defined later is not among them.",
    )
    .action(tail);
}

async function tail(group: string | undefined, options: TailOptions): Promise<void> {
  const enough = new AbortController();
  askedToEnd(options.json).then(() => enough.abort());
  const query = {
    from: String(options.from),
    ...(group === undefined ? {} : { group }),
    ...(options.pending ? { pending: "" } : {}),
    ...(options.follow ? { follow: "" } : {}),
  };
  // A long history is read no faster than it is printed.
  for await (const entry of controlClient(options.dir).lines<ToldEntry>("/entries", query, enough.signal)) {
    await (options.json ? printJson(entry) : print(entryLine(entry)));
  }
  if (options.follow && !enough.signal.aborted) throw gatewayEnded(options.dir);
}

/** `machine-shared/17 board-2 load 0.5, memory 512 MiB` */
export function entryLine(entry: ToldEntry): Text {
  if (entry.state === "unreadable") {
    const { group, sequence, through } = entry;
    const which = sequence === through ? `${sequence}` : `${sequence} to ${through}`;
    return [`${group}/${which} `, paint("red", "can't be read"), ": the history of this gateway is damaged there"];
  }
  const where =
    entry.sequence === null ? [entry.group, " ", paint("yellow", entry.state)] : `${entry.group}/${entry.sequence}`;
  return [where, " ", paint("cyan", entry.issuer), ` ${contentOf(entry)}`];
}

function contentOf({ entry, gap }: ToldEntry): string {
  if (gap !== undefined) return `(${gap} entries were dropped here by a full buffer)`;
  if (entry === null) return "(private)";
  return Object.entries(entry)
    .map(([name, value]) => `${name} ${value === null ? "none" : writeJson(value)}`)
    .join(", ");
}
