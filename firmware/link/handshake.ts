/**
 * One attempt at a handshake over a wire that loses frames (PROTOCOL 2). Whatever does not verify leaves it as it was, so that
 * only the peer can move it; what has no answer is repeated, the preamble in front, since the peer may have begun anew.
 */

import { VertebraError } from "../core/errors";
import { equal } from "../core/wire/bytes";
import type { AvatarId } from "../core/wire/types";
import type { Crypto, Random } from "../ports";
import { type Frame, type Kind, kinds } from "./frames";
import { checkIntroduction, introduce, type LinkIdentity } from "./introduction";
import { createNoise, finishNoise, type Noise, readNoise, remoteStatic, writeNoise } from "./noise";
import { createPreamble, initiates, prologueOf, readPreamble } from "./preamble";
import { createRecords, type Records } from "./records";
import { firstSecret, type Secret } from "./resumption";

/** What a finished handshake leaves. */
export interface Established {
  readonly avatar: AvatarId;
  /** By whose key it was made: the earlier of both. */
  readonly epoch: number;
  readonly initiator: boolean;
  readonly records: Records;
  readonly secret: Secret;
  readonly ownPreamble: Uint8Array;
  readonly peerPreamble: Uint8Array;
}

export type OutgoingFrame = Frame & { readonly kind: Kind };

export interface Handshake {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly identity: LinkIdentity;
  readonly introduction: Introduction;
  /** In which our preamble says that we are. */
  readonly epoch: number;
  readonly preamble: Uint8Array;
  /** The peer's preamble, once it came. */
  peer: Uint8Array | undefined;
  exchange: Exchange | undefined;
  /** What we were at with the peer before this one: a stranger's preamble must not undo it. */
  before: { readonly peer: Uint8Array; readonly exchange: Exchange | undefined } | undefined;
  /** The initiator's view after the third message: it holds once the peer's first record was opened. */
  proved: Established | undefined;
  /** Whether messages were exchanged, not preambles alone. */
  used: boolean;
}

/** Our own payload of message 2 or 3, made when the first peer has shown that it holds the world's key: no stranger makes us sign. */
export interface Introduction {
  made: Uint8Array | undefined;
}

export interface Exchange {
  readonly noise: Noise;
  readonly initiator: boolean;
  readonly peer: Uint8Array;
  /** The message that we sent last, and the peer's that it answers. */
  readonly sent: OutgoingFrame;
  readonly answers: Uint8Array | undefined;
}

export function createHandshake(
  crypto: Crypto,
  random: Random,
  identity: LinkIdentity,
  introduction: Introduction,
  leads: boolean | undefined,
): Handshake {
  return {
    crypto,
    random,
    identity,
    introduction,
    epoch: identity.epoch,
    preamble: createPreamble(random, identity.worldTag, identity.epoch, leads),
    peer: undefined,
    exchange: undefined,
    before: undefined,
    proved: undefined,
    used: false,
  };
}

/** Takes the peer's preamble; false where it is the one we have. Another than we had begins the messages anew, or goes on with those that it had. */
export function meet(handshake: Handshake, met: Uint8Array): boolean {
  const { peer, before } = handshake;
  if (peer && equal(peer, met)) return false;
  const back = before && equal(before.peer, met) ? before.exchange : undefined;
  handshake.before = peer && { peer, exchange: handshake.exchange };
  handshake.peer = met;
  handshake.exchange = back;
  return true;
}

/**
 * Takes a handshake message. Throws where it does not verify, or introduces somebody whom we refuse. What comes out of turn
 * is passed over.
 */
export function receiveHandshake(
  handshake: Handshake,
  kind: Kind,
  message: Uint8Array,
): { readonly frames: OutgoingFrame[]; readonly established?: Established } {
  const { preamble, peer, exchange: current } = handshake;
  if (kind === kinds.message1 && peer && !initiates(preamble, peer)) {
    return { frames: takeFirst(handshake, message, peer) };
  }
  if (kind === kinds.message2 && current?.initiator) return { frames: takeSecond(handshake, current, message) };
  if (kind === kinds.message3 && current && !current.initiator) {
    return { frames: [], established: finish(handshake, current, meetAvatar(handshake, current, message)) };
  }
  return { frames: [] };
}

/** Our preamble and what is to be said now: message 1 where it is ours to begin, or what we said last. */
export function repeatHandshake(handshake: Handshake): OutgoingFrame[] {
  const { preamble, exchange } = handshake;
  return [{ kind: kinds.preamble, payload: preamble }, ...(exchange ? [exchange.sent] : begin(handshake))];
}

/** The last one that both are in. Nobody on the wire can lead them to an earlier one: both preambles are in the prologue. */
function epochWith({ epoch, identity }: Handshake, peer: Uint8Array): number {
  return Math.min(epoch, readPreamble(identity.worldTag, peer));
}

function introduced({ introduction, crypto, identity }: Handshake): Uint8Array {
  introduction.made ??= introduce(crypto, identity);
  return introduction.made;
}

function start(handshake: Handshake, initiator: boolean, peer: Uint8Array, psk: Uint8Array): Noise {
  const { crypto, random, identity, preamble } = handshake;
  return createNoise({
    crypto,
    initiator,
    prologue: prologueOf(preamble, peer),
    psk,
    staticSecret: identity.noiseSecret,
    ephemeralSecret: random.bytes(32),
  });
}

function begin(handshake: Handshake): OutgoingFrame[] {
  const { preamble, peer } = handshake;
  if (!peer || !initiates(preamble, peer)) return [];
  const psk = handshake.identity.psk(epochWith(handshake, peer));
  if (!psk) return [];
  const noise = start(handshake, true, peer, psk);
  const sent = { kind: kinds.message1, payload: writeNoise(noise, new Uint8Array(0)) };
  handshake.exchange = { noise, initiator: true, peer, sent, answers: undefined };
  handshake.used = true;
  return [sent];
}

function takeFirst(handshake: Handshake, message: Uint8Array, from: Uint8Array): OutgoingFrame[] {
  const { exchange } = handshake;
  if (exchange?.answers && equal(exchange.answers, message)) return [exchange.sent];
  const psk = handshake.identity.psk(epochWith(handshake, from));
  if (!psk) return [];
  const noise = start(handshake, false, from, psk);
  if (readNoise(noise, message).length > 0) throw payloadInFirst();
  const sent = { kind: kinds.message2, payload: writeNoise(noise, introduced(handshake)) };
  handshake.exchange = { noise, initiator: false, peer: from, sent, answers: message };
  handshake.used = true;
  return [sent];
}

function takeSecond(handshake: Handshake, current: Exchange, message: Uint8Array): OutgoingFrame[] {
  if (current.answers) return equal(current.answers, message) ? [current.sent] : [];
  const avatar = meetAvatar(handshake, current, message);
  const sent = { kind: kinds.message3, payload: writeNoise(current.noise, introduced(handshake)) };
  handshake.exchange = { ...current, sent, answers: message };
  handshake.proved = finish(handshake, handshake.exchange, avatar);
  return [sent];
}

/** Whom the payload of message 2 or 3 introduces. Once it was read the Noise state is spent: whom we refuse must begin anew. */
function meetAvatar(handshake: Handshake, { noise, peer }: Exchange, message: Uint8Array): AvatarId {
  const payload = readNoise(noise, message);
  handshake.exchange = undefined;
  return checkIntroduction(
    handshake.crypto,
    handshake.identity,
    remoteStatic(noise),
    payload,
    epochWith(handshake, peer),
  );
}

function finish(handshake: Handshake, exchange: Exchange, avatar: AvatarId): Established {
  const { crypto, preamble } = handshake;
  const { noise, initiator, peer } = exchange;
  const epoch = epochWith(handshake, peer);
  const keys = finishNoise(noise);
  const records = createRecords(crypto, keys.send, keys.receive);
  const secret = firstSecret(crypto, keys);
  return { avatar, epoch, initiator, records, secret, ownPreamble: preamble, peerPreamble: peer };
}

function payloadInFirst(): VertebraError {
  return new VertebraError(
    "link-handshake",
    "The first handshake message carries a payload, which is for a later version",
    "Bring both participants to the same release.",
  );
}
