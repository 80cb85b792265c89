import { chmodSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { VertebraError } from "../../firmware/core/errors";
import { encodeEntry } from "../../firmware/core/pact/entry";
import { type Json, objectToValues } from "../../firmware/core/pact/json";
import { fromHex, toHex } from "../../firmware/core/wire/bytes";
import { encodeMessage } from "../../firmware/core/wire/messages";
import type { Gateway } from "../gateway";
import type { KnownGroup } from "../world/catalog";
import { gatewayEnds } from "./channel";
import { historyOf } from "./history";
import { type Asked, cancelInvocation, listSagas, redrive, replayInvocation, showInvocation } from "./sagas";
import { statusJson } from "./status";

/** The command line's way to a running gateway: HTTP on a Unix socket that only the world's user may open. */
export interface Control {
  close(): Promise<void>;
}

const largestBody = 1 << 20;
/** Bytes of a Unix socket's path, its end included. */
const longestSocketPath = 107;

/** Where the gateway of a world directory listens. Throws `directory-long`. */
export function controlPath(directory: string): string {
  const path = join(directory, "control");
  if (Buffer.byteLength(path) < longestSocketPath) return path;
  throw new VertebraError(
    "directory-long",
    `The path of the world directory ${directory} is too long for a socket in it`,
    `Move the world to a directory of at most ${longestSocketPath - "/control".length} bytes.`,
  );
}

/** Listens for commands; the caller holds the world's store, so a socket that is there is left over from one that was killed. */
export async function startControl(gateway: Gateway): Promise<Control> {
  const path = controlPath(gateway.world.directory);
  rmSync(path, { force: true });
  const ending = new AbortController();
  const server = createServer((request, response) => {
    answer(gateway, request, response, ending.signal).catch((error) => refuse(response, error));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return {
    async close() {
      ending.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      await closed;
    },
  };
}

async function answer(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
  ending: AbortSignal,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://gateway");
  const route = `${request.method} ${url.pathname}`;
  if (route === "GET /status") send(response, statusJson(gateway));
  else if (route === "GET /why") send(response, why(gateway, url.searchParams));
  else if (route === "GET /proof") await sendProof(gateway, url.searchParams, response);
  else if (route === "GET /entries") await sendEntries(gateway, url.searchParams, response, ending);
  else if (route === "POST /entries") {
    // What waits for finality may wait for long: it must not hold up the gateway's end.
    send(response, await beforeEnd(push(gateway, await readBody<PushAsked>(request, pushAsked)), ending));
  } else if (url.pathname === "/sagas" || url.pathname.startsWith("/sagas/")) {
    send(response, await beforeEnd(ofSagas(gateway, request, url.pathname, ending), ending));
  } else throw unknownRoute(route);
}

function unknownRoute(route: string): VertebraError {
  return new VertebraError("route-unknown", `There is no ${route} here`, "Use the same version at both ends.");
}

/** `/sagas`, `/sagas/<digits of an id>`, and what is done with that invocation. */
async function ofSagas(gateway: Gateway, request: IncomingMessage, path: string, signal: AbortSignal) {
  const [digits = "", does = ""] = path.split("/").slice(2);
  switch (`${request.method} ${does}`) {
    case "GET ":
      return digits === "" ? listSagas(gateway) : showInvocation(gateway, digits);
    case "GET replay":
      return replayInvocation(gateway, digits);
    case "POST redrive":
      return redrive(gateway, digits, await readBody<Pick<Asked, "final">>(request, { final: "boolean" }));
    case "POST cancel":
      return cancelInvocation(
        gateway,
        digits,
        await readBody<Asked>(request, { reason: "string", final: "boolean" }),
        signal,
      );
    default:
      throw unknownRoute(`${request.method} ${path}`);
  }
}

function send(response: ServerResponse, body: unknown): void {
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(body));
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy(error as Error);
  response.statusCode = error instanceof VertebraError ? 400 : 500;
  const { code = "failed", message, remedy = "Report this as a bug." } = error as VertebraError;
  send(response, { error: { code, message, remedy } });
}

/** Which entry a person means: `GROUP/SEQUENCE`. */
function readReference(gateway: Gateway, of: string): { readonly group: KnownGroup; readonly sequence: number } {
  const slash = of.lastIndexOf("/");
  const sequence = Number(of.slice(slash + 1));
  if (slash > 0 && slash < of.length - 1 && Number.isSafeInteger(sequence) && sequence >= 0) {
    return { group: gateway.world.catalog.group(of.slice(0, slash)), sequence };
  }
  throw new VertebraError(
    "reference",
    `'${of}' names no entry`,
    "Give the group and the sequence, such as machine-shared/17; `vertebra tail` shows them.",
  );
}

function why(gateway: Gateway, query: URLSearchParams) {
  const of = query.get("of") ?? "";
  const { tag } = gateway.world;
  if (/^[0-9a-f]{64}$/i.test(of)) return named(gateway, gateway.participant.why(tag, { block: fromHex(of) }));
  const { group, sequence } = readReference(gateway, of);
  return named(gateway, gateway.participant.why(tag, { group: group.id, sequence }));
}

/** Puts the names of members in place of the hex of their avatars. */
function named(gateway: Gateway, value: unknown): unknown {
  const { catalog } = gateway.world;
  const names = new Map(catalog.members.map(({ name, avatar }) => [toHex(avatar), name]));
  return JSON.parse(JSON.stringify(value), (_, item) => {
    if (typeof item !== "string") return item;
    return names.get(item) ?? item.replaceAll(/\b[0-9a-f]{16}\b/g, (digits) => nameOf(names, digits) ?? digits);
  });
}

function nameOf(names: ReadonlyMap<string, string>, digits: string): string | undefined {
  return [...names].find(([avatar]) => avatar.startsWith(digits))?.[1];
}

async function sendProof(gateway: Gateway, query: URLSearchParams, response: ServerResponse): Promise<void> {
  const { group, sequence } = readReference(gateway, query.get("of") ?? "");
  const block = await historyOf(gateway.store, gateway.world.tag, group.id).holding(sequence);
  if (block === undefined) {
    throw new VertebraError(
      "not-final",
      `Entry ${sequence} of ${group.name} is not final here`,
      `\`vertebra why ${group.name}/${sequence}\` says what it waits for.`,
    );
  }
  response.setHeader("Content-Type", "application/cbor");
  response.end(encodeMessage({ type: "proof", proof: block.proof, entries: block.entries }));
}

/** One entry a line, for as long as the reader follows. */
async function sendEntries(
  gateway: Gateway,
  query: URLSearchParams,
  response: ServerResponse,
  ending: AbortSignal,
): Promise<void> {
  const { catalog } = gateway.world;
  const called = query.get("group");
  const groups = called === null ? catalog.groups : [catalog.group(called)];
  const from = Number(query.get("from") ?? 0);
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const signal = AbortSignal.any([ending, gone.signal]);
  const options = { pending: query.has("pending"), follow: query.has("follow"), signal };
  response.setHeader("Content-Type", "application/x-ndjson");
  response.flushHeaders();
  await Promise.all(
    groups.map(async (group) => {
      for await (const entry of gateway.channel.pull(group, from, options)) {
        if (signal.aborted) return;
        if (!response.write(`${JSON.stringify(entry)}\n`)) await drained(response, signal);
      }
    }),
  );
  response.end();
}

/** A slow reader slows down its own pull, and nobody else. */
function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    response.once("drain", done);
    signal.addEventListener("abort", done);
  });
}

function beforeEnd<T>(asked: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => reject(gatewayEnds());
    signal.addEventListener("abort", end, { once: true });
    asked.then(resolve, reject).finally(() => signal.removeEventListener("abort", end));
  });
}

interface PushAsked {
  readonly group: string;
  readonly entry: { readonly [name: string]: Json };
  readonly final: boolean;
}

const pushAsked = { group: "string", entry: "object", final: "boolean" } as const;

async function push(gateway: Gateway, body: PushAsked) {
  const group = gateway.world.catalog.group(body.group);
  const { fields, pact } = group.pact;
  const pushed = await gateway.channel.push(
    group,
    encodeEntry(fields, objectToValues(fields, body.entry), pact.policy),
  );
  const sealed = { group: group.name, block: toHex(pushed.block), counter: pushed.counter };
  return body.final ? { ...sealed, sequence: await pushed.final } : sealed;
}

/** The JSON object of a request, whose fields are of these types. Throws `body-large`, or `body` for what no command line sends. */
async function readBody<T>(
  request: IncomingMessage,
  types: { readonly [Name in keyof T]: "string" | "boolean" | "object" },
): Promise<T> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > largestBody) {
      throw new VertebraError("body-large", `The request is larger than ${largestBody} bytes`, "Push a smaller entry.");
    }
    chunks.push(chunk);
  }
  const body = parse(Buffer.concat(chunks).toString("utf8"));
  for (const [name, type] of Object.entries(types)) {
    if (typeof body?.[name] !== type) throw notAsked(`has no ${type} '${name}'`);
  }
  return body as T;
}

function parse(text: string): Partial<Record<string, unknown>> | null {
  try {
    return JSON.parse(text);
  } catch {
    throw notAsked("is not JSON");
  }
}

function notAsked(what: string): VertebraError {
  return new VertebraError("body", `The request ${what}`, "Use the same version at both ends.");
}
