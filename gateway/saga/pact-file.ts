import { VertebraError } from "../../firmware/core/errors";
import { encodePact, pactId } from "../../firmware/core/pact/pact";
import { equal } from "../../firmware/core/wire/bytes";
import type { Hash } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";
import { type KnownPact, readPacts } from "../world/catalog";
import { newestPact } from "../world/growing";
import type { Pact as PactToken } from "./define";
import { describedPact } from "./described";
import type { Sandbox } from "./sandbox";
import { bundleSaga } from "./source";

/** What loading such a file may take. */
const limits = { computation: 10_000_000, memory: 8_388_608 };

/**
 * The pact that a file exports as its default, encoded, and before it those that it extends and the world does not have. Throws
 * `saga-source`, `pact-file`, `pact-…` or `structure-…` with what is wrong.
 */
export async function loadPact(
  crypto: Crypto,
  sandbox: Sandbox,
  file: string,
  known: readonly KnownPact[],
): Promise<Uint8Array[]> {
  const { text } = await bundleSaga(file);
  const reply = await sandbox({ kind: "describe", source: text, limits });
  if (reply.kind !== "described") {
    throw wrong(`${file} can't be loaded: ${"error" in reply ? reply.error : "it gave no answer"}`);
  }
  const pacts: Uint8Array[] = [];
  addPact(crypto, reply.saga, file, known, pacts);
  return pacts;
}

/** Adds the pact, after those that it extends, where it is not known yet; returns its id. */
function addPact(
  crypto: Crypto,
  exported: unknown,
  file: string,
  known: readonly KnownPact[],
  pacts: Uint8Array[],
): Hash {
  const token = tokenOf(exported, file);
  const { extends: parent = null } = token;
  const its =
    typeof parent === "string"
      ? newestPact({ pacts: known }, parent).id
      : parent && addPact(crypto, parent, file, known, pacts);
  const encoded = encodePact(describedPact(token, its));
  const id = pactId(crypto, encoded);
  if ([...known.map((each) => each.id), ...pacts.map((each) => pactId(crypto, each))].some((each) => equal(each, id)))
    return id;
  // Whatever does not hang together is found here as a participant would find it.
  readPacts(crypto, [...known.map(({ bytes }) => bytes), ...pacts, encoded]);
  pacts.push(encoded);
  return id;
}

function tokenOf(exported: unknown, file: string): PactToken {
  const token = exported as Partial<PactToken> | null;
  const isPact =
    typeof token?.name === "string" && typeof token.version === "number" && typeof token.fields === "object";
  if (isPact) return token as PactToken;
  throw wrong(`${file} has no pact as its default export`);
}

function wrong(message: string): VertebraError {
  return new VertebraError("pact-file", message, 'End it with `export default definePact("name", { … })`.');
}
