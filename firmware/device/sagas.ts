import { decodeFinalRecord } from "../core/block/final-record";
import type { ProvisionedWorld } from "../core/identity/provision";
import { createConductor, type ToldFinal } from "../core/saga/conductor";
import type { Published } from "../core/saga/events";
import { lease } from "../core/saga/limits";
import { decodeFinalityProof } from "../core/wire/proofs";
import { decodeBlockHeader } from "../core/wire/structures";
import type { AvatarId } from "../core/wire/types";
import { type Conducting, type ConductingOptions, createConducting } from "../sandbox/conducting";
import type { Journal } from "../store/journal";
import type { Sandbox } from "./sandbox";

export interface BoardSagas extends Omit<ConductingOptions, "conductor" | "sagas" | "sandbox"> {
  readonly world: ProvisionedWorld;
  /** The hex of the worldTag. */
  readonly tag: string;
  readonly avatar: AvatarId;
  readonly published: Published;
  readonly journal: Pick<Journal, "records">;
  /** Only a board with sagas needs one. */
  openSandbox(): Sandbox;
}

/** The board's part in the sagas of its world; undefined where it has none. Nothing is done until it is told to `boot`. */
export function openSagas(options: BoardSagas): Conducting | undefined {
  const { crypto, world, tag, avatar, published } = options;
  if (world.sagas.descriptions.length === 0) return undefined;
  const provision = { ...world, ...world.sagas };
  const conductor = createConductor({ crypto, world: tag, avatar, provision, published, lease });
  const conducting = createConducting({ ...options, conductor, sagas: world.sagas, sandbox: options.openSandbox() });
  for (const block of finalBlocks(options)) conducting.take({ kind: "final", block });
  return conducting;
}

/** What the journal holds of the world, each group's blocks in order. */
function finalBlocks({ journal, tag }: BoardSagas): ToldFinal["block"][] {
  const keys = [...journal.records.keys()].filter((key) => key.startsWith(`final/${tag}/`)).sort();
  return keys.map((key) => {
    const { firstEntry, entries, repeats, proof } = decodeFinalRecord(journal.records.get(key)!);
    const { group, issuer } = decodeBlockHeader(decodeFinalityProof(proof).blockHeader);
    return { group, issuer, firstEntry, entries, repeats };
  });
}
