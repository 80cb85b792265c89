import { contentKey, definedKey } from "../block/records";
import { put, type World } from "../chain/world";
import type { PeerId } from "../events";
import type { Peer } from "../gossip/peer";
import { type Outgoing, send } from "../gossip/tell";
import { equal, toHex } from "../wire/bytes";
import { hash } from "../wire/hash";
import { chunkBytes } from "../wire/limits";
import type { Hash } from "../wire/types";
import {
  type PauseDefinition,
  type RolloutDefinition,
  type SagaDefinition,
  type Standing,
  type SteerDefinition,
  type StepDefinition,
  type StopDefinition,
  standingAfter,
} from "./saga-definition";

/**
 * Content is not in entries: a definition names its pieces by their hashes, and who needs one asks any neighbour for it that may have it
 * (PROTOCOL 10). Pieces are kept as they come, a record each, so that a cut loses at most the one that was on its way. Of each is known
 * here whether the store has it, and never what is in it.
 */

export interface Contents {
  /** Sagas that this participant runs or relays, by the sequence of their definitions. */
  readonly sagas: Map<number, HeldSaga>;
  /** Their rollouts, by the sequence of these. */
  readonly rollouts: Map<number, HeldRollout>;
  /** State groups in hex of sagas that were undeployed, and whether the driver was told. */
  readonly undeployed: Map<string, { told: boolean }>;
  /** By hash in hex: the pieces of their sources. */
  readonly pieces: Map<string, Piece>;
  /** Of which the store is to be asked whether it has them. */
  readonly unread: Piece[];
  /** How many are missing. */
  missing: number;
  /** Whether the driver may have to be told something. */
  changed: boolean;
}

export interface HeldSaga {
  readonly definition: SagaDefinition;
  readonly pieces: ReadonlySet<Piece>;
  /** What the driver was told of it since the start. */
  told: "known" | "whole" | null;
}

export interface HeldRollout extends Standing {
  /** The sequences of what brought it to where it is, for good, and of the definition by which it is paused. */
  readonly steps: readonly number[];
  readonly pausedBy: number | null;
  /** Whether the driver was told how many of its rings are open. */
  readonly told: boolean;
}

export interface Piece {
  readonly key: string;
  readonly hash: Hash;
  /** In hex: whoever follows one of these may have it. */
  readonly stateGroups: Set<string>;
  state: "unread" | "missing" | "here";
  /** Whom it was asked of last and how often it was; and when another is asked, monotonic ms. */
  askedOf: PeerId | null;
  asked: number;
  againAt: number;
}

/** Pieces asked for at one time: what follows on a slow line waits behind them. */
const askedAtOnce = 2;
/** How long a piece may stay unanswered, and what the way takes so often besides, before the next neighbour is asked for it. */
const answerMs = 10_000;
const waysWaited = 4;
/** Sagas of one participant, in all their versions. */
export const maxHeldSagas = 64;

export function createContents(): Contents {
  const sources = { pieces: new Map(), unread: [], missing: 0 };
  return { sagas: new Map(), rollouts: new Map(), undeployed: new Map(), ...sources, changed: false };
}

/** Its source is looked for in the store, and then in the world. */
export function holdSaga({ contents }: World, sequence: number, definition: SagaDefinition): void {
  const stateGroup = toHex(definition.stateGroup);
  const pieces = new Set<Piece>();
  for (const each of definition.chunks) pieces.add(pieceOf(contents, each, stateGroup));
  contents.sagas.set(sequence, { definition, pieces, told: null });
  contents.changed = true;
}

/** Its first ring is open as soon as it is known. */
export function holdRollout({ contents }: World, sequence: number, definition: RolloutDefinition): void {
  const standing = { definition, open: 1, paused: false, stopped: false };
  contents.rollouts.set(sequence, { ...standing, steps: [], pausedBy: null, told: false });
  contents.changed = true;
}

/** Takes what opens or closes rings, or ends it where it stands. */
export function takeStep({ contents }: World, sequence: number, step: StepDefinition | StopDefinition): void {
  const held = contents.rollouts.get(step.rollout)!;
  const told = held.told && step.kind === "stop";
  contents.rollouts.set(step.rollout, { ...standingAfter(held, step), steps: [...held.steps, sequence], told });
  contents.changed = true;
}

/** Takes what pauses a rollout or has it go on. The key of a record that says nothing more: one that goes on was never paused. */
export function takePause({ contents, tag }: World, sequence: number, pause: PauseDefinition): string | undefined {
  const held = contents.rollouts.get(pause.rollout)!;
  contents.rollouts.set(pause.rollout, { ...standingAfter(held, pause), pausedBy: pause.paused ? sequence : null });
  return held.pausedBy === null ? undefined : definedKey(tag, held.pausedBy);
}

/** Whether that changes how a rollout stands that is known here. */
export function isStep({ contents }: World, definition: SteerDefinition): boolean {
  const held = contents.rollouts.get(definition.rollout);
  return held !== undefined && standingAfter(held, definition) !== held;
}

/** Nobody who knows it begins by any version of it any more. */
export function endSaga({ contents }: World, stateGroup: Hash): void {
  contents.undeployed.set(toHex(stateGroup), { told: false });
  contents.changed = true;
}

/** Forgets its versions, its rollouts and what of its source no other saga has; the keys of their records, which are not looked at any more. */
export function forgetSaga({ contents, tag }: World, stateGroup: Hash): string[] {
  const key = toHex(stateGroup);
  const forgotten: number[] = [];
  for (const [sequence, { definition, pieces }] of contents.sagas) {
    if (!equal(definition.stateGroup, stateGroup)) continue;
    contents.sagas.delete(sequence);
    forgotten.push(sequence);
    for (const piece of pieces) piece.stateGroups.delete(key);
  }
  for (const [sequence, { definition, steps, pausedBy }] of contents.rollouts) {
    if (!equal(definition.stateGroup, stateGroup)) continue;
    contents.rollouts.delete(sequence);
    forgotten.push(sequence, ...steps, ...(pausedBy === null ? [] : [pausedBy]));
  }
  const keys = forgotten.map((sequence) => definedKey(tag, sequence));
  for (const piece of contents.pieces.values()) {
    if (piece.stateGroups.size > 0) continue;
    setState(contents, piece, "unread");
    contents.pieces.delete(piece.key);
    keys.push(contentKey(tag, piece.key));
  }
  return keys;
}

export function tellUndeployed(world: World, { name: saga, stateGroup }: SagaDefinition, gone: boolean): void {
  world.delivered.push({ kind: "undeployed", world: world.tag, saga, stateGroup, gone });
}

function pieceOf(contents: Contents, hash: Hash, stateGroup: string): Piece {
  const key = toHex(hash);
  let piece = contents.pieces.get(key);
  if (piece === undefined) {
    piece = { key, hash, stateGroups: new Set(), state: "unread", askedOf: null, asked: 0, againAt: 0 };
    contents.pieces.set(key, piece);
    contents.unread.push(piece);
  }
  piece.stateGroups.add(stateGroup);
  return piece;
}

/** What the store has of a piece: of what is not its own, or not there, the world is asked. */
export function notePiece(world: World, piece: Piece, value: Uint8Array | undefined): void {
  if (world.contents.pieces.get(piece.key) !== piece) return;
  const here = value !== undefined && toHex(hash(world.crypto, "source", value)) === piece.key;
  setState(world.contents, piece, here ? "here" : "missing");
  world.contents.changed = true;
}

function setState(contents: Contents, piece: Piece, state: Piece["state"]): void {
  contents.missing += Number(state === "missing") - Number(piece.state === "missing");
  piece.state = state;
}

/** The driver is told of each saga, and again when all of its source is here; then what says nothing before it: how its rollouts stand, and that it was undeployed. */
export function tellSagas(world: World): void {
  world.contents.changed = false;
  for (const held of world.contents.sagas.values()) {
    const whole = [...held.pieces].every(({ state }) => state === "here");
    if (held.told === (whole ? "whole" : "known")) continue;
    held.told = whole ? "whole" : "known";
    world.delivered.push({ kind: "deployed", world: world.tag, saga: held.definition, whole });
  }
  for (const [sequence, held] of world.contents.rollouts) {
    if (held.told) continue;
    world.contents.rollouts.set(sequence, { ...held, told: true });
    const { definition: rollout, open } = held;
    world.delivered.push({ kind: "rollout", world: world.tag, sequence, rollout, open });
  }
  for (const { definition } of world.contents.sagas.values()) {
    const its = world.contents.undeployed.get(toHex(definition.stateGroup));
    if (its === undefined || its.told) continue;
    its.told = true;
    tellUndeployed(world, definition, false);
  }
}

/** A CHUNK came. One that is not looked for was asked of two, or of nobody: nothing comes of it. */
export function takeChunk(world: World, bytes: Uint8Array): void {
  const { contents, crypto, room } = world;
  if (contents.missing === 0) return;
  const key = toHex(hash(crypto, "source", bytes));
  const piece = contents.pieces.get(key);
  if (piece?.state !== "missing") return;
  room.added += bytes.length;
  put(world, contentKey(world.tag, key), bytes);
  setState(contents, piece, "here");
  contents.changed = true;
}

/** Asks for what is missing, a few pieces at a time, one neighbour after the other. */
export function askForContents(world: World, peers: readonly Peer[], outgoing: Outgoing[]): void {
  if (world.contents.missing === 0) return;
  const wanted = new Map<Peer, Hash[]>();
  for (const { piece, having } of nextToAsk(world, peers)) {
    const peer = having[piece.asked++ % having.length]!;
    piece.askedOf = peer.id;
    piece.againAt = world.now.monotonic + answerMs + waysWaited * peer.delay;
    wanted.set(peer, [...(wanted.get(peer) ?? []), piece.hash]);
  }
  for (const [peer, hashes] of wanted) send(outgoing, peer, { type: "want", hashes });
}

/** Those that were asked for least often, as far as others that are waited for leave room. */
function nextToAsk(
  world: World,
  peers: readonly Peer[],
): { readonly piece: Piece; readonly having: readonly Peer[] }[] {
  const due: { readonly piece: Piece; readonly having: readonly Peer[] }[] = [];
  let underWay = 0;
  for (const piece of world.contents.pieces.values()) {
    if (piece.state !== "missing") continue;
    const having = peers.filter((peer) => mayHave(peer, piece));
    if (having.some(({ id }) => id === piece.askedOf) && world.now.monotonic < piece.againAt) underWay++;
    else if (having.length > 0) due.push({ piece, having });
  }
  due.sort((a, b) => a.piece.asked - b.piece.asked);
  return due.slice(0, Math.max(0, askedAtOnce - underWay));
}

/** Monotonic ms at which a piece is asked for again; Infinity where none was. */
export function contentsDue({ contents, now }: World): number {
  let due = Number.POSITIVE_INFINITY;
  if (contents.missing === 0) return due;
  for (const { state, againAt } of contents.pieces.values()) {
    if (state === "missing" && againAt > now.monotonic) due = Math.min(due, againAt);
  }
  return due;
}

/** Who owns or relays the state group of a saga has its source, sooner or later; nobody else is given it. */
export function mayHave({ interests }: Peer, { stateGroups }: Piece): boolean {
  for (const group of stateGroups) if (interests.has(group)) return true;
  return false;
}

/** Bytes that the sources of what is held take, and those of one more. */
export function contentBytes({ contents, tag }: World, { chunks, size }: SagaDefinition): number {
  const perPiece = contentKey(tag, "").length + 64;
  return contents.pieces.size * (chunkBytes + perPiece) + size + chunks.length * perPiece;
}
