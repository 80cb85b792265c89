import { createDigest } from "./digest";
import type { Plan } from "./plan";

/** A world that once went wrong, and why: run again on every change. */
export interface KeptSeed {
  readonly seed: number;
  readonly why: string;
  /** The digest of the plan that the seed drew then: another plan would be another world. */
  readonly plan: string;
}

export function digestOfPlan(plan: Plan): string {
  const digest = createDigest();
  digest.words(JSON.stringify(plan, (_, value) => (value instanceof Map ? [...value] : value)));
  return digest.hex();
}

export const keptSeeds: readonly KeptSeed[] = [
  {
    seed: 9,
    plan: "60acae78ff2f836c",
    why: "an owner ahead of a quorum went on to attempts in which the others, when they came back, never met it",
  },
  {
    seed: 16,
    plan: "081d079a7cb8f7fb",
    why: "an owner alone for hours was hundreds of attempts ahead of those who came back",
  },
  {
    seed: 92,
    plan: "dad3f00ef228942f",
    why: "a restored member asked for a view below one that it had used, without end",
  },
  {
    seed: 147,
    plan: "8ec14092131dacd6",
    why: "an owner alone for hours was hundreds of attempts ahead of the two who came back",
  },
  {
    seed: 275,
    plan: "b3e4297bbebb0685",
    why: "an invocation ended without a word on which of its stages is unknown",
  },
  {
    seed: 1093,
    plan: "468ed469dd481bb8",
    why: "a liar's blocks that only some owners had room for, and its metablocks of attempts far ahead, kept a group still",
  },
  {
    seed: 3022,
    plan: "e2e721c8d40a99df",
    why: "a lock that had become void was made again from the same metablock, and the group stood still",
  },
  {
    seed: 3034,
    plan: "aa012e7640419d6e",
    why: "a lock that had become void was made again, where the history below the group's position was not looked at",
  },
  {
    seed: 4108,
    plan: "57aeaaa0f050c1ae",
    why: "two owners behind a relay had both spent their first attempt before a crash, and neither spoke again",
  },
  {
    seed: 912,
    plan: "8036a2f1026cb8dc",
    why: "a block that was certified fell below the window of its issuer's counters before its turn, and everyone dropped it",
  },
  {
    seed: 7504,
    plan: "125a2ff48e86e91d",
    why: "who learned a block's finality from a proof did not know the child that closed it to stand, and voted for nothing above it",
  },
  {
    seed: 10183,
    plan: "78b2c10548d4161d",
    why: "a relay that lacked the parents passed a stranger's certificate on, and was cut off for it",
  },
];
