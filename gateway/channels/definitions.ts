import { retiredBy } from "../../firmware/core/definitions/defined";
import { type Definition, type GroupDefinition, idOfDefined } from "../../firmware/core/definitions/definition";
import { VertebraError } from "../../firmware/core/errors";
import type { FinalBlock } from "../../firmware/core/events";
import { equal } from "../../firmware/core/wire/bytes";
import type { Sha256 } from "../../firmware/core/wire/hash";
import type { Hash } from "../../firmware/core/wire/types";
import type { BlockReader } from "../participant/store";
import { asVertebraError } from "../system/errors";
import { presentDefining, readableDefinition } from "../world/catalog";
import { appendDefined, readDefined, writeDefined } from "../world/defined-cache";
import type { World } from "../world/world";
import { blocksOf } from "./history";

/** Keeps what a gateway knows of its world as what is final in the group of definitions says. */
export interface Following {
  /** With what was final before this start. */
  begin(store: BlockReader): Promise<void>;
  take(block: FinalBlock): void;
}

export function createFollowing(
  crypto: Sha256,
  world: World,
  events: { notice(error: VertebraError): void; defined(definition: Definition): void },
): Following {
  const { directory, catalog } = world;

  /** As many as count: behind one by which other stewards define nothing does. */
  function takeAll(group: Hash, entries: readonly Uint8Array[]): Taken {
    const taken: Taken = { entries: [], definitions: [] };
    for (const entry of entries) {
      if (!isPresent(catalog, group)) break;
      const sequence = catalog.taken;
      const definition = catalog.take(entry);
      taken.entries.push(entry);
      if (definition instanceof VertebraError) events.notice(countsForNobody(sequence, definition));
      else if (definition !== undefined) taken.definitions.push(definition);
    }
    return taken;
  }

  /** What the directory says follows from what is final: a disk that is full ends nothing, and the next start writes it. */
  function keep(write: () => void): void {
    try {
      write();
    } catch (error) {
      events.notice(asVertebraError(error, `What was defined can't be written into ${directory}`));
    }
  }

  return {
    async begin(store) {
      const founding = catalog.defining[0]?.id;
      if (founding === undefined) return;
      const entries = await definedIn(crypto, store, world.tag, founding);
      const cached = readDefined(directory);
      // What is lost is asked for by others; until it is here, the directory's word stands.
      if (entries === undefined) return;
      if (cached.length === entries.length && cached.every((entry, at) => equal(entry, entries[at]!))) return;
      catalog.forget();
      for (const entry of entries) takeAll(presentDefining(catalog)!.id, [entry]);
      keep(() => writeDefined(directory, entries));
    },
    take({ group, entries, firstEntry }) {
      const present = presentDefining(catalog);
      if (present === undefined || !equal(group, present.id)) return;
      if (entries === null || present.first + firstEntry !== catalog.taken) return;
      const taken = takeAll(group, entries);
      keep(() => appendDefined(directory, taken.entries));
      for (const each of taken.definitions) events.defined(each);
    },
  };
}

interface Taken {
  readonly entries: Uint8Array[];
  readonly definitions: Definition[];
}

function isPresent(catalog: World["catalog"], group: Hash): boolean {
  return equal(presentDefining(catalog)!.id, group);
}

/** All that count, along the groups in which the stewards defined; undefined where the store lacks the entries of a block. */
async function definedIn(
  crypto: Sha256,
  store: BlockReader,
  tag: string,
  founding: Hash,
): Promise<Uint8Array[] | undefined> {
  const all: Uint8Array[] = [];
  for (let group: Hash | undefined = founding; group !== undefined; ) {
    const found = await definedOf(crypto, store, tag, group);
    if (found === undefined) return undefined;
    all.push(...found.entries);
    group = found.successor;
  }
  return all;
}

async function definedOf(crypto: Sha256, store: BlockReader, tag: string, group: Hash) {
  const entries: Uint8Array[] = [];
  for await (const block of blocksOf(store, tag, group)) {
    if (block.entries === null) return undefined;
    for (const entry of block.entries) {
      entries.push(entry);
      const definition = readableDefinition(crypto, entry);
      const before = definition?.kind === "group" ? retiredBy(crypto, definition) : undefined;
      if (before === undefined || !equal(before, group)) continue;
      return { entries, successor: idOfDefined(crypto, definition as GroupDefinition) };
    }
  }
  return { entries, successor: undefined };
}

function countsForNobody(sequence: number, { code, message, remedy }: VertebraError): VertebraError {
  return new VertebraError(code, `Definition ${sequence} of the world counts for nobody: ${message}`, remedy);
}
