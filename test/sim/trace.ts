import type { Action } from "../../firmware/core/events";
import { type Digest, digestOf } from "./digest";
import type { Watcher, World } from "./world";

/** All that happens, one line an event in columns: into a digest, and before a person's eyes. */

export const traceLegend = `time      virtual ms since the beginning
who       a member; a > b: a sends to b, whether it arrives or not
what      a message's type; or write (to the store), sealed, final, notice,
          cut (a peer), power; or fault: what the plan does to the world
more      bytes sent, records written, and so on; ids by their first 6 digits

    time  who      what       more`;

/** Of a terminal. */
const columns = 80;

const messageNames = [
  ...["", "HELLO", "BLOCK", "HEADER", "METABLOCK", "CERTIFICATE", "WANT", "FRONTIER", "PULL", "PROOF", "BYE"],
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

/** All of them are told, in this order. */
export function together(watchers: readonly Watcher[]): Watcher {
  return {
    sent(from, to, bytes) {
      for (const each of watchers) each.sent(from, to, bytes);
    },
    answered(member, event, actions) {
      for (const each of watchers) each.answered(member, event, actions);
    },
    wrote(member, write) {
      for (const each of watchers) each.wrote(member, write);
    },
    delivered(member, action) {
      for (const each of watchers) each.delivered(member, action);
    },
    power(member, on) {
      for (const each of watchers) each.power(member, on);
    },
    noted(who, what) {
      for (const each of watchers) each.noted(who, what);
    },
  };
}
