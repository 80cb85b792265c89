import { VertebraError } from "../core/errors";
import type { BoardSagas } from "./sagas";

/** In the place of `sagas` and `sandbox` on a board that runs no behaviors: it has no part in the sagas of its world. */

/** Throws `sandbox-none` where it was provisioned with some. */
export function openSagas({ world, openSandbox }: Pick<BoardSagas, "world" | "openSandbox">): undefined {
  if (world.sagas.descriptions.length > 0) openSandbox();
}

export function openSandbox(): never {
  throw new VertebraError(
    "sandbox-none",
    "This board runs no behaviors, and it was provisioned with sagas",
    "Provision it without them: another member of the world runs them.",
  );
}
