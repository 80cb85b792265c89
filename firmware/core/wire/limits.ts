/** The most of everything that travels: whoever sends more is refused before anything is made of it. */

/** Metablocks of the generation before that a metablock names. */
export const maxParents = 64;
/** Owners of a sync group. */
export const maxOwners = 64;
/** Block references of a metablock. */
export const maxReferences = 1024;
/** Hashes beside a way through a tree of `maxReferences` leaves: its base-2 logarithm. */
export const maxPathLength = 10;
/** Groups whose blocks one metablock puts forward again. */
export const maxReleasedGroups = 64;
/**
 * Bytes of a certificate, its scope included: who certifies more gives several. So a finality proof in a group of 64 owners,
 * with 43 certificates beside 64 of them, still fits a message.
 */
export const maxCertificateBytes = 288;
/** Of generations, attempts and counters: far beyond what is ever reached, and what follows on can still be counted. */
export const maxCount = 2 ** 48;
/** Entries of a block. */
export const maxEntries = 1024;
/** Groups that a HELLO or a FRONTIER names. */
export const maxGroups = 1024;
/** Capabilities that a HELLO names. */
export const maxCapabilities = 64;
/** UTF-8 bytes of a name: of a capability, a pact, a field, an enum's value, a unit. */
export const maxNameBytes = 64;
/** Hashes that a WANT asks for. */
export const maxWanted = 256;
/** Locks that a FRONTIER carries. */
export const maxLocks = 256;
/** Certificates that go with a metablock as evidence: two of each owner, since a scope may grow. */
export const maxCertificates = 128;
/**
 * Bytes of a lock's proof: 64 certificates, a path for each of 32 references in two metablocks, and their headers. It fits a FRONTIER
 * that says little else.
 */
export const maxLockProofBytes = 60_000;
/** Bytes of a piece of content, and pieces that one definition names: 64 KB of a saga's source. */
export const chunkBytes = 4_096;
export const maxChunks = 16;
/** Certificates in one message. */
export const maxCertificatesTogether = 64;
/** Members to whom one definition seals the secret of an epoch: more take several. */
export const maxSealed = 90;
/** A pact and those that it extends, in a row. */
export const maxPactDepth = 8;
/** UTF-8 bytes of the reason in a BYE. */
export const maxReasonBytes = 256;
/** Bytes of an encoded message, its type included. */
export const messageLimit = 65_536;
/** Bytes of a PROOF in a file: of a wide group, with a large block, it would not fit one message, and goes over a link in two. */
export const proofFileLimit = 2 * messageLimit;
/** Fields of a pact, those of the pacts that it extends counted. */
export const maxFields = 64;
/**
 * Bytes of an encoded pact, of an encoded entry, and of a block's entries together. A PROOF carries all of these at once: 8
 * pacts in a row, a block's entries, and the certificates of 64 owners for two metablocks, within `messageLimit`.
 */
export const maxPactBytes = 2_048;
export const maxEntryBytes = 8_192;
export const maxBlockBytes = 16_384;
