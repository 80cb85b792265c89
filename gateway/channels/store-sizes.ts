import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../../firmware/core/wire/bytes";
import type { Gateway } from "../gateway";
import { placesIn } from "../participant/store-places";
import { everyGroup } from "../world/catalog";

/** What `vertebra store --json` prints: what of a gateway's store takes how many bytes. */
export interface StoreJson {
  readonly directory: string;
  /** On the disk: what is final, for good; and what is not, which is as large as it has ever had to be. */
  readonly historyBytes: number;
  readonly journalBytes: number;
  readonly groups: readonly {
    readonly name: string;
    readonly blocks: number;
    readonly entries: number;
    /** Of its final blocks, before LevelDB packs them: proofs, and the entries themselves. */
    readonly proofBytes: number;
    readonly entryBytes: number;
    /** How many blocks were looked at: where that is not all, the bytes are reckoned from these. */
    readonly looked: number;
  }[];
}

/** Blocks looked at of each group, evenly over all of them. */
const mostLooked = 64;

export async function storeSizes(gateway: Gateway): Promise<StoreJson> {
  const { world } = gateway;
  const places = placesIn(join(world.directory, "store"));
  const groups: StoreJson["groups"][number][] = [];
  for (const { name, id } of everyGroup(world.catalog)) groups.push({ name, ...(await sizesOf(gateway, toHex(id))) });
  return {
    directory: world.directory,
    historyBytes: bytesIn(places.history),
    journalBytes: statSync(places.journal).size,
    groups,
  };
}

async function sizesOf({ store, world }: Gateway, group: string): Promise<Omit<StoreJson["groups"][number], "name">> {
  const { blocks, entries } = store.final(world.tag, group);
  const looks = Math.min(blocks, mostLooked);
  let looked = 0;
  let proofs = 0;
  let bodies = 0;
  for (let look = 0; look < looks; look++) {
    const [block] = await store.blocks(world.tag, group, Math.floor((look * blocks) / looks), 1);
    if (block === undefined) continue;
    looked++;
    proofs += block.proof.length;
    for (const entry of block.entries ?? []) bodies += entry.length;
  }
  const reckoned = (bytes: number) => (looked === 0 ? 0 : Math.round((bytes * blocks) / looked));
  return { blocks, entries, proofBytes: reckoned(proofs), entryBytes: reckoned(bodies), looked };
}

function bytesIn(directory: string): number {
  if (!existsSync(directory)) return 0;
  // Files go while they are looked at: LevelDB puts them together.
  const sizeOf = (name: string) => statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0;
  return readdirSync(directory).reduce((sum, name) => sum + sizeOf(name), 0);
}
