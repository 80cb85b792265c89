import type { IncomingMessage } from "node:http";
import { VertebraError } from "../../firmware/core/errors";
import { readJson } from "../system/json";

const largestBody = 1 << 20;

/** The JSON object of a request, whose fields are of these types. Throws `body-large`, or `body` for what no command line sends. */
export async function readBody<T>(
  request: IncomingMessage,
  types: { readonly [Name in keyof T]: "string" | "boolean" | "number" | "object" },
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
    if (body === null || typeof body[name] !== type || body[name] === null) throw notAsked(`has no ${type} '${name}'`);
  }
  return body as T;
}

function parse(text: string): Partial<Record<string, unknown>> | null {
  try {
    return readJson(text) as Partial<Record<string, unknown>> | null;
  } catch (error) {
    if ((error as VertebraError).code !== "json-syntax") throw error;
    throw notAsked("is not JSON");
  }
}

function notAsked(what: string): VertebraError {
  return new VertebraError("body", `The request ${what}`, "Use the same version at both ends.");
}
