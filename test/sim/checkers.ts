import { VertebraError } from "../../firmware/core/errors";
import type { Action, Event } from "../../firmware/core/events";
import { toHex } from "../../firmware/core/wire/bytes";
import { decode } from "../../firmware/core/wire/cbor";
import { hash } from "../../firmware/core/wire/hash";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import { decodeBlockHeader } from "../../firmware/core/wire/structures";
import { apart } from "../core/apart";
import { digestOf } from "./digest";
import { durableSlot } from "./durable";
import { lacking } from "./finality";
import { createLedger, type Ledger, type Told } from "./ledger";
import { createPromises } from "./promises";
import { type Group, type Member, numberOf, type Watcher, type World } from "./world";

/** What must hold in every world whatever goes wrong in it, checked while it happens by who sees all stores and all of the wire. */
export interface Checkers {
  readonly watcher: Watcher;
  readonly ledger: Ledger;
  /** What failed, the first first. */
  readonly failures: string[];
  /** The blocks that are final in the member's store, in order. */
  historyOf(member: Member, group: Group): readonly FinalBlock[];
  /** The blocks that this member was told are sealed, by group. */
  sealedBy(member: Member, group: Group): readonly string[];
  fail(what: string): void;
}

export interface FinalBlock {
  readonly block: string;
  readonly issuer: string;
  readonly counter: number;
  readonly firstEntry: number;
  readonly count: number;
  /** null where only the header is known, and in the groups of sagas. */
  readonly values: readonly number[] | null;
  readonly proof: Uint8Array;
}

const mostFailures = 8;
/** BLOCK, HEADER, METABLOCK, CERTIFICATE and FRONTIER, as they are numbered in a message: what tells of something signed. */
const wordTypes = [2, 3, 4, 5, 7];
export function isLiar({ plan }: World, name: string | undefined): boolean {
  return plan.liars.some((liar) => liar.name === name);
}

export function isSuspect(world: World, { name }: Member): boolean {
  return isLiar(world, name) || name === world.plan.forgetful;
}

export function createCheckers(worldOf: () => World): Checkers {
  const failures: string[] = [];
  const fail = (what: string) => {
    if (failures.length < mostFailures) failures.push(`${worldOf().schedule.now()} ms: ${what}`);
  };
  let ledgerMade: Ledger | undefined;
  const ledger = () => {
    ledgerMade ??= createLedger(worldOf());
    return ledgerMade;
  };
  /** By group: the blocks that are final anywhere among the honest. */
  const finals = new Map<string, FinalBlock[]>();
  const places = new Map<string, number>();
  const valuesFinal = new Set<number>();
  const histories = new Map<string, FinalBlock[]>();
  const sealed = new Map<string, string[]>();
  const told = new Map<string, Told | undefined>();
  const judged = new Set<string>();
  let promisesMade: ReturnType<typeof createPromises> | undefined;
  const promises = () => {
    promisesMade ??= createPromises(
      ledger(),
      (member, group, position) =>
        historyOf(member, group)[position] === undefined ? durableSlot(worldOf(), member, group, position) : undefined,
      { at: (group, position) => finals.get(group.key)?.[position]?.block, placeOf: (block) => places.get(block) },
      worldOf().plan.liars.length === 0,
      fail,
    );
    return promisesMade;
  };

  function historyOf(member: Member, group: Group): FinalBlock[] {
    const key = `${member.name}/${group.key}`;
    const history = histories.get(key) ?? [];
    histories.set(key, history);
    return history;
  }

  /** A block became final in a member's store: at one place everywhere, without gap, once, and with a proof. */
  function takeFinal(member: Member, group: Group, position: number, stored: Uint8Array): void {
    const final = readFinal(worldOf(), group, stored);
    const where = `slot ${position} of ${group.name} at ${member.name}`;
    const history = historyOf(member, group);
    const again = history[position];
    if (again !== undefined && again.block !== final.block) fail(`${where} was final on another block before`);
    if (position > history.length) fail(`${where} is final, and ${history.length} before it is not`);
    const next = history.slice(0, position).reduce((sum, { count }) => sum + count, 0);
    if (final.firstEntry !== next) fail(`${where} has sequence ${final.firstEntry}, and ${next} is next`);
    history[position] = final;
    const known = finals.get(group.key) ?? [];
    finals.set(group.key, known);
    const other = known[position];
    if (other === undefined) {
      takeFirst(group, position, where, final, known);
      known[position] = final;
    } else if (other.block !== final.block || other.firstEntry !== final.firstEntry) {
      fail(`${where} is final on ${final.block.slice(0, 8)}, and elsewhere on ${other.block.slice(0, 8)}`);
    }
  }

  /** What need be judged once in the world. */
  function takeFirst(group: Group, position: number, where: string, final: FinalBlock, known: readonly FinalBlock[]) {
    const { crypto } = worldOf();
    const lacks = lacking(crypto, group, position, final.proof);
    if (lacks !== undefined) fail(`the proof of ${where} does not hold: ${lacks}`);
    checkValues(worldOf(), group, where, final, valuesFinal, fail);
    if (places.has(final.block)) fail(`${where} is final on a block that is final at ${places.get(final.block)}`);
    places.set(final.block, position);
    const ofIssuer = known.filter(({ issuer }) => issuer === final.issuer);
    if (ofIssuer.some(({ counter }) => counter === final.counter)) {
      fail(`${where}: counter ${final.counter} of one issuer is final twice`);
    }
    if (group.policy.ordered && final.counter !== ofIssuer.length + 1) {
      fail(`${where}: counter ${final.counter} is final after ${ofIssuer.length} of its issuer`);
    }
  }

  /** A store was written behind the watcher's back, by a power failure, or is another one: what it holds is read anew. */
  function readStore(world: World, member: Member): void {
    const records = member.store.records();
    for (const group of world.groups.values()) {
      const before = historyOf(member, group);
      const isStored = (_: unknown, position: number) => records.has(finalKey(world, group, position));
      // What it keeps no more, since it keeps the last ones alone, it had.
      const first = before.findIndex(isStored);
      histories.set(`${member.name}/${group.key}`, before.slice(0, Math.max(0, first)));
      for (let position = Math.max(0, first); ; position++) {
        const stored = records.get(finalKey(world, group, position));
        if (stored === undefined) break;
        takeFinal(member, group, position, stored);
      }
    }
  }

  /** What the member itself says by these bytes; those of others teach nothing when they come by again. */
  function sentBy(member: Member, bytes: Uint8Array): Told | undefined {
    if (!wordTypes.includes(bytes[1]!)) return undefined;
    const key = `${member.name} ${digestOf(bytes)}`;
    if (!told.has(key)) {
      told.set(key, isSuspect(worldOf(), member) ? learnFromLiar(member, bytes) : ledger().learn(member, bytes));
    }
    return told.get(key);
  }

  /** What it says of others' locks need not be so, and what it sends need have no form. */
  function learnFromLiar(member: Member, bytes: Uint8Array): Told | undefined {
    try {
      return bytes[1] === 7 ? undefined : ledger().learn(member, bytes);
    } catch (error) {
      if (error instanceof VertebraError) return undefined;
      throw error;
    }
  }

  function hear(from: Member, bytes: Uint8Array): void {
    const world = worldOf();
    const known = sentBy(from, bytes);
    if (known === undefined || isSuspect(world, from)) return;
    const key = `${from.name} ${known.kind === "locks" ? digestOf(bytes) : known.signature}`;
    if (judged.has(key)) return;
    judged.add(key);
    const serial = known.kind === "locks" ? world.signatures.made : world.signatures.serials.get(known.signature);
    if (serial === undefined) fail(`${from.name} sent as its own what it did not sign`);
    else promises().told(from, known, serial);
  }

  const watcher: Watcher = {
    sent(from, _to, bytes) {
      for (const each of apart(bytes)) hear(from, each);
    },
    answered(member, event, actions) {
      for (const action of actions) {
        if (action.kind === "send") for (const each of apart(action.bytes)) sentBy(member, each);
      }
      if (!isSuspect(worldOf(), member)) checkOrder(member, event, actions, fail);
    },
    wrote(member, { puts }) {
      const world = worldOf();
      if (isLiar(world, member.name)) return;
      const fresh = [...puts].filter(([key]) => key.startsWith("final/"));
      for (const [key, value] of fresh.sort(([a], [b]) => (a < b ? -1 : 1))) {
        const group = [...world.groups.values()].find((each) => key.startsWith(`final/${world.tag}/${each.key}/`));
        if (group === undefined) fail(`${member.name} wrote a final block of no group`);
        else takeFinal(member, group, Number(key.split("/")[3]), value);
      }
    },
    delivered(member, action) {
      const world = worldOf();
      if (isSuspect(world, member)) return;
      if (action.kind === "sealed") {
        const group = [...world.groups.values()].find(({ id }) => toHex(id) === toHex(action.group))!;
        const key = `${member.name}/${group.key}`;
        sealed.set(key, [...(sealed.get(key) ?? []), toHex(action.block)]);
      } else if (action.kind === "final") checkDelivered(world, member, action);
      else if (action.kind === "cut") {
        const peer = member.peers.get(action.peer);
        // Who is gone by the time that a slow machine cuts it off has no name here any more.
        if (peer !== undefined && !isLiar(world, peer))
          fail(`${member.name} cut off ${peer}, who is honest: ${action.reason.message}`);
      } else if (action.kind === "notice") checkNotice(world, member, action.error, fail);
    },
    power(member, on) {
      const world = worldOf();
      if (on && !isLiar(world, member.name)) readStore(world, member);
    },
    ordered() {},
    noted() {},
  };

  /** What is delivered is durable already. */
  function checkDelivered(world: World, member: Member, { block }: Extract<Action, { kind: "final" }>): void {
    const group = [...world.groups.values()].find(({ id }) => toHex(id) === toHex(block.group))!;
    const durable = historyOf(member, group)[block.position];
    if (durable?.block !== toHex(block.block) || durable.firstEntry !== block.firstEntry) {
      fail(`${member.name} delivered slot ${block.position} of ${group.name}, which its store does not have`);
    }
  }

  return {
    watcher,
    get ledger() {
      return ledger();
    },
    failures,
    historyOf,
    sealedBy: (member, group) => sealed.get(`${member.name}/${group.key}`) ?? [],
    fail,
  };
}

/** What is final of an honest writer was pushed by it, into this group, and is final once. */
function checkValues(
  world: World,
  group: Group,
  where: string,
  { issuer, values }: FinalBlock,
  valuesFinal: Set<number>,
  fail: (what: string) => void,
): void {
  const writer = world.byAvatar.get(issuer)!;
  if (isLiar(world, writer.name)) return;
  for (const value of values ?? []) {
    if (valuesFinal.has(value)) fail(`${where} holds ${value}, which is final already`);
    valuesFinal.add(value);
    const pushed = world.pushes.get(value);
    if (pushed?.member !== writer.name || pushed.group !== group.name)
      fail(`${where} holds ${value}, which ${writer.name} never pushed`);
  }
}

/** Writes, sends, what is delivered, the wake (`core/events`): nothing leaves before it is durable. */
function checkOrder(member: Member, event: Event, actions: readonly Action[], fail: (what: string) => void): void {
  const ranks = {
    write: 0,
    send: 1,
    read: 2,
    cut: 2,
    sealed: 2,
    refused: 2,
    final: 2,
    recovered: 2,
    defined: 2,
    retired: 2,
    moved: 2,
    deployed: 2,
    rollout: 2,
    undeployed: 2,
    expelled: 2,
    notice: 2,
    wake: 3,
  };
  let rank = 0;
  for (const { kind } of actions) {
    if (ranks[kind] < rank || (kind === "write" && actions[0]?.kind !== "write")) {
      fail(`${member.name} answered ${event.kind} in the order ${actions.map((action) => action.kind).join(", ")}`);
      return;
    }
    rank = ranks[kind];
  }
}

/** Where nobody lies nothing is to be held against anybody, and with no more liars than the quorum bears nothing contradicts. */
function checkNotice(
  world: World,
  member: Member,
  error: { code: string; message: string },
  fail: (what: string) => void,
) {
  const someLie = world.plan.liars.length > 0;
  const bearable = someLie || (world.plan.forgetful !== null && error.code === "amnesia");
  if (bearable && !["finality-contradicted", "assertion"].includes(error.code)) return;
  if (!someLie && error.code === "amnesia" && world.plan.forgetful === null) {
    fail(`${member.name} believes that it forgot something: ${error.message}`);
  } else fail(`${member.name} told ${error.code}: ${error.message}`);
}

function finalKey(world: World, group: Group, position: number): string {
  return `final/${world.tag}/${group.key}/${String(position).padStart(12, "0")}`;
}

function readFinal({ crypto }: World, { holds }: Group, stored: Uint8Array): FinalBlock {
  const limits = { depth: 4, items: 4_096, length: 1 << 20 };
  const [firstEntry, count, proof, entries] = decode(stored, limits) as [
    number,
    number,
    Uint8Array,
    Uint8Array[] | null,
  ];
  const { blockHeader } = decodeFinalityProof(proof);
  const { issuer, counter } = decodeBlockHeader(blockHeader);
  return {
    block: toHex(hash(crypto, "block", blockHeader)),
    ...{ issuer: toHex(issuer), counter, firstEntry, count, proof },
    values: holds === undefined ? (entries?.map(numberOf) ?? null) : null,
  };
}
