import type { Crypto } from "../../firmware/ports";
import { checkAttempts } from "./attempts";
import { boldLies } from "./bold-lies";
import { checkCosts } from "./bounds";
import { byteTransport } from "./byte-transport";
import { type Checkers, createCheckers, isSuspect } from "./checkers";
import { type Coverage, createCounts } from "./coverage";
import { createDigest } from "./digest";
import { type Healing, heal } from "./healing";
import { createLiar, hearing, type Liar, throughLiar } from "./liar";
import { lies, statusOf } from "./lies";
import { hinder, type LinkState, linkStates, swallow } from "./links";
import { messageTransport } from "./message-transport";
import type { Plan, Step } from "./plan";
import { checkReaders } from "./readers";
import { checkRebuilt } from "./rebuilt";
import { createSagas } from "./sagas";
import { checkTold } from "./told";
import { recorder, together } from "./trace";
import {
  boot,
  createWorld,
  fallAsleep,
  give,
  isUp,
  losePower,
  type Member,
  push,
  type Watcher,
  type World,
} from "./world";

/** What became of a plan's world. */
export interface Verdict {
  readonly seed: number;
  /** Empty where all promises held. */
  readonly failures: readonly string[];
  /** Of all that was said in the world: the same plan gives the same. */
  readonly digest: string;
  readonly events: number;
  readonly finalBlocks: number;
  /** null where nothing can heal. */
  readonly healing: Healing | null;
  readonly coverage: Coverage;
}

/** Where cryptography comes from: signatures that anyone could make, for speed, and real ones. */
export interface Platform {
  readonly cheap: () => Crypto;
  readonly real: () => Crypto;
}

/** Who looks on besides the judges. */
export interface Onlookers {
  readonly print?: ((line: string) => void) | undefined;
  readonly watcher?: Watcher;
}

const everyLie = { ...lies, ...boldLies };

/** Runs the world of a plan, to its first failure or until all is final that can be. */
export function simulate(plan: Plan, platform: Platform, { print, watcher: besides }: Onlookers = {}): Verdict {
  const digest = createDigest();
  let world: World;
  const checkers = createCheckers(() => world);
  const counts = createCounts();
  const told = checkTold(() => world, checkers);
  const costs = checkCosts(() => world, checkers.fail);
  const attempts = checkAttempts(() => world, checkers);
  const watchers = [
    ...[checkers.watcher, told.watcher, costs, attempts, checkReaders(() => world, checkers.fail)],
    ...[counts.watcher, recorder(digest, () => world, print), ...(besides === undefined ? [] : [besides])],
  ];
  const watcher = together(watchers);
  world = createWorld(plan, plan.signatures === "real" ? platform.real() : platform.cheap(), watcher);
  const links = linkStates(world);
  if (plan.sagas !== undefined) world.sagas = createSagas(world, plan.sagas, isolateBy(world, links));
  world.transport = plan.wire === "bytes" ? byteTransport(world, links, checkers.fail) : messageTransport(world, links);
  const liars = plan.liars.map((each) => createLiar(world, each));
  for (const liar of liars) {
    watchers.push(hearing(liar));
    world.transport = throughLiar(liar, world.transport);
  }
  let healing: Healing | null = null;
  try {
    for (const member of world.members.values()) boot(world, member);
    for (const step of plan.steps) world.schedule.at(step.at, () => take(world, checkers, links, liars, step));
    world.schedule.run(plan.length, () => checkers.failures.length > 0);
    for (const liar of liars) liar.quiet = liar.plan.fallsSilent;
    if (checkers.failures.length === 0) healing = heal(world, links, checkers, told);
  } catch (error) {
    checkers.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const { failures } = checkers;
  return {
    ...{ seed: plan.seed, failures, digest: digest.hex(), events: world.schedule.events(), healing },
    coverage: counts.total(world, checkers.ledger),
    finalBlocks: [...world.groups.values()].reduce(
      (sum, group) =>
        sum + Math.max(...[...world.members.values()].map((member) => checkers.historyOf(member, group).length)),
      0,
    ),
  };
}

function take(world: World, checkers: Checkers, links: readonly LinkState[], liars: readonly Liar[], step: Step): void {
  const { schedule } = world;
  world.watcher.noted("member" in step ? step.member : "", noteOf(step));
  const later = (length: number, happen: () => void) => schedule.at(schedule.now() + length, happen);
  switch (step.kind) {
    case "push": {
      const member = world.members.get(step.member)!;
      if (isUp(member)) push(world, member, world.groups.get(step.group)!, step.value);
      break;
    }
    case "flush": {
      const member = world.members.get(step.member)!;
      if (isUp(member)) give(world, member, { kind: "flush" });
      break;
    }
    case "crash":
      crash(world, checkers, world.members.get(step.member)!, step.after, step.down);
      break;
    case "sleep":
      fallAsleep(world, world.members.get(step.member)!, step.length);
      break;
    case "cut":
      later(step.length, hinder(world, links[step.link]!, step.how));
      break;
    case "swallow":
      later(step.length, swallow(links[step.link]!, step.from, step.type));
      break;
    case "partition":
      for (const link of links) {
        const [one, other] = link.ends.map(({ name }) => step.side.includes(name));
        if (one !== other) later(step.length, hinder(world, link, step.told ? "told" : "both"));
      }
      break;
    case "copy":
      world.members.get(step.member)!.copied = world.members.get(step.member)!.store.copy();
      break;
    case "restore":
      restore(world, world.members.get(step.member)!, step.down);
      break;
    case "lie": {
      const liar = liars.length > 1 ? world.draw.one(liars) : liars[0];
      if (liar !== undefined && liar.groups.length > 0 && isUp(liar.member)) {
        liar.stands = statusOf(liar);
        everyLie[step.lie](liar, world.draw.one(liar.groups));
      }
      break;
    }
    case "enter": {
      const member = world.members.get(step.member)!;
      if (isUp(member)) world.sagas!.enter(member, world.groups.get(step.group)!, step.order, step.amount);
      break;
    }
    case "equip":
      world.sagas!.equip(step.member, step.able);
      break;
    case "cancel": {
      const member = world.members.get(step.member)!;
      if (isUp(member)) world.sagas!.cancel(member, step.which);
    }
  }
}

function isolateBy(world: World, links: readonly LinkState[]) {
  return (member: Member, length: number) => {
    for (const link of links) {
      if (link.ends.includes(member)) world.schedule.at(world.schedule.now() + length, hinder(world, link, "both"));
    }
  };
}

/** Power off, and on with a store as it was: what was signed since is forgotten. */
function restore(world: World, member: Member, down: number): void {
  const { copied } = member;
  if (copied === undefined) return;
  losePower(world, member);
  member.store.restore(copied);
  world.schedule.at(world.schedule.now() + down, () => boot(world, member));
}

function noteOf(step: Step): string {
  const { at, ...rest } = step;
  return JSON.stringify(rest);
}

function crash(world: World, checkers: Checkers, member: Member, after: number, down: number | null): void {
  if (!isUp(member) || member.fuse !== null) return;
  const failed = () => {
    if (down === null) member.vanished = true;
    else world.schedule.at(world.schedule.now() + down, () => boot(world, member));
  };
  if (after === 0) {
    if (!isSuspect(world, member)) checkRebuilt(world, member, checkers.fail);
    member.fuse = { left: 0, failed };
    losePower(world, member);
  } else member.fuse = { left: after - 1, failed };
}
