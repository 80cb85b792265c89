import { VertebraError } from "../core/errors";
import type { Action } from "../core/events";
import type { ToldFinal } from "../core/saga/conductor";
import type { Conducting } from "../sandbox/conducting";
import type { BoardSagas } from "./sagas";

/** In the place of `sagas` and `sandbox` on a board that runs no behaviors: it has no part in the sagas of its world. */

/** Throws `sandbox-none` where it was provisioned with some. */
export function openSagas({ world, notice, letGo }: Pick<BoardSagas, "world" | "notice" | "letGo">): Conducting {
  if (world.sagas.descriptions.length > 0) openSandbox();
  return new NoSagas(notice, letGo);
}

export function openSandbox(): never {
  throw new VertebraError(
    "sandbox-none",
    "This board runs no behaviors, and it was provisioned with sagas",
    "Provision it without them: another member of the world runs them.",
  );
}

/** A class, whose methods take no RAM of a board. */
class NoSagas implements Conducting {
  constructor(
    private readonly notice: BoardSagas["notice"],
    private readonly letGo: BoardSagas["letGo"],
  ) {}

  heldBack(): undefined {
    return undefined;
  }

  take(action: Action | ToldFinal): void {
    if (action.kind === "undeployed" && !action.gone) this.letGo(action.stateGroup);
    if (action.kind !== "deployed" || action.whole) return;
    const { name, version } = action.saga;
    this.notice(
      new VertebraError(
        "sandbox-none",
        `Saga ${name} v${version} was deployed for this board, which runs no behaviors`,
        "Others run it. Deploy it to members that have a sandbox.",
      ),
    );
  }

  handle(): void {}
}
