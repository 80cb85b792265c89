import { request as httpRequest, type IncomingMessage } from "node:http";
import { VertebraError } from "../../firmware/core/errors";
import { controlPath } from "./control";

/** Speaks to the running gateway of a world directory. */
export interface ControlClient {
  /** The JSON that it answers with. Errors: `not-running`, and what the gateway refuses. */
  get<T>(path: string, query?: Readonly<Record<string, string>>): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  bytes(path: string, query: Readonly<Record<string, string>>): Promise<Uint8Array>;
  /** Lines of JSON, until the gateway ends them or the signal says enough. */
  lines<T>(path: string, query: Readonly<Record<string, string>>, signal: AbortSignal): AsyncIterable<T>;
}

export function controlClient(directory: string): ControlClient {
  const socketPath = controlPath(directory);

  function ask(method: string, path: string, body: string | undefined, signal?: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const options = signal ? { socketPath, method, path, signal } : { socketPath, method, path };
      const request = httpRequest(options, resolve);
      request.once("error", (error) => reject(connectionError(directory, error)));
      request.end(body);
    });
  }

  async function answer(method: string, path: string, body?: string): Promise<Buffer> {
    const response = await ask(method, path, body);
    const content = await whole(response, directory);
    if (response.statusCode !== 200) throw refusal(content);
    return content;
  }

  return {
    get: async (path, query) => JSON.parse((await answer("GET", withQuery(path, query))).toString()),
    post: async (path, body) => JSON.parse((await answer("POST", path, JSON.stringify(body))).toString()),
    bytes: async (path, query) => new Uint8Array(await answer("GET", withQuery(path, query))),
    async *lines(path, query, signal) {
      const response = await ask("GET", withQuery(path, query), undefined, signal);
      if (response.statusCode !== 200) throw refusal(await whole(response, directory));
      let rest = "";
      try {
        for await (const chunk of response.setEncoding("utf8")) {
          const lines = `${rest}${chunk}`.split("\n");
          rest = lines.pop() ?? "";
          for (const line of lines) yield JSON.parse(line);
        }
      } catch (error) {
        if (!signal.aborted) throw connectionError(directory, error as Error);
      }
    },
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
    throw connectionError(directory, error as Error);
  }
}

function refusal(content: Buffer): VertebraError {
  const { code, message, remedy } = JSON.parse(content.toString()).error;
  return new VertebraError(code, message, remedy);
}

function connectionError(directory: string, error: NodeJS.ErrnoException): Error {
  if (error.code === "ENOENT" || error.code === "ECONNREFUSED") {
    return new VertebraError(
      "not-running",
      `No gateway runs for the world in ${directory}`,
      `Start it in another terminal: vertebra up --dir ${directory}`,
    );
  }
  return error.code === "ECONNRESET" || error.code === "EPIPE" ? gatewayEnded(directory) : error;
}

/** It ended while it was asked something. */
export function gatewayEnded(directory: string): VertebraError {
  return new VertebraError(
    "not-running",
    `The gateway of ${directory} has ended`,
    `What it did not say is sealed was not taken. Start it again: vertebra up --dir ${directory}`,
  );
}
