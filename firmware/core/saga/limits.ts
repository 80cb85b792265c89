import { chunkBytes, maxChunks } from "../wire/limits";

/** The most of everything that a saga may have or hold in memory (PROTOCOL 9). */

/** ms that a rank waits for the one before it. */
export const lease = 5_000;
/** Stages of a saga. */
export const maxStages = 16;
/** Pacts that a stage reads, and pacts that it produces into. */
export const maxStagePacts = 16;
/** Fields by which a stage finds its entry. */
export const maxCorrelated = 8;
/** Bytes of a behavior's source. */
export const maxSourceBytes = maxChunks * chunkBytes;
/** What one run of a behavior gives out: entries produced and operations of capabilities. */
export const maxOutputs = 32;
/** UTF-8 bytes of the error in a saga state. */
export const maxErrorBytes = 512;
/**
 * Invocations of one saga that wait or run, and keys that its states are of. A participant that would have to hold more stops
 * taking part in the saga until it starts anew: one that forgot some would count other states than the rest.
 */
export const maxInvocations = 1_024;
export const maxReaches = 1_024;
/** Of a saga that was undeployed, where memory is bounded: entries that one who has not heard of it may yet have begun by. Of more, the oldest is forgotten. */
export const maxLeftOpen = 128;
/** ms for which nothing of such a saga has to be under way before a participant lets go of it: others may hear of it later. */
export const lettingGoMs = 60_000;
/** Final entries that no stage has consumed yet, per saga; of more, the oldest is forgotten. */
export const maxUnconsumed = 256;
/** Entries that were consumed and ids of entries that were produced, kept to know a repeat. */
export const maxRemembered = 1_024;
/** Final saga states that wait for the entry that they consumed, per saga. */
export const maxBacklog = 256;
/**
 * What is known of sagas is kept after so many final blocks of a group, or so many bytes of them in all, so that a store that has the
 * last 64 of each, or as many as have room, has what came since. Entries of the last `storedBlocks`, or `storedBytes`, are not kept
 * beside them; the rest is for blocks that become final together.
 */
export const blocksPerSnapshot = 24;
export const bytesPerSnapshot = 65_536;
export const storedBlocks = 16;
export const storedBytes = 32_768;
/** Bytes of a snapshot. */
export const maxSnapshotBytes = 65_536;
/** Entries of a group that a behavior can read: the latest so many. */
export const readWindow = 32;
