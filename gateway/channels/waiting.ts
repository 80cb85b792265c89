import type { Waiting } from "../../firmware/core/chain/explain";
import { VertebraError } from "../../firmware/core/errors";
import { fromHex, toHex } from "../../firmware/core/wire/bytes";
import { hash } from "../../firmware/core/wire/hash";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import type { Gateway } from "../gateway";
import type { HistoricBlock } from "../participant/final-block";
import { type Catalog, everyGroup, type KnownGroup } from "../world/catalog";
import { historyOf, sealedBlocks } from "./history";

/** What `vertebra why --json` prints. */
export interface WaitingJson extends Waiting {
  /** Of a final block: where its entries are. */
  readonly final?: FinalPlace;
}

interface FinalPlace {
  readonly group: string;
  readonly block: string;
  readonly issuer: string;
  readonly firstEntry: number;
  readonly count: number;
}

/** Digits of a block's id that are enough, where they name one block. */
const leastDigits = 6;
/** So many final blocks of each group, the latest, are looked through for a block by its id. */
const mostLooked = 10_000;

/** What an entry, `GROUP/SEQUENCE`, or the block of an id or its first digits waits for. Throws `reference`, `block-unknown`, `block-ambiguous`. */
export async function whyWaiting(gateway: Gateway, of: string): Promise<WaitingJson> {
  const { world, participant } = gateway;
  if (!isBlockId(of)) {
    const { group, sequence } = readReference(world.catalog, of);
    const block = await historyOf(gateway.store, world.tag, group.id).holding(sequence);
    if (block !== undefined)
      return itIsFinal(placeOf(gateway, group, block), `Entry ${sequence} of ${group.name} is final`);
    return named(world.catalog, participant.why(world.tag, { group: group.id, sequence }));
  }
  const { id, group, final } = await findBlock(gateway, of);
  if (final !== undefined) return itIsFinal(placeOf(gateway, group, final), `Block ${id.slice(0, 16)} is final`);
  return named(world.catalog, participant.why(world.tag, { block: fromHex(id) }));
}

/** The final block that a person means, by an entry of it or by its id. Throws as `whyWaiting`, and `not-final`. */
export async function finalBlockOf(gateway: Gateway, of: string): Promise<HistoricBlock> {
  const { world, store } = gateway;
  const entry = isBlockId(of) ? undefined : readReference(world.catalog, of);
  const block = entry
    ? await historyOf(store, world.tag, entry.group.id).holding(entry.sequence)
    : (await findBlock(gateway, of)).final;
  if (block !== undefined) return block;
  const what = entry ? `Entry ${entry.sequence} of ${entry.group.name}` : `Block ${of.slice(0, 16)}`;
  throw new VertebraError("not-final", `${what} is not final here`, `\`vertebra why ${of}\` says what it waits for.`);
}

/** Puts the names of members in place of the hex of their avatars. */
export function named(catalog: Catalog, value: Waiting): Waiting {
  const names = new Map(catalog.members.map(({ name, avatar }) => [toHex(avatar), name]));
  const nameOf = (digits: string) => [...names].find(([avatar]) => avatar.startsWith(digits))?.[1];
  return JSON.parse(JSON.stringify(value), (_, item) => {
    if (typeof item !== "string") return item;
    return names.get(item) ?? item.replaceAll(/\b[0-9a-f]{16}\b/g, (digits) => nameOf(digits) ?? digits);
  });
}

function itIsFinal(final: FinalPlace, what: string): WaitingJson {
  const { group, block, issuer, firstEntry, count } = final;
  const entries = count === 1 ? `${group}/${firstEntry}` : `${group}/${firstEntry} to ${firstEntry + count - 1}`;
  const sentence = `${what}: block ${block.slice(0, 16)}, sealed by ${issuer}, is ${entries}.`;
  return { state: "final", sentence, metablocks: [], final };
}

/** Which entry a person means. */
function readReference(catalog: Catalog, of: string): { readonly group: KnownGroup; readonly sequence: number } {
  const slash = of.lastIndexOf("/");
  const sequence = Number(of.slice(slash + 1));
  if (slash > 0 && slash < of.length - 1 && Number.isSafeInteger(sequence) && sequence >= 0) {
    return { group: catalog.group(of.slice(0, slash)), sequence };
  }
  throw new VertebraError(
    "reference",
    `'${of}' names no entry and no block`,
    `Give the group and the sequence, such as machine-shared/17, as \`vertebra tail\` shows them, or ${leastDigits} digits or more of a block's id.`,
  );
}

function isBlockId(of: string): boolean {
  return new RegExp(`^[0-9a-f]{${leastDigits},64}$`).test(of);
}

/** A block by its id in hex; with what the store has of it where it is final. */
interface Found {
  readonly id: string;
  readonly group: KnownGroup;
  readonly final?: HistoricBlock;
}

/** The block whose id begins so: one that is sealed, or one of the latest that are final. */
async function findBlock(gateway: Gateway, digits: string): Promise<Found> {
  const { crypto, store, world } = gateway;
  const found = new Map<string, Found>();
  const take = (each: Found) => each.id.startsWith(digits) && found.set(each.id, each);
  for (const group of everyGroup(world.catalog)) {
    for (const { header } of sealedBlocks(crypto, store, world.tag, group.id)) {
      take({ id: toHex(header.id), group });
    }
    for await (const final of latestFinals(gateway, group)) {
      const id = idOf(gateway, final);
      take({ id, group, final });
      if (id === digits) break;
    }
  }
  const [first, ...others] = found.values();
  if (first !== undefined && others.length === 0) return first;
  if (first === undefined) {
    const looked = `Looked for among those that are not final, and of each group the latest ${mostLooked} that are.`;
    throw new VertebraError("block-unknown", `No block here has an id that begins with ${digits}`, looked);
  }
  const ids = [...found.keys()].slice(0, 8).map((id) => id.slice(0, 16));
  const message = `${found.size} blocks have ids that begin with ${digits}`;
  throw new VertebraError("block-ambiguous", message, `Say which: ${ids.join(", ")}.`);
}

/** The newest first. */
async function* latestFinals({ store, world }: Gateway, { id }: KnownGroup): AsyncGenerator<HistoricBlock> {
  const { blocks: finalBlocks } = store.final(world.tag, toHex(id));
  const history = historyOf(store, world.tag, id);
  for (let position = finalBlocks - 1; position >= Math.max(0, finalBlocks - mostLooked); position--) {
    const block = await history.at(position);
    if (block !== undefined) yield block;
  }
}

function placeOf(gateway: Gateway, group: KnownGroup, block: HistoricBlock): FinalPlace {
  const { header, firstEntry } = block;
  const issuer = gateway.world.catalog.memberName(header.issuer);
  return { group: group.name, block: idOf(gateway, block), issuer, firstEntry, count: header.count };
}

function idOf({ crypto }: Gateway, { proof }: HistoricBlock): string {
  return toHex(hash(crypto, "block", decodeFinalityProof(proof).blockHeader));
}
