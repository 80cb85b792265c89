import { blocksPerIssuer, recentFinalKept } from "./chain/group";
import { assert } from "./errors";

/** How much a participant holds of what has no end of its own: its platform says, by the memory that it has (`core/memory`). */
export interface Bounds {
  /** Final blocks kept in the store per group, for peers who were away; 0 keeps all. Older ones are deleted. */
  readonly finalTail: number;
  /** Hashes remembered of what each peer has. The oldest are forgotten, and at worst told twice. */
  readonly told: number;
  /** Metablocks held of a world. Of more, one of whoever issued most of them goes first: it is asked for again if it matters. */
  readonly metablocks: number;
  /** Blocks of its own in a group that are not final: what is pushed meanwhile waits in the buffer, and shares a block. At most half of `blocksPerIssuer`. */
  readonly blocksInFlight: number;
  /** Blocks of another in a group that are held before a metablock places them. More are not taken, and asked for once one does. */
  readonly blocksUnasked: number;
  /** Entries that the buffer of a group holds, and their bytes. As much again may wait beside it; what comes then, the pact's policy says. */
  readonly bufferEntries: number;
  readonly bufferBytes: number;
  /** Bytes that wait in a link. What comes then waits before it, as much again, and is dropped after that: frontiers make up for it. */
  readonly queue: number;
  /** Bytes of memory for what is under way in a saga. Of more, a participant takes no part in it any more, and leaves it to the others. */
  readonly sagaBytes: number;
  /** Epochs of the membership by whose keys it still lets others in who slept through what came after. */
  readonly epochsKept: number;
}

/** What a machine holds that has memory by the megabyte, and a store that keeps all. */
export const ample: Bounds = {
  finalTail: 0,
  told: 1_024,
  metablocks: 256,
  blocksInFlight: 8,
  blocksUnasked: blocksPerIssuer,
  bufferEntries: 256,
  bufferBytes: 16_384,
  queue: 80 * 1024,
  sagaBytes: Number.POSITIVE_INFINITY,
  epochsKept: 256,
};

/** Throws an assertion where bounds are below what the rules of agreement need. */
export function checkBounds(bounds: Bounds): void {
  const {
    finalTail,
    told,
    metablocks,
    blocksInFlight,
    blocksUnasked,
    bufferEntries,
    bufferBytes,
    sagaBytes,
    epochsKept,
  } = bounds;
  assert(finalTail === 0 || finalTail >= recentFinalKept, "after a restart the last slots are judged by their blocks");
  assert(told >= leastTold, "what goes to a peer in one answer is told once");
  assert(metablocks >= leastMetablocks, "a generation, the one before it and the next are held");
  assert(
    blocksInFlight >= 1 && blocksInFlight <= blocksPerIssuer / 2,
    "others have room for the blocks of one who is honest",
  );
  assert(blocksUnasked >= 1 && blocksUnasked <= blocksPerIssuer, "a block can be placed that is held");
  assert(bufferEntries >= 1 && bufferBytes >= 1, "an entry is held until it is sealed");
  assert(epochsKept >= 1, "it knows by which key it meets others");
  assert(sagaBytes >= leastSagaBytes, "a saga has room for what it remembers, and for some invocations");
}

const leastTold = 16;
const leastMetablocks = 16;
const leastSagaBytes = 96 * 1024;
