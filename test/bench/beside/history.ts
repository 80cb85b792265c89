import { createHash } from "node:crypto";
import { ample } from "../../../firmware/core/bounds";
import { assert } from "../../../firmware/core/errors";
import type { Action } from "../../../firmware/core/events";
import { noSagas } from "../../../firmware/core/identity/provision";
import { encodeEntry } from "../../../firmware/core/pact/entry";
import { encodePact, pactId, syncGroupId } from "../../../firmware/core/pact/pact";
import { createParticipant } from "../../../firmware/core/participant";
import { compare } from "../../../firmware/core/wire/bytes";
import { encodeSyncGroup } from "../../../firmware/core/wire/structures";
import type { Pact } from "../../../firmware/core/wire/types";
import { packingFor } from "../../../firmware/device/keeping";
import type { Packing } from "../../../firmware/store/values";
import { nodeCrypto } from "../../../gateway/participant/crypto";
import { cheapCrypto } from "../../core/cheap-crypto";
import { finalTail, timeAt } from "../recording";
import { avatarOf, createVirtualWorld } from "../virtual-world";

/** What a board has its store do that pushes an entry of 32 bytes each second into a group of policy `all` of it and its gateway. */
export interface History {
  /** The key of whoever owns the store. */
  readonly owner: Uint8Array;
  /** What it need not write. */
  readonly packing: Packing;
  readonly steps: readonly Step[];
}

/** Each write is one: all of it is there after a power cut, or nothing. */
export type Step = Extract<Action, { readonly kind: "write" }> | { readonly kind: "final" };

// Signatures that cost little, of the same length; hashes are real.
const crypto = cheapCrypto(nodeCrypto());
const entryBytes = 32;
const pact: Pact = {
  name: "reading",
  version: 1,
  extends: null,
  fields: [{ name: "value", type: { kind: "bytes" }, max: entryBytes }],
  policy: {
    quorum: "all",
    ordered: true,
    private: false,
    writers: "owners",
    retention: 1000,
    largestEntry: 64,
    whenFull: "wait",
  },
};

export function recordHistory(batches: number): History {
  const virtual = createVirtualWorld(crypto, 10);
  const worldId = new Uint8Array(32).fill(2);
  const pactBytes = encodePact(pact);
  const seeds = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(3)] as const;
  const owners = seeds.map((seed) => avatarOf(crypto, seed, worldId)).sort(compare);
  const group = encodeSyncGroup({ pact: pactId(crypto, pactBytes), owners });
  const world = { worldId, stewards: [], pacts: [pactBytes], groups: [group], readings: [], sagas: noSagas };
  const board = virtual.addStation("board", seeds[0], [world], true);
  const gateway = virtual.addStation("gateway", seeds[1], [world], false);
  virtual.connect(board, gateway, worldId);
  virtual.run(5_000);
  for (let batch = 0; batch < batches; batch++) {
    // A byte string of 24 bytes and more has a head of two, and stands in an array.
    const entry = encodeEntry(pact.fields, [new Uint8Array(entryBytes - 3).fill(batch)], pact.policy);
    assert(entry.length === entryBytes, "the entry has as many bytes as is said");
    virtual.push(board, worldId, syncGroupId(crypto, group), entry);
    virtual.run(virtual.now + 1_000);
  }
  const complaint = [...board.complaints, ...gateway.complaints][0];
  assert(complaint === undefined, `nobody has anything to complain of: ${complaint}`);
  const { events, provision } = board.recording!;
  const bounds = { ...ample, finalTail };
  const participant = createParticipant({ crypto, seed: seeds[0], worlds: provision.worlds, bounds, records: [] });
  const steps: Step[] = [];
  for (const { at, event } of events)
    for (const action of participant.handle(event, timeAt(at)))
      if (action.kind === "write") steps.push(action);
      else if (action.kind === "final") steps.push({ kind: "final" });
  return { owner: crypto.signer(seeds[0]).publicKey, packing: packingFor(crypto, world), steps };
}

/**
 * For a store that keeps one value under one short name: a line for each `p NAME LENGTH`, `d NAME`, `w` at the end of a write, `f` of a
 * final block. A name is 15 characters of the key's hash.
 */
export function linesOf({ steps }: History): string {
  const nameOf = (key: string) => createHash("sha256").update(key).digest("hex").slice(0, 15);
  const lines = steps.flatMap((step) => {
    if (step.kind === "final") return ["f"];
    const puts = [...step.puts].map(([key, value]) => `p ${nameOf(key)} ${value.length}`);
    return [...puts, ...[...step.deletes].map((key) => `d ${nameOf(key)}`), "w"];
  });
  return `${lines.join("\n")}\n`;
}
