import { decodeFinalRecord } from "../core/block/final-record";
import { VertebraError } from "../core/errors";
import type { ProvisionedWorld } from "../core/identity/provision";
import { createConductor, keptUnder, type ToldFinal } from "../core/saga/conductor";
import type { Published } from "../core/saga/events";
import { lease } from "../core/saga/limits";
import { asTheyCame } from "../core/saga/past";
import { decodeFinalityProof } from "../core/wire/proofs";
import { decodeBlockHeader } from "../core/wire/structures";
import type { AvatarId } from "../core/wire/types";
import { type Conducting, type ConductingOptions, createConducting } from "../sandbox/conducting";
import { type Journal, readRecord, recordKeys, recordLength, writeRecords } from "../store/journal";
import type { Sandbox } from "./sandbox";

export interface BoardSagas extends Omit<ConductingOptions, "conductor" | "sagas" | "sandbox" | "keep"> {
  readonly world: ProvisionedWorld;
  /** The hex of the worldTag. */
  readonly tag: string;
  readonly avatar: AvatarId;
  readonly published: Published;
  readonly journal: Journal;
  /** Bytes of memory for what is under way in each of them. */
  readonly room: number;
  /** Bytes of flash for what is known of them. */
  readonly mostKept: number;
  /** Only a board with sagas needs one. */
  openSandbox(): Sandbox;
}

/** The board's part in the sagas of its world; undefined where it has none. Nothing is done until it is told to `boot`. */
export function openSagas(options: BoardSagas): Conducting | undefined {
  const { crypto, world, tag, avatar, published, journal, room } = options;
  if (world.sagas.descriptions.length === 0) return undefined;
  const provision = { ...world, ...world.sagas };
  const keys = keptUnder(tag);
  const kept = {
    snapshot: readRecord(journal, keys.snapshot) ?? null,
    waits: readRecord(journal, keys.waits) ?? null,
  };
  const conductor = createConductor({ crypto, world: tag, avatar, provision, published, lease, room, kept });
  const conducting = createConducting({
    ...{ ...options, conductor, sagas: world.sagas, sandbox: options.openSandbox() },
    keep(what, bytes) {
      const other = recordLength(journal, keys[what === "snapshot" ? "waits" : "snapshot"]) ?? 0;
      // Else the last one stays; whether it was too old, the next start finds out.
      if (other + bytes.length <= options.mostKept) writeRecords(journal, new Map([[keys[what], bytes]]), new Set());
      else options.notice(notKept(other + bytes.length, options.mostKept));
    },
  });
  for (const block of asTheyCame(conductor.ledger.definitions, finalBlocks(journal, tag))) {
    conducting.take({ kind: "final", block });
  }
  return conducting;
}

function notKept(length: number, most: number): VertebraError {
  return new VertebraError(
    "store-full",
    `What is known of the sagas has ${length} bytes, and this flash has room for ${most} of it`,
    "The board goes on, but may not after a restart. Give it a larger flash, or let fewer invocations run at once.",
  );
}

/** What a journal holds of a world, each group's blocks in order. */
export function finalBlocks(journal: Journal, tag: string): ToldFinal["block"][] {
  const keys = [...recordKeys(journal, `final/${tag}/`)].sort();
  return keys.map((key) => {
    const { firstEntry, entries, repeats, proof } = decodeFinalRecord(readRecord(journal, key)!);
    const { group, issuer } = decodeBlockHeader(decodeFinalityProof(proof).blockHeader);
    return { group, issuer, firstEntry, entries, repeats };
  });
}
