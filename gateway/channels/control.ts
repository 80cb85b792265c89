import { setMaxListeners } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { VertebraError } from "../../firmware/core/errors";
import { encodeMessage } from "../../firmware/core/wire/messages";
import type { Gateway } from "../gateway";
import { asVertebraError } from "../system/errors";
import { writeJson } from "../system/json";
import { createTrouble } from "../system/process";
import { addBoard, addGroup, addPacts, type BoardAsked, type GroupAsked, type PactAsked } from "./defining";
import {
  deploySaga,
  type RolloutAsked,
  type SagaAsked,
  startRollout,
  type UndeployAsked,
  undeploySaga,
} from "./deploying";
import { type ExpelAsked, expelMember } from "./expelling";
import { type ExportAsked, exportWorld } from "./exporting";
import { addLink, type LinkAsked, removeLink } from "./linking";
import { type ProvisionAsked, provisionBoard } from "./provisioning";
import { answerPush, beforeEnd, unlessGone } from "./pushing";
import { readBody } from "./request";
import { diffJson } from "./rollout-diff";
import { historyJson } from "./rollout-history";
import { rolloutsJson, type SteerAsked, steer } from "./rollouts";
import { type Asked, cancelInvocation, listSagas, redrive, replayInvocation, showInvocation } from "./sagas";
import { listenIn } from "./socket";
import { statusJson } from "./status";
import { addSteward, revokeSteward, type StewardAsked } from "./stewards";
import { storeSizes } from "./store-sizes";
import {
  type RemoveAsked,
  type ReplaceAsked,
  type RetireAsked,
  removeBoard,
  replaceBoard,
  retireGroup,
} from "./succeeding";
import { versionsJson } from "./versions";
import { finalBlockOf, whyWaiting } from "./waiting";

/** The command line's way to a running gateway: HTTP on a Unix socket that only the world's user may open. */
export interface Control {
  close(): Promise<void>;
}

/** How long those who are being answered may take to read it when the gateway ends, in ms. */
const patienceMs = 1_000;

/**
 * Listens for commands; the caller holds the world's store. `notice` is told what hinders it while it goes on. Rejects with
 * `control-refused`.
 */
export async function startControl(gateway: Gateway, notice: (error: VertebraError) => void): Promise<Control> {
  const ending = new AbortController();
  // Each who is answered listens for the end.
  setMaxListeners(0, ending.signal);
  const inTurn = oneByOne();
  const server = createServer((request, response) => {
    answer(gateway, inTurn, request, response, ending.signal).catch((error) => refuse(response, error));
  });
  const remove = await listenIn(gateway.world.directory, server);
  const trouble = createTrouble(notice);
  server.on("connection", trouble.over);
  server.on("error", (error) => trouble.met(asVertebraError(error, "A command can't be let in")));
  return {
    async close() {
      ending.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      const cut = setTimeout(() => server.closeAllConnections(), patienceMs);
      await closed;
      clearTimeout(cut);
      remove();
    },
  };
}

async function answer(
  gateway: Gateway,
  inTurn: ReturnType<typeof oneByOne>,
  request: IncomingMessage,
  response: ServerResponse,
  ending: AbortSignal,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://gateway");
  const route = `${request.method} ${url.pathname}`;
  if (route === "GET /status") send(response, statusJson(gateway));
  else if (route === "GET /rollouts") send(response, await rolloutsJson(gateway));
  else if (route === "GET /rollouts/history") send(response, await historyJson(gateway, url.searchParams.get("saga")));
  else if (route === "GET /rollouts/diff") send(response, await diffJson(gateway, url.searchParams.get("saga") ?? ""));
  else if (route === "GET /versions") send(response, await versionsJson(gateway, url.searchParams.get("saga")));
  else if (route === "GET /store") send(response, await storeSizes(gateway));
  else if (route === "GET /why") send(response, await whyWaiting(gateway, url.searchParams.get("of") ?? ""));
  else if (route === "GET /proof") await sendProof(gateway, url.searchParams, response);
  else if (route === "GET /entries") await sendEntries(gateway, url.searchParams, response, ending);
  else if (route === "POST /entries") await answerPush(gateway, request, response, ending);
  else if (route in definable) {
    const does = definable[route as keyof typeof definable];
    send(response, await inTurn<object>(() => does(gateway, request, unlessGone(response, ending))));
  } else if (url.pathname === "/sagas" || url.pathname.startsWith("/sagas/")) {
    send(response, await ofSagas(gateway, request, url.pathname, unlessGone(response, ending)));
  } else throw unknownRoute(route);
}

const definable = {
  "POST /boards": async (gateway: Gateway, request: IncomingMessage, ending: AbortSignal) =>
    addBoard(gateway, await readBody<BoardAsked>(request, boardAsked), ending),
  "POST /boards/provisioned": async (gateway: Gateway, request: IncomingMessage, ending: AbortSignal) =>
    provisionBoard(gateway, await readBody<ProvisionAsked>(request, provisionAsked), ending),
  "POST /boards/expelled": async (gateway: Gateway, request: IncomingMessage, ending: AbortSignal) =>
    expelMember(gateway, await readBody<ExpelAsked>(request, { name: "string", dry: "boolean" }), ending),
  "POST /pacts": async (gateway: Gateway, request: IncomingMessage, ending: AbortSignal) =>
    addPacts(gateway, await readBody<PactAsked>(request, { pacts: "object", dry: "boolean" }), ending),
  "POST /groups": async (gateway: Gateway, request: IncomingMessage, ending: AbortSignal) =>
    addGroup(gateway, await readBody<GroupAsked>(request, groupAsked), ending),
  "POST /groups/retired": async (gateway: Gateway, request: IncomingMessage, ending: AbortSignal) =>
    retireGroup(gateway, await readBody<RetireAsked>(request, retireAsked), ending),
  "POST /exported": async (gateway: Gateway, request: IncomingMessage, ending: AbortSignal) =>
    exportWorld(gateway, await readBody<ExportAsked>(request, { name: "string", dry: "boolean" }), ending),
  "POST /stewards": async (gateway: Gateway, request: IncomingMessage, ending: AbortSignal) =>
    addSteward(gateway, await readBody<StewardAsked>(request, { name: "string", dry: "boolean" }), ending),
  "POST /stewards/revoked": async (gateway: Gateway, request: IncomingMessage, ending: AbortSignal) =>
    revokeSteward(gateway, await readBody<StewardAsked>(request, { name: "string", dry: "boolean" }), ending),
  "POST /boards/replaced": async (gateway: Gateway, request: IncomingMessage, ending: AbortSignal) =>
    replaceBoard(gateway, await readBody<ReplaceAsked>(request, replaceAsked), ending),
  "POST /boards/removed": async (gateway: Gateway, request: IncomingMessage, ending: AbortSignal) =>
    removeBoard(gateway, await readBody<RemoveAsked>(request, { name: "string", dry: "boolean" }), ending),
  "POST /deployed": async (gateway: Gateway, request: IncomingMessage, ending: AbortSignal) =>
    deploySaga(gateway, await readBody<SagaAsked>(request, sagaAsked), ending),
  "POST /undeployed": async (gateway: Gateway, request: IncomingMessage, ending: AbortSignal) =>
    undeploySaga(gateway, await readBody<UndeployAsked>(request, { saga: "string", dry: "boolean" }), ending),
  "POST /rollouts": async (gateway: Gateway, request: IncomingMessage, ending: AbortSignal) =>
    startRollout(gateway, await readBody<RolloutAsked>(request, rolloutAsked), ending),
  "POST /links/added": async (gateway: Gateway, request: IncomingMessage) =>
    addLink(gateway, await readBody<LinkAsked>(request, linkAsked)),
  "POST /links/removed": async (gateway: Gateway, request: IncomingMessage) =>
    removeLink(gateway, await readBody<LinkAsked>(request, linkAsked)),
  "POST /rollouts/back": steering("back"),
  "POST /rollouts/pause": steering("pause"),
  "POST /rollouts/resume": steering("resume"),
  "POST /rollouts/stop": steering("stop"),
};

function steering(what: Parameters<typeof steer>[1]) {
  return async (gateway: Gateway, request: IncomingMessage, ending: AbortSignal) =>
    steer(gateway, what, await readBody<SteerAsked>(request, { saga: "string", dry: "boolean" }), ending);
}

const linkAsked = { address: "string", dry: "boolean" } as const;
const boardAsked = { name: "string", board: "string", labels: "object", dry: "boolean" } as const;
const sagaAsked = {
  ...({ file: "string", source: "string", described: "object" } as const),
  ...({ owners: "object", groups: "object", cells: "number", dry: "boolean" } as const),
};
const rolloutAsked = {
  ...sagaAsked,
  ...({ rings: "object", soakMs: "number", maxFailures: "number", minSuccess: "number" } as const),
};

const groupAsked = { name: "string", pact: "string", owners: "object", readings: "object", dry: "boolean" } as const;

const provisionAsked = {
  ...({
    port: "string",
    baudRate: "number",
    name: "string",
    board: "string",
    labels: "object",
    dry: "boolean",
  } as const),
};
const retireAsked = { group: "string", owners: "object", readings: "object", dry: "boolean" } as const;
const replaceAsked = { name: "string", by: "string", board: "string", dry: "boolean" } as const;

/** One after the other: what one defines is there before the next is checked. */
function oneByOne(): <T>(act: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (act) => {
    const done = last.then(act);
    last = done.catch(() => {});
    return done;
  };
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
      return beforeEnd(replayInvocation(gateway, digits), signal);
    case "POST redrive":
      return redrive(gateway, digits, await readBody<Pick<Asked, "final">>(request, { final: "boolean" }), signal);
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
  response.end(writeJson(body));
}

/** An error in the place of the answer, or of the rest of it where that is told line by line. */
function refuse(response: ServerResponse, error: unknown): void {
  const { code, message, remedy } = asVertebraError(error, "The gateway can't answer");
  const refusal = { error: { code, message, remedy } };
  if (response.headersSent) return void response.end(`${JSON.stringify(refusal)}\n`);
  response.statusCode = error instanceof VertebraError ? 400 : 500;
  send(response, refusal);
}

async function sendProof(gateway: Gateway, query: URLSearchParams, response: ServerResponse): Promise<void> {
  const block = await finalBlockOf(gateway, query.get("of") ?? "");
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
  const signal = unlessGone(response, ending);
  const options = { pending: query.has("pending"), follow: query.has("follow"), signal };
  response.setHeader("Content-Type", "application/x-ndjson");
  response.flushHeaders();
  await Promise.all(
    groups.map(async (group) => {
      for await (const entry of gateway.channel.pull(group, from, options)) {
        if (signal.aborted) return;
        if (!response.write(`${writeJson(entry)}\n`)) await drained(response, signal);
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
