/**
 * One attempt at a handshake over a wire that loses frames (PROTOCOL 2). Whatever does not verify leaves it as it was, so that
 * only the peer can move it; what has no answer is repeated, the preamble in front, since the peer may have begun anew.
 */

import { VertebraError } from "../core/errors";
import { equal } from "../core/wire/bytes";
import type { AvatarId } from "../core/wire/types";
import type { Crypto, Random } from "../ports";
import { type Frame, type Kind, kinds } from "./frames";
import { checkIntroduction, type LinkIdentity } from "./introduction";
import { createNoise, type Noise } from "./noise";
import { createPreamble, initiates, prologueOf } from "./preamble";
import { createRecords, type Records } from "./records";
import { firstSecret, type Secret } from "./resumption";

/** What a finished handshake leaves. */
export interface Established {
  readonly avatar: AvatarId;
  readonly initiator: boolean;
  readonly records: Records;
  readonly secret: Secret;
  readonly ownPreamble: Uint8Array;
  readonly peerPreamble: Uint8Array;
}

export type OutgoingFrame = Frame & { readonly kind: Kind };

export interface Handshake {
  readonly preamble: Uint8Array;
  /** Takes the peer's preamble; false where it is the one we have. Another than we had begins the messages anew, or goes on with those that it had. */
  meet(peer: Uint8Array): boolean;
  /** Whether we have the peer's preamble. */
  met(): boolean;
  /**
   * Takes a handshake message. Throws where it does not verify, or introduces somebody whom we refuse. What comes out of turn
   * is passed over.
   */
  receive(kind: Kind, message: Uint8Array): { frames: OutgoingFrame[]; established?: Established };
  /** Our preamble and what is to be said now: message 1 where it is ours to begin, or what we said last. */
  repeat(): OutgoingFrame[];
  /** The initiator's view after the third message: it holds once the peer's first record was opened. */
  proved(): Established | undefined;
  /** Whether messages were exchanged, not preambles alone. */
  used(): boolean;
}

interface Exchange {
  readonly noise: Noise;
  readonly initiator: boolean;
  readonly peer: Uint8Array;
  /** The message that we sent last, and the peer's that it answers. */
  readonly sent: OutgoingFrame;
  readonly answers: Uint8Array | undefined;
}

/** `introduction` is our own payload of message 2 or 3 (`introduce`). */
export function createHandshake(
  crypto: Crypto,
  random: Random,
  identity: LinkIdentity,
  introduction: Uint8Array,
): Handshake {
  const preamble = createPreamble(random, identity.worldTag);
  let peer: Uint8Array | undefined;
  let exchange: Exchange | undefined;
  /** What we were at with the peer before this one: a stranger's preamble must not undo it. */
  let before: { peer: Uint8Array; exchange: Exchange | undefined } | undefined;
  let proved: Established | undefined;
  let used = false;

  function start(initiator: boolean, withPeer: Uint8Array): Noise {
    return createNoise({
      crypto,
      initiator,
      prologue: prologueOf(preamble, withPeer),
      psk: identity.psk,
      staticSecret: identity.noiseSecret,
      ephemeralSecret: random.bytes(32),
    });
  }

  function finish({ noise, initiator, peer: peerPreamble }: Exchange, avatar: AvatarId): Established {
    const keys = noise.finish();
    const records = createRecords(crypto, keys.send, keys.receive);
    return { avatar, initiator, records, secret: firstSecret(crypto, keys), ownPreamble: preamble, peerPreamble };
  }

  /** Whom the payload of message 2 or 3 introduces. Once it was read the Noise state is spent: whom we refuse must begin anew. */
  function meetAvatar({ noise }: Exchange, message: Uint8Array): AvatarId {
    const payload = noise.read(message);
    exchange = undefined;
    return checkIntroduction(crypto, identity, noise.remoteStatic(), payload);
  }

  function takeFirst(message: Uint8Array, from: Uint8Array): OutgoingFrame[] {
    if (exchange?.answers && equal(exchange.answers, message)) return [exchange.sent];
    const noise = start(false, from);
    if (noise.read(message).length > 0) throw payloadInFirst();
    const sent = { kind: kinds.message2, payload: noise.write(introduction) };
    exchange = { noise, initiator: false, peer: from, sent, answers: message };
    used = true;
    return [sent];
  }

  function takeSecond(current: Exchange, message: Uint8Array): OutgoingFrame[] {
    if (current.answers) return equal(current.answers, message) ? [current.sent] : [];
    const avatar = meetAvatar(current, message);
    const sent = { kind: kinds.message3, payload: current.noise.write(introduction) };
    exchange = { ...current, sent, answers: message };
    proved = finish(exchange, avatar);
    return [sent];
  }

  function begin(): OutgoingFrame[] {
    if (!peer || !initiates(preamble, peer)) return [];
    const noise = start(true, peer);
    const sent = { kind: kinds.message1, payload: noise.write(new Uint8Array(0)) };
    exchange = { noise, initiator: true, peer, sent, answers: undefined };
    used = true;
    return [sent];
  }

  return {
    preamble,
    meet(met) {
      if (peer && equal(peer, met)) return false;
      const back = before && equal(before.peer, met) ? before.exchange : undefined;
      before = peer && { peer, exchange };
      peer = met;
      exchange = back;
      return true;
    },
    met: () => peer !== undefined,
    receive(kind, message) {
      const current = exchange;
      if (kind === kinds.message1 && peer && !initiates(preamble, peer)) return { frames: takeFirst(message, peer) };
      if (kind === kinds.message2 && current?.initiator) return { frames: takeSecond(current, message) };
      if (kind === kinds.message3 && current && !current.initiator) {
        return { frames: [], established: finish(current, meetAvatar(current, message)) };
      }
      return { frames: [] };
    },
    repeat: () => [{ kind: kinds.preamble, payload: preamble }, ...(exchange ? [exchange.sent] : begin())],
    proved: () => proved,
    used: () => used,
  };
}

function payloadInFirst(): VertebraError {
  return new VertebraError(
    "link-handshake",
    "The first handshake message carries a payload, which is for a later version",
    "Bring both participants to the same release.",
  );
}
