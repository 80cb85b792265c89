import { judgedMutants } from "./judged-mutants";
import { type Mutant, one } from "./mutant";
import { sagaMutants } from "./saga-mutants";

export const mutants: readonly Mutant[] = [
  ...sagaMutants,
  ...judgedMutants,
  one(
    "skip the lock check",
    65,
    "chain/slots.ts",
    "if (slot.lock !== null && !equal(slot.lock.block, block)) return false;",
    "",
  ),
  {
    name: "certify another block in the view of a claim",
    caughtBy: 5,
    changes: [
      {
        file: "chain/slots.ts",
        from: "return compareViews(slot.claim.view, view) < 0;",
        to: "return compareViews(slot.claim.view, view) <= 0;",
      },
      {
        file: "chain/slots.ts",
        from: 'assert(compareViews(claim.view, view) < 0, "a participant certifies another block in a slot only in a higher view");',
        to: "",
      },
    ],
  },
  {
    name: "certify another block below the view of a claim",
    caughtBy: 1,
    changes: [
      { file: "chain/slots.ts", from: "return compareViews(slot.claim.view, view) < 0;", to: "return true;" },
      {
        file: "chain/slots.ts",
        from: 'assert(compareViews(claim.view, view) < 0, "a participant certifies another block in a slot only in a higher view");',
        to: "",
      },
    ],
  },
  one(
    "claim the same block below the view of a different one",
    5,
    "chain/slots.ts",
    "return absentOrBelow(slot.claim.otherView, view);",
    "return true;",
  ),
  one(
    "compare the wrong view of a claim when closing",
    8,
    "chain/slots.ts",
    "equal(slot.claim.block, block) ? slot.claim.otherView : slot.claim.view;",
    "equal(slot.claim.block, block) ? slot.claim.view : slot.claim.otherView;",
  ),
  one(
    "close whatever was certified there above",
    8,
    "chain/slots.ts",
    "return !above(other, parentView);",
    "return true;",
  ),
  {
    name: "send before writing",
    caughtBy: 1,
    changes: [
      {
        file: "participant.ts",
        from: `const ordered: Action[] = puts.size + deletes.size > 0 ? [{ kind: "write", puts, deletes }] : [];`,
        to: "const ordered: Action[] = [];",
      },
      {
        file: "participant.ts",
        from: "ordered.push(...actions, ...delivered);",
        to: `if (puts.size + deletes.size > 0) ordered.push({ kind: "write", puts, deletes }); ordered.push(...actions, ...delivered);`,
      },
    ],
  },
  one("count two-thirds as half", 1, "pact/pact.ts", "Math.floor((2 * owners) / 3) + 1;", "Math.ceil(owners / 2);"),
  one(
    "be content with one certificate less",
    1,
    "chain/metablock.ts",
    "return owners >= group.quorum;",
    "return owners >= group.quorum - 1;",
  ),
  one(
    "never release",
    8,
    "chain/prepare.ts",
    "if (released.length > maxReleasedGroups) return false;",
    "if (released.length > 0) return false;",
  ),
  {
    name: "close what is released",
    caughtBy: 4,
    changes: [
      { file: "chain/metablock.ts", from: "if (releases(child, group.id)) return false;", to: "" },
      {
        file: "chain/certify.ts",
        from: "const released = releases(metablock, group.id);",
        to: "const released = false;",
      },
    ],
  },
  one(
    "reuse a counter after a crash",
    8,
    "chain/records.ts",
    `group.ownCounter = integer("group record: counter", ownCounter);`,
    `group.ownCounter = Math.max(0, integer("group record: counter", ownCounter) - 1);`,
  ),
  one(
    "forget the later slots when one becomes final",
    1,
    "chain/finalize.ts",
    "group.slots.delete(position);",
    "group.slots.clear();",
  ),
  one(
    "forget a claim when its slot is locked",
    1,
    "chain/progress.ts",
    "changeSlot(world, group, position).lock = kept;",
    "changeSlot(world, group, position).lock = kept; changeSlot(world, group, position).claim = null;",
  ),
  one(
    "erase before finality is durable",
    1,
    "chain/finalize.ts",
    "put(world, finalKey(world.tag, group.key, position), record);",
    "",
  ),
  one(
    "lose HFG in a crash",
    1,
    "chain/records.ts",
    `world.highestFinalizableGeneration = integer("state record: HFG", finalizable, -1);`,
    "",
  ),
  one(
    "lose claims in a crash",
    1,
    "chain/records.ts",
    "claim === null\n      ? null",
    "claim !== undefined\n      ? null",
  ),
  one("lose locks in a crash", 1, "chain/records.ts", "lock === null ? null :", "lock !== undefined ? null :"),
  one("issue again in a view after a crash", 70, "chain/records.ts", "world.issuedBefore = world.issued;", ""),
  {
    name: "count a certificate beyond its scope",
    caughtBy: 1,
    changes: [
      {
        file: "chain/metablock.ts",
        from: "scope === null || scope.own.includes(index)",
        to: "scope === null || scope.own.length > 0 || index < 0",
      },
      { file: "chain/evidence.ts", from: "return scope.own.includes(wanted.own);", to: "return scope.own.length > 0;" },
    ],
  },
  {
    name: "count a closing beyond its scope",
    caughtBy: 10,
    changes: [
      {
        file: "chain/metablock.ts",
        from: "scope === null || names(scope.parents, parent, index)",
        to: "scope === null || scope.parents.length > 0 || parent + index < 0",
      },
      {
        file: "chain/evidence.ts",
        from: "return scope.parents.some(([parent, index]) => parent === wanted.parent && index === wanted.index);",
        to: "return scope.parents.length > 0;",
      },
    ],
  },
  {
    name: "put a block of the window in again",
    caughtBy: 2,
    changes: [
      {
        file: "chain/propose.ts",
        from: "const taken = new Set(window);",
        to: "const taken = new Set(window.slice(1));",
      },
      {
        file: "chain/propose.ts",
        from: "if (bound === undefined && lockedElsewhere(group, position, id)) continue;",
        to: "",
      },
      { file: "chain/certify.ts", from: "|| standing.has(key)) break;", to: ") break;" },
      { file: "chain/predicates.ts", from: "window.reduce(withFinalCounter, final);", to: "final;" },
    ],
  },
  one(
    "drop a lock's proof",
    4,
    "gossip/frontier.ts",
    "if (!proof || locks.length === locksTold || room <= 0) continue;",
    "if (position >= 0) continue;",
  ),
  {
    name: "accept a stale parent",
    caughtBy: 4,
    changes: [
      { file: "chain/certify.ts", from: "if (!isCertified(parent, group, index)) return false;", to: "" },
      {
        file: "chain/certify.ts",
        from: "if (locked === undefined || !equal(locked, value.block)) return false;",
        to: "",
      },
    ],
  },
  {
    name: "close without a lock",
    caughtBy: 97,
    changes: [
      {
        file: "chain/certify.ts",
        from: "if (slot === undefined || !mayClose(slot, value.block, parent.view)) return false;",
        to: "if (!mayClose(slot, value.block, parent.view)) return false;",
      },
      {
        file: "chain/certify.ts",
        from: "const locked = slot.final?.block ?? slot.lock?.block;",
        to: "",
      },
      {
        file: "chain/certify.ts",
        from: "if (locked === undefined || !equal(locked, value.block)) return false;",
        to: "",
      },
    ],
  },
  one(
    "take blocks out of their order",
    8,
    "chain/predicates.ts",
    "return counter === highestFinalCausalSequence(final) + 1 || window.includes(counter - 1);",
    "return true;",
  ),
  one(
    "never raise the attempt",
    1,
    "chain/attempt.ts",
    "world.attempt = Math.min(attempt, maxCount);",
    "world.attempt = 0;",
  ),
  one(
    "lose blocks in a crash",
    4,
    "chain/observe.ts",
    "put(world, blockKey(world.tag, group.key, number), encodeBlock(block));",
    "",
  ),
  one(
    "believe certificates in the name of others",
    4,
    "chain/certificates.ts",
    "if (!verifySignature(world.crypto, certificate.signer, signed, certificate.signature)) {",
    "if (signed.length === 0) {",
  ),
];
