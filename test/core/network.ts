import { finalKey } from "../../firmware/core/block/final-record";
import { isReadAlone } from "../../firmware/core/block/records";
import { ample } from "../../firmware/core/bounds";
import { definitionsGroup, definitionsPactBytes, encodeDefinition } from "../../firmware/core/definitions/definition";
import type { Action, Event, FinalBlock, RecoveredBlock } from "../../firmware/core/events";
import { avatarSeed } from "../../firmware/core/identity/avatar";
import { isExpelled } from "../../firmware/core/identity/membership";
import { encodeEntry } from "../../firmware/core/pact/entry";
import { encodePact, pactId, syncGroupId } from "../../firmware/core/pact/pact";
import { readProduced } from "../../firmware/core/pact/produced";
import { createParticipant, type Participant } from "../../firmware/core/participant";
import { compare, equal, toHex } from "../../firmware/core/wire/bytes";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import type { AvatarId, Hash, Pact, Policy } from "../../firmware/core/wire/types";
import { packingFor, promisesOf, readAloneIn, sharesOf } from "../../firmware/device/keeping";
import type { Crypto, Time } from "../../firmware/ports";
import { type Journal, openJournal, readRecord, writeRecords } from "../../firmware/store/journal";
import type { Packing } from "../../firmware/store/values";
import { noWear } from "../store/all-records";
import { createNor, type Nor } from "../store/nor";
import { cheapCrypto } from "./cheap-crypto";
import type { GroupPlan, NetworkPlan } from "./plan";
import { epochOfSession, expulsion, type Meeting } from "./sessions";

/** A virtual network of participants: virtual time, links with a delay, stores that survive a restart. */

export const policy: Policy = {
  quorum: "all",
  ordered: true,
  private: false,
  writers: "owners",
  retention: 0,
  largestEntry: 256,
  whenFull: "wait",
};

export const worldId = new Uint8Array(32).fill(7);

export interface Member {
  readonly name: string;
  readonly seed: Uint8Array;
  readonly avatar: AvatarId;
  participant: Participant;
  readonly store: Map<string, Uint8Array>;
  /** Where its store is a journal in flash. */
  readonly nor: Nor | undefined;
  journal: Journal | undefined;
  readonly finals: FinalBlock[];
  readonly sealed: Extract<Action, { kind: "sealed" }>[];
  readonly refused: Extract<Action, { kind: "refused" }>[];
  readonly notices: Extract<Action, { kind: "notice" }>[];
  readonly cuts: Extract<Action, { kind: "cut" }>[];
  /** Names of the groups that were defined for it. */
  readonly defined: string[];
  readonly deployed: string[];
  /** The groups that were retired for it, with those that succeed them, and what it moved of them. */
  readonly retired: Map<string, string | null>;
  readonly moved: Extract<Action, { kind: "moved" }>[];
  /** What came back of what its store had lost. */
  readonly recovered: RecoveredBlock[];
  wake: number;
  alive: boolean;
  boots: number;
  /** Peer number of this member to the other's name. */
  readonly peers: Map<number, string>;
  signatures: number;
  sent: number;
}

interface Delivery {
  readonly at: number;
  readonly order: number;
  readonly to: string;
  readonly from: string;
  readonly session: number;
  readonly bytes: Uint8Array;
}

export interface Network {
  readonly members: Map<string, Member>;
  readonly groups: Map<string, Hash>;
  readonly pacts: Map<string, Pact>;
  readonly tag: string;
  /** Of those whose store is a journal in flash. */
  readonly packing: Packing;
  now: number;
  /** How long links take to hear that somebody was expelled, ms: until then what is on its way comes. */
  renewedAfter: number;
  /** What every member's wall clock shows. */
  wall: (now: number) => number;
  /** Runs until nothing is due before this time. */
  run(until: number): void;
  connect(a: string, b: string): void;
  disconnect(a: string, b: string): void;
  /** By the key of which epoch their session was made. */
  epochOf(a: string, b: string): number;
  /** With the id of an entry that a saga produced, where one is given. */
  push(member: string, group: string, value: number, id?: Hash, text?: string): void;
  /** A steward defines a group whose owners these are, and which is known by its name from now on. */
  define(steward: string, group: GroupPlan, followers?: readonly string[]): void;
  /** A steward defines that these are it from then on; returns the name of the group in which they define, the first of which is `definitions`. */
  changeStewards(steward: string, names: readonly string[]): string;
  /** The one in which the stewards define now, as far as this member has heard. */
  definitionsAt(member: string): string;
  /** A steward retires it, and none succeeds it. */
  retire(steward: string, group: string): void;
  /** A steward expels one, as its gateway would: whoever else is no stranger, and not expelled, is sealed the secret of the next epoch. */
  expel(steward: string, name: string): void;
  /** The entry that would define a group. */
  definitionOf(group: GroupPlan, followers?: readonly string[]): Uint8Array;
  flush(member: string): void;
  /** Any other event. */
  give(member: string, event: Event): void;
  /** The store of a member can't give a final block any more. */
  lose(member: string, group: string, position: number): void;
  /** Power off: what is not in the store is gone. */
  crash(member: string): void;
  boot(member: string, store?: Map<string, Uint8Array>): void;
  /** Gives an event to a member as if it came from the other: a liar's bytes. */
  inject(to: string, from: string, bytes: Uint8Array): void;
  entriesOf(member: string, group: string): number[];
  /** Told of every saga that a member is told of, how it rolls out, and that it was undeployed. */
  rolls: (member: string, action: Extract<Action, { kind: "deployed" | "rollout" | "undeployed" }>) => void;
  /** Seen by every send; returning false drops it. */
  filter: (from: string, to: string, bytes: Uint8Array, at: number) => boolean;
}

/** Links of all of them to all. */
export function everyPair(names: readonly string[]): (readonly [string, string])[] {
  return names.flatMap((one, index) => names.slice(index + 1).map((other) => [one, other] as const));
}

export function createNetwork(plan: NetworkPlan): Network {
  const crypto = plan.crypto ?? cheapCrypto();
  const delay = plan.delay ?? 10;
  const members = new Map<string, Member>();
  const seeds = new Map(plan.members.map((name, index) => [name, new Uint8Array(32).fill(index + 1)]));
  const avatars = new Map(
    [...seeds].map(([name, seed]) => [name, crypto.signer(avatarSeed(crypto, seed, worldId)).publicKey] as const),
  );
  const pacts = new Map<string, Pact>();
  const pactBytes: Uint8Array[] = [];
  const groups = new Map<string, Hash>();
  const bytesOf = new Map<string, Uint8Array>();
  const groupBytes = new Map<string, { bytes: Uint8Array; owners: readonly string[] }>();
  function known(group: GroupPlan): { readonly bytes: Uint8Array; readonly pact: Uint8Array } {
    const pact: Pact = pacts.get(group.succeeds ?? "") ?? {
      name: group.name,
      version: 1,
      extends: null,
      fields: group.fields ?? [
        { name: "value", type: { kind: "u32" } },
        ...(group.texts ? [{ name: "text", type: { kind: "text" } } as const] : []),
      ],
      policy: { ...policy, ...group.policy },
    };
    pacts.set(group.name, pact);
    const encoded = encodePact(pact);
    const owners = group.owners.map((name) => avatars.get(name)!).sort(compare);
    const bytes = encodeSyncGroup({ pact: pactId(crypto, encoded), owners });
    groups.set(group.name, syncGroupId(crypto, bytes));
    bytesOf.set(group.name, bytes);
    return { bytes, pact: encoded };
  }
  for (const group of plan.groups) {
    const { bytes, pact } = known(group);
    pactBytes.push(pact);
    groupBytes.set(group.name, { bytes, owners: group.owners });
  }
  const stewards = (plan.stewards ?? []).map((name) => avatars.get(name)!);
  const definitions = stewards.length === 0 ? undefined : definitionsGroup(crypto, stewards);
  if (definitions !== undefined) {
    groups.set("definitions", syncGroupId(crypto, definitions));
    bytesOf.set("definitions", definitions);
  }
  const packing = packingFor(crypto, { groups: [...groupBytes.values()].map(({ bytes }) => bytes), pacts: pactBytes });
  const queue: Delivery[] = [];
  let order = 0;
  let sessions = 0;
  let expulsions = 0;
  let nextPeer = 1;
  const links = new Map<string, number>();
  /** Of each link, and of each that is to be renewed, when. */
  const epochs = new Map<string, number>();
  const renewals: { readonly at: number; readonly name: string }[] = [];
  const linkName = (a: string, b: string) => (a < b ? `${a}-${b}` : `${b}-${a}`);
  let tag = "";

  const network: Network = {
    members,
    groups,
    pacts,
    packing,
    get tag() {
      return tag;
    },
    now: 0,
    renewedAfter: 2 * delay,
    wall: (now) => 1_700_000_000_000 + now,
    rolls: () => {},
    filter: () => true,
    run(until) {
      for (let steps = 0; ; steps++) {
        if (steps > 200_000) throw new Error("the network never comes to rest");
        const next = Math.min(
          ...renewals.map(({ at }) => at),
          ...queue.map(({ at }) => at),
          ...[...members.values()].filter(({ alive }) => alive).map(({ wake }) => wake),
        );
        if (next > until) break;
        network.now = Math.max(network.now, next);
        if (renewals.some(({ at }) => at <= network.now)) {
          renew(renewals.shift()!.name);
          continue;
        }
        queue.sort((a, b) => a.at - b.at || a.order - b.order);
        const delivery = queue[0];
        if (delivery !== undefined && delivery.at <= network.now) {
          queue.shift();
          if (links.get(linkName(delivery.from, delivery.to)) !== delivery.session) continue;
          network.inject(delivery.to, delivery.from, delivery.bytes);
          continue;
        }
        for (const member of members.values()) {
          if (member.alive && member.wake <= network.now) {
            member.wake = Number.POSITIVE_INFINITY;
            apply(member, member.participant.handle({ kind: "alarm" }, time()));
          }
        }
      }
      network.now = until;
    },
    connect(a, b) {
      const epoch = epochOfSession(meeting(a), meeting(b));
      if (epoch === undefined) return;
      epochs.set(linkName(a, b), epoch);
      links.set(linkName(a, b), ++sessions);
      for (const [self, other] of [
        [a, b],
        [b, a],
      ] as const) {
        const member = members.get(self)!;
        const peer = nextPeer++;
        member.peers.set(peer, other);
        apply(
          member,
          member.participant.handle(
            { kind: "connected", world: tag, peer, avatar: avatars.get(other)!, epoch },
            time(),
          ),
        );
      }
    },
    disconnect(a, b) {
      links.delete(linkName(a, b));
      for (const [self, other] of [
        [a, b],
        [b, a],
      ] as const) {
        const member = members.get(self)!;
        for (const [peer, name] of member.peers) {
          if (name !== other) continue;
          member.peers.delete(peer);
          if (member.alive) apply(member, member.participant.handle({ kind: "disconnected", peer }, time()));
        }
      }
    },
    epochOf: (a, b) => epochs.get(linkName(a, b)) ?? 0,
    push(name, group, value, id, text) {
      const member = members.get(name)!;
      const pact = pacts.get(group)!;
      const entry = encodeEntry(pact.fields, text === undefined ? [value] : [value, text], pact.policy);
      const event = {
        kind: "push",
        world: tag,
        group: groups.get(group)!,
        entry,
        id: id ?? null,
        token: value,
      } as const;
      apply(member, member.participant.handle(event, time()));
    },
    definitionOf(group, followers = []) {
      const { bytes, pact } = known(group);
      return encodeDefinition({
        ...{ kind: "group", name: group.name, group: bytes, pacts: [pact], readings: [] },
        followers: followers.map((name) => avatars.get(name)!).sort(compare),
        succeeds: group.succeeds === undefined ? null : bytesOf.get(group.succeeds)!,
      });
    },
    define(steward, group, followers = []) {
      defineEntry(steward, network.definitionOf(group, followers));
    },
    changeStewards(steward, names) {
      const former = network.definitionsAt(steward);
      const version = 2 + Number(/\d+$/.exec(former) ?? 0);
      const owners = names.map((name) => avatars.get(name)!);
      const next = definitionsGroup(crypto, owners, version);
      const name = `${[...names].sort().join("-")}-${version - 1}`;
      groups.set(name, syncGroupId(crypto, next));
      bytesOf.set(name, next);
      const group = {
        name: "definitions",
        group: next,
        pacts: [definitionsPactBytes(version)],
        readings: [],
        followers: [],
      };
      defineEntry(steward, encodeDefinition({ kind: "group", ...group, succeeds: bytesOf.get(former)! }));
      return name;
    },
    definitionsAt(name) {
      const { retired } = members.get(name)!;
      let present = "definitions";
      for (let next = retired.get(present); next != null; next = retired.get(present)) present = next;
      return present;
    },
    retire(steward, group) {
      defineEntry(steward, encodeDefinition({ kind: "retire", group: groups.get(group)! }));
    },
    expel(steward, name) {
      const { membership } = meeting(steward);
      const out = (avatar: AvatarId) => isExpelled(membership, avatar);
      const remaining = [...members.values()].filter(
        (each) => each.name !== name && !out(each.avatar) && !plan.strangers?.includes(each.name),
      );
      const about = { world: tag, group: groups.get(network.definitionsAt(steward))!, id: null, token: 1 };
      for (const each of expulsion(
        crypto,
        worldId,
        avatars.get(name)!,
        membership.counted + 1,
        remaining,
        ++expulsions,
      )) {
        network.give(steward, { kind: "push", ...about, entry: encodeDefinition(each) });
        network.flush(steward);
      }
    },
    flush(name) {
      const member = members.get(name)!;
      apply(member, member.participant.handle({ kind: "flush" }, time()));
    },
    give(name, event) {
      const member = members.get(name)!;
      apply(member, member.participant.handle(event, time()));
    },
    lose(name, group, position) {
      const member = members.get(name)!;
      const id = groups.get(group)!;
      member.store.delete(finalKey(tag, toHex(id), position));
      apply(member, member.participant.handle({ kind: "lost", world: tag, group: id, position }, time()));
    },
    crash(name) {
      for (const other of members.keys()) if (links.has(linkName(name, other))) network.disconnect(name, other);
      members.get(name)!.alive = false;
    },
    boot(name, store) {
      const member = members.get(name)!;
      if (store !== undefined) {
        member.store.clear();
        for (const [key, value] of store) member.store.set(key, value);
      }
      member.journal = member.nor && openJournal(member.nor.flash, member.avatar, noWear, packing);
      member.participant = createMember(name, member.store, member.journal);
      member.alive = true;
      member.boots++;
      apply(member, member.participant.handle({ kind: "boot" }, time()));
    },
    inject(to, from, bytes) {
      const member = members.get(to)!;
      if (!member.alive) return;
      for (const [peer, name] of member.peers) {
        if (name === from) apply(member, member.participant.handle({ kind: "message", peer, bytes }, time()));
      }
    },
    entriesOf(name, group) {
      const id = toHex(groups.get(group)!);
      return members
        .get(name)!
        .finals.filter((final) => toHex(final.group) === id)
        .flatMap((final) => final.entries!.map((entry) => numberOf(readProduced(entry).entry)));
    },
  };

  function nameOf(group: Hash): string {
    return [...groups].find(([, id]) => equal(id, group))?.[0] ?? toHex(group);
  }

  function defineEntry(steward: string, entry: Uint8Array): void {
    const group = groups.get(network.definitionsAt(steward))!;
    const about = { world: tag, group, id: null, token: 1 };
    network.give(steward, { kind: "push", ...about, entry });
    network.flush(steward);
  }

  function meeting(name: string): Meeting {
    const { avatar, participant } = members.get(name)!;
    const named = (other: AvatarId) =>
      plan.members.some((each) => equal(avatars.get(each)!, other) && !plan.strangers?.includes(each));
    const knowsAll = plan.stewards?.includes(name) === true;
    const knows = (other: AvatarId) => participant.knows(tag, other) || (knowsAll && named(other));
    return { avatar, membership: participant.membership(tag), knows };
  }

  /** As its links do: who is let in no more is left, and with others it goes on in the epoch that both are in. */
  function renew(name: string): void {
    for (const other of members.keys()) {
      const link = linkName(name, other);
      if (other === name || !links.has(link)) continue;
      const epoch = epochOfSession(meeting(name), meeting(other));
      if (epoch === epochs.get(link)) continue;
      network.disconnect(name, other);
      network.connect(name, other);
    }
  }

  function time(): Time {
    return { monotonic: network.now, wall: network.wall(network.now) };
  }

  function createMember(
    name: string,
    store: ReadonlyMap<string, Uint8Array>,
    journal: Journal | undefined,
  ): Participant {
    const given = plan.given?.(name);
    const bounded = journal && { bytes: sharesOf(journal).participant, alone: readAloneIn(journal) };
    const counted: Crypto = {
      ...crypto,
      signer(seed) {
        const signer = crypto.signer(seed);
        return {
          publicKey: signer.publicKey,
          sign(message) {
            const member = members.get(name);
            if (member !== undefined) member.signatures++;
            return signer.sign(message);
          },
        };
      },
    };
    return createParticipant({
      crypto: counted,
      seed: seeds.get(name)!,
      worlds: [
        {
          worldId,
          stewards,
          ...(definitions !== undefined && { definitions }),
          ...(given && { epoch: given }),
          ...plan.newcomer?.(name),
          pacts: pactBytes,
          groups: [...groupBytes]
            .filter(
              ([group, { owners }]) =>
                owners.includes(name) || plan.followers?.includes(name) || plan.knowing?.[name]?.includes(group),
            )
            .map(([, { bytes }]) => bytes),
          readings: [],
          followers: [...groups.values()].flatMap((group) =>
            (plan.followers ?? []).map((follower) => ({ group, avatar: avatars.get(follower)! })),
          ),
        },
      ],
      bounds: plan.bounds?.[name] ?? { ...ample, finalTail: journal ? 64 : 0 },
      ...(plan.spareBytes?.[name] !== undefined && { spareBytes: plan.spareBytes[name] }),
      ...(bounded && { room: bounded }),
      records: journal ? promisesOf(journal) : [...store].filter(([key]) => !isReadAlone(key)),
    });
  }

  /** As a driver does: what is read is answered when all else is done that was asked for with it. */
  function apply(member: Member, actions: readonly Action[]): void {
    // What is sent in the same answer may be of it already.
    for (const action of actions)
      if (action.kind === "defined") member.defined.push(nameOf(syncGroupId(crypto, action.group.group)));
    const reads: Extract<Action, { kind: "read" }>[] = [];
    for (const action of actions) {
      switch (action.kind) {
        case "write":
          if (member.journal) writeRecords(member.journal, action.puts, action.deletes);
          for (const [key, value] of action.puts) member.store.set(key, value.slice());
          for (const key of action.deletes) member.store.delete(key);
          break;
        case "send": {
          const to = member.peers.get(action.peer);
          if (to === undefined || !network.filter(member.name, to, action.bytes, network.now)) break;
          member.sent += action.bytes.length;
          const at = network.now + (plan.delayOf?.(member.name, to) ?? delay);
          const session = links.get(linkName(member.name, to))!;
          queue.push({ at, order: order++, to, from: member.name, session, bytes: action.bytes });
          break;
        }
        case "read":
          reads.push(action);
          break;
        case "final":
          member.finals.push(action.block);
          break;
        case "sealed":
          if (member.retired.has(nameOf(action.group))) throw new Error(`${member.name} sealed in a retired group`);
          member.sealed.push(action);
          break;
        case "refused":
          member.refused.push(action);
          break;
        case "notice":
          member.notices.push(action);
          break;
        case "cut":
          member.cuts.push(action);
          break;
        case "moved":
          member.moved.push(action);
          break;
        case "retired":
          member.retired.set(nameOf(action.group), action.successor && nameOf(action.successor));
          break;
        case "expelled":
          renewals.push({ at: network.now + network.renewedAfter, name: member.name });
          break;
        case "deployed":
          network.rolls(member.name, action);
          if (action.whole) member.deployed.push(`${action.saga.name} v${action.saga.version}`);
          break;
        case "rollout":
        case "undeployed":
          network.rolls(member.name, action);
          break;
        case "recovered":
          member.recovered.push(action.block);
          break;
        case "wake":
          member.wake = action.at;
          break;
      }
    }
    for (const { key, request } of reads) {
      const value = member.journal ? readRecord(member.journal, key) : member.store.get(key);
      apply(member, member.participant.handle({ kind: "record", request, value }, time()));
    }
  }

  for (const name of plan.members) {
    const store = new Map<string, Uint8Array>();
    const sectors = plan.flash?.[name];
    const nor = sectors === undefined ? undefined : createNor(sectors, 4096);
    members.set(name, {
      nor,
      journal: undefined,
      name,
      seed: seeds.get(name)!,
      avatar: avatars.get(name)!,
      participant: createMember(name, store, undefined),
      store,
      finals: [],
      sealed: [],
      refused: [],
      notices: [],
      cuts: [],
      defined: [],
      moved: [],
      retired: new Map(),
      deployed: [],
      recovered: [],
      wake: Number.POSITIVE_INFINITY,
      alive: true,
      boots: 0,
      peers: new Map(),
      signatures: 0,
      sent: 0,
    });
  }
  tag = members.get(plan.members[0]!)!.participant.avatars()[0]!.world;
  for (const name of plan.members) network.boot(name);
  const hub = plan.members[0]!;
  for (const [a, b] of plan.links ?? plan.members.slice(1).map((name) => [hub, name] as const)) network.connect(a, b);
  return network;
}

export function numberOf(entry: Uint8Array): number {
  const [first, second] = [entry[1]!, entry.length];
  if (second === 2) return first;
  return entry.slice(2).reduce((sum, byte) => sum * 256 + byte, 0);
}
