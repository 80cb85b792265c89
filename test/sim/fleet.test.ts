import { describe, expect, it } from "vitest";
import { decodeDefinition, encodeDefinition } from "../../firmware/core/definitions/definition";
import { standingAfter } from "../../firmware/core/definitions/saga-definition";
import { encodeParts, idOfSaga } from "../../firmware/core/saga/deployed";
import type { RunResult } from "../../firmware/core/saga/events";
import {
  type Cell,
  countOfAll,
  decodeHealth,
  type Health,
  healthPact,
  isGood,
  nextSteps,
  standingOfAll,
} from "../../firmware/core/saga/health";
import { encodeStage } from "../../firmware/core/saga/structures";
import { compare, equal, fromHex, toHex } from "../../firmware/core/wire/bytes";
import {
  addRollout,
  addVersion,
  createDeployment,
  type Deployment,
  healthToTell,
  isKnown,
  noteRunOf,
  takeOwnHealth,
  versionsToBegin,
} from "../../firmware/sandbox/deployment";
import { cheapCrypto } from "../core/cheap-crypto";
import { deploy, putContent, sourceOf } from "../core/contents";
import { createNetwork, type Network } from "../core/network";
import { type Draw, seeded } from "./random";

/**
 * A version that rolls out to 100 boards in four cells, each behind a gateway of its own, which are the stewards. One of the gateways that have
 * power looks after the rollout.
 */

const crypto = cheapCrypto();
const gateways = ["g0", "g1", "g2", "g3"];
const perCell = 25;
const cells = gateways.map((gateway, cell) => ({
  ...{ gateway, saga: `watch.cell-${cell + 1}`, states: `states${cell}`, status: `status${cell}` },
  boards: Array.from({ length: perCell }, (_, index) => `b${cell * perCell + index}`),
}));
const boards = cells.flatMap((cell) => cell.boards);
const gatewayOf = (board: string) => cells.find((cell) => cell.boards.includes(board))!.gateway;

const ran: RunResult = { kind: "done", state: new Uint8Array(0), outputs: [] };
const threw: RunResult = { kind: "failed", error: "it broke", retry: true, outputs: [] };

function partsOf(cell: number, version: number): Uint8Array {
  const nothing = new Uint8Array(32);
  const stage = {
    ...{ behavior: nothing, consumedPact: nothing, accessedPacts: [], producedPacts: [], compensation: null },
    ...{ requires: [], correlate: [], deadline: 0, retry: { times: 0, backoff: 0 } },
  };
  return encodeParts({ description: Uint8Array.of(cell, version), stages: [encodeStage(stage)], behaviors: [] });
}

interface Fleet {
  readonly network: Network;
  readonly running: Map<string, Deployment>;
  readonly rings: readonly (readonly string[])[];
  readonly broken: ReadonlySet<string>;
  readonly ranSecond: Set<string>;
  readonly known: Map<string, Known>;
  /** The gateway whose power fails when it has said in one cell of several that a ring opens; null once that was. */
  dies: string | null;
  readonly wrong: string[];
}

/** What a gateway has read of what is final. */
interface Known {
  read: number;
  definitions: number;
  readonly rollouts: Map<number, Omit<Cell, "told">>;
  /** By rollout and member, in hex. */
  readonly told: Map<string, Health>;
  /** In hex, by which cell's rollout its members tell in it. */
  goodSince: number | null;
  open: number;
}

const nothingKnown = (): Known => ({
  ...{ read: 0, definitions: 0, rollouts: new Map(), told: new Map(), goodSince: null, open: 0 },
});

function createFleet(draw: Draw, broken: readonly string[], dies: string | null): Fleet {
  const among = gateways.flatMap((one, index) => gateways.slice(index + 1).map((other) => [one, other] as const));
  const links = [...among, ...boards.map((board) => [gatewayOf(board), board] as const)];
  const network = createNetwork({ crypto, members: [...gateways, ...boards], groups: [], stewards: gateways, links });
  const first = broken.length > 0 ? [broken[0]!] : [];
  const order = [
    ...first,
    ...shuffled(
      draw,
      boards.filter((board) => !first.includes(board)),
    ),
  ];
  const fleet: Fleet = {
    ...{
      network,
      running: new Map(),
      broken: new Set(broken),
      ranSecond: new Set(),
      known: new Map(),
      dies,
      wrong: [],
    },
    rings: [order.slice(0, 6), order.slice(6, 31), [...order.slice(31), ...gateways]],
  };
  for (const name of network.members.keys()) fleet.running.set(name, createDeployment("states", 0, true));
  for (const gateway of gateways) fleet.known.set(gateway, nothingKnown());
  network.rolls = (name, action) => {
    const deployment = fleet.running.get(name)!;
    if (action.kind === "undeployed") return;
    const its = cells.find((cell) => cell.gateway === name || cell.boards.includes(name))!;
    // A gateway relays the other cells.
    if (action.kind === "rollout") {
      if (action.rollout.name !== its.saga) return;
      addRollout(deployment, action);
      const { avatar, finals } = network.members.get(name)!;
      for (const block of finals) takeOwnHealth([deployment], avatar, block);
    } else if (action.saga.name === its.saga) {
      if (!isKnown(deployment, action.saga)) addVersion(deployment, action.saga, new Map());
      if (action.whole) deployment.whole.add(action.saga.version);
    }
  };
  network.run(1_000);
  for (const { gateway, boards: its, states, status } of cells) {
    const others = gateways.filter((other) => other !== gateway);
    const owners = [gateway, ...its];
    network.define(gateway, { name: states, owners, policy: { quorum: "two-thirds" } }, others);
    network.define(gateway, { name: status, owners, policy: healthPact.policy, fields: healthPact.fields }, others);
  }
  network.run(30_000);
  for (const version of [1, 2]) {
    const source = sourceOf(crypto, 5_000, version * 31);
    for (const [cell, { gateway, saga, states }] of cells.entries()) {
      putContent(network, gateway, source);
      const more = { name: saga, version, parts: partsOf(cell, version), staged: version === 2 };
      deploy(network, gateway, states, source, more);
    }
    network.run(network.now + 20_000);
  }
  return fleet;
}

function shuffled<T>(draw: Draw, all: readonly T[]): T[] {
  const left = [...all];
  return all.map(() => left.splice(draw.below(left.length), 1)[0]!);
}

function define({ network }: Fleet, steward: string, definition: Parameters<typeof encodeDefinition>[0]): void {
  const about = { world: network.tag, group: network.groups.get("definitions")!, id: null, token: 1 };
  network.give(steward, { kind: "push", ...about, entry: encodeDefinition(definition) });
  network.flush(steward);
}

function rollOut(fleet: Fleet): void {
  const { network, rings } = fleet;
  for (const { gateway, boards: its, saga, states, status } of cells) {
    const here = rings.map((ring) => ring.filter((name) => name === gateway || its.includes(name)));
    define(fleet, "g0", {
      ...{ kind: "rollout", name: saga, version: 2, soakMs: 3_000, maxFailures: 0, minSuccess: 75 },
      ...{ stateGroup: network.groups.get(states)!, statusGroup: network.groups.get(status)! },
      rings: here.map((ring) => ring.map((name) => network.members.get(name)!.avatar).sort(compare)),
      healthy: { runs: 3, failures: 1, withinMs: 3_600_000 },
    });
  }
}

/** Takes what has become final at a gateway since it was asked last. */
function readFinals({ network, known }: Fleet, gateway: string): readonly Cell[] {
  const its = known.get(gateway)!;
  const { finals } = network.members.get(gateway)!;
  const definitions = network.groups.get("definitions")!;
  const status = cells.map((cell) => network.groups.get(cell.status)!);
  for (; its.read < finals.length; its.read++) {
    const { group, firstEntry, entries, issuer } = finals[its.read]!;
    for (const [index, entry] of (entries ?? []).entries()) {
      if (status.some((each) => equal(each, group))) {
        const health = decodeHealth(entry);
        if (health !== undefined) its.told.set(`${health.rollout} ${toHex(issuer)}`, health);
      } else if (equal(group, definitions)) readDefinition(its, firstEntry + index, entry);
    }
  }
  return [...its.rollouts.values()].map((cell) => ({
    ...cell,
    told: (avatar) => its.told.get(`${cell.sequence} ${toHex(avatar)}`),
  }));
}

function readDefinition({ rollouts }: Known, sequence: number, entry: Uint8Array): void {
  const read = decodeDefinition(crypto, entry);
  if (read?.kind === "rollout" && !rollouts.has(sequence))
    rollouts.set(sequence, { sequence, definition: read, open: 1, paused: false, stopped: false });
  else if (read?.kind === "step") {
    const cell = rollouts.get(read.rollout);
    if (cell !== undefined) rollouts.set(read.rollout, standingAfter(cell, read));
  }
}

/** Each who has power runs something now and then and tells how it goes; one gateway looks after the rollout. */
function live(fleet: Fleet, draw: Draw): void {
  const { network, running } = fleet;
  for (const [name, deployment] of running) {
    const { alive, avatar } = network.members.get(name)!;
    if (!alive) continue;
    const mine = versionsToBegin(deployment, crypto, avatar);
    const version = deployment.versions.filter((each) => mine?.has(idOfSaga(crypto, each))).at(-1);
    if (version !== undefined && deployment.whole.has(version.version) && draw.chance(0.4)) {
      const breaks = version.version === 2 && fleet.broken.has(name);
      if (version.version === 2) noteSecond(fleet, name);
      noteRunOf(deployment, crypto, fromHex(idOfSaga(crypto, version)), breaks ? threw : ran);
    }
    for (const { group, entry } of healthToTell(deployment, avatar, network.now))
      network.give(name, { kind: "push", world: network.tag, group, entry, id: null, token: 2 });
  }
  const carer = gateways.find((name) => network.members.get(name)!.alive);
  if (carer !== undefined) lookAfter(fleet, carer);
}

/** Nobody runs it before a gateway knows that a ring of its is open. */
function noteSecond(fleet: Fleet, name: string): void {
  fleet.ranSecond.add(name);
  const ring = fleet.rings.findIndex((each) => each.includes(name));
  const opened = gateways.map((gateway) => {
    const known = readFinals(fleet, gateway);
    return known.length === 0 ? 0 : Math.max(...known.map(({ open }) => open));
  });
  if (ring >= Math.max(...opened) && !opened.includes(0)) fleet.wrong.push(`${name} of ring ${ring + 1} began early`);
}

function lookAfter(fleet: Fleet, gateway: string): void {
  const { network } = fleet;
  const all = readFinals(fleet, gateway);
  if (all.length === 0) return;
  const its = fleet.known.get(gateway)!;
  const { open } = standingOfAll(all);
  const good = open > 0 && isGood(all[0]!.definition, countOfAll(all, open - 1));
  if (!good || its.open !== open) its.goodSince = good ? network.now : null;
  its.goodSince ??= good ? network.now : null;
  its.open = open;
  const steps = nextSteps(all, cells.length, its.goodSince === null ? 0 : network.now - its.goodSince);
  const dies = fleet.dies === gateway && steps.length > 1;
  for (const step of dies ? steps.slice(0, 1) : steps) define(fleet, gateway, step);
  if (!dies) return;
  fleet.dies = null;
  network.run(network.now + 2_000);
  const partly = readFinals(fleet, gateway).map((cell) => cell.open);
  if (new Set(partly).size !== 2) fleet.wrong.push(`power of ${gateway} failed with ${partly} rings open`);
  lose(fleet, gateway);
}

function lose({ network, known }: Fleet, name: string): void {
  network.crash(name);
  if (known.has(name)) known.get(name)!.goodSince = null;
}

function revive({ network, running }: Fleet, name: string): void {
  running.set(name, createDeployment("states", 0, true));
  network.boot(name);
  const cell = cells.find(({ gateway }) => gateway === name);
  const others = cell === undefined ? [gatewayOf(name)] : [...gateways, ...cell.boards];
  for (const other of others) if (other !== name && network.members.get(other)!.alive) network.connect(name, other);
}

interface Plan {
  readonly broken?: readonly string[];
  readonly asleep?: readonly string[];
  /** Whether power of boards fails now and then. */
  readonly cuts?: boolean;
  readonly dies?: string;
}

function runFleet(seed: number, { broken = [], asleep = [], cuts = false, dies }: Plan): Fleet {
  const draw = seeded(seed);
  const fleet = createFleet(draw, broken, dies ?? null);
  const { network } = fleet;
  for (const name of asleep) lose(fleet, name);
  rollOut(fleet);
  let dark: string[] = [];
  for (let step = 0; step < 60; step++) {
    for (const name of dark) revive(fleet, name);
    dark = cuts ? [draw.one(boards), draw.one(boards)].filter((name) => network.members.get(name)!.alive) : [];
    for (const name of new Set(dark)) lose(fleet, name);
    dark = [...new Set(dark)];
    network.run(network.now + 1_000 + draw.below(1_000));
    live(fleet, draw);
  }
  for (const [name, { alive }] of network.members) if (!alive) revive(fleet, name);
  for (let step = 0; step < 40; step++) {
    network.run(network.now + 1_500);
    live(fleet, draw);
  }
  return fleet;
}

/** How it stands in each cell, as the last gateway knows. */
const opened = (fleet: Fleet) => readFinals(fleet, "g3").map(({ open }) => open);
/** Versions by which each begins. */
const begun = (fleet: Fleet) =>
  boards.map((name) => {
    const mine = versionsToBegin(fleet.running.get(name)!, crypto, fleet.network.members.get(name)!.avatar);
    return mine!.size;
  });

describe("a version that rolls out to a fleet of 100 boards in cells", () => {
  it("comes to all, who sleep through it too, though power fails", () => {
    const asleep = boards.filter((_, index) => index % 5 === 4);
    const fleet = runFleet(1, { asleep, cuts: true });
    expect(fleet.wrong).toEqual([]);
    expect(opened(fleet)).toEqual([3, 3, 3, 3]);
    expect(boards.filter((name) => !fleet.ranSecond.has(name))).toEqual([]);
  }, 120_000);

  it("that breaks at one in five goes no further than its first ring, and is taken back in all cells, those who slept too", () => {
    const asleep = boards.filter((_, index) => index % 5 === 4);
    const broken = boards.filter((_, index) => index % 5 === 2);
    const fleet = runFleet(2, { broken, asleep, cuts: true });
    expect(fleet.wrong).toEqual([]);
    expect(opened(fleet)).toEqual([0, 0, 0, 0]);
    expect([...fleet.ranSecond].filter((name) => !fleet.rings[0]!.includes(name))).toEqual([]);
    expect(new Set(begun(fleet))).toEqual(new Set([1]));
  }, 120_000);

  it("is carried on by another gateway where power of one fails when a ring is open in one cell and not in others yet", () => {
    const fleet = runFleet(3, { dies: "g0" });
    expect([fleet.wrong, fleet.dies]).toEqual([[], null]);
    expect(opened(fleet)).toEqual([3, 3, 3, 3]);
    expect(boards.filter((name) => !fleet.ranSecond.has(name))).toEqual([]);
  }, 120_000);
});
