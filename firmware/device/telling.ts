import type { VertebraError } from "../core/errors";
import type { FinalBlock } from "../core/events";
import { isOfSagas } from "../core/saga/conductor";
import { toHex } from "../core/wire/bytes";
import type { Time } from "../ports";
import type { Outcome } from "./driver";
import type { Line } from "./lines";
import { noteFinal, noteMoved, noteRefused, noteSealed, removeSources, type Writers } from "./writers";

/** Prints what came of a board's pushes and what became final, and lets its writers know. */
export function tellOutcome(
  outcome: Exclude<Outcome, { kind: "defined" | "expelled" }>,
  writers: Writers,
  now: Time,
  print: (line: Line) => void,
): void {
  switch (outcome.kind) {
    case "sealed": {
      const { group, block, counter, tokens } = outcome;
      noteSealed(writers, outcome, now.monotonic);
      print({
        event: "sealed",
        group: toHex(group),
        block: toHex(block),
        counter,
        entries: tokens.length,
        at: now.wall,
      });
      break;
    }
    case "moved": {
      const { group, block, to } = outcome;
      noteMoved(writers, outcome);
      print({ event: "moved", group: toHex(group), block: toHex(block), to: toHex(to.block) });
      break;
    }
    case "retired": {
      const { group, successor } = outcome;
      removeSources(writers, group);
      print({ event: "retired", group: toHex(group), successor: successor && toHex(successor) });
      break;
    }
    case "refused": {
      // Told to the sagas, which try again.
      if (isOfSagas(outcome.token)) break;
      const group = noteRefused(writers, outcome.token);
      const { code, message } = outcome.error;
      print({ event: "refused", group: group ? toHex(group) : "", code, message });
      break;
    }
    case "final":
      print(finalLine(outcome.block, writers, now));
      break;
    case "deployed": {
      const { name, version } = outcome.saga;
      print({ event: "deployed", saga: name, version, whole: outcome.whole });
      break;
    }
    case "rollout": {
      const { rollout, open } = outcome;
      print({ event: "rollout", saga: rollout.name, version: rollout.version, open, rings: rollout.rings.length });
      break;
    }
    case "undeployed":
      print({ event: "undeployed", saga: outcome.saga, gone: outcome.gone });
      break;
    case "notice":
      print(noticeOf(outcome.error));
      break;
  }
}

function finalLine(block: FinalBlock, writers: Writers, now: Time): Line {
  return {
    event: "final",
    group: toHex(block.group),
    position: block.position,
    firstEntry: block.firstEntry,
    count: block.count,
    block: toHex(block.block),
    issuer: toHex(block.issuer),
    entries: block.entries?.map(toHex) ?? null,
    latency: noteFinal(writers, block, now.monotonic) ?? null,
    at: now.wall,
  };
}

export function noticeOf({ code, message, remedy }: VertebraError): Line {
  return { event: "notice", code, message, remedy };
}
