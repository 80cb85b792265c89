import { ample } from "../../firmware/core/bounds";
import { assert, VertebraError } from "../../firmware/core/errors";
import type { Event } from "../../firmware/core/events";
import type { Published } from "../../firmware/core/pact/requirement";
import { cancellable } from "../../firmware/core/saga/cancelling";
import { type Conductor, createConductor, type Kept } from "../../firmware/core/saga/conductor";
import type { SagaProvision } from "../../firmware/core/saga/definitions";
import type { Run, RunResult } from "../../firmware/core/saga/events";
import type { Invocation } from "../../firmware/core/saga/invocation";
import { lease } from "../../firmware/core/saga/limits";
import { toHex } from "../../firmware/core/wire/bytes";
import type { AvatarId, Hash } from "../../firmware/core/wire/types";
import type { Clock, Crypto } from "../../firmware/ports";
import { type Conducting, type ConductingOptions, createConducting } from "../../firmware/sandbox/conducting";
import { requestOf, resultOf } from "../../firmware/sandbox/runs";
import { type BlocksOf, pastOf } from "./past";
import type { Sandbox } from "./sandbox";

/** The gateway's part in the sagas of its world: it has no capabilities, and runs the stages that require none. */
export interface GatewayConducting extends Conducting {
  readonly ledger: Conductor["ledger"];
  readonly avatar: AvatarId;
  /** Ends an invocation by a state `cancelled`, as soon as that is final. Throws `saga-cancel`. */
  cancel(invocation: Hash, reason: string): Invocation;
  /** Runs a behavior that ran before, for a replay: nothing comes of it. */
  recompute(run: Run): Promise<RunResult>;
  /** As those of its conductor. */
  drain(): void;
  isIdle(): boolean;
  isOver(): boolean;
  /** Runs that are under way are left alone: another will run them, or this gateway when it starts again. */
  stop(): void;
}

export interface GatewaySagas extends Pick<ConductingOptions, "notice" | "keep" | "ran"> {
  /** The texts of modules by the hex of their hash, as far as they are here. */
  readonly sources: ReadonlyMap<string, string>;
  /** The hex of the worldTag. */
  readonly tag: string;
  readonly provision: SagaProvision;
  /** As `ConductorOptions` has it. */
  readonly lane: number;
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly avatar: AvatarId;
  readonly sandbox: Sandbox;
  readonly kept: Kept;
  /** What the store holds of a group, from this sequence on. */
  readonly blocksOf: (group: Hash, from: number) => ReturnType<BlocksOf>;
  readonly handle: (event: Event) => Promise<void>;
}

/** Reads what the sagas' groups hold; nothing is done until it is told to `boot`. Errors: those of `createConductor`. */
export async function openConducting(options: GatewaySagas): Promise<GatewayConducting> {
  const { crypto, clock, notice, sources } = options;
  const conductor = conductorOf(options);
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const conducting = createConducting({
    ...{ crypto, conductor, clock, notice, keep: options.keep, ran: options.ran },
    sourceOf: (hash) => sources.get(hash),
    // The driver tells by itself why it has stopped.
    push: (event) => void options.handle(event).catch(() => {}),
    sandbox(request, _behavior, done) {
      const { signal } = stopping;
      options.sandbox(request, signal).then(
        (reply) => signal.aborted || done(reply),
        (error) => assert(signal.aborted, `a sandbox answers as long as somebody waits, and not: ${error}`),
      );
    },
    act(run) {
      conducting.handle({ kind: "acted", run, outcome: "refused", error: "a gateway has nothing to act with" });
    },
    wake(at) {
      clearTimeout(timer);
      const wait = Math.min(Math.max(0, at - clock.now().monotonic), 2 ** 31 - 1);
      if (!stopping.signal.aborted) timer = setTimeout(() => conducting.handle({ kind: "alarm" }), wait);
    },
  });
  const { definitions } = conductor.ledger;
  const needed = (group: Hash) => options.blocksOf(group, conductor.needed(group));
  const past = pastOf(definitions, [...definitions.groups.keys()], needed);
  for await (const block of past) conducting.take({ kind: "final", block });
  return {
    ...conducting,
    ledger: conductor.ledger,
    avatar: options.avatar,
    drain: conductor.drain,
    isIdle: conductor.isIdle,
    isOver: conductor.isOver,
    cancel(id, reason) {
      const found = cancellable(conductor.ledger, options.avatar, id);
      if (found instanceof VertebraError) throw found;
      conducting.handle({ kind: "cancel", invocation: id, reason });
      return found;
    },
    async recompute(run) {
      const source = sources.get(toHex(run.behavior.source))!;
      return resultOf(await options.sandbox(requestOf(definitions, source, run)));
    },
    stop() {
      stopping.abort();
      clearTimeout(timer);
    },
  };
}

/** What it can do: it is a gateway, and has nothing to act with. */
export const gatewayPublished: Published = new Map([["board", "gateway"]]);

/** From what was kept, or anew where that doesn't say all: the store has the whole history. */
function conductorOf({ tag, provision, sources, lane, crypto, avatar, kept }: GatewaySagas): Conductor {
  const options = {
    ...{ crypto, world: tag, avatar, provision, lane, lease, room: ample.sagaBytes },
    published: gatewayPublished,
    hasSource: (source: Hash) => sources.has(toHex(source)),
  };
  const resumed = createConductor({ ...options, kept });
  return resumed.lacks.length === 0 ? resumed : createConductor({ ...options, kept: { ...kept, snapshot: null } });
}
