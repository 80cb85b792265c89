import { encodePublished } from "../../firmware/core/capability/published";
import { encodeParts } from "../../firmware/core/saga/deployed";
import { encodeHealth } from "../../firmware/core/saga/health";
import { encodeReversal, encodeState, type SagaState, sagaStatePact } from "../../firmware/core/saga/state";
import {
  type Behavior,
  behaviorOf,
  encodeBehavior,
  encodeDescription,
  encodeStage,
  type SagaDescription,
  type SagaStage,
} from "../../firmware/core/saga/structures";
import { toHex } from "../../firmware/core/wire/bytes";
import { encodeText } from "../../firmware/core/wire/text";
import type { Crypto } from "../../firmware/ports";

const fill = (byte: number) => new Uint8Array(32).fill(byte);

/** One of each structure of a saga, with everything in it that may be there. */
export function samplesOf(crypto: Crypto) {
  const behavior: Behavior = behaviorOf(crypto, "retrieve", 3, encodeText("export default 1;".repeat(300)), {
    ...{ computation: 1_000_000, memory: 4_194_304, output: 4_096 },
  });
  const stage: SagaStage = {
    ...{ behavior: fill(1), consumedPact: fill(2), accessedPacts: [fill(3), fill(4)], producedPacts: [fill(5)] },
    compensation: fill(6),
    requires: [
      { capability: "servo", condition: { min: 2 } },
      { capability: "board", condition: { oneOf: ["esp32", "pico"] } },
      { capability: "relay", condition: null },
    ],
    ...{ correlate: ["number"], deadline: 60_000, retry: { times: 3, backoff: 100 } },
  };
  const description: SagaDescription = {
    ...{ name: "order", version: 1, stages: [fill(7), fill(8)], initiatingPact: fill(2), stateGroup: fill(9) },
    ...{ reach: "key", keyField: "number" },
  };
  const state: SagaState = {
    ...{ previous: [fill(9), 4], description: fill(10), stage: 1, consumed: [fill(11), 17] },
    produced: [
      { kind: "entry", group: fill(12), entry: Uint8Array.of(0x81, 0x07) },
      { kind: "operation", capability: "servo", operation: encodeText("{}") },
    ],
    ...{ status: "intent", error: "", now: 1_767_225_600_000, readCursors: [[fill(13), 5]], state: encodeText("{}") },
  };
  return { behavior, stage, description, state };
}

/** What docs/wire/saga.json holds. */
export function sagaVectors(crypto: Crypto) {
  const { behavior, stage, description, state } = samplesOf(crypto);
  const { policy } = sagaStatePact("states", "two-thirds");
  const plain = { ...stage, accessedPacts: [], compensation: null, requires: [] };
  const first = { ...state, previous: null, consumed: null, produced: [], status: "expired" } as const;
  const rules: readonly (readonly [rule: string, bytes: Uint8Array])[] = [
    ["behavior", encodeBehavior(behavior)],
    ["saga-stage", encodeStage(stage)],
    ["saga-stage", encodeStage(plain)],
    ["saga-description", encodeDescription(description)],
    ["saga-description", encodeDescription({ ...description, reach: "invocation", keyField: null })],
    [
      "saga-parts",
      encodeParts({
        description: encodeDescription(description),
        stages: [encodeStage(stage)],
        behaviors: [encodeBehavior(behavior)],
      }),
    ],
    ["saga-state", encodeState(state, policy)],
    ["saga-state", encodeState(first, policy)],
    ["saga-state", encodeState({ ...first, status: "cancelled", error: "cancelled: no longer wanted" }, policy)],
    ["reversal", encodeReversal([fill(14)])],
    [
      "rollout-status",
      encodeHealth({ rollout: 7, state: "failed", runs: 2, failures: 1, reason: "visitors.ts:7: no such room" }),
    ],
    [
      "capabilities",
      encodePublished(
        new Map<string, number | string>([
          ["servo", 2],
          ["relay", 1],
          ["board", "esp32"],
        ]),
      ),
    ],
  ];
  return {
    about: "Made by `npm run vectors` and kept by a test. `rule` names the rule of saga.cddl that the bytes follow.",
    structures: rules.map(([rule, bytes]) => ({ rule, hex: toHex(bytes) })),
  };
}
