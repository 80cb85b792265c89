import { toHex } from "../../firmware/core/wire/bytes";
import { type KnownMetablock, type KnownReference, type Ledger, votesFor } from "./ledger";
import { createSagaCounts, reachableBySagas } from "./saga-coverage";
import type { Watcher, World } from "./world";

/** What a batch of worlds really reached: a plan of faults that never made a split vote has tested nothing. */
export type Coverage = Readonly<Record<(typeof reachable)[number], number>>;

/** All of it must be reached in a large batch, or it has not tested what it says. */
export const reachable = [
  "split votes",
  "releases",
  "re-proposals",
  "lock conflicts",
  "relocks",
  "attempts above 3",
  "catch-ups by proofs",
  "restarts",
  "writes cut by power",
  "sessions resumed",
  "compactions",
  "amnesia noticed",
  "lies told",
  ...reachableBySagas,
] as const;

export function createCounts(): { readonly watcher: Watcher; total(world: World, ledger: Ledger): Coverage } {
  const counts = { catchUps: 0, restarts: 0, amnesia: 0, lies: 0 };
  const ofSagas = createSagaCounts();
  return {
    watcher: {
      sent() {},
      answered(_member, event, actions) {
        const proof = event.kind === "message" && event.bytes[1] === 9;
        if (proof && actions.some(({ kind }) => kind === "final")) counts.catchUps++;
      },
      wrote() {},
      delivered(_member, action) {
        if (action.kind === "notice" && action.error.code === "amnesia") counts.amnesia++;
      },
      power(member, on) {
        if (on && member.boots > 1) counts.restarts++;
      },
      ordered: ofSagas.ordered,
      noted(_who, what) {
        if (what.includes('"lie"')) counts.lies++;
      },
    },
    total: (world, ledger) => ({
      ...ofSlots(ledger),
      "catch-ups by proofs": counts.catchUps,
      restarts: counts.restarts,
      "writes cut by power": world.cutWrites,
      "sessions resumed": world.transport.resumed?.() ?? 0,
      compactions: [...world.members.values()].reduce((sum, { store }) => sum + store.compactions(), 0),
      "amnesia noticed": counts.amnesia,
      "lies told": counts.lies,
      ...ofSagas.total(world),
    }),
  };
}

/** What stood in one slot: in which metablock, and where. */
interface Standing {
  readonly metablock: KnownMetablock;
  readonly index: number;
  readonly reference: KnownReference;
}

function ofSlots(ledger: Ledger) {
  const slots = new Map<string, Standing[]>();
  let releases = 0;
  let attempts = 0;
  for (const metablock of ledger.metablocks.values()) {
    if (metablock.header.attempt > 3) attempts++;
    for (const [index, reference] of metablock.references) {
      const standings = slots.get(reference.slot) ?? [];
      standings.push({ metablock, index, reference });
      slots.set(reference.slot, standings);
    }
    if (metablock.header.releasedGroups.length === 0) continue;
    const released = metablock.header.releasedGroups.map(toHex);
    const held = ledger.parentsOf(metablock).flatMap((parent) => [...(parent?.references.values() ?? [])]);
    if (held.some(({ groupKey }) => released.includes(groupKey))) releases++;
  }
  let splits = 0;
  let again = 0;
  let conflicts = 0;
  let relocks = 0;
  for (const standings of slots.values()) {
    const certified = standings.filter(({ metablock, index }) => ledger.isCertified(metablock, index));
    const open = standings.filter((standing) => !certified.includes(standing));
    if (isSplit(ledger, open)) splits++;
    if (isAgain(standings)) again++;
    if (new Set(certified.map(({ reference }) => reference.blockKey)).size > 1) conflicts++;
    if (isAgain(certified)) relocks++;
  }
  return {
    "split votes": splits,
    releases,
    "re-proposals": again,
    "lock conflicts": conflicts,
    relocks,
    "attempts above 3": attempts,
  };
}

/** Two metablocks of one generation divide the owners of a slot: each has votes that the other has not, and neither its quorum. */
function isSplit(ledger: Ledger, open: readonly Standing[]): boolean {
  if (open.length < 2) return false;
  // A bit each.
  if ((ledger.groupOf(open[0]!.reference)?.ownerKeys.length ?? 0) > 30) return false;
  const owners = ledger.groupOf(open[0]!.reference)?.ownerKeys ?? [];
  /** By generation: the owners, a bit each, who voted for one of its metablocks. */
  const generations = new Map<number, number[]>();
  for (const { metablock, index } of open) {
    const votes = owners.reduce((bits, owner, at) => bits | (votesFor(metablock, owner, index) ? 1 << at : 0), 0);
    const others = generations.get(metablock.header.sequence) ?? [];
    if (others.some((other) => (other & ~votes) !== 0 && (votes & ~other) !== 0)) return true;
    if (!others.includes(votes)) generations.set(metablock.header.sequence, [...others, votes]);
  }
  return false;
}

/** One block stood there in two views. */
function isAgain(standings: readonly Standing[]): boolean {
  const views = new Map<string, KnownMetablock["header"]>();
  for (const { metablock, reference } of standings) {
    const before = views.get(reference.blockKey);
    const { sequence, attempt } = metablock.header;
    if (before === undefined) views.set(reference.blockKey, metablock.header);
    else if (before.sequence !== sequence || before.attempt !== attempt) return true;
  }
  return false;
}

/** The counts of many worlds together. */
export function sum(all: readonly Coverage[]): Coverage {
  return Object.fromEntries(
    reachable.map((name) => [name, all.reduce((count, each) => count + each[name], 0)]),
  ) as Coverage;
}

/** As a table: what was reached, how often, and in how many worlds. */
export function coverageTable(all: readonly Coverage[]): string {
  const total = sum(all);
  return reachable
    .map((name) => {
      const worlds = all.filter((each) => each[name] > 0).length;
      return `${name.padEnd(22)} ${String(total[name]).padStart(8)}  in ${worlds} worlds`;
    })
    .join("\n");
}
