import { soundWall } from "../../firmware/core/clock";
import { VertebraError } from "../../firmware/core/errors";
import { syncGroupId } from "../../firmware/core/pact/pact";
import { finalEntries } from "../../firmware/core/saga/conductor";
import { readDefinitions, type Saga } from "../../firmware/core/saga/definitions";
import { idOfSaga, provisionOf } from "../../firmware/core/saga/deployed";
import type { FinalEntry } from "../../firmware/core/saga/entries";
import { invocationId, readState } from "../../firmware/core/saga/state";
import { toHex } from "../../firmware/core/wire/bytes";
import type { Gateway } from "../gateway";
import type { GatewayConducting } from "../saga/conducting";
import { type BlocksOf, pastOf } from "../saga/past";
import { type Compared, compareStates } from "../saga/replaying";
import { type Counts, groupsOfSagas, readStories, type Stories, type Story } from "../saga/stories";
import { type Told, tellStory } from "../saga/timeline";
import type { Names, Present, SealedState } from "../saga/waiting";
import { knownIn } from "../world/catalog";
import { gatewayEnds } from "./channel";
import { sealedBlocks, wholeBlocksOf } from "./history";
import { beforeEnd } from "./pushing";
import { isOfAll } from "./versions";

/** What `vertebra saga list --json` prints. */
export interface SagasJson {
  readonly sagas: readonly (Counts & {
    readonly name: string;
    readonly version: number;
    readonly stages: readonly string[];
    readonly stateGroup: string;
    readonly running: number;
    /** Whether this gateway takes no part in it any more: it was told why in a notice. */
    readonly standsStill: boolean;
  })[];
  /** At most 20: those under way, and of those that have ended the latest. */
  readonly invocations: readonly Told[];
}

export interface ReplayJson {
  readonly id: string;
  readonly states: readonly Compared[];
}

export interface RedrivenJson {
  readonly group: string;
  readonly block: string;
  /** Once it is final: its sequence, and the invocation that it began. */
  readonly sequence?: number;
  readonly invocation?: string;
}

export interface CancelledJson {
  readonly id: string;
  /** Whether the state that cancels is final, and counts. */
  readonly final: boolean;
}

/** What a person asks to be done with an invocation. */
export interface Asked {
  readonly reason: string;
  /** Whether the answer waits until it is final. */
  readonly final: boolean;
}

const longestReason = 400;
/** Invocations that are listed at most. */
const mostListed = 20;

/** Digits of an id that are enough, where they name one invocation. */
const leastDigits = 4;

/** The sagas of the world, and what became of their latest invocations. Throws `sagas-none`. */
export async function listSagas(gateway: Gateway): Promise<SagasJson> {
  const told = await Promise.all(sagasOf(gateway).map((conducting) => listOf(gateway, conducting)));
  return {
    sagas: told.flatMap(({ sagas }) => sagas),
    invocations: told.flatMap(({ invocations }) => invocations).slice(-mostListed),
  };
}

async function listOf(gateway: Gateway, conducting: GatewayConducting): Promise<SagasJson> {
  const stories = await storiesOf(gateway, conducting.ledger, "");
  const names = namesOf(gateway);
  const { books } = conducting.ledger;
  const sagas = [...stories.ledger.books].map(([key, { newest, versions, invocations, opened }]) => {
    const { description, stages, stateGroup } = ofAll(gateway, [...versions.values()]) ?? newest;
    const running = invocations.size - (conducting.ledger.definitions.undeployed ? opened.size : 0);
    return {
      ...{ name: description.name, version: description.version },
      stages: stages.map(({ does }) => does.name),
      stateGroup: names.group(stateGroup.id),
      ...{ running, ...stories.counts.get(key)!, standsStill: books.get(key)!.standsStill },
    };
  });
  const present = presentOf(gateway, conducting);
  return { sagas, invocations: stories.stories.map((story) => tellStory(stories, story, names, present)) };
}

/** The newest version by which all begin who run it: not one that rolls out yet, or was taken back. */
function ofAll({ crypto, world }: Gateway, versions: readonly Saga[]): Saga | undefined {
  const { sagas, undeployed, rollouts } = world.catalog;
  const isIts = ({ key }: Saga) => {
    const definition = [...sagas, ...undeployed].find((each) => idOfSaga(crypto, each) === key);
    return definition === undefined || isOfAll(definition, rollouts);
  };
  const all = versions.filter(isIts).sort((one, other) => one.description.version - other.description.version);
  return all.at(-1);
}

/** Throws `invocation-unknown` and `invocation-ambiguous`. */
export async function showInvocation(gateway: Gateway, digits: string): Promise<Told> {
  const { stories, story, conducting } = await find(gateway, digits);
  return tellStory(stories, story, namesOf(gateway), presentOf(gateway, conducting));
}

/** Recomputes every state of an invocation from the entries alone. */
export async function replayInvocation(gateway: Gateway, digits: string): Promise<ReplayJson> {
  const found = await find(gateway, digits);
  const { story } = found;
  const { ledger, recompute } = conductingOf(found);
  const { definitions } = ledger;
  const entries: FinalEntry[] = [];
  for await (const block of pastOf(definitions, groupsOfSagas(ledger), storedBlocks(gateway))) {
    entries.push(...finalEntries(block));
  }
  const { key } = story.invocation;
  return { id: key, states: await compareStates(definitions, entries, key, recompute, namesOf(gateway)) };
}

/** Pushes the entry anew that began an invocation which failed or was cancelled. Throws `saga-redrive`. */
export async function redrive(
  gateway: Gateway,
  digits: string,
  { final }: Pick<Asked, "final">,
  signal: AbortSignal,
): Promise<RedrivenJson> {
  const found = await find(gateway, digits);
  const { stories, story } = found;
  const conducting = conductingOf(found);
  const { id, status, begun } = tellStory(stories, story, namesOf(gateway), presentOf(gateway, conducting));
  const short = `Invocation ${id.slice(0, 8)}`;
  if (status === "done") {
    throw new VertebraError(
      "saga-redrive",
      `${short} has done what it is for`,
      `Push another entry to ${begun.group}.`,
    );
  }
  if (status === "running" || status === "undoing") {
    throw new VertebraError(
      "saga-redrive",
      `${short} is under way`,
      `Wait until it has ended: \`vertebra saga timeline ${id.slice(0, 8)}\` says what it waits for.`,
    );
  }
  const { entry, saga } = story.invocation;
  const group = gateway.world.catalog.group(begun.group);
  const pushed = await gateway.channel.push(group, entry.entry, signal);
  const sealed = { group: group.name, block: toHex(pushed.block) };
  if (!final) return sealed;
  const sequence = await beforeEnd(pushed.final, signal);
  const { books, definitions } = stories.ledger;
  const newest = [...books.values()].find(({ versions }) => versions.has(saga.key))!.newest;
  const invocation = toHex(invocationId(definitions.crypto, [group.id, sequence], newest.id));
  return { ...sealed, sequence, invocation };
}

/** Throws `saga-reason`, and `saga-cancel` where it can't be cancelled now, and where its stage came first. */
export async function cancelInvocation(
  gateway: Gateway,
  digits: string,
  { reason, final }: Asked,
  signal: AbortSignal,
): Promise<CancelledJson> {
  checkReason(reason);
  const found = await find(gateway, digits);
  const { story } = found;
  const conducting = conductingOf(found);
  const { id, key, saga } = story.invocation;
  const group = gateway.world.catalog.groupOf(saga.stateGroup.id)!;
  const { groups } = gateway.status();
  const from = groups.find((each) => each.group === saga.stateGroup.key)?.finalEntries ?? 0;
  const invocation = conducting.cancel(id, reason);
  const { head } = invocation;
  if (!final) return { id: key, final: false };
  for await (const _ of gateway.channel.pull(group, from, { pending: false, follow: true, signal })) {
    if (invocation.head !== head) break;
  }
  if (signal.aborted) throw gatewayEnds();
  const status = invocation.head?.state.status;
  if (status === "cancelled") return { id: key, final: true };
  throw new VertebraError(
    "saga-cancel",
    `Invocation ${key.slice(0, 8)} went on before it was cancelled: its stage is ${status}`,
    "Look what it does now with `vertebra saga timeline`, and cancel it again.",
  );
}

/** It stands in the state that ends the invocation, whose error has 512 bytes. */
function checkReason(reason: string): void {
  const { length } = Buffer.from(reason);
  if (reason.trim() !== "" && length <= longestReason && !/[\ud800-\udfff]/u.test(reason)) return;
  throw new VertebraError(
    "saga-reason",
    `The reason has ${length} bytes, is empty, or holds half of a character`,
    `Give one of at most ${longestReason} bytes.`,
  );
}

interface Found {
  readonly stories: Stories;
  readonly story: Story;
  /** null where it was of a saga that was undeployed, and all is over. */
  readonly conducting: GatewayConducting | null;
}

/** Throws `saga-undeployed`. */
function conductingOf({ story, conducting }: Found): GatewayConducting {
  if (conducting !== null) return conducting;
  const { name } = story.invocation.saga.description;
  throw new VertebraError(
    "saga-undeployed",
    `Saga '${name}' was undeployed, and nothing of it is kept here but what is final`,
    "`vertebra saga timeline` tells what became of its invocations.",
  );
}

async function find(gateway: Gateway, digits: string): Promise<Found> {
  if (!/^[0-9a-f]+$/.test(digits) || digits.length < leastDigits || digits.length > 64) {
    throw new VertebraError(
      "invocation-unknown",
      `'${digits}' is no id of an invocation`,
      `Give ${leastDigits} or more of its digits; \`vertebra saga list\` shows them.`,
    );
  }
  const found: Found[] = [];
  const past = gone(gateway).map((ledger) => ({ conducting: null, ledger }));
  const running = past.length > 0 ? gateway.sagas : sagasOf(gateway);
  for (const { conducting, ledger } of [
    ...running.map((each) => ({ conducting: each, ledger: each.ledger })),
    ...past,
  ]) {
    const stories = await storiesOf(gateway, ledger, digits);
    for (const story of stories.stories) found.push({ stories, story, conducting });
  }
  const story = onlyStory({ stories: found.map((each) => each.story) }, digits);
  return found.find((each) => each.story === story)!;
}

/** Throws `invocation-unknown` and `invocation-ambiguous`. */
export function onlyStory({ stories }: Pick<Stories, "stories">, digits: string): Story {
  const [story, ...others] = stories;
  if (story === undefined) {
    const message = `No invocation of a saga in this world has an id that begins with ${digits}`;
    throw new VertebraError("invocation-unknown", message, "`vertebra saga list` shows the latest.");
  }
  if (others.length > 0) {
    const ids = stories.map(({ invocation }) => invocation.key.slice(0, 16)).join(", ");
    const message = `${stories.length} invocations have ids that begin with ${digits}`;
    throw new VertebraError("invocation-ambiguous", message, `Say which: ${ids}.`);
  }
  return story;
}

/** Sagas that were undeployed, of which no conductor is left. */
function gone({ crypto, world: { catalog }, sagas }: Gateway): Pick<GatewayConducting["ledger"], "definitions">[] {
  const left = sagas.flatMap(({ ledger }) =>
    [...ledger.definitions.sagas.values()].map(({ stateGroup }) => stateGroup.key),
  );
  const groups = new Set(catalog.undeployed.map(({ stateGroup }) => toHex(stateGroup)));
  return [...groups]
    .filter((key) => !left.includes(key))
    .map((key) => {
      const versions = catalog.undeployed.filter(({ stateGroup }) => toHex(stateGroup) === key);
      const provision = provisionOf(versions, knownIn(catalog), (group) => syncGroupId(crypto, group), null);
      return { definitions: readDefinitions(crypto, provision) };
    });
}

/** Of one that was undeployed, what nobody began is not under way. */
async function storiesOf(
  gateway: Gateway,
  { definitions }: Pick<GatewayConducting["ledger"], "definitions">,
  prefix: string,
): Promise<Stories> {
  const told = await readStories(definitions, storedBlocks(gateway), prefix);
  return definitions.undeployed ? { ...told, stories: told.stories.filter(({ states }) => states.length > 0) } : told;
}

function presentOf(gateway: Gateway, conducting: GatewayConducting | null): Present {
  if (conducting === null) return { sealed: [], now: soundWall(Date.now()), idle: new Map() };
  const { ledger, avatar } = conducting;
  const still = [...ledger.books].filter(([, { standsStill }]) => standsStill);
  return {
    sealed: sealedStates(gateway, ledger),
    now: soundWall(Date.now()),
    idle: new Map(still.map(([key]) => [key, avatar])),
  };
}

function sealedStates({ store, world }: Gateway, { definitions }: GatewayConducting["ledger"]): SealedState[] {
  const { crypto, sagas } = definitions;
  const found: SealedState[] = [];
  for (const { id } of new Set([...sagas.values()].map(({ stateGroup }) => stateGroup))) {
    for (const { header, entries } of sealedBlocks(crypto, store, world.tag, id)) {
      for (const bytes of entries ?? []) {
        const state = readState(bytes);
        if (state !== undefined) found.push({ block: header.id, issuer: header.value.issuer, state });
      }
    }
  }
  return found;
}

function storedBlocks({ store, world }: Gateway): BlocksOf {
  return (group) => wholeBlocksOf(store, world.tag, group);
}

function sagasOf({ sagas }: Gateway): readonly GatewayConducting[] {
  if (sagas.length > 0) return sagas;
  throw new VertebraError("sagas-none", "This world has no sagas", "Deploy one: `vertebra saga deploy FILE`.");
}

function namesOf({ world }: Gateway): Names {
  const { catalog } = world;
  return {
    group: (id) => catalog.groupOf(id)?.name ?? toHex(id).slice(0, 16),
    member: catalog.memberName,
  };
}
