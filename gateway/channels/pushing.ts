import { setMaxListeners } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { ample } from "../../firmware/core/bounds";
import { definitionsName } from "../../firmware/core/definitions/definition";
import { VertebraError } from "../../firmware/core/errors";
import { encodeEntry } from "../../firmware/core/pact/entry";
import { type Json, objectToValues } from "../../firmware/core/pact/json";
import { toHex } from "../../firmware/core/wire/bytes";
import type { Gateway } from "../gateway";
import { isOfDefinitions, type KnownGroup } from "../world/catalog";
import { gatewayEnds, type Pushed } from "./channel";
import { readBody } from "./request";
import { named } from "./waiting";

/** What is told of a push, a line each: while it waits, that it is sealed, and, where that was asked for, that it is final. */
export type PushTold =
  | { readonly state: "waiting"; readonly group: string; readonly sentence: string }
  | Sealed
  | (Omit<Sealed, "state"> & { readonly state: "final"; readonly sequence: number });

interface Sealed {
  readonly state: "sealed";
  readonly group: string;
  readonly block: string;
  readonly counter: number;
}

interface PushAsked {
  readonly group: string;
  readonly entry: { readonly [name: string]: Json };
  readonly final: boolean;
}

const pushAsked = { group: "string", entry: "object", final: "boolean" } as const;

/** What a client accepts that wants to be told as it comes, a line each; any other is answered once, in the end. */
export const pushLines = "application/x-ndjson";

/** How long one who pushes hears nothing, in ms, before being told what is waited for. */
const silenceMs = 1_500;

/**
 * Pushes an entry for one who waits for it, and withdraws it where that one goes, or the gateway ends, before it is sealed: what was not
 * said to be sealed can be pushed again, and is there once.
 */
export async function answerPush(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
  ending: AbortSignal,
): Promise<void> {
  const { group: called, entry, final } = await readBody<PushAsked>(request, pushAsked);
  const group = gateway.world.catalog.group(called);
  if (isOfDefinitions(gateway.world.catalog, group.id)) throw definedByCommands();
  const { fields, pact } = group.pact;
  const bytes = encodeEntry(fields, objectToValues(fields, entry), pact.policy);
  const signal = unlessGone(response, ending);
  const asItComes = request.headers.accept === pushLines;
  const tell = (told: PushTold) => {
    if (!asItComes) return;
    if (!response.headersSent) response.setHeader("Content-Type", pushLines);
    response.write(`${JSON.stringify(told)}\n`);
  };
  const waits = (sentence: string) => tell({ state: "waiting", group: group.name, sentence });
  const pushed = await sealedOrWithdrawn(gateway, group, bytes, signal, ending, waits);
  const sealed = { group: group.name, block: toHex(pushed.block), counter: pushed.counter };
  tell({ state: "sealed", ...sealed });
  const sequence = final ? await finality(gateway, pushed, ending, waits) : undefined;
  if (sequence !== undefined) tell({ ...sealed, state: "final", sequence });
  if (asItComes) response.end();
  else response.setHeader("Content-Type", "application/json").end(JSON.stringify({ ...sealed, sequence }));
}

function definedByCommands(): VertebraError {
  return new VertebraError(
    "push-definitions",
    `Nothing is pushed into ${definitionsName} as it is: what does not fit the world would count for nobody`,
    "Use `vertebra board add`, `vertebra pact add` or `vertebra group add`.",
  );
}

async function sealedOrWithdrawn(
  gateway: Gateway,
  group: KnownGroup,
  entry: Uint8Array,
  signal: AbortSignal,
  ending: AbortSignal,
  waits: (sentence: string) => void,
): Promise<Pushed> {
  const timer = setTimeout(() => waits(untilSealed(gateway, group)), silenceMs);
  try {
    return await gateway.channel.push(group, entry, signal);
  } catch (error) {
    if (ending.aborted && (error as VertebraError).code === "entry-withdrawn") throw gatewayEnds();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function finality(
  gateway: Gateway,
  { block, final }: Pushed,
  ending: AbortSignal,
  waits: (sentence: string) => void,
): Promise<number> {
  const why = () => named(gateway.world.catalog, gateway.participant.why(gateway.world.tag, { block })).sentence;
  const timer = setTimeout(() => waits(why()), silenceMs);
  try {
    return await beforeEnd(final, ending);
  } finally {
    clearTimeout(timer);
  }
}

/** Why an entry is not sealed at once: too many blocks of this gateway are not final, and what the first of them waits for. */
function untilSealed({ world, participant }: Gateway, group: KnownGroup): string {
  const status = participant.status(world.tag).groups.find((each) => each.group === toHex(group.id))!;
  const place = `It is one of ${status.buffered} in the buffer of ${group.name}`;
  if (status.ownPendingBlocks < ample.blocksInFlight) return `${place}, which is sealed a block at a time.`;
  const first = participant.why(world.tag, { group: group.id, sequence: status.finalEntries });
  const { sentence } = named(world.catalog, first);
  return `${place}: ${ample.blocksInFlight} blocks of this gateway are not final, and no more may be under way. The first: ${sentence}`;
}

/** Says that nobody waits for an answer any more: its reader has gone, or the gateway ends. */
export function unlessGone(response: ServerResponse, ending: AbortSignal): AbortSignal {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const signal = AbortSignal.any([ending, gone.signal]);
  setMaxListeners(0, signal);
  return signal;
}

/** What may wait for long must not hold up the gateway's end. */
export function beforeEnd<T>(asked: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => reject(gatewayEnds());
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
    asked.then(resolve, reject).finally(() => signal.removeEventListener("abort", end));
  });
}
