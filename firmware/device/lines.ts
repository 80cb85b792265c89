import type { Why } from "../core/capability/capabilities";
import type { Setting } from "../core/capability/interfaces";

/**
 * What a board prints: one line for each thing that happens, as JSON, or in words for a person. Ids are hex, `at` is ms since 1970,
 * latencies are ms.
 */
export type Line =
  | {
      readonly event: "boot";
      readonly engine: string;
      readonly crypto: string;
      readonly avatar: string;
      readonly world: string;
      /** How often this participant was started (PROTOCOL 6, Amnesia). */
      readonly epoch: number;
    }
  /** These entries are durable in a block of this board: they will become final. */
  | {
      readonly event: "sealed";
      readonly group: string;
      readonly block: string;
      readonly counter: number;
      readonly entries: number;
      readonly at: number;
    }
  | {
      readonly event: "final";
      readonly group: string;
      readonly position: number;
      readonly firstEntry: number;
      readonly count: number;
      readonly block: string;
      readonly issuer: string;
      /** null where the pact is private. */
      readonly entries: readonly string[] | null;
      /** Of a block that this board sealed since it was started: from its seal, and from the push of its first entry. */
      readonly latency: { readonly fromSeal: number; readonly fromPush: number } | null;
      readonly at: number;
    }
  /** A steward expelled this avatar from the world, which is in this epoch of its membership from now on. */
  | { readonly event: "expelled"; readonly avatar: string; readonly epoch: number }
  /** A steward defined this group, which the board owns or relays from now on. */
  | { readonly event: "defined"; readonly group: string; readonly name: string }
  /** A steward retired this group; what the board sealed there and is not final goes into its successor, where it writes to one. */
  | { readonly event: "retired"; readonly group: string; readonly successor: string | null }
  | { readonly event: "moved"; readonly group: string; readonly block: string; readonly to: string }
  /** A steward deployed this saga for a state group that the board owns or relays; once it is `whole`, all of its source is here. */
  | { readonly event: "deployed"; readonly saga: string; readonly version: number; readonly whole: boolean }
  /** Nobody begins by it any more; and all is over that was begun by it, and nothing of it is kept. */
  | { readonly event: "undeployed"; readonly saga: string; readonly gone: boolean }
  /** So many of the rings of its rollout are open; none, where it was taken back. */
  | {
      readonly event: "rollout";
      readonly saga: string;
      readonly version: number;
      readonly open: number;
      readonly rings: number;
    }
  | { readonly event: "refused"; readonly group: string; readonly code: string; readonly message: string }
  | { readonly event: "link"; readonly up: true; readonly avatar: string; readonly resumed: boolean }
  | { readonly event: "link"; readonly up: false; readonly code: string; readonly message: string }
  | { readonly event: "notice" | "error"; readonly code: string; readonly message: string; readonly remedy: string }
  /** An actuator was set, and why. */
  | {
      readonly event: "capability";
      readonly capability: string;
      readonly value: Setting;
      readonly why: Why;
      readonly at: number;
    }
  /** A behavior that ended the machine of this board: its runs fail without being begun. Told at each start. */
  | { readonly event: "quarantine"; readonly behavior: string; readonly reason: string }
  /** It has no identity, and waits on its line to be given one; then it was. */
  | { readonly event: "blank"; readonly kind: string }
  | { readonly event: "provisioned" }
  | ({ readonly event: "stats" } & Stats)
  /** The writers have stopped. */
  | { readonly event: "stopped" };

/** All since the board was started. */
export interface Stats {
  /** Entries pushed, skipped since the one before was not sealed yet, refused, sealed, and final of those sealed since the start. */
  readonly pushed: number;
  readonly skipped: number;
  readonly refused: number;
  readonly sealed: number;
  readonly final: number;
  readonly signatures: number;
  readonly verified: number;
  /** On the wire. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly retransmissions: number;
  /** Bytecodes that the engine ran. */
  readonly meter: number;
  /** Bytes of flash that live records take. */
  readonly stored: number;
}

/** A line for a person, or undefined for what a person need not see. */
export function inWords(line: Line): string | undefined {
  switch (line.event) {
    case "boot":
      return `${line.engine}, ${line.crypto}; avatar ${short(line.avatar)} in world ${short(line.world)}, start ${line.epoch}`;
    case "sealed":
      return `sealed block ${line.counter} of group ${short(line.group)}: ${counted(line.entries)}`;
    case "final":
      return `final: entries from ${line.firstEntry} of group ${short(line.group)}, ${counted(line.count)} by ${short(line.issuer)}`;
    case "expelled":
      return `${line.avatar.slice(0, 16)} was expelled from the world, which goes on in epoch ${line.epoch} of its membership`;
    case "defined":
      return `group ${line.name} is defined, and this board takes part in it`;
    case "retired":
      return line.successor === null
        ? `group ${short(line.group)} is retired`
        : `group ${short(line.group)} is retired, and goes on as ${short(line.successor)}`;
    case "moved":
      return `what was sealed in group ${short(line.group)} goes into the one that succeeds it`;
    case "rollout":
      if (line.open === 0) return `saga ${line.saga} v${line.version} is taken back`;
      return `saga ${line.saga} v${line.version} rolls out: ${line.open} of ${line.rings} rings are open`;
    case "undeployed":
      return `saga ${line.saga} is undeployed${line.gone ? ", and nothing of it is kept here any more" : ""}`;
    case "deployed":
      return `saga ${line.saga} v${line.version} is ${line.whole ? "here" : "deployed, and its source is on its way"}`;
    case "refused":
      return `refused: ${line.message}`;
    case "link":
      return line.up ? `link up: ${short(line.avatar)}` : `link down: ${line.message}`;
    case "notice":
    case "error":
      return `${line.message}. ${line.remedy}`;
    case "capability":
      return `${line.capability} is ${inShort(line.value)} (${line.why})`;
    case "quarantine":
      return `behavior ${short(line.behavior)} is quarantined: ${line.reason}`;
    case "blank":
      return `this board, a ${line.kind}, has no identity yet. Give it one over its line: vertebra board provision --port PORT`;
    case "provisioned":
      return "this board has an identity now, and begins with it";
    case "stopped":
      return "the writers have stopped";
    case "stats":
      return undefined;
  }
}

function inShort(value: Setting): string {
  return typeof value === "boolean" ? (value ? "on" : "off") : `${value}`;
}

function short(id: string): string {
  return `${id.slice(0, 8)}…`;
}

function counted(entries: number): string {
  return entries === 1 ? "1 entry" : `${entries} entries`;
}
