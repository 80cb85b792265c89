import { request as httpRequest, type IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { VertebraError } from "../../firmware/core/errors";
import { asVertebraError, errnoOf } from "../system/errors";
import { writeJson } from "../system/json";
import { visible } from "../system/text";
import { type PushTold, pushLines } from "./pushing";
import { socketOf } from "./socket";

/** Speaks to the running gateway of a world directory. */
export interface ControlClient {
  /** The JSON that it answers with. Errors: `not-running`, and what the gateway refuses. */
  get<T>(path: string, query?: Readonly<Record<string, string>>): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  bytes(path: string, query: Readonly<Record<string, string>>): Promise<Uint8Array>;
  /** Lines of JSON, until the gateway ends them or the signal says enough. */
  lines<T>(path: string, query: Readonly<Record<string, string>>, signal: AbortSignal): AsyncIterable<T>;
  /** Pushes an entry, JSON field by field; withdrawn where nobody reads what is told of it any more and it is not sealed yet. */
  push(group: string, entry: unknown, final: boolean): AsyncIterable<PushTold>;
}

/** A gateway that lacks a descriptor for a moment closes what it accepts: it has read nothing of it, and is asked again. */
const mostTries = 5;
const retryMs = 200;

export function controlClient(directory: string): ControlClient {
  function ask(method: string, path: string, body: string | undefined, signal?: AbortSignal): Promise<IncomingMessage> {
    const headers = { accept: path === "/entries" ? pushLines : "*/*" };
    return new Promise((resolve, reject) => {
      const socketPath = socketOf(directory);
      if (socketPath === undefined) throw notRunning(directory);
      const options = signal ? { socketPath, method, path, headers, signal } : { socketPath, method, path, headers };
      const request = httpRequest(options, resolve);
      request.once("error", reject);
      request.end(body);
    });
  }

  /** Only what changes nothing can be asked twice. */
  async function asked(method: string, path: string, body: string | undefined, signal?: AbortSignal) {
    for (let tries = 1; ; tries++) {
      try {
        return await ask(method, path, body, signal);
      } catch (error) {
        const cut = ["ECONNRESET", "EPIPE"].includes(errnoOf(error) ?? "") && method === "GET" && !signal?.aborted;
        if (!cut || tries === mostTries) throw connectionError(directory, error);
        await sleep(retryMs);
      }
    }
  }

  async function answer(method: string, path: string, body?: string): Promise<Buffer> {
    const response = await asked(method, path, body);
    const content = await whole(response, directory);
    if (response.statusCode !== 200) throw refusal(parsed(content.toString(), directory));
    return content;
  }

  async function* lines<T>(method: string, path: string, body: string | undefined, signal?: AbortSignal) {
    const response = await asked(method, path, body, signal);
    if (response.statusCode !== 200) throw refusal(parsed((await whole(response, directory)).toString(), directory));
    let rest = "";
    try {
      for await (const chunk of response.setEncoding("utf8")) {
        const lines = `${rest}${chunk}`.split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          const told = JSON.parse(line);
          if (told.error !== undefined) throw refusal(told);
          yield told as T;
        }
      }
    } catch (error) {
      if (!signal?.aborted) throw connectionError(directory, error);
    }
  }

  return {
    get: async (path, query) => parsed((await answer("GET", withQuery(path, query))).toString(), directory),
    post: async (path, body) => parsed((await answer("POST", path, JSON.stringify(body))).toString(), directory),
    bytes: async (path, query) => new Uint8Array(await answer("GET", withQuery(path, query))),
    lines: (path, query, signal) => lines("GET", withQuery(path, query), undefined, signal),
    push: (group, entry, final) => lines("POST", "/entries", writeJson({ group, entry, final })),
  };
}

function withQuery(path: string, query: Readonly<Record<string, string>> = {}): string {
  return `${path}?${new URLSearchParams(query)}`;
}

async function whole(response: IncomingMessage, directory: string): Promise<Buffer> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return Buffer.concat(chunks);
  } catch (error) {
    throw connectionError(directory, error);
  }
}

/** What answers may be something else, where an old socket's name was given away. */
// biome-ignore lint/suspicious/noExplicitAny: what the gateway sends is typed by whoever asks.
function parsed(text: string, directory: string): any {
  try {
    return JSON.parse(text);
  } catch {
    throw notRunning(directory);
  }
}

/** Its text may be that of a behavior, or of another member: it is one line. */
function refusal({ error }: { error: { code: string; message: string; remedy: string } }): VertebraError {
  return new VertebraError(error.code, visible(error.message), visible(error.remedy));
}

function notRunning(directory: string): VertebraError {
  return new VertebraError(
    "not-running",
    `No gateway runs for the world in ${directory}`,
    `Start it in another terminal: vertebra up --dir ${directory}`,
  );
}

function connectionError(directory: string, error: unknown): VertebraError {
  const errno = errnoOf(error) ?? "";
  if (["ENOENT", "ENOTDIR", "ECONNREFUSED"].includes(errno)) return notRunning(directory);
  if (["ECONNRESET", "EPIPE"].includes(errno)) return gatewayEnded(directory);
  return asVertebraError(error, `The gateway of ${directory} can't be asked`);
}

/** It ended while it was asked something. */
export function gatewayEnded(directory: string): VertebraError {
  return new VertebraError(
    "not-running",
    `The gateway of ${directory} has ended`,
    `What it did not say is sealed was not taken. Start it again: vertebra up --dir ${directory}`,
  );
}
