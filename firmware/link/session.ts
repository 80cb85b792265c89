/**
 * Keeps one session with whoever is at the other end: makes it by a handshake, resumes it after a break, opens its records.
 * A session that stands is replaced only by one that is proved: what a stranger sends costs an attempt beside it, no more.
 */

import { VertebraError } from "../core/errors";
import { equal } from "../core/wire/bytes";
import type { AvatarId } from "../core/wire/types";
import type { Crypto, Random } from "../ports";
import { type Frame, type Kind, kinds } from "./frames";
import { createHandshake, type Established, type Handshake, type OutgoingFrame } from "./handshake";
import { introduce, type LinkIdentity } from "./introduction";
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
import { checkPreamble } from "./preamble";
import { createRecords, type Records } from "./records";
import { type Answering, type Asking, answer, ask, createAsking, proveAnswer } from "./resuming";
import type { Secret } from "./resumption";

export type SessionEvent =
  | { readonly kind: "frame"; readonly frame: OutgoingFrame }
  /** It stands; what was on its way under the keys before goes again. `fresh`: nothing of an earlier session goes on. */
  | { readonly kind: "stands"; readonly avatar: AvatarId; readonly fresh: boolean }
  /** The plaintext of a record, accepted for the first and only time. */
  | { readonly kind: "record"; readonly plaintext: Uint8Array }
  /** The peer did not hear us yet under these keys, and waits for a record. */
  | { readonly kind: "answer" }
  | { readonly kind: "refused"; readonly error: VertebraError };

export interface Session {
  /** The wire is open. */
  open(now: number): SessionEvent[];
  /** The wire is gone; what is needed for resuming is kept. */
  close(): void;
  receive(frame: Frame, now: number): SessionEvent[];
  /** To be called at `due`. */
  alarm(now: number): SessionEvent[];
  due(): number;
  /** Nothing was heard for too long: looks for the peer, ready to resume. */
  lost(now: number): SessionEvent[];
  /** The peer breaks the rules: ends the session for good and looks for a new one. */
  forget(now: number): SessionEvent[];
  stands(): boolean;
  /** Only while it stands. */
  seal(plaintext: Uint8Array): OutgoingFrame;
  /** Whether we opened a record under the present keys, which our records tell the peer. */
  heard(): boolean;
  /** The peer's record says that it opened one of ours. */
  peerHeard(): void;
}

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

interface State {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly identity: LinkIdentity;
  readonly introduction: Uint8Array;
  readonly pace: Pace;
  kept: Kept | undefined;
  attempt: Attempt | undefined;
  answering: Answering | undefined;
  attemptedAt: number;
  budget: { left: number; since: number };
  /** Messages since the last session stood that did not verify, or introduced somebody whom we refuse. */
  refusals: number;
}

export function createSession(crypto: Crypto, random: Random, identity: LinkIdentity, pace: Pace): Session {
  const state: State = {
    crypto,
    random,
    identity,
    pace,
    introduction: introduce(crypto, identity),
    kept: undefined,
    attempt: undefined,
    answering: undefined,
    attemptedAt: Number.NEGATIVE_INFINITY,
    budget: { left: strangerBudget, since: 0 },
    refusals: 0,
  };

  return {
    open(now) {
      state.budget = { left: strangerBudget, since: now };
      return look(state, now);
    },
    close() {
      if (state.kept) state.kept.stands = false;
      state.attempt = undefined;
      state.answering = undefined;
    },
    receive: (frame, now) => receive(state, frame, now),
    alarm: (now) => (state.attempt && now >= state.attempt.due ? repeat(state, state.attempt, now) : []),
    due: () => state.attempt?.due ?? Number.POSITIVE_INFINITY,
    lost(now) {
      if (state.kept) state.kept.stands = false;
      return look(state, now);
    },
    forget(now) {
      state.kept = undefined;
      return look(state, now);
    },
    stands: () => state.kept?.stands ?? false,
    seal: (plaintext) => ({ kind: kinds.record, payload: state.kept!.records.seal(plaintext) }),
    heard: () => state.kept?.heard ?? false,
    peerHeard() {
      if (state.kept) state.kept.previous = undefined;
    },
  };
}

function look(state: State, now: number): SessionEvent[] {
  const { random, kept } = state;
  const asking = kept?.established.initiator ? createAsking(random, kept.secret) : undefined;
  const patience = kept ? resumptionTries : 0;
  const handshake = freshHandshake(state);
  state.attempt = { handshake, asking, patience, tries: 0, due: now + firstRepeat, echoed: false };
  state.answering = undefined;
  state.attemptedAt = now;
  return hello(state.attempt);
}

function freshHandshake({ crypto, random, identity, introduction }: State): Handshake {
  return createHandshake(crypto, random, identity, introduction);
}

/** What says that we are here, and what we are at. */
function hello({ asking, handshake, patience }: Attempt): SessionEvent[] {
  // The question comes first: who can answer it must not begin a handshake for the preamble behind it.
  const question = asking ? ask(asking) : [];
  if (handshake.used() || patience === 0) return frames([...question, ...handshake.repeat()]);
  return frames([...question, { kind: kinds.preamble, payload: handshake.preamble }]);
}

function repeat(state: State, attempt: Attempt, now: number): SessionEvent[] {
  attempt.tries++;
  if (state.kept?.stands && attempt.tries > handshakeTries) {
    // Nobody proved to be behind that preamble, and the session stands.
    state.attempt = undefined;
    state.attemptedAt = now;
    return [];
  }
  const { handshake } = attempt;
  // Only who is there can refuse to resume: a cable may stay out for a day. And a stranger may only seem to be there, so it is asked on.
  if (handshake.met() && attempt.patience > 0) attempt.patience--;
  if ((attempt.tries > handshakeTries && handshake.used()) || (attempt.echoed && !handshake.met())) {
    // Stuck, or both sides drew the same random. A fresh one, so that nothing of this attempt can be played to us in the next.
    attempt.handshake = freshHandshake(state);
    attempt.tries = Math.min(attempt.tries, handshakeTries);
    attempt.echoed = false;
  }
  const said = hello(attempt);
  attempt.due = now + waitOf(state, attempt, said);
  return said;
}

function receive(state: State, { kind, payload }: Frame, now: number): SessionEvent[] {
  try {
    switch (kind) {
      case kinds.preamble:
        return takePreamble(state, payload, now);
      case kinds.message1:
      case kinds.message2:
      case kinds.message3:
        return takeHandshake(state, kind, payload, now);
      case kinds.resume1:
        return takeQuestion(state, payload, now);
      case kinds.resume2:
        return takeAnswer(state, payload, now);
      case kinds.resume3:
        return takeProof(state, payload, now);
      case kinds.unknown:
        return takeUnknown(state, payload);
      case kinds.record:
        return takeRecord(state, payload, now);
      default:
        return [];
    }
  } catch (error) {
    if (!(error instanceof VertebraError)) throw error;
    state.budget.left--;
    state.refusals++;
    // One that does not verify may be the last word of before a restart; who holds no secret goes on.
    const maybeLate = error.code === "noise-refused" || error.code === "link-resumption";
    return maybeLate && state.refusals < refusalsToTell ? [] : [{ kind: "refused", error }];
  }
}

/** What a stranger can make us compute: so much in each `firstRepeat`. */
function affordable(state: State, now: number): boolean {
  if (now - state.budget.since >= firstRepeat) state.budget = { left: strangerBudget, since: now };
  return state.budget.left > 0;
}

function takePreamble(state: State, preamble: Uint8Array, now: number): SessionEvent[] {
  const { kept, attempt, identity } = state;
  checkPreamble(identity.worldTag, preamble);
  if (isOwn(state, preamble)) {
    if (attempt) attempt.echoed = true;
    throw echo();
  }
  // A late repetition of what made the session that stands.
  if (kept?.stands && equal(kept.established.peerPreamble, preamble)) return [];
  if (!affordable(state, now)) return [];
  if (isAnswering(state, now)) {
    // The peer has just asked to resume, and its preamble is for those who can't.
    attempt?.handshake.meet(preamble);
    return [];
  }
  if (!attempt) {
    if (now - state.attemptedAt < attemptSpacing) return [];
    // It may have begun anew, or a stranger says so: the session stands until another is proved.
    look(state, now);
  }
  const looking = state.attempt!;
  if (!looking.handshake.meet(preamble)) return [];
  state.budget.left--;
  progress(state, looking, now);
  // Who has just answered our question is there, and only its preamble comes late.
  return looking.asking?.proved ? [] : hello(looking);
}

function isOwn({ attempt, kept }: State, preamble: Uint8Array): boolean {
  const own = [attempt?.handshake.preamble, kept?.established.ownPreamble];
  return own.some((each) => each && equal(each, preamble));
}

function takeHandshake(state: State, kind: Kind, message: Uint8Array, now: number): SessionEvent[] {
  const { attempt } = state;
  if (!attempt) return kind === kinds.message3 ? unheard(state, now) : [];
  // Who asked by a secret that we have can prove it: a handshake, to which a stranger may have driven one of us, would end the session.
  if (!affordable(state, now) || isAnswering(state, now)) return [];
  const { frames: out, established } = attempt.handshake.receive(kind, message);
  if (established) return establish(state, established, false, now);
  if (out.length > 0) progress(state, attempt, now);
  return frames(out);
}

/** Whether the peer has just asked to resume, and its proof can still be on its way. */
function isAnswering({ answering, pace }: State, now: number): boolean {
  return answering !== undefined && now - answering.at < Math.max(attemptSpacing, 3 * pace.msPerByte * longestAnswer);
}

/** The peer repeats its last message: it waits for a record to know that we took it. */
function unheard(state: State, now: number): SessionEvent[] {
  if (!state.kept?.stands || state.kept.heard || !affordable(state, now)) return [];
  state.budget.left--;
  return [{ kind: "answer" }];
}

/** The peer is there, or went on: what follows is repeated quickly again. */
function progress(state: State, attempt: Attempt, now: number): void {
  // Where something is wrong with the peer, not in a hurry.
  if (state.refusals === 0) attempt.tries = 0;
  attempt.due = now + waitOf(state, attempt, hello(attempt));
}

/** Nothing is repeated that has not left, nor before the answer can have come: at 1200 baud a message of 400 bytes takes 3.5 s. */
function waitOf({ pace }: State, { tries }: Attempt, said: readonly SessionEvent[]): number {
  const bytes = said.reduce((sum, event) => sum + (event.kind === "frame" ? event.frame.payload.length : 0), 0);
  const wireTime = 1.5 * pace.msPerByte * (bytes + longestAnswer);
  return Math.ceil(Math.max(Math.min(firstRepeat * 2 ** tries, mostRepeat), wireTime));
}

function establish(state: State, established: Established, heard: boolean, now: number): SessionEvent[] {
  const { records, secret, avatar } = established;
  state.kept = { established, records, secret, previous: undefined, question: undefined, heard, stands: true };
  return stand(state, avatar, true, now);
}

function stand(state: State, avatar: AvatarId, fresh: boolean, now: number): SessionEvent[] {
  state.attempt = undefined;
  state.answering = undefined;
  state.attemptedAt = now;
  state.refusals = 0;
  return [{ kind: "stands", avatar, fresh }];
}

/** `[id, nonceA]` */
function takeQuestion(state: State, question: Uint8Array, now: number): SessionEvent[] {
  const { kept, crypto, random } = state;
  // Ours alone to ask, so this one is an echo or a stranger's.
  if (kept?.established.initiator || !affordable(state, now)) return [];
  if (kept?.stands && kept.question && equal(kept.question, question)) return unheard(state, now);
  const known = kept ? [kept.secret, ...(kept.previous ? [kept.previous] : [])] : [];
  const answered = answer(crypto, random, known, question, state.answering, now);
  if (answered.answering) {
    state.answering = answered.answering;
    state.budget.left--;
  }
  return frames([answered.frame]);
}

/** `[nonceB, mac]` */
function takeAnswer(state: State, payload: Uint8Array, now: number): SessionEvent[] {
  const { attempt, crypto } = state;
  if (!attempt?.asking || !affordable(state, now)) return [];
  attempt.asking = proveAnswer(crypto, attempt.asking, payload);
  attempt.patience = resumptionTries;
  progress(state, attempt, now);
  return frames([attempt.asking.proved!.frame]);
}

/** `[mac]` */
function takeProof(state: State, payload: Uint8Array, now: number): SessionEvent[] {
  const { answering, kept, crypto } = state;
  if (!answering || !kept) return unheard(state, now);
  // Where both ways were gone, who sent the third message of a handshake holds to that: the peer may have taken it already.
  if (state.attempt?.handshake.proved() || !affordable(state, now)) return [];
  answering.check(payload);
  const { keyOfA, keyOfB, next } = answering.resumed;
  kept.records = createRecords(crypto, keyOfB, keyOfA);
  // A may not have heard us when the wire breaks next, and would then ask by the old secret.
  kept.previous = answering.old;
  kept.question = answering.question;
  kept.secret = next;
  kept.heard = false;
  kept.stands = true;
  return stand(state, kept.established.avatar, false, now);
}

/**
 * Somebody says that there is nothing to resume. Anyone can: so a handshake is offered at once, and is the proof; until then the
 * question stands, and who can answer it is believed.
 */
function takeUnknown({ attempt, kept }: State, id: Uint8Array): SessionEvent[] {
  if (!attempt?.asking || attempt.asking.proved || !kept || !equal(id, kept.secret.id)) return [];
  if (attempt.patience === 0) return [];
  attempt.patience = 0;
  return frames(attempt.handshake.repeat());
}

function takeRecord(state: State, record: Uint8Array, now: number): SessionEvent[] {
  const { attempt, kept } = state;
  const proved = attempt?.handshake.proved();
  const fromNew = proved?.records.open(record);
  if (proved && fromNew) return [...establish(state, proved, true, now), { kind: "record", plaintext: fromNew }];
  const asked = attempt?.asking?.proved;
  const fromResumed = asked?.records.open(record);
  if (kept && asked && fromResumed) {
    kept.records = asked.records;
    kept.secret = asked.next;
    kept.heard = true;
    kept.stands = true;
    return [...stand(state, kept.established.avatar, false, now), { kind: "record", plaintext: fromResumed }];
  }
  const plaintext = kept?.stands ? kept.records.open(record) : undefined;
  if (!kept || !plaintext) return [];
  kept.heard = true;
  return [{ kind: "record", plaintext }];
}

function frames(out: readonly OutgoingFrame[]): SessionEvent[] {
  return out.map((frame) => ({ kind: "frame", frame }));
}

function echo(): VertebraError {
  return new VertebraError(
    "link-echo",
    "The wire brings back what this participant sends",
    "Look for a loop-back plug, for receive and transmit joined, or for an echo that is on at the other end.",
  );
}
