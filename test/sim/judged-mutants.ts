import { type Mutant, one } from "./mutant";

/** Deliberate faults in what bounds a participant, and in what its readers, writers, store and links are promised. */
export const judgedMutants: readonly Mutant[] = [
  {
    ...one("let certificates wait without bound", 9, "chain/certificates.ts", "if (!hadRoom) waiting.shift();", ""),
    kind: "loaded",
  },
  one(
    "tell of every second sealed block",
    1,
    "chain/seal.ts",
    '  world.delivered.push({\n    kind: "sealed",',
    '  if (group.ownCounter % 2 === 1) world.delivered.push({\n    kind: "sealed",',
  ),
  one(
    "forget in the store what was deleted",
    7,
    "store/journal.ts",
    "change.entries.push(removeEntry(number, 0));",
    "",
  ),
  one(
    "resume with a secret that never changes",
    182,
    "link/resumption.ts",
    "next: split(output.subarray(128)),",
    "next: old,",
  ),
  one(
    "vote one attempt ahead",
    5,
    "chain/predicates.ts",
    "return view.attempt <= world.attempt;",
    "return view.attempt <= world.attempt + 1;",
  ),
  {
    ...one(
      "give a group's data to whoever asks",
      704,
      "chain/access.ts",
      "if (group.ownerKeys.includes(avatarKey) || group.followers.has(avatarKey)) return true;",
      'if (group.ownerKeys.length > 0 || avatarKey !== "") return true;',
    ),
    kind: "loaded",
  },
  {
    ...one(
      "wait for a parent that nobody near has",
      515,
      "chain/prepare.ts",
      "return hasParents(world, view) || !waitsLong(world, group) || !hasParents(world, next) ? view : next;",
      "return hasParents(world, view) || next.attempt >= 0 ? view : next;",
    ),
    kind: "loaded",
  },
  {
    ...one(
      "take no parent that stands for nothing, whoever built upon it",
      250,
      "chain/certify.ts",
      "if (!stand && !othersBuiltUpon(world, group, metablock)) continue;",
      "if (!stand) continue;",
    ),
    kind: "small",
  },
];
