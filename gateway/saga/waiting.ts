import { meets } from "../../firmware/core/pact/requirement";
import { isOfPact, type StageKnown } from "../../firmware/core/saga/definitions";
import { referenceKey } from "../../firmware/core/saga/entries";
import type { Invocation } from "../../firmware/core/saga/invocation";
import { stageOf } from "../../firmware/core/saga/invocation";
import { lease } from "../../firmware/core/saga/limits";
import { entryFor } from "../../firmware/core/saga/matching";
import type { SagaState } from "../../firmware/core/saga/state";
import { rankAmong } from "../../firmware/core/saga/turn";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import type { AvatarId, Hash } from "../../firmware/core/wire/types";
import { requirementText } from "./requirements";
import type { Stories, Story } from "./stories";

/** The names by which people call what the protocol names by hashes. */
export interface Names {
  group(id: Hash): string;
  member(avatar: AvatarId): string;
}

/** What an invocation waits for: `sentence` goes on after "until". */
export interface Waits {
  readonly for: "others" | "seen" | "entry" | "turn" | "deadline" | "finality" | "outcome" | "undoing";
  readonly sentence: string;
  /** The sealed block that waits for finality, in hex: `vertebra why` says for whom. */
  readonly block: string | null;
  /** ms since 1970 when the stage it waits with has failed, as far as the blocks' times tell; null for never. */
  readonly deadline: number | null;
}

/** A saga state that is sealed, and not final yet. */
export interface SealedState {
  readonly block: Hash;
  readonly issuer: AvatarId;
  readonly state: SagaState;
}

/** What is so now, beside what is final. */
export interface Present {
  readonly sealed: readonly SealedState[];
  /** ms since 1970; 0 where that is not known. */
  readonly now: number;
  /** Who takes no part in a saga any more, by the keys of the ledger's books. */
  readonly idle: ReadonlyMap<string, AvatarId>;
}

/** Of an invocation that has ended: undefined. */
export function waitsFor(
  stories: Stories,
  { invocation }: Story,
  names: Names,
  { sealed, now, idle }: Present,
): Waits | undefined {
  const { next, reach, head } = invocation;
  if (next.kind === "ended") return undefined;
  const stage = stageOf(invocation, next.stage);
  const first = reach.running ?? reach.waiting[0]!;
  const deadline = next.kind === "stage" && stage.deadline > 0 ? deadlineOf(invocation, stage) : null;
  const answer = (what: Waits["for"], sentence: string): Waits => ({ for: what, sentence, block: null, deadline });
  if (first !== invocation) {
    return answer("others", `${first.key.slice(0, 8)} has ended, with which it shares its state`);
  }
  const [key, book] = [...stories.ledger.books].find(([, { invocations }]) => invocations.has(invocation.key))!;
  const [held] = book.backlog;
  if (held?.state.consumed) {
    const [group, sequence] = held.state.consumed;
    return answer("seen", `${names.group(group)}/${sequence}, which a state of this saga consumed, is final here too`);
  }
  const said = sealed.find(({ state }) => isAnswer(invocation, state));
  if (said !== undefined) {
    const sentence = `${stage.does.name} ${said.state.status}, sealed by ${names.member(said.issuer)}, is final`;
    return { ...answer("finality", sentence), block: toHex(said.block) };
  }
  if (next.kind === "outcome") {
    return answer("outcome", `${names.member(head!.issuer)}, who made the intent final, says what came of it`);
  }
  if (deadline !== null && now > deadline) {
    return answer(
      "deadline",
      `an owner of ${names.group(invocation.saga.stateGroup.id)} says that the deadline has come`,
    );
  }
  const able = turnOf(stories, invocation, next.stage);
  const turn = able.filter((each) => !equal(each, idle.get(key) ?? new Uint8Array(0))).map(names.member);
  const nobody =
    able.length === 0 ? `somebody has ${wanted(stage)}, which nobody here publishes, and` : "another owner comes, who";
  const who = turn.length === 0 ? nobody : inTurn(turn);
  if (next.kind === "undo") return answer("undoing", `${who} undoes ${stage.does.name}`);
  const entry = entryFor(book, invocation, lease);
  if (entry === undefined) return answer("entry", entryWanted(stories, invocation, stage));
  return answer("turn", `${who} runs ${stage.does.name} on ${names.group(entry.group)}/${entry.sequence}`);
}

/** Whether a state is of what the invocation waits for. */
function isAnswer(
  { next, reach, entry, saga }: Invocation,
  { previous, stage, consumed, description }: SagaState,
): boolean {
  if (next.kind === "ended" || next.stage !== stage || !equal(description, saga.id)) return false;
  const tip = reach.tip?.key ?? "";
  if ((previous === null ? "" : referenceKey(previous)) !== tip) return false;
  return next.kind !== "stage" || stage > 0 || (consumed !== null && referenceKey(consumed) === entry.key);
}

/** Who can run a stage, by what they published last, in the order of their ranks. */
export function turnOf({ ledger, capable }: Stories, invocation: Invocation, stage: number): AvatarId[] {
  const { owners } = invocation.saga.stateGroup;
  const able = owners.filter((owner) => meets(stageOf(invocation, stage).requires, capable.get(toHex(owner))));
  const rank = (owner: AvatarId) => rankAmong(ledger.definitions.crypto, invocation, stage, able, owner)!;
  return [...able].sort((a, b) => rank(a) - rank(b));
}

function deadlineOf({ next, began, since }: Invocation, { deadline }: StageKnown): number | null {
  const from = next.kind === "stage" && next.stage === 0 ? began : since;
  return from === 0 ? null : from + deadline;
}

function inTurn([first, ...others]: readonly string[]): string {
  if (others.length === 0) return first!;
  return `${first} (after ${lease / 1_000} s each: ${others.join(", ")})`;
}

function entryWanted({ ledger }: Stories, { entry, saga, next }: Invocation, stage: StageKnown): string {
  const { pact } = ledger.definitions.pacts.get(toHex(stage.consumedPact))!;
  const earlier = saga.stages.slice(0, next.kind === "stage" ? next.stage : 0);
  const caused = earlier.some(({ producedPacts }) =>
    producedPacts.some((each) => isOfPact(ledger.definitions.pacts.get(toHex(each))!, stage.consumedPact)),
  );
  const field = (name: string) => entry.values[entry.pact.fields.findIndex((each) => each.name === name)];
  const fields = stage.correlate.map((name) => `${name} ${String(field(name))}`);
  const which = fields.length > 0 ? ` with ${fields.join(", ")}` : caused ? " that it produced" : "";
  return `an entry of ${pact.name}${which} is final`;
}

function wanted({ requires }: StageKnown): string {
  return requires.map(requirementText).join(" and ");
}
