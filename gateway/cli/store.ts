import type { Command } from "commander";
import { controlClient } from "../channels/control-client";
import type { StoreJson } from "../channels/store-sizes";
import { type WorldOptions, worldCommand } from "./options";
import { print, printJson, printTable } from "./output";

export function storeCommand(): Command {
  return worldCommand("store", "show what of the running gateway's store takes how much", [
    "vertebra store",
    "vertebra store --json",
  ])
    .addHelpText(
      "after",
      "\nA gateway keeps all that is final, for who was away. The bytes of a group's proofs and entries are reckoned from 64 of its\nblocks where it has more; on the disk LevelDB packs them.",
    )
    .action(async (options: WorldOptions) => {
      const sizes = await controlClient(options.dir).get<StoreJson>("/store");
      if (options.json) printJson(sizes);
      else showStore(sizes);
    });
}

function showStore({ historyBytes, journalBytes, groups }: StoreJson): void {
  print(`on the disk: ${kilobytes(historyBytes)} of history, ${kilobytes(journalBytes)} of journal`);
  print();
  printTable([
    ["GROUP", "BLOCKS", "ENTRIES", "OF PROOFS", "OF ENTRIES"],
    ...groups.map(({ name, blocks, entries, proofBytes, entryBytes }) => [
      name,
      `${blocks}`,
      `${entries}`,
      kilobytes(proofBytes),
      kilobytes(entryBytes),
    ]),
  ]);
}

export function kilobytes(bytes: number): string {
  return bytes < 1_024 ? `${bytes} B` : `${Math.round(bytes / 1_024).toLocaleString("en")} KB`;
}
