import type { Action, Event } from "../../firmware/core/events";
import type { Crypto } from "../../firmware/ports";
import type { ComputePlan } from "./plan";
import type { Member, World } from "./world";

/** What a participant's cryptography did, counted at its port. */
export interface Work {
  hashes: number;
  signatures: number;
  verifications: number;
}

/** A participant that computes no faster than its processor: what comes while it is at work waits, in order, for its turn. */
export interface Compute {
  /** Undefined where it does all at once. */
  readonly plan: ComputePlan | undefined;
  readonly work: Work;
  readonly inbox: (() => void)[];
  /** Whether it is at one of its jobs now: what that brings about is part of it. */
  working: boolean;
  /** What its jobs have answered, and ms of its processor until that is done. */
  readonly answers: (() => void)[];
  spent: number;
  /** Until then nothing else is begun; and what is to be done when it awakes. */
  busy: boolean;
  held: (() => void) | null;
}

export function createCompute(plan: ComputePlan | undefined): Compute {
  const work = { hashes: 0, signatures: 0, verifications: 0 };
  return { plan, work, inbox: [], working: false, answers: [], spent: 0, busy: false, held: null };
}

/** Ms of a board with so many instructions in a ms, reckoned from what was counted of one (docs/numbers.md, "The memory of a board"). */
export function board(instructions: number): ComputePlan {
  return {
    event: 0.36e6 / instructions,
    message: 1.45e6 / instructions,
    known: 0.36e6 / instructions,
    byte: 2.9e3 / instructions,
    stored: 4.3e3 / instructions,
    hash: 2e4 / instructions,
    signature: 0.94e6 / instructions,
    verification: 2.7e6 / instructions,
  };
}

/**
 * A final batch takes some 38 M instructions beside its cryptography: 5 messages in and 5 out, 1,410 bytes, 3.1 KB of flash.
 * An RP2040 of 125 MHz takes 1.65 cycles for one; an ESP32-C3 of 160 MHz about one; a small Linux board is many times as fast.
 */
export const boards = { rp2040: board(76e3), esp32c3: board(140e3), linux: board(1e6) } as const;

/** The port, with all that is asked of it added to `work`. */
export function counted(crypto: Crypto, work: Work): Crypto {
  return {
    ...crypto,
    sha256(bytes) {
      work.hashes++;
      return crypto.sha256(bytes);
    },
    signer(seed) {
      const { publicKey, sign } = crypto.signer(seed);
      return {
        publicKey,
        sign(message) {
          work.signatures++;
          return sign(message);
        },
      };
    },
    verify(publicKey, message, signature) {
      work.verifications++;
      return crypto.verify(publicKey, message, signature);
    },
  };
}

export function workSince(before: Work, now: Work): Work {
  return {
    hashes: now.hashes - before.hashes,
    signatures: now.signatures - before.signatures,
    verifications: now.verifications - before.verifications,
  };
}

/** An event was answered: what is to be done of it follows at once, or when the processor has come so far. */
export function answer(
  { compute }: Member,
  event: Event,
  actions: readonly Action[],
  work: Work,
  perform: () => void,
): void {
  const { plan } = compute;
  if (plan === undefined) {
    perform();
    return;
  }
  const messages = actions.flatMap((action) => (action.kind === "send" ? [action.bytes] : []));
  if (event.kind === "message") messages.push(event.bytes);
  // What is new is verified, once; what is not has only to be decoded and hashed.
  const known = event.kind === "message" && work.verifications === 0 ? 1 : 0;
  compute.answers.push(perform);
  compute.spent +=
    plan.event +
    (messages.length - known) * plan.message +
    known * plan.known +
    messages.reduce((sum, bytes) => sum + bytes.length, 0) * plan.byte +
    bytesStored(actions) * plan.stored +
    work.hashes * plan.hash +
    work.signatures * plan.signature +
    work.verifications * plan.verification;
}

function bytesStored(actions: readonly Action[]): number {
  const [write] = actions;
  if (write?.kind !== "write") return 0;
  return [...write.puts].reduce((sum, [key, value]) => sum + key.length + value.length, 0);
}

/** The member does this when it comes to it: at once where its plan gives it no processor. */
export function occupy(world: World, member: Member, job: () => void): void {
  const { compute } = member;
  if (compute.plan === undefined || compute.working) job();
  else {
    compute.inbox.push(job);
    goOn(world, member);
  }
}

/** Begins what waits, until something takes time. */
function goOn(world: World, member: Member): void {
  const { compute } = member;
  while (!compute.busy && !member.asleep && compute.inbox.length > 0) begin(world, member, compute.inbox.shift()!);
}

function begin(world: World, member: Member, job: () => void): void {
  const { compute, boots } = member;
  compute.working = true;
  job();
  compute.working = false;
  if (compute.answers.length === 0 || member.boots !== boots || member.participant === undefined) return;
  compute.busy = true;
  const end = () => {
    if (member.boots !== boots || member.participant === undefined) return;
    if (member.asleep) {
      compute.held = end;
      return;
    }
    compute.busy = false;
    begin(world, member, () => {
      for (const perform of compute.answers.splice(0)) perform();
    });
    goOn(world, member);
  };
  const ms = Math.max(1, Math.round(compute.spent));
  compute.spent = 0;
  world.schedule.at(world.schedule.now() + ms, end);
}

/** It fell asleep in the middle of its work, and goes on with it. */
export function awake(world: World, member: Member): void {
  const { held } = member.compute;
  member.compute.held = null;
  held?.();
  goOn(world, member);
}

/** Its power failed: what waited is gone, and it begins at rest. */
export function stopWork(compute: Compute): void {
  compute.inbox.length = 0;
  compute.answers.length = 0;
  Object.assign(compute, { spent: 0, busy: false, held: null });
}
