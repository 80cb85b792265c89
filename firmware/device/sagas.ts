import { finalKeys } from "../core/block/final-record";
import { keptUnder } from "../core/block/records";
import type { SagaDefinition } from "../core/definitions/saga-definition";
import { VertebraError } from "../core/errors";
import type { Action } from "../core/events";
import type { ProvisionedWorld } from "../core/identity/provision";
import { syncGroupId } from "../core/pact/pact";
import type { Published } from "../core/pact/requirement";
import { type Conductor, createConductor, healthToken, mostConductors, type ToldFinal } from "../core/saga/conductor";
import { readDefinitions, type SagaProvision } from "../core/saga/definitions";
import { type KnownHere, provisionOf } from "../core/saga/deployed";
import type { Operation } from "../core/saga/events";
import { lease } from "../core/saga/limits";
import { asTheyCame } from "../core/saga/past";
import { equal, fromHex, toHex } from "../core/wire/bytes";
import { decodeSyncGroup } from "../core/wire/structures";
import type { AvatarId, Hash } from "../core/wire/types";
import { type Conducting, type ConductingOptions, createConducting, sourcesOf } from "../sandbox/conducting";
import {
  addRollout,
  addVersion,
  createDeployment,
  type Deployment,
  freeLane,
  healthDue,
  healthToTell,
  isKnown,
  isOutdated,
  isToLetGo,
  letGoDue,
  noteHealthRefused,
  noteOpened,
  noteRunOf,
  noteUndeployed,
  sourceFrom,
  takeOwnHealth,
  versionsToBegin,
} from "../sandbox/deployment";
import { type Journal, readRecord, recordKeys, recordLength, writeRecords } from "../store/journal";
import { finalBlock } from "./keeping";
import type { Sandbox } from "./sandbox";

export interface BoardSagas extends Omit<ConductingOptions, "conductor" | "sourceOf" | "sandbox" | "keep" | "ran"> {
  readonly world: ProvisionedWorld;
  /** The hex of the worldTag. */
  readonly tag: string;
  readonly avatar: AvatarId;
  readonly published: Published;
  readonly journal: Journal;
  /** The pacts and groups that the board was provisioned with, and those that were defined since. */
  readonly known: KnownHere;
  /** Bytes of memory for what is under way in each of them. */
  readonly room: number;
  /** Bytes of flash for what is known of them. */
  readonly mostKept: number;
  /** Only a board with sagas needs one. */
  openSandbox(): Sandbox;
  /** Tells the participant that all is over of a saga which was undeployed. */
  letGo(stateGroup: Hash): void;
}

/** One of them as it runs; `lane` is its place among all. */
interface Running extends Deployment {
  /** The modules that are here, by the hex of their hash: a text, or the version whose pieces in the journal it is made of when it runs. */
  readonly sources: Map<string, string | SagaDefinition>;
  conductor: Conductor | undefined;
  conducting: Conducting | undefined;
  /** Monotonic ms. */
  wakesAt: number;
}

/**
 * The board's part in the sagas of its world: those that it was made with, in one conductor, and each that was deployed since in one of its
 * own. Undefined in a world that has none and gets none. Nothing is done until it is told to `boot`.
 */
export function openSagas(options: BoardSagas): Conducting | undefined {
  const { world } = options;
  if (world.sagas.descriptions.length === 0 && world.definitions === undefined) return undefined;
  return new Sagas(options);
}

/** A class, whose methods take no RAM of a board. */
class Sagas implements Conducting {
  private readonly all: Running[] = [];
  /** Whose acts are under way, by the numbers that the capabilities know them by. */
  private readonly acts = new Map<number, { readonly conducting: Conducting; readonly run: number }>();
  private nextAct = 0;
  private sandbox: Sandbox | undefined;
  private booted = false;

  constructor(private readonly options: BoardSagas) {
    const { world, crypto } = options;
    if (world.sagas.descriptions.length === 0) return;
    const made = this.running(undefined);
    for (const [hash, text] of sourcesOf(crypto, world.sagas)) made.sources.set(hash, text);
    this.open(made, { ...world, ...world.sagas });
  }

  heldBack(group: Hash): VertebraError | undefined {
    for (const { conducting } of this.all) {
      const error = conducting?.heldBack(group);
      if (error !== undefined) return error;
    }
    return undefined;
  }

  take(action: Action | ToldFinal): void {
    if (action.kind === "deployed") this.deploy(action);
    else if (action.kind === "rollout") this.rollOut(action);
    else if (action.kind === "undeployed") this.undeploy(action);
    else {
      if (action.kind === "final") takeOwnHealth(this.all, this.options.avatar, action.block);
      if (action.kind === "refused" && action.token === healthToken) this.tellAgain();
      for (const { conducting } of this.all) conducting?.take(action);
    }
    this.settle();
  }

  handle(event: Parameters<Conducting["handle"]>[0]): void {
    if (event.kind === "acted") {
      const act = this.acts.get(event.run);
      this.acts.delete(event.run);
      act?.conducting.handle({ ...event, run: act.run });
    } else if (event.kind === "alarm") this.alarm();
    else {
      if (event.kind === "boot") this.booted = true;
      for (const { conducting } of this.all) conducting?.handle(event);
    }
    this.settle();
  }

  /** What follows from an event for what was deployed. */
  private settle(): void {
    this.replaceOutdated();
    if (!this.booted) return;
    const { avatar, clock, push, tag } = this.options;
    for (const each of this.all) {
      for (const { group, entry } of healthToTell(each, avatar, clock.now().monotonic)) {
        push({ kind: "push", world: tag, group, entry, id: null, token: healthToken });
      }
    }
    this.letGoWhereOver();
    this.wake();
  }

  private letGoWhereOver(): void {
    const { crypto, avatar, clock, letGo } = this.options;
    const now = clock.now().monotonic;
    for (const each of [...this.all]) {
      if (!each.undeployed) continue;
      const over = !isOutdated(each, crypto, avatar) && (each.conductor?.isOver() ?? true);
      if (isToLetGo(each, over, now)) letGo(fromHex(each.stateGroup!));
    }
  }

  private undeploy({ stateGroup, gone }: Extract<Action, { kind: "undeployed" }>): void {
    const running = this.all.find((each) => each.stateGroup === toHex(stateGroup));
    if (running === undefined) {
      if (!gone) this.options.letGo(stateGroup);
    } else if (gone) {
      this.all.splice(this.all.indexOf(running), 1);
      running.conducting = undefined;
    } else {
      noteUndeployed(running);
      this.drainOutdated(running);
    }
  }

  private tellAgain(): void {
    for (const each of this.all) noteHealthRefused(each, this.options.clock.now().monotonic);
  }

  /** What it told of it before this start is in the journal. */
  private rollOut(action: Extract<Action, { kind: "rollout" }>): void {
    const { journal, tag, avatar } = this.options;
    const { stateGroup, statusGroup } = action.rollout;
    const running = this.all.find((each) => each.stateGroup === toHex(stateGroup));
    if (running === undefined) return;
    const known = running.watches.has(action.sequence);
    addRollout(running, action);
    const told = known ? [] : finalBlocks(journal, tag, [toHex(statusGroup)]);
    for (const block of told) takeOwnHealth(this.all, avatar, block);
    this.drainOutdated(running);
  }

  private drainOutdated(running: Running): void {
    const { crypto, avatar } = this.options;
    if (isOutdated(running, crypto, avatar)) running.conductor?.drain();
  }

  private alarm(): void {
    const now = this.options.clock.now().monotonic;
    for (const each of this.all) {
      if (each.wakesAt > now) continue;
      each.wakesAt = Number.POSITIVE_INFINITY;
      each.conducting?.handle({ kind: "alarm" });
    }
    this.wake();
  }

  private wake(): void {
    let at = Number.POSITIVE_INFINITY;
    for (const each of this.all) at = Math.min(at, each.wakesAt, healthDue(each), letGoDue(each));
    this.options.wake(at);
  }

  private running(stateGroup: string | undefined): Running {
    const made: Running = {
      ...createDeployment(stateGroup, freeLane(this.all), this.owns(stateGroup)),
      ...{ sources: new Map<string, string | SagaDefinition>(), wakesAt: Number.POSITIVE_INFINITY },
      ...{ conductor: undefined, conducting: undefined },
    };
    this.all.push(made);
    return made;
  }

  /** Whether the board is one of those who run it: it may only relay it to them. */
  private owns(stateGroup: string | undefined): boolean {
    const { crypto, known, avatar } = this.options;
    const group = known.groups.find((each) => toHex(syncGroupId(crypto, each)) === stateGroup);
    return group !== undefined && decodeSyncGroup(group).owners.some((owner) => equal(owner, avatar));
  }

  /** What can't be run here is told, and left to others. */
  private deploy({ saga, whole }: Extract<Action, { kind: "deployed" }>): void {
    const { crypto, tag, journal } = this.options;
    const stateGroup = toHex(saga.stateGroup);
    this.orTell(() => {
      if (this.all.length === mostConductors) return;
      this.sandbox ??= this.options.openSandbox();
      const running = this.all.find((each) => each.stateGroup === stateGroup) ?? this.running(stateGroup);
      if (!isKnown(running, saga)) {
        this.check([...running.versions, saga]);
        addVersion(running, saga, this.options.published);
      }
      if (whole) {
        // Which may be large: it is read when it runs.
        const [hash] = sourceFrom(crypto, saga, (key) => readRecord(journal, key), tag);
        running.sources.set(hash, saga);
        running.whole.add(saga.version);
        running.conducting?.handle({ kind: "alarm" });
      }
      if (running.conducting === undefined) this.openDeployed(running);
      else this.drainOutdated(running);
    });
  }

  /** Throws where they can't be put together here: one that can't is none of this board's. */
  private check(versions: readonly SagaDefinition[]): void {
    const { crypto, known } = this.options;
    readDefinitions(
      crypto,
      provisionOf(versions, known, (group) => syncGroupId(crypto, group), new Set()),
    );
  }

  private orTell(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof VertebraError) || error.code === "assertion") throw error;
      this.options.notice(error);
    }
  }

  /** One that has versions which its conductor doesn't know begins nothing more, and begins anew when what it began is over. */
  private replaceOutdated(): void {
    const { crypto, avatar } = this.options;
    for (const each of this.all) {
      if (each.conductor?.isIdle() && isOutdated(each, crypto, avatar)) this.orTell(() => this.openDeployed(each));
    }
  }

  private openDeployed(running: Running): void {
    const { crypto, known, avatar } = this.options;
    const begins = versionsToBegin(running, crypto, avatar);
    this.open(
      running,
      provisionOf(running.versions, known, (group) => syncGroupId(crypto, group), begins),
    );
    noteOpened(running, crypto, avatar);
    if (this.booted) running.conducting?.handle({ kind: "boot" });
  }

  private open(running: Running, provision: SagaProvision): void {
    const { options } = this;
    const { crypto, tag, avatar, published, journal, room } = options;
    const { lane, sources, stateGroup } = running;
    const keys = keptUnder(tag, stateGroup);
    const kept = {
      snapshot: readRecord(journal, keys.snapshot) ?? null,
      waits: readRecord(journal, keys.waits) ?? null,
    };
    const hasSource = (hash: Hash) => sources.has(toHex(hash));
    const conductor = createConductor({
      ...{ crypto, world: tag, avatar, provision, published, lease, room, kept, lane, hasSource },
    });
    this.sandbox ??= options.openSandbox();
    const conducting: Conducting = createConducting({
      ...{ ...options, conductor, sandbox: this.sandbox },
      sourceOf: (hash) => this.textOf(sources.get(hash)),
      // One that another took the place of has nothing more to say.
      keep: (what, bytes) => {
        if (running.conducting === conducting) this.keep(keys[what], bytes);
      },
      act: (run, operations) => this.act(conducting, run, operations),
      ran: (saga, result) => noteRunOf(running, crypto, saga, result),
      wake: (at) => {
        if (running.conducting !== conducting) return;
        running.wakesAt = at;
        this.wake();
      },
    });
    running.conductor = conductor;
    running.conducting = conducting;
    running.wakesAt = Number.POSITIVE_INFINITY;
    const { definitions } = conductor.ledger;
    for (const block of asTheyCame(definitions, finalBlocks(journal, tag, definitions.groups.keys()))) {
      conducting.take({ kind: "final", block });
    }
  }

  private textOf(source: string | SagaDefinition | undefined): string | undefined {
    if (source === undefined || typeof source === "string") return source;
    const { crypto, journal, tag } = this.options;
    return sourceFrom(crypto, source, (key) => readRecord(journal, key), tag)[1];
  }

  private act(conducting: Conducting, run: number, operations: readonly Operation[]): void {
    const number = this.nextAct++;
    this.acts.set(number, { conducting, run });
    this.options.act(number, operations);
  }

  /** Where there is no room the last one stays; whether it was too old, the next start finds out. */
  private keep(key: string, bytes: Uint8Array): void {
    const { journal, mostKept, notice } = this.options;
    let length = bytes.length;
    for (const other of recordKeys(journal)) {
      if (other !== key && /^saga(?:-waits)?\//.test(other)) length += recordLength(journal, other)!;
    }
    if (length <= mostKept) writeRecords(journal, new Map([[key, bytes]]), new Set());
    else notice(notKept(length, mostKept));
  }
}

function notKept(length: number, most: number): VertebraError {
  return new VertebraError(
    "store-full",
    `What is known of the sagas has ${length} bytes, and this flash has room for ${most} of it`,
    "The board goes on, but may not after a restart. Give it a larger flash, or let fewer invocations run at once.",
  );
}

/** What a journal holds of these groups of a world, each group's blocks in order. */
export function finalBlocks(journal: Journal, tag: string, groups: Iterable<string>): ToldFinal["block"][] {
  const blocks: ToldFinal["block"][] = [];
  for (const group of groups) {
    const keys = [...recordKeys(journal, `${finalKeys(tag, group)}/`)].sort();
    for (const key of keys) blocks.push(finalBlock(readRecord(journal, key)!));
  }
  return blocks;
}
