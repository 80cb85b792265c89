import { contentKey } from "../../firmware/core/block/records";
import type { SagaDefinition } from "../../firmware/core/definitions/definition";
import { VertebraError } from "../../firmware/core/errors";
import { syncGroupId } from "../../firmware/core/pact/pact";
import { keptUnder, mostConductors } from "../../firmware/core/saga/conductor";
import type { SagaProvision } from "../../firmware/core/saga/definitions";
import { provisionOf } from "../../firmware/core/saga/deployed";
import { toHex } from "../../firmware/core/wire/bytes";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import type { AvatarId, Hash } from "../../firmware/core/wire/types";
import type { Clock, Crypto } from "../../firmware/ports";
import { sourcesOf } from "../../firmware/sandbox/conducting";
import { addVersion, type Deployment, isOutdated, sourceFrom } from "../../firmware/sandbox/deployment";
import type { Outcome } from "../participant/driver";
import type { Store } from "../participant/store";
import type { World } from "../world/world";
import { type GatewayConducting, type GatewaySagas, openConducting } from "./conducting";
import type { Sandbox } from "./sandbox";

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
  conducting: GatewayConducting | undefined;
  /** What became of pushes, and final, while the store was read for one that opens; null where none does. */
  meanwhile: Outcome[] | null;
}

export function createConductings(options: ConductingsOptions): Conductings {
  const { world, crypto, store, notice } = options;
  const { catalog, provision, tag } = world;
  const all: Running[] = [];
  let sandbox: Promise<Sandbox> | undefined;
  let booted = false;
  let stopped = false;
  let last: Promise<void> = Promise.resolve();

  function add(stateGroup: string | undefined): Running {
    const running: Running = {
      ...{ stateGroup, lane: all.length, versions: [], taken: 0, sources: new Map() },
      ...{ conducting: undefined, meanwhile: null },
    };
    all.push(running);
    return running;
  }

  async function open(running: Running, its: SagaProvision): Promise<void> {
    const { lane, sources, stateGroup, versions } = running;
    const keys = keptUnder(tag, stateGroup);
    const taken = versions.length;
    running.meanwhile = [];
    sandbox ??= options.buildSandbox();
    const conducting = await openConducting({
      ...{ ...options, tag, provision: its, lane, sources, sandbox: await sandbox },
      kept: {
        snapshot: (await store.read(keys.snapshot)) ?? null,
        waits: (await store.read(keys.waits)) ?? null,
      },
      // What can't be written, the driver tells: it writes far more. Until then the last one stays.
      keep: (what, bytes) => void store.write(new Map([[keys[what], bytes]]), new Set()).catch(() => {}),
    });
    running.conducting?.stop();
    running.taken = taken;
    running.conducting = conducting;
    for (const outcome of running.meanwhile.splice(0)) conducting.take(outcome);
    running.meanwhile = null;
    if (stopped) conducting.stop();
    else if (booted) conducting.handle({ kind: "boot" });
  }

  function openDeployed(running: Running): Promise<void> {
    const known = {
      pacts: catalog.pacts.map(({ bytes }) => bytes),
      groups: catalog.groups.map(({ pact, owners }) => encodeSyncGroup({ pact: pact.id, owners })),
    };
    return open(
      running,
      provisionOf(running.versions, known, (group) => syncGroupId(crypto, group)),
    );
  }

  /** What can't be run here is told, and left to others. */
  async function deploy(saga: SagaDefinition, whole: boolean): Promise<void> {
    const stateGroup = toHex(saga.stateGroup);
    if (stopped || all.length === mostConductors) return;
    const running = all.find((each) => each.stateGroup === stateGroup) ?? add(stateGroup);
    addVersion(running, saga);
    if (whole) {
      const pieces = new Map<string, Uint8Array | undefined>();
      for (const each of saga.chunks) {
        const key = contentKey(tag, toHex(each));
        pieces.set(key, await store.read(key));
      }
      const [hash, text] = sourceFrom(crypto, saga, (key) => pieces.get(key), tag);
      running.sources.set(hash, text);
      running.conducting?.handle({ kind: "alarm" });
    }
    if (running.conducting === undefined) await openDeployed(running);
    else if (isOutdated(running)) running.conducting.drain();
  }

  /** One after the other; what is wrong with a saga is told, and ends nothing. */
  function inTurn(act: () => Promise<void>): void {
    last = last.then(act).catch((error) => {
      if (error instanceof VertebraError && error.code !== "assertion") notice(error);
      else options.failed(error);
    });
  }

  /** One that has versions which its conductor doesn't know begins nothing more, and begins anew when what it began is over. */
  function replaceOutdated(): void {
    for (const each of all) {
      if (stopped || !isOutdated(each) || each.meanwhile !== null || !each.conducting?.isIdle()) continue;
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
      for (const [hash, text] of sourcesOf(crypto, provision.sagas)) made.sources.set(hash, text);
      await open(made, { ...provision, ...provision.sagas });
    },
    boot() {
      booted = true;
      for (const { conducting } of all) conducting?.handle({ kind: "boot" });
    },
    take(outcome) {
      if (outcome.kind === "deployed") inTurn(() => deploy(outcome.saga, outcome.whole));
      for (const { conducting, meanwhile } of all) {
        meanwhile?.push(outcome);
        conducting?.take(outcome);
      }
      replaceOutdated();
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
      for (const { conducting } of all) conducting?.stop();
    },
  };
}
