import type { Policy, Quorum } from "../../firmware/core/wire/types";
import { type Draw, seeded, some } from "./random";
import { type SagasPlan, withSagas } from "./saga-plan";

/** What happens in one hostile world: plain data, drawn from a seed, so that it can be printed, shortened and run again. */
export interface Plan {
  readonly seed: number;
  readonly members: readonly string[];
  readonly groups: readonly GroupPlan[];
  readonly shape: "star" | "mesh" | "line";
  readonly links: readonly LinkPlan[];
  /** Members that follow every group, and so relay between its owners. */
  readonly followers: readonly string[];
  /** Whole messages, or the bytes of the real link. */
  readonly wire: "messages" | "bytes";
  /** A map, or the real journal on NOR flash. */
  readonly store: "records" | "flash";
  readonly signatures: "cheap" | "real";
  readonly clocks: ReadonlyMap<string, ClockPlan>;
  /** How fast members compute; who is not named does all at once. */
  readonly compute?: ReadonlyMap<string, ComputePlan>;
  /** Who lies, and whose store was an old copy: promises are not expected of them. */
  readonly liars: readonly LiarPlan[];
  readonly forgetful: string | null;
  /** In the order of time, ms. */
  readonly steps: readonly Step[];
  /** When faults end, ms. */
  readonly length: number;
  /** Whether all links begin anew when faults end; else what was lost must come by itself. */
  readonly reconnects: boolean;
  /** Absent where the world has none. */
  readonly sagas?: SagasPlan;
  /** What who is busy keeps of what comes: beyond, it is lost. Without it all is kept. */
  readonly queue?: number;
  /** When members stop pushing, ms, where that is long after faults end; absent where all falls silent with them. */
  readonly loadedUntil?: number;
  /** Members hold no more than boards that have the least memory. */
  readonly small?: true;
}

export interface GroupPlan {
  readonly name: string;
  readonly owners: readonly string[];
  readonly policy: Pick<Policy, "quorum" | "ordered" | "private">;
  /** Of the groups of sagas: saga states, reversals, what stages consume and produce, or what members can do. Absent where it holds numbers. */
  readonly holds?: "states" | "reversals" | "orders" | "capabilities";
}

export interface LinkPlan {
  readonly ends: readonly [string, string];
  /** One-way, ms, from the first end to the second and back; and how much longer at most. */
  readonly delays: readonly [number, number];
  readonly jitter: number;
  /** Without it what is sent first arrives first, as over a cable. */
  readonly reorders: boolean;
  /** Of messages, or of frames in a wire of bytes. */
  readonly loss: number;
  readonly duplication: number;
  /** Bytes per ms. */
  readonly rate: number;
}

export interface ClockPlan {
  /** Of its ms to true ones. */
  readonly rate: number;
  /** Its wall clock less the true one, ms; null where it has none. */
  readonly wall: number | null;
}

/** What a member's work takes of its processor, ms: docs/numbers.md has what a board's instructions are. */
export interface ComputePlan {
  /** Each event that its participant takes, whatever it is; each message in and out of it, and one that brings nothing new. */
  readonly event: number;
  readonly message: number;
  readonly known: number;
  /** Each byte of messages, and of what it stores. */
  readonly byte: number;
  readonly stored: number;
  readonly hash: number;
  readonly signature: number;
  readonly verification: number;
}

export const lieNames = [
  "equivocate",
  "certify everything",
  "double counter",
  "counter far ahead",
  "forge proofs",
  "release needlessly",
  "attempt far ahead",
  "generation far ahead",
  "run ahead",
  "flood",
  "replay",
  "report nonsense",
  "misplace",
] as const;
export type LieName = (typeof lieNames)[number];

/** Told in worlds under load alone (`bold-lies`). */
export const boldLieNames = [
  "scope beyond",
  "wrong paths",
  "forge closings",
  "in others' names",
  "invent groups",
  "largest metablock",
  "largest block",
  "longest frontier",
  "read others",
  "certificates for nothing",
  "run away",
] as const;
/** And these are told in worlds of liars without end alone. */
export const relentlessLieNames = ["always new", "lead astray"] as const;
export type BoldLieName = (typeof boldLieNames)[number] | (typeof relentlessLieNames)[number];

export interface LiarPlan {
  readonly name: string;
  /** What it does besides lying: as an honest one, without its certificates, hiding references as a relay, or nothing at all. */
  readonly habit: "talks" | "withholds" | "hides" | "silent";
  /** Whether it stops lying, and talking, when faults end. */
  readonly fallsSilent: boolean;
}

export type Step = { readonly at: number } & (
  | { readonly kind: "push"; readonly member: string; readonly group: string; readonly value: number }
  | { readonly kind: "flush"; readonly member: string }
  /** Power off after so many more actions, and on again after `down` ms; for ever where null. */
  | { readonly kind: "crash"; readonly member: string; readonly after: number; readonly down: number | null }
  | { readonly kind: "copy"; readonly member: string }
  | { readonly kind: "restore"; readonly member: string; readonly down: number }
  /** Links go down, or say nothing of what they lose, in both directions or in one. */
  | {
      readonly kind: "cut";
      readonly link: number;
      readonly how: "both" | "there" | "back" | "told";
      readonly length: number;
    }
  | { readonly kind: "partition"; readonly side: readonly string[]; readonly told: boolean; readonly length: number }
  /** Of what is sent over a link one way, all messages of one kind are lost: some hear what others don't. */
  | {
      readonly kind: "swallow";
      readonly link: number;
      readonly from: 0 | 1;
      readonly type: (typeof swallowed)[number];
      readonly length: number;
    }
  /** Awake again after so long, with its RAM. */
  | { readonly kind: "sleep"; readonly member: string; readonly length: number }
  | { readonly kind: "lie"; readonly lie: LieName | BoldLieName }
  /** An entry for sagas to consume. */
  | {
      readonly kind: "enter";
      readonly member: string;
      readonly group: string;
      readonly order: number;
      readonly amount: number;
    }
  /** A member has a servo from its next start on, or has none. */
  | { readonly kind: "equip"; readonly member: string; readonly able: boolean }
  /** A member is asked to cancel one of the invocations that it knows to be under way: of so many, the `which`th. */
  | { readonly kind: "cancel"; readonly member: string; readonly which: number }
);

/** BLOCK, METABLOCK and CERTIFICATE, as they are numbered in a message. */
const swallowed = [2, 4, 5, 5] as const;

/** How many of so many owners may lie, and no two final blocks share a place (docs/protection.md). */
export function liarsBorne(quorum: Quorum, owners: number): number {
  if (quorum === "all") return Math.floor((2 * owners) / 3);
  return quorum === "two-thirds" ? Math.ceil(owners / 3) - 1 : 0;
}

/** How many owners must be there for a group to go on (docs/protection.md). */
export function ownersNeeded(quorum: Quorum, owners: number): number {
  if (quorum === "all") return owners;
  return quorum === "two-thirds" ? Math.floor((2 * owners) / 3) + 1 : Math.floor(owners / 2) + 1;
}

const hour = 3_600_000;

/** The plan of a seed; with signatures of one kind where they are not to be as drawn. */
export function drawPlan(seed: number, signatures?: Plan["signatures"]): Plan {
  return withSagas(drawWorld(seed, signatures));
}

/** A world without sagas, and without load. */
export function drawWorld(seed: number, signatures?: Plan["signatures"]): Plan {
  const draw = seeded(seed);
  // A quarter of the worlds is about one group whose owners contend for its slots, and hear of different certificates.
  const contested = draw.chance(0.25);
  const members = ["a", "b", "c", "d", "e", "f", "g"].slice(
    0,
    draw.one(contested ? [3, 4, 4, 5] : [2, 3, 3, 4, 4, 4, 5, 5, 6, 7]),
  );
  const shape = contested ? "mesh" : draw.one(["star", "mesh", "mesh", "line"] as const);
  const liar = draw.chance(contested ? 0.15 : 0.35) ? drawLiar(draw, members) : null;
  const forgetful = liar === null && draw.chance(0.15) ? draw.one(members) : null;
  const suspect = liar?.name ?? forgetful;
  const groups = contested ? [drawContested(draw, members, suspect)] : drawGroups(draw, members, suspect);
  const busy = 3_000 + draw.below(draw.chance(0.2) ? 40_000 : 15_000);
  const wire = draw.chance(0.12) ? "bytes" : "messages";
  const links = drawLinks(draw, members, shape, wire);
  const steps = [
    ...drawPushes(draw, groups, busy),
    ...(contested ? drawSwallows(draw, links, busy, 10 + draw.below(40)) : []),
    ...drawFaults(draw, members, links, busy, suspect),
    ...(liar === null ? [] : drawLies(draw, busy)),
    ...(forgetful === null ? [] : drawAmnesia(draw, forgetful, busy)),
  ].sort((a, b) => a.at - b.at);
  // Nobody is asleep any more when faults end.
  const length = Math.max(busy, ...steps.map((step) => (step.kind === "sleep" ? step.at + step.length : 0)));
  return {
    ...{ seed, members, groups, shape, links, forgetful, steps, length, wire },
    liars: liar === null ? [] : [liar],
    followers: shape === "star" ? ["a"] : shape === "line" ? members : some(draw, members, draw.below(2)),
    store: draw.chance(0.15) ? "flash" : "records",
    signatures: draw.chance(0.06) ? (signatures ?? "real") : (signatures ?? "cheap"),
    clocks: new Map(members.map((name) => [name, drawClock(draw)])),
    reconnects: draw.chance(0.7),
  };
}

function drawClock(draw: Draw): ClockPlan {
  const rate = draw.chance(0.3) ? 0.9 + draw.below(201) / 1000 : 1;
  return { rate, wall: draw.chance(0.2) ? null : draw.chance(0.3) ? draw.below(100 * hour) - 50 * hour : 0 };
}

function drawLiar(draw: Draw, members: readonly string[]): LiarPlan {
  return {
    name: draw.one(members),
    habit: draw.one(["talks", "talks", "withholds", "hides", "silent"]),
    fallsSilent: draw.chance(0.5),
  };
}

/** Groups of every shape; the suspect owns only such as bear one who lies. */
function drawGroups(draw: Draw, members: readonly string[], suspect: string | null): GroupPlan[] {
  const groups: GroupPlan[] = [];
  const count = 1 + draw.below(Math.min(5, members.length + 1));
  for (let index = 0; index < count; index++) {
    const size = draw.one([1, 2, 2, 2, 3, 3, 4, members.length, members.length]);
    const owners = some(draw, members, Math.min(size, members.length));
    const quorum = draw.one(["all", "all", "two-thirds", "two-thirds", "majority"] as const);
    const bears = suspect === null || !owners.includes(suspect) || liarsBorne(quorum, owners.length) > 0;
    const left = bears ? owners : owners.filter((owner) => owner !== suspect);
    if (left.length === 0) continue;
    const policy = { quorum, ordered: draw.chance(0.7), private: draw.chance(0.08) };
    groups.push({ name: `g${index}`, owners: left, policy });
  }
  if (groups.length > 0) return groups;
  const policy = { quorum: "all" as const, ordered: true, private: false };
  return [{ name: "g0", owners: members.filter((name) => members.length > 2 || name !== suspect), policy }];
}

/** One group of all, of the quorums that go on without some. */
function drawContested(draw: Draw, members: readonly string[], suspect: string | null): GroupPlan {
  const quorum = suspect === null ? draw.one(["two-thirds", "majority", "all"] as const) : "two-thirds";
  const bears = suspect === null || liarsBorne(quorum, members.length) > 0;
  const owners = bears ? members : members.filter((name) => name !== suspect);
  return { name: "g0", owners, policy: { quorum, ordered: draw.chance(0.5), private: false } };
}

function drawLinks(
  draw: Draw,
  members: readonly string[],
  shape: Plan["shape"],
  wire: Plan["wire"],
): readonly LinkPlan[] {
  const pairs = members.flatMap((one, index) => members.slice(index + 1).map((other) => [one, other] as const));
  const chosen = pairs.filter(([one, other]) => {
    if (shape === "star") return one === "a";
    return shape === "mesh" || members.indexOf(other) - members.indexOf(one) === 1;
  });
  const slow = draw.chance(0.15) ? 600 : 60;
  const lossy = draw.chance(0.5) ? draw.below(20) / 100 : 0;
  const doubles = draw.chance(0.3) ? draw.below(30) / 100 : 0;
  const reorders = wire === "messages" && draw.chance(0.5);
  const narrow = draw.chance(0.15) ? 11 : 1_000;
  return chosen.map((ends) => ({
    ends,
    delays: [1 + draw.below(slow), 1 + draw.below(slow)] as const,
    jitter: draw.chance(0.5) ? draw.below(slow) : 0,
    ...{ reorders, loss: wire === "bytes" ? lossy / 4 : lossy, duplication: doubles, rate: narrow },
  }));
}

function drawPushes(draw: Draw, groups: readonly GroupPlan[], length: number): Step[] {
  const count = 8 + draw.below(60);
  const bursts = draw.chance(0.3);
  const steps: Step[] = [];
  let at = 0;
  for (let value = 0; value < count; value++) {
    at = bursts && draw.chance(0.7) ? at : draw.below(length);
    const group = draw.one(groups);
    const member = draw.one(group.owners);
    steps.push({ at, kind: "push", member, group: group.name, value });
    if (draw.chance(0.5)) steps.push({ at, kind: "flush", member });
  }
  return steps;
}

function drawFaults(
  draw: Draw,
  members: readonly string[],
  links: readonly LinkPlan[],
  length: number,
  suspect: string | null,
): Step[] {
  const steps: Step[] = [];
  const when = () => draw.below(length);
  const kinds = some(draw, ["crash", "cut", "partition", "swallow", "sleep", "vanish"] as const, 1 + draw.below(4));
  if (kinds.includes("crash")) {
    for (let count = 1 + draw.below(10); count > 0; count--) {
      const member = draw.one(members);
      steps.push({ at: when(), kind: "crash", member, after: draw.below(8), down: 1 + draw.below(4_000) });
    }
  }
  if (kinds.includes("cut")) {
    for (let count = 1 + draw.below(8); count > 0; count--) {
      const how = draw.one(["both", "there", "back", "told"] as const);
      steps.push({ at: when(), kind: "cut", link: draw.below(links.length), how, length: 50 + draw.below(5_000) });
    }
  }
  if (kinds.includes("partition")) {
    for (let count = 1 + draw.below(3); count > 0; count--) {
      const side = some(draw, members, 1 + draw.below(members.length - 1));
      steps.push({ at: when(), kind: "partition", side, told: draw.chance(0.5), length: 500 + draw.below(9_000) });
    }
  }
  if (kinds.includes("swallow")) steps.push(...drawSwallows(draw, links, length, 2 + draw.below(12)));
  if (kinds.includes("sleep") && draw.chance(0.5)) {
    const longest = members.length <= 3 && draw.chance(0.5) ? 5 * hour : 60_000;
    steps.push({ at: when(), kind: "sleep", member: draw.one(members), length: 1_000 + draw.below(longest) });
  }
  if (kinds.includes("vanish") && draw.chance(0.5)) {
    const member = draw.one(members);
    if (member !== suspect) steps.push({ at: when(), kind: "crash", member, after: draw.below(8), down: null });
  }
  return steps;
}

function drawSwallows(draw: Draw, links: readonly LinkPlan[], length: number, count: number): Step[] {
  return Array.from({ length: count }, () => ({
    at: draw.below(length),
    kind: "swallow" as const,
    link: draw.below(links.length),
    from: draw.one([0, 1] as const),
    type: draw.one(swallowed),
    length: 200 + draw.below(5_000),
  }));
}

function drawLies(draw: Draw, length: number): Step[] {
  const menu = some(draw, lieNames, 1 + draw.below(4));
  return Array.from({ length: 4 + draw.below(40) }, () => ({
    at: draw.below(length),
    kind: "lie" as const,
    lie: draw.one(menu),
  }));
}

function drawAmnesia(draw: Draw, member: string, length: number): Step[] {
  const copied = draw.below(length / 2);
  return [
    { at: copied, kind: "copy", member },
    { at: copied + draw.below(length / 2), kind: "restore", member, down: 1 + draw.below(2_000) },
  ];
}
