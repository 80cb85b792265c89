import { type Definitions, readDefinitions } from "../../firmware/core/saga/definitions";
import type { FinalEntry } from "../../firmware/core/saga/entries";
import { createLedger, type Ledger, takeEntry } from "../../firmware/core/saga/ledger";
import { asTheyCame } from "../../firmware/core/saga/past";
import { agrees, replay } from "../../firmware/core/saga/replay";
import { toHex } from "../../firmware/core/wire/bytes";
import { decode } from "../../firmware/core/wire/cbor";
import { behave } from "./behaviors";
import { isSuspect } from "./checkers";
import { type Counted, type Invocation, type Judgement, judge, leavesSomething, type Told } from "./saga-judge";
import { finalBlocks, type Sagas } from "./sagas";
import type { Group, Member, World } from "./world";

/** What must hold of sagas, told from the final entries alone: apart from the runtime, but for its replay, which must say the same. */

type Fail = (what: string) => void;

/** What became final anywhere, by group, as readers are told. */
export function history(world: World, fail: Fail): Map<string, Told[]> {
  const all = new Map<string, Told[]>();
  const honest = [...world.members.values()].filter((member) => !isSuspect(world, member));
  for (const group of world.groups.values()) {
    if (group.holds === undefined || group.holds === "capabilities") continue;
    const each = honest.map((member) => finalBlocks(world, member, group));
    const longest = each.reduce((one, other) => (other.length > one.length ? other : one));
    all.set(group.name, tellOnce(group, longest, fail));
  }
  return all;
}

/** An entry whose id was final before is a repeat, and must be marked as one; the others are told. */
function tellOnce(group: Group, blocks: ReturnType<typeof finalBlocks>, fail: Fail): Told[] {
  const ids = new Set<string>();
  const told: Told[] = [];
  for (const { entries, firstEntry, issuer, repeats, position } of blocks) {
    for (const [index, bytes] of entries!.entries()) {
      const produced = bytes[0] === 0xa1;
      const id = produced ? toHex(bytes.subarray(3, 35)) : null;
      const again = id !== null && ids.has(id);
      if (again !== repeats.includes(index))
        fail(`entry ${index} of slot ${position} of ${group.name} is a repeat, or not`);
      if (again) continue;
      if (id !== null) ids.add(id);
      const sequence = firstEntry + index;
      const key = `${group.key}/${sequence}`;
      told.push({ group, sequence, key, issuer: toHex(issuer), id, entry: produced ? bytes.subarray(35) : bytes });
    }
  }
  return told;
}

/** Holds what was judged against all that was done. */
export function checkSafety(world: World, sagas: Sagas, entries: ReadonlyMap<string, Told[]>, fail: Fail): Judgement {
  const judgement = judge(world, sagas, entries);
  checkEffects(judgement, entries, fail);
  checkActs(world, sagas, judgement, fail);
  for (const invocation of judgement.invocations) {
    if (invocation.awaits.kind === "nothing") checkEnd(invocation, fail);
  }
  checkReplay(world, sagas, judgement, entries, fail);
  for (const member of world.members.values()) checkLedger(world, sagas, member, fail);
  return judgement;
}

/** "A loser's outputs never come to be"; nor do they twice, nor others than the state says. */
function checkEffects({ counted }: Judgement, entries: ReadonlyMap<string, Told[]>, fail: Fail): void {
  const due = new Map(counted.flatMap(({ effects }) => effects.map((effect) => [effect.id, effect] as const)));
  const came = new Set<string>();
  for (const told of [...entries.values()].flat()) {
    if (told.id === null) continue;
    const where = `entry ${told.sequence} of ${told.group.name}`;
    const effect = due.get(told.id);
    if (effect === undefined) fail(`${where} was produced by no state that counts`);
    else if (effect.group !== told.group.key || toHex(effect.entry) !== toHex(told.entry)) {
      fail(`${where} is other than the state says that it follows from`);
    }
    if (came.has(told.id)) fail(`${where} is told twice`);
    came.add(told.id);
  }
}

/** "Only its issuer then acts": once for an intent that counts, and what came of it is what its outcome says. */
function checkActs(world: World, { acts }: Sagas, { invocations }: Judgement, fail: Fail): void {
  const done = new Map<string, (typeof acts)[number]>();
  for (const act of acts) {
    const { member, operation } = act;
    if (done.has(operation)) fail(`${member} acted, and ${done.get(operation)!.member} did the same before`);
    done.set(operation, act);
  }
  const intended = new Set<string>();
  for (const { states } of invocations) {
    for (const [index, { state, told }] of states.entries()) {
      if (state.status !== "intent") continue;
      const act = operationOf(state);
      intended.add(act);
      const issuer = world.byAvatar.get(told.issuer)!.name;
      const by = done.get(act);
      if (by !== undefined && by.member !== issuer) fail(`${by.member} acted by an intent of ${issuer}`);
      const outcome = states[index + 1]?.state.status;
      const said = outcome === "compensated" ? "done" : outcome;
      // One that is too late to be done is refused.
      const was = by?.outcome ?? "refused";
      if (said !== undefined && said !== "unknown" && said !== was)
        fail(`an act is told to be ${said}, and was ${was}`);
    }
  }
  for (const { member, operation, at } of acts) {
    const undone = done.get(undoing(operation));
    if (undone !== undefined && undone.at < at) fail(`${member} acts after ${undone.member} undid that`);
    if (!intended.has(operation)) fail(`${member} acted without an intent that counts`);
  }
}

/** An operation ends with 0, and the one that undoes it with 1. */
function undoing(operation: string): string {
  return `${operation.slice(0, -1)}1`;
}

function operationOf({ produced }: Counted["state"]): string {
  return produced.flatMap((output) => (output.kind === "operation" ? [toHex(output.operation)] : [])).join(" ");
}

/** "The last state says what was undone and what is unknown": nothing that a failed invocation did is left without a word. */
function checkEnd(invocation: Invocation, fail: Fail): void {
  const { saga, states, deeds } = invocation;
  const last = states.at(-1)!.state;
  const name = `invocation ${toHex(invocation.id).slice(0, 8)} of ${saga.name}`;
  if (last.status === "done") {
    if (last.stage !== saga.stages.length - 1) fail(`${name} ended with stage ${last.stage} done`);
    return;
  }
  const reversed = reversedIds(invocation);
  for (const deed of deeds) {
    const { stage, status } = deed.counted.state;
    const undo = states.find((each) => each.undoes && each.state.stage === stage && each.state.status !== "intent");
    if (status === "unknown" && !new RegExp(`stage ${stage} is unknown`).test(last.error) && undo === undefined) {
      fail(`${name} ended without saying that stage ${stage} is unknown: ${last.error}`);
    }
    if (undo === undefined) {
      if (leavesSomething(invocation, deed)) fail(`${name} ended, and stage ${stage} is not undone`);
      continue;
    }
    if (!last.error.includes(`stage ${stage} `)) fail(`${name} ended without a word on stage ${stage}`);
    if (undo.state.status === "unknown" && !/unknown|not undone/.test(last.error)) {
      fail(`${name} ended without saying what is unknown of stage ${stage}: ${last.error}`);
    }
    if (undo.state.status !== "compensated" || saga.stages[stage]!.compensation !== "none") continue;
    for (const id of deed.ids) {
      if (!invocation.consumed.has(id) && !reversed.has(id)) fail(`${name} left an entry of stage ${stage} standing`);
    }
    if (saga.reach !== "invocation" && toHex(undo.state.state) !== toHex(deed.before)) {
      fail(`${name} did not put the state back that was before stage ${stage}`);
    }
  }
}

/** Ids that the reversals name which its states put out. */
function reversedIds({ states }: Invocation): ReadonlySet<string> {
  const reversals = states.flatMap(({ undoes, effects }) => (undoes ? effects : []));
  const ids = reversals.flatMap(({ entry }) => {
    const [named] = decode(entry) as readonly unknown[];
    return Array.isArray(named) ? (named as Uint8Array[]).map(toHex) : [];
  });
  return new Set(ids);
}

/** The runtime's own reading of the same entries: the same states count, and each is what its run gives again. */
function checkReplay(
  world: World,
  sagas: Sagas,
  { counted }: Judgement,
  entries: ReadonlyMap<string, Told[]>,
  fail: Fail,
): void {
  const definitions = readDefinitions(world.crypto, sagas.provision);
  const replayed = replay(definitions, inOrder(definitions, entries.values()));
  const [one, other] = [replayed.map(({ head }) => head.key), counted.map(({ told }) => told.key)].map((keys) =>
    keys.sort().join(" "),
  );
  if (one !== other) fail(`the runtime counts the states ${one}, and the second judge ${other}`);
  for (const each of replayed) {
    if (each.run === null) continue;
    const { stage, status } = each.head.state;
    const result = behave(sagas.plan.sagas, sagas.pacts, each.run);
    if (!agrees(definitions, each, result))
      fail(`${each.run.behavior.name}, run again, gives other than ${stage} ${status}`);
  }
}

/** As a start gives them to a ledger: group after group, more states could wait in it than it holds. */
function inOrder(definitions: Definitions, groups: Iterable<readonly Told[]>): FinalEntry[] {
  const entries = [...groups].flat().map(finalEntry);
  const blocks = entries.map(({ group, sequence, issuer, entry }) => {
    return { group, firstEntry: sequence, issuer, entries: [entry], repeats: [] };
  });
  const entryOf = new Map(blocks.map((block, at) => [block as object, entries[at]!]));
  return asTheyCame(definitions, blocks).map((block) => entryOf.get(block)!);
}

function finalEntry({ group, sequence, issuer, id, entry }: Told): FinalEntry {
  return { group: group.id, sequence, issuer: bytesOf(issuer), id: id === null ? null : bytesOf(id), entry };
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g)!, (byte) => Number.parseInt(byte, 16));
}

/** What a conductor holds is what follows from its store, in whatever order it heard of it. */
function checkLedger(world: World, sagas: Sagas, member: Member, fail: Fail): void {
  const conductor = sagas.conductorOf(member);
  if (conductor === undefined || member.participant === undefined) return;
  const definitions = readDefinitions(world.crypto, sagas.provision);
  const fresh = createLedger(definitions, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  const groups = [...world.groups.values()].filter(({ holds }) => holds !== undefined && holds !== "capabilities");
  const told = groups.map((group) => tellOnce(group, finalBlocks(world, member, group), fail));
  for (const each of inOrder(definitions, told)) takeEntry(fresh, each, 0);
  const [has, should] = [describe(conductor.ledger), describe(fresh)];
  for (const [what, value] of should) {
    if (has.get(what) !== value) fail(`${member.name} holds of ${what} ${has.get(what)}, and its store says ${value}`);
  }
}

function describe({ books }: Ledger): Map<string, string> {
  const all = new Map<string, string>();
  const sorted = (items: Iterable<string>) => [...items].sort().join(" ");
  for (const [key, book] of books) {
    const reaches = [...book.reaches].map(([name, { tip, running }]) => `${name}:${tip?.key}:${running?.key}`);
    const invocations = [...book.invocations.values()].map(
      (each) => `${each.key}:${JSON.stringify(each.next)}:${each.head?.key}:${each.steps.map(({ stage }) => stage)}`,
    );
    const parts = {
      reaches,
      invocations,
      taken: [...book.taken].flatMap(([group, sequences]) => [...sequences].map((each) => `${group}/${each}`)),
      causes: book.causes.keys(),
      unconsumed: book.unconsumed.keys(),
    };
    for (const [part, items] of Object.entries(parts)) all.set(`${part} of ${key}`, sorted(items));
    all.set(`backlog of ${key}`, sorted(book.backlog.map((head) => head.key)));
  }
  return all;
}

/** What is still to come once all is well; undefined where nothing is. */
export function lacking({ invocations, counted }: Judgement, entries: ReadonlyMap<string, Told[]>): string | undefined {
  for (const { awaits, id, saga } of invocations) {
    if (awaits.kind === "nothing") continue;
    return `invocation ${toHex(id).slice(0, 8)} of ${saga.name} still waits for ${awaits.kind} ${awaits.stage}`;
  }
  const came = new Set([...entries.values()].flat().map(({ id }) => id));
  for (const { effects, told } of counted) {
    const missing = effects.find(({ id }) => !came.has(id));
    if (missing !== undefined) return `what state ${told.sequence} of ${told.group.name} produced is not final`;
  }
  return undefined;
}
