import { dueAt, expiresAt } from "./block/buffer";
import type { Bounds } from "./bounds";
import { endAttempt, enterUnspentAttempt, waitForAttempt } from "./chain/attempt";
import { asKnownTo, createGroup, type Group, indexPacts } from "./chain/group";
import { settle } from "./chain/observe";
import { prepare } from "./chain/prepare";
import { turnOfIssuer } from "./chain/rank";
import { restore } from "./chain/records";
import { mayIssue, sealDue } from "./chain/seal";
import type { Room } from "./chain/store-room";
import { moveRetired } from "./chain/succession";
import { timing } from "./chain/timing";
import { type ChainCrypto, noChanges, type World } from "./chain/world";
import { contentsDue, createContents } from "./definitions/content";
import { restoreDefined } from "./definitions/defined";
import { definitionsPactBytes, ofDefinitions } from "./definitions/definition";
import { membershipIn } from "./definitions/epochs";
import { assert } from "./errors";
import { pullDue } from "./gossip/catchup";
import { frontierDue } from "./gossip/frontier";
import type { Peer } from "./gossip/peer";
import { lostDue } from "./gossip/recovery";
import { avatarSeed, noiseStatic } from "./identity/avatar";
import type { DefinitionsFrom, WorldProvision } from "./identity/provision";
import { worldTag } from "./identity/world";
import { toHex } from "./wire/bytes";

/** What one event can bring about in turn: a block sealed, certified, its child issued, room for the next block. */
const driveRounds = 64;

/** A world with this participant's avatar in it, as its records left it. */
export function createWorld(
  options: {
    readonly crypto: ChainCrypto;
    readonly seed: Uint8Array;
    readonly bounds: Bounds;
    readonly spareBytes: number;
  },
  room: Room,
  provision: WorldProvision,
  records: readonly (readonly [string, Uint8Array])[],
): World {
  const { crypto, seed, bounds } = options;
  const secret = avatarSeed(crypto, seed, provision.worldId);
  const signer = crypto.signer(secret);
  const tagBytes = worldTag(crypto, provision.worldId);
  const { definedFrom: from } = provision;
  const pacts = indexPacts(crypto, [...provision.pacts, definitionsPactBytes(from?.version)]);
  const avatarKey = toHex(signer.publicKey);
  const stewards = new Set(provision.stewards.map(toHex));
  const known = (bytes: Uint8Array) =>
    asKnownTo(createGroup(crypto, bytes, pacts, provision.followers ?? [], bounds), avatarKey, stewards);
  const definitions =
    provision.definitions === undefined ? null : known(ofDefinitions(crypto, provision.definitions, from?.version));
  if (definitions !== null && from !== undefined) followFrom(definitions, from);
  const groups = [...(definitions === null ? [] : [definitions]), ...provision.groups.map(known)];
  const world: World = {
    crypto,
    tagBytes,
    tag: toHex(tagBytes),
    avatar: signer.publicKey,
    avatarKey,
    signer,
    staticSecret: noiseStatic(crypto, secret),
    ...membershipIn(records, toHex(tagBytes), bounds.epochsKept, provision),
    groups: new Map(groups.map((group) => [group.key, group])),
    owners: new Set(groups.flatMap((group) => group.ownerKeys)),
    definitions: definitions === null ? [] : [{ group: definitions, first: from?.first ?? 0 }],
    toDefine: [],
    spareBytes: options.spareBytes,
    stewards,
    bounds,
    room,
    epoch: 0,
    highestFinalizableGeneration: -1,
    highestCertifiedGeneration: -1,
    leapedAt: Number.NEGATIVE_INFINITY,
    tip: null,
    footing: null,
    patience: timing.attempt,
    attempt: 0,
    attemptBegan: 0,
    attemptStays: 0,
    attemptsFailed: 0,
    caution: 0,
    attemptEnds: null,
    issued: null,
    issuedBefore: null,
    issuedViews: [],
    issuedForgotten: null,
    proposal: null,
    metablocks: new Map(),
    certificatesWaiting: new Map(),
    reports: new Map(),
    missing: new Map(),
    lost: new Map(),
    contents: createContents(),
    linesChanged: true,
    unsettled: true,
    wakesAt: Number.POSITIVE_INFINITY,
    now: { monotonic: 0, wall: 0 },
    changed: noChanges(),
    news: [],
    delivered: [],
  };
  restoreDefined(world, records);
  restore(world, records);
  enterUnspentAttempt(world);
  return world;
}

/** Until the group has a record of its own. */
function followFrom(group: Group, { position, entries, lastFinal }: DefinitionsFrom): void {
  group.position = position;
  group.entries = entries;
  group.lastFinal = lastFinal;
}

/** "Each start raises a durable epoch" (PROTOCOL 6, Amnesia). */
export function boot(world: World): void {
  world.epoch++;
  world.changed.state = true;
}

/**
 * Does all that time and what was taken in call for: seals, certifies, progresses, prepares (figures 6A to 6D). Tells whether
 * an attempt failed, so that something may have been lost on the way.
 */
export function drive(world: World, flush: boolean): { readonly attemptFailed: boolean } {
  const attemptFailed = endAttempt(world);
  for (let round = 0; ; round++) {
    assert(round < driveRounds, "what follows from one event comes to an end");
    moveRetired(world);
    sealDue(world, flush);
    settle(world);
    if (!prepare(world) && !moreToSeal(world, flush)) break;
  }
  waitForAttempt(world);
  return { attemptFailed };
}

function moreToSeal(world: World, flush: boolean): boolean {
  for (const group of world.groups.values()) {
    const due = dueAt(group.buffer);
    if (due !== undefined && (flush || due <= world.now.monotonic) && mayIssue(world, group)) return true;
  }
  return false;
}

/** Monotonic ms of the next thing to do; Infinity where only a message or an entry can bring one. */
export function wakeAt(world: World, peers: readonly Peer[]): number {
  const now = world.now.monotonic;
  let wake = Math.min(
    world.attemptEnds ?? never,
    world.proposal?.at ?? never,
    lostDue(world, peers),
    contentsDue(world),
  );
  for (const metablock of world.metablocks.values()) {
    const child = metablock.childTurn ?? 0;
    if (child > now && child < wake) wake = child;
    const turn = turnOfIssuer(world, metablock);
    if (turn > now && turn < wake) wake = turn;
  }
  for (let at = 0; at < peers.length; at++) {
    const peer = peers[at]!;
    wake = Math.min(wake, frontierDue(peer), peer.certificates.due);
    if (peer.positions.size === 0) continue;
    for (const key of peer.positions.keys()) wake = Math.min(wake, pullDue(peer, world.groups.get(key)!));
  }
  for (const { buffer } of world.groups.values()) wake = Math.min(wake, expiresAt(buffer) ?? never);
  for (const group of world.groups.values()) {
    const due = dueAt(group.buffer);
    if (due !== undefined && due < wake && mayIssue(world, group)) wake = due;
  }
  if (peers.length > 0 && world.missing.size > 0) {
    for (const { againAt } of world.missing.values()) wake = Math.min(wake, againAt ?? now);
  }
  return wake;
}

const never = Number.POSITIVE_INFINITY;
