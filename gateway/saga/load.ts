import { VertebraError } from "../../firmware/core/errors";
import type { SagaLoaded } from "../world/layout";
import type { Sandbox } from "./sandbox";
import { bundleSaga } from "./source";

/** What loading a module may take: more than any behavior, since all that it imports is loaded with it. */
const limits = { computation: 50_000_000, memory: 33_554_432 };

/** Bundles the file of a saga and has the engine say what is in it. Throws `saga-source` or `saga-broken`. */
export async function loadSaga(sandbox: Sandbox, file: string): Promise<SagaLoaded> {
  const source = await bundleSaga(file);
  const reply = await sandbox({ kind: "describe", source: source.text, limits });
  if (reply.kind === "described") return { source, described: reply.saga };
  const reason = reply.kind === "broken" ? reply.error : "it gave no answer";
  throw new VertebraError(
    "saga-broken",
    `${file} can't be loaded on XS: ${reason}`,
    "Behaviors run where there is no Node: use the language alone.",
  );
}
