/** Bounds and times of a link. Times are milliseconds of the monotonic clock; docs/link.md says how they were chosen. */

/** Bytes of the largest frame: kind, payload and CRC. The largest that we send is message 2 of the handshake, about 400. */
export const frameLimit = 1024;
/** Bytes of the message stream in one frame: with all that goes around it, a frame stays below 256 bytes on the wire. */
export const fragmentSize = 220;
/** Fragments on their way and not acknowledged: 4 KB, a third of a second at 115200 baud. At most 16, the bits of a selective ack. */
export const windowSize = 16;
/** Where the wire is slow, or the peer, no more than it takes in so long (ms)… */
export const flightTime = 1000;
/** …but so many: fewer would leave the wire idle while their acks wait behind the peer's own. */
export const leastFlight = 4;
/** Bytes on the wire around a fragment. */
export const fragmentOverhead = 36;
/** Who sends is told of room for no more than the wire takes in so long (ms): what is newer should not wait behind what is old… */
export const roomTime = 2000;
/**
 * …within these bounds, in bytes: enough for `leastFlight`; and four windows, since more fills no wire better, and waits for a minute
 * where a wire that was fast becomes slow.
 */
export const leastRoom = 1500;
export const mostRoom = 16 * 1024;
/** ms a byte of the slowest wire that is believed: 1000 baud. A stranger who sends slower must not make us wait for ever. */
export const slowestByte = 10;
/** Bytes of the longest answer to a handshake message: message 2, in its frame. */
export const longestAnswer = 450;

/** An ack waits this long for a record that would carry it anyway… */
export const ackDelay = 50;
/** …but no longer than for this many fragments. */
export const ackEvery = 4;

/** How long an ack is waited for before anything is known of the wire (RFC 6298, 2.1), and the bounds of what is learned of it. */
export const firstTimeout = 1000;
export const leastTimeout = 250;
export const mostTimeout = 8000;

/** A side that sent nothing for this long says that it is there. */
export const keepaliveAfter = 4000;
/** A session that heard nothing for this long is down: three keepalives were lost. */
export const silenceLimit = 13_000;

/** Preambles, handshake and resumption messages are repeated after this long, then after twice as long… */
export const firstRepeat = 300;
/** …up to this. A wire with nobody at its other end carries one preamble in this time. */
export const mostRepeat = 4000;
/** Repetitions after which a resumption gives way to the full handshake. */
export const resumptionTries = 3;
/** Repetitions after which a handshake that got stuck begins anew, or is dropped where a session stands beside it. */
export const handshakeTries = 5;
/** Preambles answered, and messages tried in vain, until the next repetition: what a stranger can make us compute. */
export const strangerBudget = 6;
/** Messages that did not verify, until a person is told: one or two may be late ones of before a restart. */
export const refusalsToTell = 3;
/** While a session stands, a preamble makes us look for a new one at most this often. */
export const attemptSpacing = 1000;
/** The same notice is given to a person at most this often. */
export const noticeSpacing = 10_000;
/** That of somebody who is not let in, and goes on knocking for days. */
export const knockSpacing = 600_000;

/** Records under one key; then both sides go on to the next without a word (PROTOCOL 2: rekeyed long before the counter runs out). */
export const recordsPerKey = 1024;
/** Records that may arrive out of order (PROTOCOL 2). */
export const replayWindow = 128;
