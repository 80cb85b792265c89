import { keptUnder } from "../../firmware/core/block/records";
import type { SagaDefinition } from "../../firmware/core/definitions/saga-definition";
import { VertebraError } from "../../firmware/core/errors";
import { syncGroupId } from "../../firmware/core/pact/pact";
import { healthToken, mostConductors } from "../../firmware/core/saga/conductor";
import { readDefinitions, type SagaProvision } from "../../firmware/core/saga/definitions";
import { provisionOf } from "../../firmware/core/saga/deployed";
import { fromHex, toHex } from "../../firmware/core/wire/bytes";
import type { AvatarId, Hash } from "../../firmware/core/wire/types";
import type { Clock, Crypto } from "../../firmware/ports";
import { sourcesOf } from "../../firmware/sandbox/conducting";
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
  takeOwnHealth,
  versionsToBegin,
} from "../../firmware/sandbox/deployment";
import type { Outcome } from "../participant/driver";
import type { Store } from "../participant/store";
import { isOwner, knownIn } from "../world/catalog";
import type { World } from "../world/world";
import { type GatewayConducting, type GatewaySagas, gatewayPublished, openConducting } from "./conducting";
import type { Sandbox } from "./sandbox";
import { storedSource } from "./stored-source";

/** The gateway's part in the sagas of its world: those that it was made with, in one conductor, and each that was deployed since in one of its own. */
export interface Conductings {
  /** Those that run, in the order in which they came. */
  readonly running: readonly GatewayConducting[];
  /** Reads what the groups of those hold that the world was made with; nothing is done until `boot`. */
  open(): Promise<void>;
  boot(): void;
  take(outcome: Outcome): void;
  /** Why nothing should be pushed into this group now, by whoever pushes for another reason than a saga. */
  heldBack(group: Hash): VertebraError | undefined;
  stop(): void;
}

export interface ConductingsOptions extends Pick<GatewaySagas, "blocksOf" | "handle" | "notice"> {
  readonly world: World;
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly avatar: AvatarId;
  readonly store: Pick<Store, "read" | "write">;
  /** What behaviors run on; it may have to be built first. */
  buildSandbox(): Promise<Sandbox>;
  failed(error: unknown): void;
}

interface Running extends Deployment {
  /** Of modules, by the hex of their hash: a gateway has memory for all of them. */
  readonly texts: Map<string, string>;
  conducting: GatewayConducting | undefined;
  /** What became of pushes, and final, while the store was read for one that opens; null where none does. */
  meanwhile: Outcome[] | null;
}

export function createConductings(options: ConductingsOptions): Conductings {
  const { world, crypto, store, notice, avatar } = options;
  const { catalog, provision, tag } = world;
  const all: Running[] = [];
  let sandbox: Promise<Sandbox> | undefined;
  let booted = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let last: Promise<void> = Promise.resolve();

  function add(stateGroup: string | undefined): Running {
    const running: Running = {
      ...createDeployment(stateGroup, freeLane(all), owns(stateGroup)),
      ...{ texts: new Map<string, string>(), conducting: undefined, meanwhile: null },
    };
    all.push(running);
    return running;
  }

  /** Whether this gateway is one of those who run it: it may only relay it to them, and counts what they do. */
  function owns(stateGroup: string | undefined): boolean {
    const group = stateGroup === undefined ? undefined : catalog.groupOf(fromHex(stateGroup));
    return group !== undefined && isOwner(group, avatar);
  }

  async function open(running: Running, its: SagaProvision): Promise<void> {
    const { lane, texts, stateGroup } = running;
    const keys = keptUnder(tag, stateGroup);
    running.meanwhile = [];
    sandbox ??= options.buildSandbox();
    const conducting = await openConducting({
      ...{ ...options, tag, provision: its, lane, sources: texts, sandbox: await sandbox },
      ran: (saga, result) => noteRunOf(running, crypto, saga, result),
      kept: {
        snapshot: (await store.read(keys.snapshot)) ?? null,
        waits: (await store.read(keys.waits)) ?? null,
      },
      // What can't be written, the driver tells: it writes far more. Until then the last one stays.
      keep: (what, bytes) => void store.write(new Map([[keys[what], bytes]]), new Set()).catch(() => {}),
    });
    running.conducting?.stop();
    running.conducting = conducting;
    for (const outcome of running.meanwhile.splice(0)) conducting.take(outcome);
    running.meanwhile = null;
    if (stopped) conducting.stop();
    else if (booted) conducting.handle({ kind: "boot" });
  }

  function provisionFor(versions: readonly SagaDefinition[], begins: ReadonlySet<string> | null): SagaProvision {
    return provisionOf(versions, knownIn(catalog), (group) => syncGroupId(crypto, group), begins);
  }

  async function openDeployed(running: Running): Promise<void> {
    try {
      const its = provisionFor(running.versions, versionsToBegin(running, crypto, avatar));
      noteOpened(running, crypto, avatar);
      await open(running, its);
    } finally {
      running.meanwhile = null;
    }
  }

  /** What can't be run here is told, and left to others. */
  async function deploy(saga: SagaDefinition, whole: boolean): Promise<void> {
    const stateGroup = toHex(saga.stateGroup);
    if (stopped || all.length === mostConductors) return;
    const running = all.find((each) => each.stateGroup === stateGroup) ?? add(stateGroup);
    if (!isKnown(running, saga)) {
      // One that can't be put together here is none of this gateway's.
      readDefinitions(crypto, provisionFor([...running.versions, saga], new Set()));
      addVersion(running, saga, gatewayPublished);
    }
    const source = whole ? await storedSource(crypto, store, tag, saga) : undefined;
    if (source !== undefined) {
      running.texts.set(...source);
      running.whole.add(saga.version);
      running.conducting?.handle({ kind: "alarm" });
    }
    if (running.conducting === undefined) await openDeployed(running);
    else drainOutdated(running);
  }

  function drainOutdated(running: Running): void {
    if (isOutdated(running, crypto, avatar)) running.conducting?.drain();
  }

  /** What this gateway told of it before is in the store. */
  async function rollOut(outcome: Extract<Outcome, { kind: "rollout" }>): Promise<void> {
    const { stateGroup, statusGroup } = outcome.rollout;
    const running = all.find((each) => each.stateGroup === toHex(stateGroup));
    if (running === undefined) return;
    const known = running.watches.has(outcome.sequence);
    addRollout(running, outcome);
    if (!known) for await (const block of options.blocksOf(statusGroup, 0)) takeOwnHealth(all, avatar, block);
    drainOutdated(running);
  }

  /** One of which nothing is left here makes room for another. */
  function forget(stateGroup: Hash): void {
    const running = all.find((each) => each.stateGroup === toHex(stateGroup));
    if (running === undefined) return;
    all.splice(all.indexOf(running), 1);
    running.conducting?.stop();
  }

  async function undeploy(stateGroup: Hash): Promise<void> {
    const running = all.find((each) => each.stateGroup === toHex(stateGroup));
    if (running === undefined) return letGo(stateGroup);
    noteUndeployed(running);
    drainOutdated(running);
  }

  function letGo(stateGroup: Hash): void {
    // The driver tells by itself why it has stopped.
    options.handle({ kind: "let-go", world: tag, stateGroup }).catch(() => {});
  }

  function letGoWhereOver(now: number): void {
    for (const each of all) {
      if (!each.undeployed || each.meanwhile !== null) continue;
      const over = !isOutdated(each, crypto, avatar) && (each.conducting?.isOver() ?? true);
      if (isToLetGo(each, over, now)) letGo(fromHex(each.stateGroup!));
    }
  }

  /** What is to be told of how rollouts go here, and let go of, now and when time alone changes it. */
  function look(): void {
    if (!booted || stopped) return;
    clearTimeout(timer);
    let due = Number.POSITIVE_INFINITY;
    const now = options.clock.now().monotonic;
    letGoWhereOver(now);
    for (const each of all) {
      for (const { group, entry } of healthToTell(each, avatar, now)) {
        const push = { kind: "push", world: tag, group, entry, id: null, token: healthToken } as const;
        // The driver tells by itself why it has stopped.
        options.handle(push).catch(() => {});
      }
      due = Math.min(due, healthDue(each), letGoDue(each));
    }
    if (due !== Number.POSITIVE_INFINITY) timer = setTimeout(settle, Math.min(Math.max(0, due - now), 2 ** 31 - 1));
  }

  function settle(): void {
    replaceOutdated();
    look();
  }

  /** One after the other; what is wrong with a saga is told, and ends nothing. */
  function inTurn(act: () => Promise<void>): void {
    last = last
      .then(act)
      .then(settle)
      .catch((error) => {
        if (error instanceof VertebraError && error.code !== "assertion") notice(error);
        else options.failed(error);
      });
  }

  /** One that has versions which its conductor doesn't know begins nothing more, and begins anew when what it began is over. */
  function replaceOutdated(): void {
    for (const each of all) {
      if (stopped || each.meanwhile !== null || !each.conducting?.isIdle()) continue;
      if (!isOutdated(each, crypto, avatar)) continue;
      each.meanwhile = [];
      inTurn(() => openDeployed(each));
    }
  }

  return {
    get running() {
      return all.flatMap(({ conducting }) => conducting ?? []);
    },
    async open() {
      if (provision.sagas.descriptions.length === 0) return;
      const made = add(undefined);
      for (const [hash, text] of sourcesOf(crypto, provision.sagas)) made.texts.set(hash, text);
      await open(made, { ...provision, ...provision.sagas });
    },
    boot() {
      booted = true;
      for (const { conducting } of all) conducting?.handle({ kind: "boot" });
    },
    take(outcome) {
      if (outcome.kind === "deployed") inTurn(() => deploy(outcome.saga, outcome.whole));
      if (outcome.kind === "rollout") inTurn(() => rollOut(outcome));
      // At once: nothing is to be kept of it any more.
      if (outcome.kind === "undeployed" && outcome.gone) forget(outcome.stateGroup);
      else if (outcome.kind === "undeployed") inTurn(() => undeploy(outcome.stateGroup));
      if (outcome.kind === "final") takeOwnHealth(all, avatar, outcome.block);
      if (outcome.kind === "refused" && outcome.token === healthToken) {
        for (const each of all) noteHealthRefused(each, options.clock.now().monotonic);
      }
      for (const { conducting, meanwhile } of all) {
        meanwhile?.push(outcome);
        conducting?.take(outcome);
      }
      settle();
    },
    heldBack(group) {
      for (const { conducting } of all) {
        const error = conducting?.heldBack(group);
        if (error !== undefined) return error;
      }
      return undefined;
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      for (const { conducting } of all) conducting?.stop();
    },
  };
}
