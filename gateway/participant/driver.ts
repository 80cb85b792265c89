import type { Action, Event } from "../../firmware/core/events";
import type { Clock, Time } from "../../firmware/ports";
import type { Store } from "./store";

/** What the driver leaves to others: everything but writes, reads and wakes. */
export type Outcome = Exclude<Action, { readonly kind: "write" | "read" | "wake" }>;

export interface Driver {
  /**
   * Gives the participant an event; resolves when all that it asked for in answer is done, so that whoever waits for it
   * before giving the next keeps the queue bounded. Rejects when the driver has stopped, with what stopped it.
   */
  handle(event: Event): Promise<void>;
  /** Ends after what was given until now. */
  stop(): Promise<void>;
}

export interface DriverOptions {
  readonly participant: { handle(event: Event, now: Time): Action[] };
  readonly store: Pick<Store, "read" | "write">;
  readonly clock: Clock;
  /** Does one outcome, in order, after the writes of its answer are durable. */
  readonly perform: (outcome: Outcome) => void;
  /** The store or the participant failed; nothing was sent after that. The process should end. */
  readonly failed: (error: unknown) => void;
}

/** Events whose writes share one batch, and so one wait for the disk. */
const mostTogether = 128;
/** setTimeout takes no longer wish. */
const longestTimer = 2 ** 31 - 1;

interface Waiting {
  readonly event: Event;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Drives a participant on Node: one event after the other, every write durable before what follows it. */
export function startDriver(options: DriverOptions): Driver {
  const { participant, store, clock, perform } = options;
  const queue: Waiting[] = [];
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped: { readonly error: unknown } | undefined;

  function handle(event: Event): Promise<void> {
    if (stopped) return Promise.reject(stopped.error);
    return new Promise((resolve, reject) => {
      queue.push({ event, resolve, reject });
      running ??= run();
    });
  }

  async function run(): Promise<void> {
    let together: Waiting[] = [];
    try {
      // Events given in the same turn are taken together.
      await Promise.resolve();
      while (queue.length > 0) {
        together = queue.splice(0, mostTogether);
        await answer(together.map((waiting) => waiting.event));
        for (const waiting of together) waiting.resolve();
      }
    } catch (error) {
      stopWith(error);
      for (const waiting of [...together, ...queue.splice(0)]) waiting.reject(error);
      options.failed(error);
    } finally {
      running = undefined;
    }
  }

  /**
   * The contract of core/events for several events at once: the participant answers them all in order, then all their writes
   * become durable in one piece, then the rest is done in the order in which it was asked.
   */
  async function answer(events: readonly Event[]): Promise<void> {
    const puts = new Map<string, Uint8Array>();
    const deletes = new Set<string>();
    const rest: Exclude<Action, { kind: "write" }>[] = [];
    for (const event of events) {
      for (const action of participant.handle(event, clock.now())) {
        if (action.kind === "write") merge(puts, deletes, action);
        else rest.push(action);
      }
    }
    if (puts.size + deletes.size > 0) await store.write(puts, deletes);
    for (const action of rest) {
      if (action.kind === "wake") wake(action.at);
      else if (action.kind === "read") await read(action.key, action.request);
      else perform(action);
    }
  }

  async function read(key: string, request: number): Promise<void> {
    const value = await store.read(key);
    queue.push({ event: { kind: "record", request, value }, resolve() {}, reject() {} });
  }

  function wake(at: number): void {
    clearTimeout(timer);
    if (stopped) return;
    const wait = Math.min(Math.max(0, Math.ceil(at - clock.now().monotonic)), longestTimer);
    // A failure is told by `failed`; there is nobody else to tell.
    timer = setTimeout(() => handle({ kind: "alarm" }).catch(() => {}), wait);
  }

  function stopWith(error: unknown): void {
    clearTimeout(timer);
    stopped ??= { error };
  }

  return {
    handle,
    async stop() {
      stopWith(new Error("The driver has stopped"));
      await running;
    },
  };
}

/** Later writes win over earlier ones. */
function merge(
  puts: Map<string, Uint8Array>,
  deletes: Set<string>,
  action: { readonly puts: ReadonlyMap<string, Uint8Array>; readonly deletes: ReadonlySet<string> },
): void {
  for (const key of action.deletes) {
    puts.delete(key);
    deletes.add(key);
  }
  for (const [key, value] of action.puts) {
    deletes.delete(key);
    puts.set(key, value);
  }
}
