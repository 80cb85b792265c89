import type { Definition } from "../../firmware/core/definitions/definition";
import { VertebraError } from "../../firmware/core/errors";
import type { FinalBlock } from "../../firmware/core/events";
import { syncGroupId } from "../../firmware/core/pact/pact";
import { equal } from "../../firmware/core/wire/bytes";
import type { Sha256 } from "../../firmware/core/wire/hash";
import type { BlockReader } from "../participant/store";
import { asVertebraError } from "../system/errors";
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
  const { directory, catalog, tag, provision } = world;
  const group = provision.definitions && syncGroupId(crypto, provision.definitions);

  function takeAll(entries: readonly Uint8Array[]): Definition[] {
    const taken: Definition[] = [];
    for (const entry of entries) {
      const sequence = catalog.taken;
      const definition = catalog.take(entry);
      if (definition instanceof VertebraError) events.notice(countsForNobody(sequence, definition));
      else if (definition !== undefined) taken.push(definition);
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
      if (group === undefined) return;
      const entries: Uint8Array[] = [];
      for await (const block of blocksOf(store, tag, group)) {
        // What is lost is asked for by others; until it is here, the directory's word stands.
        if (block.entries === null) return;
        entries.push(...block.entries);
      }
      const cached = readDefined(directory);
      if (cached.length === entries.length && cached.every((entry, at) => equal(entry, entries[at]!))) return;
      catalog.forget();
      takeAll(entries);
      keep(() => writeDefined(directory, entries));
    },
    take(block) {
      if (group === undefined || !equal(block.group, group)) return;
      const { entries, firstEntry } = block;
      if (entries === null || firstEntry !== catalog.taken) return;
      const taken = takeAll(entries);
      keep(() => appendDefined(directory, entries));
      for (const each of taken) events.defined(each);
    },
  };
}

function countsForNobody(sequence: number, { code, message, remedy }: VertebraError): VertebraError {
  return new VertebraError(code, `Definition ${sequence} of the world counts for nobody: ${message}`, remedy);
}
