import { encodeEntry } from "../../firmware/core/pact/entry";
import { encodePact, pactId, syncGroupId } from "../../firmware/core/pact/pact";
import { compare } from "../../firmware/core/wire/bytes";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import type { Hash, Pact } from "../../firmware/core/wire/types";
import { cheapCrypto } from "../core/cheap-crypto";
import { avatarOf, createVirtualWorld, type Station, type VirtualWorld } from "./virtual-world";

/** Fleets of boards behind gateways, each pair of neighbours with a group of its own, as `vertebra world create` makes them. */

export interface Fleet {
  readonly virtual: VirtualWorld;
  readonly boards: readonly Station[];
  /** Those with boards behind them. */
  readonly gateways: readonly Station[];
  /** Lets every writer push an entry in each `everyMs`, at a moment of its own in the first `withinMs` of them. */
  startWriters(everyMs: number, withinMs: number): void;
}

/** Boards of one gateway in one world. */
const boardsOfGateway = 50;
/** Gateways stand in a tree, each below another one. */
const gatewaysBelow = 8;
/** Boards of a cell, which is a world of its own. */
const boardsOfCell = 10;
/** One way over a link, ms. */
const delay = 10;
/** How many boards and gateways are recorded: from all over the fleet. */
const mostRecorded = { boards: 50, gateways: 4 };

interface Pair {
  readonly world: number;
  readonly hub: number;
  /** The one that writes. */
  readonly spoke: number;
}

/** One world of all, with a gateway for every 50 boards. */
export function oneWorld(boards: number): Fleet {
  const gateways = Math.ceil(boards / boardsOfGateway);
  const pairs = treeOf(gateways);
  for (let board = 0; board < boards; board++) {
    pairs.push({ world: 0, hub: Math.floor(board / boardsOfGateway), spoke: gateways + board });
  }
  return build(pairs, range(gateways, gateways + boards), range(0, gateways));
}

/** A world for every 10 boards and their gateway, and a larger one of the gateways. */
export function inCells(boards: number): Fleet {
  const gateways = Math.ceil(boards / boardsOfCell);
  const pairs = treeOf(gateways);
  for (let board = 0; board < boards; board++) {
    const cell = Math.floor(board / boardsOfCell);
    pairs.push({ world: 1 + cell, hub: cell, spoke: gateways + board });
  }
  return build(pairs, range(gateways, gateways + boards), range(0, gateways));
}

function treeOf(gateways: number): Pair[] {
  return range(1, gateways).map((gateway) => ({
    world: 0,
    hub: Math.floor((gateway - 1) / gatewaysBelow),
    spoke: gateway,
  }));
}

const pact: Pact = {
  name: "reading",
  version: 1,
  extends: null,
  fields: [{ name: "value", type: { kind: "u32" } }],
  policy: {
    quorum: "all",
    ordered: true,
    private: false,
    writers: "owners",
    retention: 1000,
    largestEntry: 64,
    whenFull: "wait",
  },
};

function build(pairs: readonly Pair[], boards: readonly number[], gateways: readonly number[]): Fleet {
  const crypto = cheapCrypto();
  const virtual = createVirtualWorld(crypto, delay);
  const pactBytes = encodePact(pact);
  const pactOfAll = pactId(crypto, pactBytes);
  const groupsOf = new Map<number, Map<number, Uint8Array[]>>();
  const writers: { readonly pair: Pair; readonly group: Hash }[] = [];
  for (const pair of pairs) {
    const worldId = numbered(pair.world, 2);
    const owners = [pair.hub, pair.spoke].map((who) => avatarOf(crypto, numbered(who, 1), worldId)).sort(compare);
    const bytes = encodeSyncGroup({ pact: pactOfAll, owners });
    writers.push({ pair, group: syncGroupId(crypto, bytes) });
    for (const who of [pair.hub, pair.spoke]) {
      const worlds = groupsOf.get(who) ?? new Map<number, Uint8Array[]>();
      worlds.set(pair.world, [...(worlds.get(pair.world) ?? []), bytes]);
      groupsOf.set(who, worlds);
    }
  }
  const stations = new Map<number, Station>();
  const recorded = new Set([...some(boards, mostRecorded.boards), ...some(gateways, mostRecorded.gateways)]);
  for (const [who, worlds] of groupsOf) {
    const provisions = [...worlds].map(([world, groups]) => ({
      worldId: numbered(world, 2),
      stewards: [],
      pacts: [pactBytes],
      groups,
      readings: [],
    }));
    stations.set(who, virtual.addStation(`${who}`, numbered(who, 1), provisions, recorded.has(who)));
  }
  for (const { world, hub, spoke } of pairs) {
    virtual.connect(stations.get(hub)!, stations.get(spoke)!, numbered(world, 2));
  }
  return {
    virtual,
    boards: boards.map((who) => stations.get(who)!),
    gateways: gateways.map((who) => stations.get(who)!),
    startWriters(everyMs, withinMs) {
      const random = createRandom();
      for (const { pair, group } of writers) {
        const station = stations.get(pair.spoke)!;
        const push = () => {
          const entry = encodeEntry(pact.fields, [Math.floor(random() * 2 ** 32)], pact.policy);
          virtual.push(station, numbered(pair.world, 2), group, entry);
        };
        const begin = () => {
          virtual.at(virtual.now + Math.round(withinMs * random()), push);
          virtual.at(virtual.now + everyMs, begin);
        };
        begin();
      }
    },
  };
}

/** The same fleet always: numbers from 0 to 1 by mulberry32. */
function createRandom(): () => number {
  let state = 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** At most so many of all, the same distance from each other. */
function some(all: readonly number[], most: number): number[] {
  const step = Math.max(1, all.length / most);
  return range(0, Math.min(all.length, most)).map((index) => all[Math.floor((index + 0.5) * step - 0.5)]!);
}

/** 32 bytes that no other number of this kind has. */
function numbered(number: number, kind: number): Uint8Array {
  const bytes = new Uint8Array(32).fill(kind);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
