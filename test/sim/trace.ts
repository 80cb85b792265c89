import type { Action } from "../../firmware/core/events";
import type { Order } from "../../firmware/core/saga/conductor";
import { decodeState } from "../../firmware/core/saga/state";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { type Digest, digestOf } from "./digest";
import type { Watcher, World } from "./world";

/** All that happens, one line an event in columns: into a digest, and before a person's eyes. */

export const traceLegend = `time      virtual ms since the beginning
who       a member; a > b: a sends to b, whether it arrives or not
what      a message's type; or write (to the store), sealed, final, notice,
          cut (a peer), power; or fault: what the plan does to the world;
          or saga push, run, act: what a conductor wants
more      bytes sent, records written, and so on; ids by their first 6 digits

    time  who      what       more`;

/** Of a terminal. */
const columns = 80;

const messageNames = [
  ...[
    "",
    "HELLO",
    "BLOCK",
    "HEADER",
    "METABLOCK",
    "CERTIFICATE",
    "WANT",
    "FRONTIER",
    "PULL",
    "PROOF",
    "BYE",
    "CERTIFICATES",
  ],
] as const;

export function recorder(digest: Digest, worldOf: () => World, print?: (line: string) => void): Watcher {
  const line = (who: string, what: string, more: string) => {
    const text = `${String(worldOf().schedule.now()).padStart(8)}  ${who.padEnd(7)}  ${what.padEnd(9)}  ${more}`;
    digest.words(text);
    print?.(text.length > columns ? `${text.slice(0, columns - 1)}…` : text);
  };
  return {
    sent(from, to, bytes) {
      digest.words(digestOf(bytes));
      line(`${from.name} > ${to.name}`, messageNames[bytes[1]!] ?? "?", `${bytes.length} bytes`);
    },
    answered() {},
    wrote(member, { puts, deletes }) {
      line(member.name, "write", [...puts.keys(), ...deletes].map(showKey).join(" "));
    },
    delivered(member, action) {
      line(member.name, action.kind, showDelivered(action));
    },
    power(member, on) {
      line(member.name, on ? "power on" : "power off", "");
    },
    ordered(member, order) {
      if (order.kind !== "wake") line(member.name, `saga ${order.kind}`, showOrder(worldOf(), order));
    },
    noted(who, what) {
      line(who, "fault", what.replace(/[{}"]/g, "").replace(/,/g, ", "));
    },
  };
}

function showKey(key: string): string {
  return key
    .replace(/^w\/[0-9a-f]+\/|(?<=^final\/)[0-9a-f]+\//, "")
    .replace(/[0-9a-f]{32,}/g, (hex) => hex.slice(0, 6))
    .replace(/\/0+(?=\d)/, "/");
}

function showDelivered(action: Extract<Action, { kind: "sealed" | "refused" | "final" | "notice" | "cut" }>): string {
  if (action.kind === "sealed") return `counter ${action.counter}, values ${action.tokens.join(" ")}`;
  if (action.kind === "final") return `position ${action.block.position}, first entry ${action.block.firstEntry}`;
  if (action.kind === "cut") return action.reason.message;
  return `${action.error.code}: ${action.error.message}`;
}

function showOrder(world: World, order: Exclude<Order, { kind: "wake" }>): string {
  if (order.kind === "notice") return `${order.error.code}: ${order.error.message}`;
  if (order.kind === "act") return `${order.operations.length} operations`;
  if (order.kind === "keep") return `${order.bytes.length} bytes of the ${order.what}`;
  if (order.kind === "push") {
    const { group, id, entry } = order.event;
    const { name, holds } = [...world.groups.values()].find((each) => equal(each.id, group))!;
    return `${name}, ${holds === "states" ? showState(entry) : `id ${id === null ? "none" : toHex(id).slice(0, 6)}`}`;
  }
  const { behavior, invocation } = order.what;
  return `${behavior.name} of invocation ${toHex(invocation).slice(0, 6)}`;
}

function showState(entry: Uint8Array): string {
  const { previous, stage, status, error } = decodeState(entry);
  return `after ${previous?.[1] ?? "none"}, stage ${stage} ${status} ${error}`;
}

/** All of them are told, in this order. */
export function together(watchers: readonly Watcher[]): Watcher {
  return {
    sent(from, to, bytes) {
      for (const each of watchers) each.sent(from, to, bytes);
    },
    answered(member, event, actions, work) {
      for (const each of watchers) each.answered(member, event, actions, work);
    },
    wrote(member, write) {
      for (const each of watchers) each.wrote(member, write);
    },
    delivered(member, action, now) {
      for (const each of watchers) each.delivered(member, action, now);
    },
    power(member, on) {
      for (const each of watchers) each.power(member, on);
    },
    ordered(member, order) {
      for (const each of watchers) each.ordered(member, order);
    },
    noted(who, what) {
      for (const each of watchers) each.noted(who, what);
    },
  };
}
