import { VertebraError } from "../../firmware/core/errors";
import type { Participant } from "../../firmware/core/participant";
import { hash } from "../../firmware/core/wire/hash";
import { messageLimit } from "../../firmware/core/wire/limits";
import { merklePath } from "../../firmware/core/wire/merkle";
import { decodeMessage, encodeMessage } from "../../firmware/core/wire/messages";
import { decodeBlockHeader, decodeMetablockHeader } from "../../firmware/core/wire/structures";
import type { BlockHeader, Hash, LockProof, Message, MetablockHeader } from "../../firmware/core/wire/types";
import { createForge, type Forge } from "../core/forge";
import type { LiarPlan } from "./plan";
import type { Group, Member, Transport, Watcher, World } from "./world";

/** One who holds a member's seed and says what it likes: beside a real participant of that seed, whose words it may change or keep back. */
export interface Liar {
  readonly plan: LiarPlan;
  readonly world: World;
  readonly member: Member;
  readonly forge: Forge;
  /** The groups that it owns with others. */
  readonly groups: readonly Group[];
  /** What it heard and made, the latest last. */
  readonly metablocks: HeardMetablock[];
  readonly blocks: HeardBlock[];
  readonly locks: LockProof[];
  readonly heard: Uint8Array[];
  readonly counters: Map<string, number>;
  /** How its participant stood when it began the lie: that may lose its power in the midst of it. */
  stands: ReturnType<Participant["status"]> | undefined;
  /** Set when it is to be silent from now on. */
  quiet: boolean;
}

export interface HeardMetablock {
  readonly id: Hash;
  readonly header: Pick<MetablockHeader, "sequence" | "attempt" | "parents" | "referenceCount">;
}

export interface HeardBlock {
  readonly id: Hash;
  readonly header: BlockHeader;
}

/** What it remembers of each kind. */
const remembered = 60;

export function createLiar(world: World, plan: LiarPlan): Liar {
  const { name } = plan;
  const member = world.members.get(name)!;
  const groups = [...world.groups.values()].filter(({ owners }) => owners.length > 1 && owners.includes(name));
  const ids = new Map([...world.groups].map(([group, { id }]) => [group, id]));
  return {
    ...{ plan, world, member, groups },
    forge: createForge({ groups: ids, pacts: world.pacts, members: world.members }, world.crypto),
    ...{ metablocks: [], blocks: [], locks: [], heard: [], counters: new Map() },
    ...{ stands: undefined, quiet: false },
  };
}

export function remember<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > remembered) list.shift();
}

/** Hears what comes to the liar's participant. */
export function hearing(liar: Liar): Watcher {
  return {
    sent() {},
    answered(member, event) {
      if (member !== liar.member || event.kind !== "message") return;
      remember(liar.heard, event.bytes);
      const message = understood(event.bytes);
      if (message === undefined) return;
      if (message.type === "metablock") {
        const id = hash(liar.world.crypto, "metablock", message.header);
        remember(liar.metablocks, { id, header: decodeMetablockHeader(message.header) });
      } else if (message.type === "block") {
        const id = hash(liar.world.crypto, "block", message.header);
        remember(liar.blocks, { id, header: decodeBlockHeader(message.header) });
      } else if (message.type === "frontier") for (const lock of message.frontier.locks) remember(liar.locks, lock);
    },
    wrote() {},
    delivered() {},
    power() {},
    ordered() {},
    noted() {},
  };
}

/** Another liar may have sent it. */
function understood(bytes: Uint8Array): Message | undefined {
  try {
    const message = decodeMessage(bytes);
    if (message.type === "metablock") decodeMetablockHeader(message.header);
    if (message.type === "block") decodeBlockHeader(message.header);
    return message;
  } catch (error) {
    if (error instanceof VertebraError) return undefined;
    throw error;
  }
}

/** What its participant says goes through the liar's hands. */
export function throughLiar(liar: Liar, transport: Transport): Transport {
  return {
    ...transport,
    send(from, peer, bytes) {
      const said = from === liar.member ? censored(liar, bytes) : bytes;
      if (said !== undefined) transport.send(from, peer, said);
    },
  };
}

function censored(liar: Liar, bytes: Uint8Array): Uint8Array | undefined {
  const { habit } = liar.plan;
  const type = bytes[1];
  if (liar.quiet || habit === "silent") return undefined;
  if (habit === "withholds" && (type === 5 || type === 11)) return liar.world.draw.chance(0.5) ? undefined : bytes;
  if (habit === "hides" && type === 4 && liar.world.draw.chance(0.5)) return hiding(liar, bytes);
  return bytes;
}

/** A metablock of which one reference is not shown: the others lead to its root all the same. */
function hiding({ world }: Liar, bytes: Uint8Array): Uint8Array {
  const message = decodeMessage(bytes) as Extract<Message, { type: "metablock" }>;
  const { references } = message;
  if (references.length === 0) return bytes;
  const all = references.every(({ path }) => path.length === 0);
  const leaves = references.map((each) => each.bytes);
  const shown = all
    ? references.map((each, at) => ({ ...each, path: merklePath(world.crypto, leaves, at) }))
    : references;
  const hidden = world.draw.below(references.length);
  const said = encodeMessage({ ...message, references: shown.filter((_, at) => at !== hidden) });
  return said.length > messageLimit ? bytes : said;
}

/** To most of its neighbours, and not to the others. What is larger than a message may be no link takes from it. */
export function say(
  liar: Liar,
  message: Uint8Array,
  to: (index: number) => boolean = () => liar.world.draw.chance(0.7),
): void {
  if (liar.quiet || message.length > messageLimit) return;
  for (const [index, peer] of [...liar.member.peers.keys()].entries()) {
    if (to(index)) liar.world.transport.send(liar.member, peer, message);
  }
}
