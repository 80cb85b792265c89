import type { VertebraError } from "../core/errors";
import type { Action, Event, PeerId } from "../core/events";
import type { Clock, Time } from "../ports";

/** What the driver leaves to others, to be done in order. */
export type Outcome = Extract<
  Action,
  {
    readonly kind:
      | "sealed"
      | "moved"
      | "refused"
      | "final"
      | "defined"
      | "retired"
      | "deployed"
      | "rollout"
      | "undeployed"
      | "expelled"
      | "notice";
  }
>;

export interface DriverOptions {
  readonly participant: { handle(event: Event, now: Time): Action[] };
  /** Durable on return. */
  write(puts: ReadonlyMap<string, Uint8Array>, deletes: ReadonlySet<string>): void;
  read(key: string): Uint8Array | undefined;
  readonly clock: Clock;
  send(peer: PeerId, bytes: Uint8Array): void;
  cut(peer: PeerId, reason: VertebraError): void;
  deliver(outcome: Outcome): void;
  /** Monotonic ms; replaces the time asked for before. */
  wake(at: number): void;
}

/** A participant, what is driven for it, and the events that wait for their turn. */
export interface Driver {
  readonly options: DriverOptions;
  readonly waiting: Event[];
  driving: boolean;
}

export function createDriver(options: DriverOptions): Driver {
  return { options, waiting: [], driving: false };
}

/**
 * Gives a participant an event and does what it asks, in its order, of which the writes come first and are durable before
 * anything else is done (`core/events`). What follows from that, as the answer to a read, is driven before the call returns.
 */
export function drive(driver: Driver, event: Event): void {
  const { options, waiting } = driver;
  waiting.push(event);
  // An action can bring the next event, as a link that goes down when something is sent: it waits its turn.
  if (driver.driving) return;
  driver.driving = true;
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    for (const action of options.participant.handle(next, options.clock.now())) perform(driver, action);
  }
  driver.driving = false;
}

function perform({ options, waiting }: Driver, action: Action): void {
  switch (action.kind) {
    case "write":
      options.write(action.puts, action.deletes);
      break;
    case "send":
      options.send(action.peer, action.bytes);
      break;
    case "read":
      waiting.push({ kind: "record", request: action.request, value: options.read(action.key) });
      break;
    case "cut":
      options.cut(action.peer, action.reason);
      break;
    case "wake":
      options.wake(action.at);
      break;
    case "recovered":
      // A board's journal is read whole, or refused whole: it never tells that a block is lost.
      break;
    default:
      options.deliver(action);
  }
}
