import { createRoom, takeRoom } from "../chain/store-room";
import { noChanges, put, remove, type World } from "../chain/world";
import { VertebraError } from "../errors";
import { createMembership, type Membership, noteEpoch } from "../identity/membership";
import type { WorldProvision } from "../identity/provision";
import { equal, toHex } from "../wire/bytes";
import { decode, encode } from "../wire/cbor";
import { bytesOf, hash32, nullable, tuple } from "../wire/shape";
import type { AvatarId, Hash } from "../wire/types";
import { type EpochDefinition, type ExpelDefinition, openEpoch } from "./epoch-definition";

/**
 * How a participant goes from one epoch of its world's membership to the next (PROTOCOL 10). Of secrets it keeps its own alone, and of
 * members whom it may not meet: a record for each of the last epochs, and one for each secret that is still to be used.
 */

/** The secret of an epoch that may come. */
export interface OfferedSecret {
  readonly name: Hash;
  readonly secret: Uint8Array;
}

/** Of more than these the oldest is forgotten: whoever began with it did not go on. */
const mostOffered = 4;

export function epochKey(world: string, epoch: number): string {
  return `w/${world}/epoch/${epoch}`;
}

/** By the sequence of its definition. */
export function offeredKey(world: string, sequence: number): string {
  return `w/${world}/offered/${sequence}`;
}

/** What these records say of it. Throws `structure-…` where one can't be read. */
export function membershipIn(
  records: Iterable<readonly [string, Uint8Array]>,
  world: string,
  kept: number,
  { epoch: given, definedFrom }: Pick<WorldProvision, "epoch" | "definedFrom">,
): { readonly membership: Membership; readonly offered: Map<number, OfferedSecret> } {
  const membership = createMembership(kept, given, definedFrom === undefined ? 0 : given?.number);
  const offered = new Map<number, OfferedSecret>();
  const [epochs, offers] = [epochKey(world, 0).slice(0, -1), offeredKey(world, 0).slice(0, -1)];
  const found: [number, Uint8Array][] = [];
  for (const [key, value] of records) {
    if (key.startsWith(epochs)) found.push([Number(key.slice(epochs.length)), value]);
    else if (key.startsWith(offers)) offered.set(Number(key.slice(offers.length)), readOffered(value));
  }
  found.sort(([one], [other]) => one - other);
  for (const [number, value] of found) {
    const [secret, expelled] = tuple("epoch record", decode(value), 2);
    noteEpoch(membership, number, {
      secret: nullable("epoch record: secret", secret, hash32),
      expelled: nullable("epoch record: expelled", expelled, hash32),
    });
  }
  return { membership, offered };
}

function readOffered(value: Uint8Array): OfferedSecret {
  const [name, secret] = tuple("offered record", decode(value), 2);
  return { name: hash32("offered record: name", name), secret: bytesOf("offered record: secret", secret, 32) };
}

/** What of a world changes with an epoch. */
type Kept = Pick<
  World,
  "crypto" | "tag" | "avatar" | "staticSecret" | "membership" | "offered" | "room" | "changed" | "delivered"
>;

/** What is sealed to this participant is kept until an expulsion names it. */
export function takeEpoch(world: Kept, sequence: number, definition: EpochDefinition): VertebraError | undefined {
  const { crypto, avatar, staticSecret, offered, tag } = world;
  const secret = openEpoch(crypto, definition, avatar, staticSecret);
  if (secret === undefined) return undefined;
  if (secret === null) return unopened(sequence);
  const record = encode([definition.secret, secret]);
  takeRoom(world.room, record.length);
  put(world, offeredKey(tag, sequence), record);
  offered.set(sequence, { name: definition.secret, secret });
  for (const oldest of offered.keys()) if (offered.size > mostOffered) forgetOffered(world, oldest);
  return undefined;
}

function forgetOffered(world: Kept, sequence: number): void {
  world.offered.delete(sequence);
  remove(world, offeredKey(world.tag, sequence));
}

/** The next epoch begins, if this is the next one: "epoch numbers come from the order of final definitions". */
export function takeExpel(world: Kept, { avatar, epoch, secret: name }: ExpelDefinition): VertebraError | undefined {
  const { membership, offered, tag } = world;
  if (epoch !== membership.counted + 1) return undefined;
  const mine = [...offered.values()].find((each) => equal(each.name, name));
  const secret = mine?.secret ?? membership.epochs.get(epoch)?.secret ?? null;
  const record = encode([secret, avatar]);
  takeRoom(world.room, record.length);
  put(world, epochKey(tag, epoch), record);
  noteEpoch(membership, epoch, { secret, expelled: avatar });
  // A newcomer reads of those before its own as well: of what it need not know any more the last record says how far it has read.
  const gone = Math.min(membership.epoch - membership.kept, epoch - 1);
  if (gone > 0) remove(world, epochKey(tag, gone));
  // What was sealed before it may be sealed to who is expelled now.
  for (const sequence of [...offered.keys()]) forgetOffered(world, sequence);
  world.delivered.push({ kind: "expelled", world: tag, avatar, epoch });
  if (equal(avatar, world.avatar)) return expelledItself(epoch);
  return secret === null && epoch === membership.epoch ? givenNone(epoch) : undefined;
}

/** The records of a participant that has lost its own, by all that was defined, with the sequences of that. */
export function recordsOfEpochs(
  about: Pick<World, "crypto" | "tag" | "avatar" | "staticSecret">,
  kept: number,
  definitions: Iterable<readonly [sequence: number, definition: EpochDefinition | ExpelDefinition]>,
): ReadonlyMap<string, Uint8Array> {
  const membership = createMembership(kept);
  const nothing = { offered: new Map(), room: createRoom(null, [], []), changed: noChanges(), delivered: [] };
  const world: Kept = { ...about, ...nothing, membership };
  for (const [sequence, definition] of definitions) {
    if (definition.kind === "epoch") takeEpoch(world, sequence, definition);
    else takeExpel(world, definition);
  }
  return world.changed.puts;
}

/**
 * Whether it is known here by name: a steward, an owner of a group that is known here, or who relays one. Of those who come by the key of an earlier epoch no others are let in,
 * since whoever holds that key can make avatars without end. A gateway knows more of them, from their definitions.
 */
export function knows({ stewards, owners, groups }: World, avatar: AvatarId): boolean {
  const key = toHex(avatar);
  if (stewards.has(key) || owners.has(key)) return true;
  for (const { followers } of groups.values()) if (followers.has(key)) return true;
  return false;
}

function unopened(sequence: number): VertebraError {
  return new VertebraError(
    "epoch-sealed",
    `What definition ${sequence} seals to this participant does not open, or is not the secret that it names`,
    "A steward sealed it to another key, or lies. Until one seals the secret to this participant's key it is told definitions alone.",
  );
}

function givenNone(epoch: number): VertebraError {
  return new VertebraError(
    "epoch-missed",
    `The world went on in epoch ${epoch} of its membership, whose secret was not sealed to this participant: it is told definitions alone`,
    "Let a steward add it as a member, and provision it anew.",
  );
}

function expelledItself(epoch: number): VertebraError {
  return new VertebraError(
    "expelled",
    `A steward expelled this participant from its world, which went on in epoch ${epoch} of its membership: nobody links to it any more`,
    "If that was a mistake, let a steward add it under another name, and provision it anew.",
  );
}
