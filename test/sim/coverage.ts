import { type KnownMetablock, type Ledger, slotOf, votesFor } from "./ledger";
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
] as const;

export function createCounts(): { readonly watcher: Watcher; total(world: World, ledger: Ledger): Coverage } {
  const counts = { catchUps: 0, restarts: 0, amnesia: 0, lies: 0 };
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
    }),
  };
}

/** How often something stood in a slot: in which metablock, and where. */
interface Standing {
  readonly metablock: KnownMetablock;
  readonly index: number;
  readonly block: string;
}

function ofSlots(ledger: Ledger) {
  const slots = new Map<string, Standing[]>();
  let releases = 0;
  let attempts = 0;
  for (const metablock of ledger.metablocks.values()) {
    if (metablock.header.attempt > 3) attempts++;
    for (const [index, reference] of metablock.references) {
      const standings = slots.get(slotOf(reference)) ?? [];
      standings.push({ metablock, index, block: String(reference.block) });
      slots.set(slotOf(reference), standings);
    }
    const released = metablock.header.releasedGroups.map(String);
    const held = ledger.parentsOf(metablock).flatMap((parent) => [...(parent?.references.values() ?? [])]);
    if (held.some(({ group }) => released.includes(String(group)))) releases++;
  }
  let splits = 0;
  let again = 0;
  let conflicts = 0;
  let relocks = 0;
  for (const standings of slots.values()) {
    if (standings.some((one) => standings.some((other) => isSplit(ledger, one, other)))) splits++;
    if (standings.some((one) => standings.some((other) => isAgain(one, other)))) again++;
    const certified = standings.filter(({ metablock, index }) => ledger.isCertified(metablock, index));
    if (certified.some(({ block }) => block !== certified[0]!.block)) conflicts++;
    if (certified.some((one) => certified.some((other) => isAgain(one, other)))) relocks++;
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
function isSplit(ledger: Ledger, one: Standing, other: Standing): boolean {
  if (one.metablock === other.metablock || one.metablock.header.sequence !== other.metablock.header.sequence)
    return false;
  if (ledger.isCertified(one.metablock, one.index) || ledger.isCertified(other.metablock, other.index)) return false;
  const owners = ledger.groupOf(one.metablock.references.get(one.index)!)?.ownerKeys ?? [];
  const votes = ({ metablock, index }: Standing) => owners.map((owner) => votesFor(metablock, owner, index));
  const [first, second] = [votes(one), votes(other)];
  return owners.some((_, at) => first[at] && !second[at]) && owners.some((_, at) => second[at] && !first[at]);
}

function isAgain(one: Standing, other: Standing): boolean {
  if (one.block !== other.block) return false;
  const [a, b] = [one.metablock.header, other.metablock.header];
  return a.sequence !== b.sequence || a.attempt !== b.attempt;
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
