import { VertebraError } from "../../firmware/core/errors";
import { equal } from "../../firmware/core/wire/bytes";
import type { AvatarId } from "../../firmware/core/wire/types";
import {
  createFrameReader,
  encodeFrame,
  type Frame,
  type FrameReader,
  kinds,
  readFrames,
} from "../../firmware/link/frames";
import { checkIntroduction, type LinkIdentity } from "../../firmware/link/introduction";
import { createPreamble, readPreamble } from "../../firmware/link/preamble";
import {
  type BlankBoard,
  checkOffered,
  decodeBlank,
  decodePrepared,
  decodeRefusal,
  encodeOffer,
  offerKey,
  openPart,
  sealPart,
} from "../../firmware/link/provisioning";
import type { Crypto, Random } from "../../firmware/ports";

/**
 * The gateway's end of a board's first start (docs/link.md): a state machine, bytes and monotonic time in, ordered actions out. It offers the world to
 * whatever blank board there is, again where that was started anew meanwhile, until the board speaks as one that has its identity.
 */

export type ProvisionerAction =
  | { readonly kind: "write"; readonly bytes: Uint8Array }
  /** A blank board is there: `offerWorld` goes on, and so does whoever is told of another one later. */
  | { readonly kind: "blank"; readonly board: BlankBoard }
  /** It has made its seed, and is who it will be: `commit` lets it keep that. */
  | { readonly kind: "prepared"; readonly made: MadeIdentity }
  /** It speaks as a member of the world, or did from the first. */
  | { readonly kind: "member" }
  | { readonly kind: "failed"; readonly error: VertebraError }
  | { readonly kind: "wake"; readonly at: number };

/** What is known of a seed that somebody else has. */
export interface MadeIdentity {
  readonly avatar: AvatarId;
  /** X25519. */
  readonly staticKey: Uint8Array;
}

export interface ProvisionerOptions {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly identity: LinkIdentity;
  /** How the port is called, for sentences. */
  readonly place: string;
  readonly now: number;
}

export interface Provisioner {
  readonly options: ProvisionerOptions;
  readonly reader: FrameReader;
  board: BlankBoard | undefined;
  offered: { readonly key: Uint8Array; readonly frame: Uint8Array } | undefined;
  /** What it says again until it is answered. */
  saying: Uint8Array | undefined;
  /** The answer that was taken: the same comes again where ours was lost. */
  answered: Uint8Array | undefined;
  /** It goes on with a session. */
  hasIdentity: boolean;
  /** When the board was heard last. */
  heardAt: number;
  over: boolean;
}

/** What has no answer is said again after so many ms; a board that says nothing for so long is none, and one that is not done after so long never is. */
const repeatMs = 500;
const silenceMs = 10_000;
const patienceMs = 60_000;

export function createProvisioner(options: ProvisionerOptions): Provisioner {
  return {
    ...{ options, reader: createFrameReader(), board: undefined, offered: undefined, saying: undefined },
    ...{ answered: undefined, hasIdentity: false, heardAt: options.now, over: false },
  };
}

/** The time of the last `wake` has come; also first of all. */
export function alarmProvisioner(provisioner: Provisioner, now: number): ProvisionerAction[] {
  if (provisioner.over) return [];
  if (now - provisioner.heardAt >= silenceMs) return [fail(provisioner, silence(provisioner))];
  if (now - provisioner.options.now >= patienceMs) return [fail(provisioner, stuck(provisioner.options.place))];
  const { saying } = provisioner;
  return [...(saying ? [{ kind: "write" as const, bytes: saying }] : []), { kind: "wake", at: now + repeatMs }];
}

export function receiveByProvisioner(provisioner: Provisioner, bytes: Uint8Array, now: number): ProvisionerAction[] {
  const actions: ProvisionerAction[] = [];
  for (const frame of readFrames(provisioner.reader, bytes)) {
    if (!provisioner.over) actions.push(...takeFrame(provisioner, frame, now));
  }
  return actions;
}

/** Offers this world, encoded, to the board that was told of last. Throws `provision-size`. */
export function offerWorld(provisioner: Provisioner, world: Uint8Array): ProvisionerAction[] {
  checkOffered(world);
  const { options, board } = provisioner;
  const { crypto, random, place } = options;
  const secret = random.bytes(32);
  const own = crypto.x25519Public(secret);
  const key = offerKey(crypto, secret, board!.key, board!.key, own);
  if (key === undefined) return [fail(provisioner, forged(place))];
  const sealed = sealPart(crypto, key, "offer", world);
  const frame = encodeFrame(kinds.offer, encodeOffer({ key: own, sealed }));
  provisioner.offered = { key, frame };
  return say(provisioner, frame);
}

/** The board that prepared itself may keep what it is. */
export function commit(provisioner: Provisioner): ProvisionerAction[] {
  const { options, offered } = provisioner;
  return say(provisioner, encodeFrame(kinds.commit, sealPart(options.crypto, offered!.key, "commit")));
}

function say(provisioner: Provisioner, frame: Uint8Array): ProvisionerAction[] {
  provisioner.saying = frame;
  return [{ kind: "write", bytes: frame }];
}

function takeFrame(provisioner: Provisioner, { kind, payload }: Frame, now: number): ProvisionerAction[] {
  try {
    if (kind === kinds.blank) return takeBlank(provisioner, decodeBlank(payload), now);
    if (kind === kinds.prepared) return takePrepared(provisioner, payload, now);
    if (kind === kinds.refusal) return takeRefusal(provisioner, payload);
    if (kind === kinds.preamble) return takePreamble(provisioner, payload);
    return kind <= kinds.record ? askWhose(provisioner) : [];
  } catch (error) {
    if (!(error instanceof VertebraError) || error.code === "assertion") throw error;
    return [fail(provisioner, error)];
  }
}

/** One with another key was started anew before it kept anything: all begins again. */
function takeBlank(provisioner: Provisioner, board: BlankBoard, now: number): ProvisionerAction[] {
  provisioner.heardAt = now;
  if (provisioner.board && equal(provisioner.board.key, board.key)) return [];
  provisioner.board = { kind: board.kind, key: board.key.slice() };
  provisioner.offered = undefined;
  provisioner.saying = undefined;
  provisioner.answered = undefined;
  return [{ kind: "blank", board: provisioner.board }];
}

function takePrepared(provisioner: Provisioner, payload: Uint8Array, now: number): ProvisionerAction[] {
  const { options, offered, answered } = provisioner;
  const { crypto, identity } = options;
  if (offered === undefined || answered !== undefined) return [];
  const opened = openPart(crypto, offered.key, "prepared", payload);
  // Of an offer before this one.
  if (opened === undefined) return [];
  const { staticKey, introduction } = decodePrepared(opened);
  const avatar = checkIntroduction(crypto, identity, staticKey, introduction, identity.epoch);
  provisioner.heardAt = now;
  provisioner.answered = payload.slice();
  provisioner.saying = undefined;
  return [{ kind: "prepared", made: { avatar, staticKey: staticKey.slice() } }];
}

function takeRefusal(provisioner: Provisioner, payload: Uint8Array): ProvisionerAction[] {
  if (provisioner.offered === undefined) return [];
  return [fail(provisioner, decodeRefusal(payload))];
}

/** It has an identity: by a preamble it is asked for its own, which it does not say to one of another world. */
function askWhose(provisioner: Provisioner): ProvisionerAction[] {
  const { random, identity } = provisioner.options;
  provisioner.hasIdentity = true;
  if (provisioner.saying !== undefined) return [];
  return say(provisioner, encodeFrame(kinds.preamble, createPreamble(random, identity.worldTag, identity.epoch)));
}

/** Only who has an identity says one. */
function takePreamble(provisioner: Provisioner, payload: Uint8Array): ProvisionerAction[] {
  const { identity, place } = provisioner.options;
  try {
    readPreamble(identity.worldTag, payload);
  } catch (error) {
    if (error instanceof VertebraError && error.code === "link-other-world") throw ofAnotherWorld(place);
    throw error;
  }
  provisioner.over = true;
  return [{ kind: "member" }];
}

function ofAnotherWorld(place: string): VertebraError {
  return new VertebraError(
    "board-provisioned",
    `The board on ${place} has an identity already, in another world`,
    "If it is to leave that, erase its flash by hand, and run the command again.",
  );
}

function fail(provisioner: Provisioner, error: VertebraError): ProvisionerAction {
  provisioner.over = true;
  return { kind: "failed", error };
}

function silence(provisioner: Provisioner): VertebraError {
  const { options, board, hasIdentity } = provisioner;
  const { place } = options;
  if (hasIdentity) return ofAnotherWorld(place);
  const heard = board === undefined ? "Nothing was heard that is a board of Vertebra" : "The board fell silent";
  return new VertebraError(
    "provision-silent",
    `${heard} on ${place}, for ${silenceMs / 1_000} s`,
    "See that it has power, runs this firmware, and that the cable is in the right port; then run the command again: a board is given its identity whole or not at all.",
  );
}

function stuck(place: string): VertebraError {
  return new VertebraError(
    "provision-stuck",
    `The board on ${place} was heard for ${patienceMs / 1_000} s, and took nothing of what it was offered`,
    "See that its cable carries both ways and is not on another program's port, too; then run the command again.",
  );
}

function forged(place: string): VertebraError {
  return new VertebraError(
    "provision-key",
    `The board on ${place} shows a key with which anybody could open what it is given`,
    "Look for who else is on the wire.",
  );
}
