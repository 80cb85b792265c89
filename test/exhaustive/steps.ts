import { hash } from "node:crypto";
import type { Happening, Member, Snapshot } from "./member";
import { identify } from "./member";

/**
 * Participants are deterministic: what one does from a state on an event is worked out once, and looked up ever after. States and
 * messages are numbers here, so that a search through the whole network only compares and copies numbers.
 */
export interface Steps {
  /** The number of this participant's state. */
  intern(who: number, snapshot: Snapshot): number;
  snapshot(who: number, state: number): Snapshot;
  message(bytes: Uint8Array): number;
  bytesOf(message: number): Uint8Array;
  /** `key` names the happening. Peers are numbered by participant, from 1. */
  step(who: number, state: number, key: string, happening: () => Happening): Step;
  readonly statesOf: (who: number) => number;
}

export interface Step {
  readonly next: number;
  /** To whom, and the message's number, in the order of sending. */
  readonly sends: readonly (readonly [to: number, message: number])[];
}

export function createSteps(members: readonly Member[]): Steps {
  const numbers = members.map(() => new Map<string, number>());
  const snapshots: Snapshot[][] = members.map(() => []);
  const known = members.map(() => new Map<string, Step>());
  const messageNumbers = new Map<string, number>();
  const messages: Uint8Array[] = [];

  const steps: Steps = {
    intern(who, snapshot) {
      const text = digest(identify(snapshot));
      let number = numbers[who]!.get(text);
      if (number === undefined) {
        number = snapshots[who]!.length;
        numbers[who]!.set(text, number);
        snapshots[who]!.push(snapshot);
      }
      return number;
    },
    snapshot: (who, state) => snapshots[who]![state]!,
    message(bytes) {
      const text = Buffer.from(bytes).toString("latin1");
      let number = messageNumbers.get(text);
      if (number === undefined) {
        number = messages.length;
        messageNumbers.set(text, number);
        messages.push(bytes);
      }
      return number;
    },
    bytesOf: (message) => messages[message]!,
    step(who, state, key, happening) {
      const name = `${state} ${key}`;
      const before = known[who]!.get(name);
      if (before !== undefined) return before;
      const { next, sends } = members[who]!.step(snapshots[who]![state]!, happening());
      const step = {
        next: steps.intern(who, next),
        sends: sends.map(({ peer, bytes }) => [peer - 1, steps.message(bytes)] as const),
      };
      known[who]!.set(name, step);
      return step;
    },
    statesOf: (who) => snapshots[who]!.length,
  };
  return steps;
}

function digest(text: string): string {
  return hash("sha256", text, "base64").slice(0, 22);
}
