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
    plan: "d7ff2fb58300a62c",
    why: "an owner ahead of a quorum went on to attempts in which the others, when they came back, never met it",
  },
  {
    seed: 16,
    plan: "d30b86d841bfa453",
    why: "an owner alone for hours was hundreds of attempts ahead of those who came back",
  },
  {
    seed: 92,
    plan: "52aafd14be26205f",
    why: "a restored member asked for a view below one that it had used, without end",
  },
  {
    seed: 147,
    plan: "f95c51e29c488af0",
    why: "an owner alone for hours was hundreds of attempts ahead of the two who came back",
  },
  {
    seed: 275,
    plan: "2aa5f3be73e909de",
    why: "an invocation ended without a word on which of its stages is unknown",
  },
  {
    seed: 1093,
    plan: "ccc6f7148d29e7cc",
    why: "a liar's blocks that only some owners had room for, and its metablocks of attempts far ahead, kept a group still",
  },
  {
    seed: 3022,
    plan: "dde9b88d17bc9bb8",
    why: "a lock that had become void was made again from the same metablock, and the group stood still",
  },
  {
    seed: 3034,
    plan: "14f53183d757f981",
    why: "a lock that had become void was made again, where the history below the group's position was not looked at",
  },
  {
    seed: 4108,
    plan: "7c58e16bd7d11687",
    why: "two owners behind a relay had both spent their first attempt before a crash, and neither spoke again",
  },
  {
    seed: 7504,
    plan: "608f59645910b350",
    why: "who learned a block's finality from a proof did not know the child that closed it to stand, and voted for nothing above it",
  },
  {
    seed: 10183,
    plan: "8a38b1dbd0ebadba",
    why: "a relay that lacked the parents passed a stranger's certificate on, and was cut off for it",
  },
];
