/**
 * Keeps one session with whoever is at the other end: makes it by a handshake, resumes it after a break, opens its records.
 * A session that stands is replaced only by one that is proved: what a stranger sends costs an attempt beside it, no more.
 */

import { VertebraError } from "../core/errors";
import { equal } from "../core/wire/bytes";
import type { AvatarId } from "../core/wire/types";
import type { Crypto, Random } from "../ports";
import { type Frame, type Kind, kinds } from "./frames";
import {
  createHandshake,
  type Established,
  type Handshake,
  type Introduction,
  meet,
  type OutgoingFrame,
  receiveHandshake,
  repeatHandshake,
} from "./handshake";
import type { LinkIdentity } from "./introduction";
import {
  attemptSpacing,
  firstRepeat,
  handshakeTries,
  longestAnswer,
  mostRepeat,
  refusalsToTell,
  resumptionTries,
  strangerBudget,
} from "./limits";
import type { Pace } from "./pace";
import { readPreamble } from "./preamble";
import { createRecords, openRecord, type Records, sealRecord } from "./records";
import { type Answering, type Asking, answer, ask, checkProof, createAsking, proveAnswer } from "./resuming";
import type { Secret } from "./resumption";

export type SessionEvent =
  | { readonly kind: "frame"; readonly frame: OutgoingFrame }
  /** It stands; what was on its way under the keys before goes again. `fresh`: nothing of an earlier session goes on. */
  | { readonly kind: "stands"; readonly avatar: AvatarId; readonly epoch: number; readonly fresh: boolean }
  /** The plaintext of a record, accepted for the first and only time. */
  | { readonly kind: "record"; readonly plaintext: Uint8Array }
  /** The peer did not hear us yet under these keys, and waits for a record. */
  | { readonly kind: "answer" }
  | { readonly kind: "refused"; readonly error: VertebraError };

/** The session that was established last, standing or to be resumed. */
interface Kept {
  readonly established: Established;
  records: Records;
  secret: Secret;
  /** The secret before the last resumption, until the peer is known to have taken the new one. */
  previous: Secret | undefined;
  /** The question whose answer made the present keys: repeated, it is old. */
  question: Uint8Array | undefined;
  heard: boolean;
  stands: boolean;
  /** The peer is in a later epoch than that of the session. */
  peerAhead: boolean;
}

/** Looking for the peer: by resumption where there is something to resume and it is ours to ask, else by handshake. */
interface Attempt {
  handshake: Handshake;
  asking: Asking | undefined;
  /** Repetitions left, once the peer is there, until a handshake is offered beside the question: what is first proved holds. */
  patience: number;
  tries: number;
  due: number;
  /** Our own preamble came back. */
  echoed: boolean;
}

export interface Session {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly identity: LinkIdentity;
  readonly introduction: Introduction;
  readonly leads: boolean | undefined;
  readonly pace: Pace;
  kept: Kept | undefined;
  attempt: Attempt | undefined;
  answering: Answering | undefined;
  attemptedAt: number;
  /** What strangers may still make us compute, and since when. */
  budget: number;
  budgetSince: number;
  /** Messages since the last session stood that did not verify, or introduced somebody whom we refuse. */
  refusals: number;
}

export function createSession(
  crypto: Crypto,
  random: Random,
  identity: LinkIdentity,
  leads: boolean | undefined,
  pace: Pace,
): Session {
  return {
    crypto,
    random,
    identity,
    leads,
    pace,
    introduction: { made: undefined },
    kept: undefined,
    attempt: undefined,
    answering: undefined,
    attemptedAt: Number.NEGATIVE_INFINITY,
    budget: strangerBudget,
    budgetSince: 0,
    refusals: 0,
  };
}

/** The wire is open. */
export function openSession(session: Session, now: number): SessionEvent[] {
  session.budget = strangerBudget;
  session.budgetSince = now;
  return look(session, now);
}

/** The wire is gone; what is needed for resuming is kept. */
export function closeSession(session: Session): void {
  if (session.kept) session.kept.stands = false;
  session.attempt = undefined;
  session.answering = undefined;
}

/** To be called at `sessionDue`. */
export function alarmSession(session: Session, now: number): SessionEvent[] {
  const { attempt } = session;
  return attempt && now >= attempt.due ? repeat(session, attempt, now) : [];
}

export function sessionDue({ attempt }: Session): number {
  return attempt?.due ?? Number.POSITIVE_INFINITY;
}

/** Nothing was heard for too long: looks for the peer, ready to resume. */
export function loseSession(session: Session, now: number): SessionEvent[] {
  if (session.kept) session.kept.stands = false;
  return look(session, now);
}

/** The peer breaks the rules, or is let in no more: ends the session for good and looks for a new one. */
export function forgetSession(session: Session, now: number): SessionEvent[] {
  session.kept = undefined;
  return look(session, now);
}

/** Why the session that is kept is to end, since the membership has changed; undefined where it goes on. */
export function refusedNow({ kept, identity }: Session): VertebraError | undefined {
  return kept && identity.refuses(kept.established.avatar, kept.established.epoch);
}

/** What we are at is begun anew where it says an earlier epoch than we are in now. */
export function beginInEpoch(session: Session, now: number): SessionEvent[] {
  const { attempt, identity } = session;
  return attempt && attempt.handshake.epoch < identity.epoch ? look(session, now) : [];
}

/** We are in a later epoch than that by whose key the session was made. */
export function isAhead({ kept, identity }: Session): boolean {
  return kept !== undefined && kept.established.epoch < identity.epoch;
}

/** The peer's record says that it is in a later one, too. */
export function notePeerAhead({ kept }: Session): void {
  if (kept) kept.peerAhead = true;
}

/** When a session is to be looked for beside this one, by the key of the epoch that both are in; Infinity where there is nothing to go on to. */
export function renewalDue(session: Session): number {
  const renews = isRenewing(session) && session.kept?.stands && !session.attempt;
  return renews ? session.attemptedAt + attemptSpacing : Number.POSITIVE_INFINITY;
}

function isRenewing(session: Session): boolean {
  return isAhead(session) && session.kept!.peerAhead;
}

/** To be called at `renewalDue`. */
export function renewSession(session: Session, now: number): SessionEvent[] {
  return now >= renewalDue(session) ? look(session, now) : [];
}

export function sessionStands({ kept }: Session): boolean {
  return kept?.stands ?? false;
}

/** Whether the peer may ask by this id to go on with the session that is kept: none but it and we have seen the id, until it asks. */
export function isAskedBy({ kept }: Session, id: Uint8Array): boolean {
  if (!kept || kept.established.initiator) return false;
  return equal(kept.secret.id, id) || (kept.previous !== undefined && equal(kept.previous.id, id));
}

/** Only while it stands. */
export function sealInSession({ kept }: Session, plaintext: Uint8Array): OutgoingFrame {
  return { kind: kinds.record, payload: sealRecord(kept!.records, plaintext) };
}

/** Whether we opened a record under the present keys, which our records tell the peer. */
export function heardPeer({ kept }: Session): boolean {
  return kept?.heard ?? false;
}

/** The peer's record says that it opened one of ours. */
export function notePeerHeard({ kept }: Session): void {
  if (kept) kept.previous = undefined;
}

function look(session: Session, now: number): SessionEvent[] {
  const { random, kept } = session;
  // What stands is not to be resumed, but followed by one of a later epoch.
  const renews = kept?.stands && isRenewing(session);
  const asking = kept?.established.initiator && !renews ? createAsking(random, kept.secret) : undefined;
  const patience = kept && !renews ? resumptionTries : 0;
  const handshake = freshHandshake(session);
  session.attempt = { handshake, asking, patience, tries: 0, due: now + firstRepeat, echoed: false };
  session.answering = undefined;
  session.attemptedAt = now;
  return hello(session.attempt);
}

function freshHandshake({ crypto, random, identity, introduction, leads }: Session): Handshake {
  return createHandshake(crypto, random, identity, introduction, leads);
}

/** What says that we are here, and what we are at. */
function hello(attempt: Attempt): SessionEvent[] {
  const { handshake, patience } = attempt;
  if (handshake.used || patience === 0) return besideQuestion(attempt, repeatHandshake(handshake));
  return besideQuestion(attempt, [{ kind: kinds.preamble, payload: handshake.preamble }]);
}

/**
 * Who still asks, asks before all that could bring a handshake: who can answer must not go on with one, to which a stranger may
 * have driven both.
 */
function besideQuestion({ asking }: Attempt, handshake: readonly OutgoingFrame[]): SessionEvent[] {
  return frames([...(asking ? ask(asking) : []), ...handshake]);
}

function repeat(session: Session, attempt: Attempt, now: number): SessionEvent[] {
  attempt.tries++;
  if (session.kept?.stands && attempt.tries > handshakeTries) {
    // Nobody proved to be behind that preamble, and the session stands.
    session.attempt = undefined;
    session.attemptedAt = now;
    return [];
  }
  const { handshake } = attempt;
  // Only who is there can refuse to resume: a cable may stay out for a day. And a stranger may only seem to be there, so it is asked on.
  if (handshake.peer && attempt.patience > 0) attempt.patience--;
  if ((attempt.tries > handshakeTries && handshake.used) || (attempt.echoed && !handshake.peer)) {
    // Stuck, or both sides drew the same random. A fresh one, so that nothing of this attempt can be played to us in the next.
    attempt.handshake = freshHandshake(session);
    attempt.tries = Math.min(attempt.tries, handshakeTries);
    attempt.echoed = false;
  }
  const said = hello(attempt);
  attempt.due = now + waitOf(session, attempt, said);
  return said;
}

export function receiveFrame(session: Session, { kind, payload }: Frame, now: number): SessionEvent[] {
  try {
    switch (kind) {
      case kinds.preamble:
        return takePreamble(session, payload, now);
      case kinds.message1:
      case kinds.message2:
      case kinds.message3:
        return takeHandshake(session, kind, payload, now);
      case kinds.resume1:
        return takeQuestion(session, payload, now);
      case kinds.resume2:
        return takeAnswer(session, payload, now);
      case kinds.resume3:
        return takeProof(session, payload, now);
      case kinds.unknown:
        return takeUnknown(session, payload);
      case kinds.record:
        return takeRecord(session, payload, now);
      default:
        return [];
    }
  } catch (error) {
    if (!(error instanceof VertebraError)) throw error;
    session.budget--;
    session.refusals++;
    // One that does not verify may be the last word of before a restart; who holds no secret goes on.
    const maybeLate = error.code === "noise-refused" || error.code === "link-resumption";
    return maybeLate && session.refusals < refusalsToTell ? [] : [{ kind: "refused", error }];
  }
}

/** What a stranger can make us compute: so much in each `firstRepeat`. */
function affordable(session: Session, now: number): boolean {
  if (now - session.budgetSince >= firstRepeat) {
    session.budget = strangerBudget;
    session.budgetSince = now;
  }
  return session.budget > 0;
}

function takePreamble(session: Session, preamble: Uint8Array, now: number): SessionEvent[] {
  const { kept, attempt, identity } = session;
  const epoch = readPreamble(identity.worldTag, preamble);
  if (isOwn(session, preamble)) {
    if (attempt) attempt.echoed = true;
    throw echo();
  }
  // A late repetition of what made the session that stands.
  if (kept?.stands && equal(kept.established.peerPreamble, preamble)) return [];
  if (!affordable(session, now)) return [];
  if (!identity.psk(Math.min(epoch, identity.epoch))) throw tooLongAgo(epoch, identity.epoch);
  if (isAnswering(session, now)) {
    // The peer has just asked to resume, and its preamble is for those who can't.
    if (attempt) meet(attempt.handshake, preamble);
    return [];
  }
  if (!attempt) {
    if (now - session.attemptedAt < attemptSpacing) return [];
    // It may have begun anew, or a stranger says so: the session stands until another is proved.
    look(session, now);
  }
  const looking = session.attempt!;
  if (!meet(looking.handshake, preamble)) return [];
  session.budget--;
  progress(session, looking, now);
  // Who has just answered our question is there, and only its preamble comes late.
  return looking.asking?.proved ? [] : hello(looking);
}

function isOwn({ attempt, kept }: Session, preamble: Uint8Array): boolean {
  const own = [attempt?.handshake.preamble, kept?.established.ownPreamble];
  return own.some((each) => each && equal(each, preamble));
}

function takeHandshake(session: Session, kind: Kind, message: Uint8Array, now: number): SessionEvent[] {
  const { attempt } = session;
  if (!attempt) return kind === kinds.message3 ? unheard(session, now) : [];
  // Who asked by a secret that we have can prove it: a handshake, to which a stranger may have driven one of us, would end the session.
  if (!affordable(session, now) || isAnswering(session, now)) return [];
  const { frames: out, established } = receiveHandshake(attempt.handshake, kind, message);
  if (established) return establish(session, established, false, now);
  if (out.length === 0) return [];
  progress(session, attempt, now);
  return besideQuestion(attempt, out);
}

/** Whether the peer has just asked to resume, and its proof can still be on its way. */
function isAnswering({ answering, pace }: Session, now: number): boolean {
  return answering !== undefined && now - answering.at < Math.max(attemptSpacing, 3 * pace.msPerByte * longestAnswer);
}

/** The peer repeats its last message: it waits for a record to know that we took it. */
function unheard(session: Session, now: number): SessionEvent[] {
  if (!session.kept?.stands || session.kept.heard || !affordable(session, now)) return [];
  session.budget--;
  return [{ kind: "answer" }];
}

/** The peer is there, or went on: what follows is repeated quickly again. */
function progress(session: Session, attempt: Attempt, now: number): void {
  // Where something is wrong with the peer, not in a hurry.
  if (session.refusals === 0) attempt.tries = 0;
  attempt.due = now + waitOf(session, attempt, hello(attempt));
}

/** Nothing is repeated that has not left, nor before the answer can have come: at 1200 baud a message of 400 bytes takes 3.5 s. */
function waitOf({ pace }: Session, { tries }: Attempt, said: readonly SessionEvent[]): number {
  const bytes = said.reduce((sum, event) => sum + (event.kind === "frame" ? event.frame.payload.length : 0), 0);
  const wireTime = 1.5 * pace.msPerByte * (bytes + longestAnswer);
  return Math.ceil(Math.max(Math.min(firstRepeat * 2 ** tries, mostRepeat), wireTime));
}

function establish(session: Session, established: Established, heard: boolean, now: number): SessionEvent[] {
  const { records, secret } = established;
  const asked = { previous: undefined, question: undefined };
  session.kept = { established, records, secret, ...asked, heard, stands: true, peerAhead: false };
  return stand(session, established, true, now);
}

function stand(session: Session, { avatar, epoch }: Established, fresh: boolean, now: number): SessionEvent[] {
  session.attempt = undefined;
  session.answering = undefined;
  session.attemptedAt = now;
  session.refusals = 0;
  return [{ kind: "stands", avatar, epoch, fresh }];
}

/** `[id, nonceA]` */
function takeQuestion(session: Session, question: Uint8Array, now: number): SessionEvent[] {
  const { kept, crypto, random } = session;
  // Ours alone to ask, so this one is an echo or a stranger's.
  if (kept?.established.initiator || !affordable(session, now)) return [];
  if (kept?.stands && kept.question && equal(kept.question, question)) return unheard(session, now);
  const known = kept ? [kept.secret, ...(kept.previous ? [kept.previous] : [])] : [];
  const answered = answer(crypto, random, known, question, session.answering, now);
  if (answered.answering) {
    if (answered.frame !== session.answering?.frame) session.budget--;
    session.answering = answered.answering;
  }
  return frames([answered.frame]);
}

/** `[nonceB, mac]` */
function takeAnswer(session: Session, payload: Uint8Array, now: number): SessionEvent[] {
  const { attempt, crypto } = session;
  if (!attempt?.asking || !affordable(session, now)) return [];
  attempt.asking = proveAnswer(crypto, attempt.asking, payload);
  attempt.patience = resumptionTries;
  progress(session, attempt, now);
  return frames([attempt.asking.proved!.frame]);
}

/** `[mac]` */
function takeProof(session: Session, payload: Uint8Array, now: number): SessionEvent[] {
  const { answering, kept, crypto } = session;
  if (!answering || !kept) return unheard(session, now);
  // Where both ways were gone, who sent the third message of a handshake holds to that: the peer may have taken it already.
  if (session.attempt?.handshake.proved || !affordable(session, now)) return [];
  checkProof(answering, payload);
  const { keyOfA, keyOfB, next } = answering.resumed;
  kept.records = createRecords(crypto, keyOfB, keyOfA);
  // A may not have heard us when the wire breaks next, and would then ask by the old secret.
  kept.previous = answering.old;
  kept.question = answering.question;
  kept.secret = next;
  kept.heard = false;
  kept.stands = true;
  return stand(session, kept.established, false, now);
}

/**
 * Somebody says that there is nothing to resume. Anyone can: so a handshake is offered at once, and is the proof; until then the
 * question stands, and who can answer it is believed.
 */
function takeUnknown({ attempt, kept }: Session, id: Uint8Array): SessionEvent[] {
  if (!attempt?.asking || attempt.asking.proved || !kept || !equal(id, kept.secret.id)) return [];
  if (attempt.patience === 0) return [];
  attempt.patience = 0;
  return hello(attempt);
}

function takeRecord(session: Session, record: Uint8Array, now: number): SessionEvent[] {
  const { attempt, kept } = session;
  const proved = attempt?.handshake.proved;
  const fromNew = proved && openRecord(proved.records, record);
  if (proved && fromNew) return [...establish(session, proved, true, now), { kind: "record", plaintext: fromNew }];
  const asked = attempt?.asking?.proved;
  const fromResumed = asked && openRecord(asked.records, record);
  if (kept && asked && fromResumed) {
    kept.records = asked.records;
    kept.secret = asked.next;
    kept.heard = true;
    kept.stands = true;
    return [...stand(session, kept.established, false, now), { kind: "record", plaintext: fromResumed }];
  }
  const plaintext = kept?.stands ? openRecord(kept.records, record) : undefined;
  if (!kept || !plaintext) return [];
  kept.heard = true;
  return [{ kind: "record", plaintext }];
}

function frames(out: readonly OutgoingFrame[]): SessionEvent[] {
  return out.map((frame) => ({ kind: "frame", frame }));
}

function tooLongAgo(theirs: number, ours: number): VertebraError {
  return new VertebraError(
    "link-epoch",
    `The peer was last in the world in epoch ${theirs} of its membership, and this participant, which is in epoch ${ours}, has no key of that`,
    "Connect it to a gateway, which keeps more of them than a board; if that has none either, provision it anew.",
  );
}

function echo(): VertebraError {
  return new VertebraError(
    "link-echo",
    "The wire brings back what this participant sends",
    "Look for a loop-back plug, for receive and transmit joined, or for an echo that is on at the other end.",
  );
}
