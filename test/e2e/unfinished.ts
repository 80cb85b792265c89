import { finalKey } from "../../firmware/core/block/final-record";
import type { StatusJson } from "../../gateway/channels/status";
import { boardOf } from "../../gateway/world/world";
import { allRecords } from "../store/all-records";
import { type Bench, told } from "./bench";
import { journalOf } from "./flash";

/** What is sealed anywhere and not final everywhere, in words, where these boards were told to stop. */
export async function unfinished(bench: Bench, boards: readonly string[]): Promise<string[]> {
  const { groups } = await bench.get<StatusJson>("/status");
  const waiting: string[] = [];
  for (const { name, pendingBlocks, finalEntries } of groups) {
    if (pendingBlocks === 0) continue;
    waiting.push(JSON.stringify(await bench.get("/why", { of: `${name}/${finalEntries}` })));
  }
  const finalBlocks = bench.finalBlocks();
  for (const name of boards) {
    if (told(bench.linesOf(name), "stopped").length === 0) waiting.push(`${name} has not stopped`);
    waiting.push(...bench.sealedBy(name).filter((block) => !finalBlocks.has(block)));
    waiting.push(...lackedBy(bench, name, groups));
  }
  return waiting;
}

/** The groups of which a board has not all that is final. */
function lackedBy(bench: Bench, name: string, groups: StatusJson["groups"]): string[] {
  const saw = new Set(told(bench.linesOf(name), "final").map(({ group, position }) => `${group}/${position}`));
  const unseen = groups.filter(
    ({ id, owners, finalBlocks }) => owners.includes(name) && finalBlocks > 0 && !saw.has(`${id}/${finalBlocks - 1}`),
  );
  if (unseen.length === 0) return [];
  // One that was killed before it could tell of the last block does not tell of it any more.
  const records = allRecords(journalOf(boardOf(bench.world, name)));
  return unseen
    .filter(({ id, finalBlocks }) => !records.has(finalKey(bench.world.tag, id, finalBlocks - 1)))
    .map((group) => `${name} has not all ${group.finalBlocks} final blocks of ${group.name}`);
}
