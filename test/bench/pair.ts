import { ample } from "../../firmware/core/bounds";
import { assert } from "../../firmware/core/errors";
import type { Action } from "../../firmware/core/events";
import { noSagas } from "../../firmware/core/identity/provision";
import { encodeEntry } from "../../firmware/core/pact/entry";
import { encodePact, pactId, syncGroupId } from "../../firmware/core/pact/pact";
import { createParticipant } from "../../firmware/core/participant";
import { compare } from "../../firmware/core/wire/bytes";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import type { Pact } from "../../firmware/core/wire/types";
import { nodeCrypto } from "../../gateway/participant/crypto";
import { cheapCrypto } from "../core/cheap-crypto";
import { type Recording, timeAt } from "./recording";
import { avatarOf, createVirtualWorld } from "./virtual-world";

/** Signatures that cost little, and hashes by Node: they are the same as on a board. */
export const crypto = cheapCrypto(nodeCrypto());

/** A board that shares one group of policy `all` with its gateway, in virtual time. */

/** Who writes into the group. */
export type Direction = "board" | "gateway";

/** Final blocks that a board keeps whose memory is by the megabyte. */
export const finalTail = 64;
const entryBytes = 32;
/** Of an entry around a byte string. */
const entryFrame = 3;
const everyMs = 1_000;
/** One way over the link, ms. */
const delay = 10;

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

/** What a board was given while entries were pushed, one after the other, by itself or by its gateway. */
export function recordBoard(direction: Direction, batches: number): Recording {
  const virtual = createVirtualWorld(crypto, delay);
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
    const value = new Uint8Array(entryBytes - entryFrame).fill(batch);
    const entry = encodeEntry(pact.fields, [value], pact.policy);
    assert(entry.length === entryBytes, "the entry has as many bytes as the goal says");
    virtual.push(direction === "board" ? board : gateway, worldId, syncGroupId(crypto, group), entry);
    virtual.run(virtual.now + everyMs);
  }
  const complaint = [...board.complaints, ...gateway.complaints][0];
  assert(complaint === undefined, `nobody has anything to complain of: ${complaint}`);
  return board.recording!;
}

/** What a board does that is given all this and keeps so many final blocks. */
export function* actionsOf({ provision, events }: Recording, tail = finalTail): Generator<Action> {
  const { seed, worlds } = provision;
  const bounds = { ...ample, finalTail: tail };
  const participant = createParticipant({ crypto, seed, worlds, bounds, records: [] });
  for (const { at, event } of events) yield* participant.handle(event, timeAt(at));
}
