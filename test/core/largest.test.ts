import { describe, expect, it } from "vitest";
import { slotWindow } from "../../firmware/core/chain/group";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import { messageLimit } from "../../firmware/core/wire/limits";
import { encodeMessage } from "../../firmware/core/wire/messages";
import type { BlockReference } from "../../firmware/core/wire/types";
import { cheapCrypto } from "./cheap-crypto";
import { createForge, listen, type Passing } from "./forge";
import { createNetwork, type Network } from "./network";

/** The largest of everything that is valid goes on its way, in as many messages as it takes; and no peer's bytes, nor honest state, end a participant. */

const crypto = cheapCrypto();

function expectWithinLimit(heard: readonly Passing[]): void {
  for (const { bytes } of heard) expect(bytes.length).toBeLessThanOrEqual(messageLimit);
}

/** A hub between a board and a member who owns nothing but what they all share. */
function hubAndBoard(groups: readonly string[]): Network {
  return createNetwork({
    crypto,
    members: ["hub", "board", "member"],
    groups: [
      ...groups.map((name) => ({ name, owners: ["hub", "board"] })),
      { name: "shared", owners: ["hub", "board", "member"], policy: { quorum: "two-thirds" as const } },
    ],
    links: [
      ["hub", "board"],
      ["hub", "member"],
    ],
  });
}

describe("a metablock of many references", () => {
  it("shown whole is passed on with paths, five times as large, in as many messages as it takes", () => {
    const names = Array.from({ length: 12 }, (_, index) => `own${index}`);
    const network = hubAndBoard(names);
    const forge = createForge(network, crypto);
    const place = (group: Uint8Array, position: number): BlockReference => {
      const block = crypto.sha256(Uint8Array.of(position, ...group));
      return { group, position, firstEntry: position, block, count: 1 };
    };
    const theirs = names.flatMap((name) =>
      Array.from({ length: slotWindow }, (_, position) => place(network.groups.get(name)!, position)),
    );
    // Of groups that nobody here knows, so that not all is shown to the board.
    const others = [0, 255].flatMap((byte) => [0, 1].map((position) => place(new Uint8Array(32).fill(byte), position)));
    const references = [...theirs, ...others].sort((a, b) => compare(a.group, b.group) || a.position - b.position);
    const made = forge.metablock("member", { sequence: 0 }, references);
    const whole = made.shown.map((each) => ({ ...each, path: [] }));
    const heard = listen(network, ({ from }) => from === "member");
    network.inject(
      "hub",
      "member",
      encodeMessage({ type: "metablock", header: made.bytes, signature: made.signature, references: whole }),
    );
    network.run(network.now + 2_000);
    const shown = heard.flatMap(({ to, message }) =>
      to === "board" && message.type === "metablock" && toHex(message.header) === toHex(made.bytes)
        ? [message.references.map(({ index }) => index)]
        : [],
    );
    expectWithinLimit(heard);
    expect(shown.length).toBeGreaterThan(1);
    // All of its groups, and the one beside them at either end.
    expect(new Set(shown.flat()).size).toBe(theirs.length + 2);
    network.push("hub", "own0", 1);
    network.run(network.now + 20_000);
    expect(network.entriesOf("board", "own0")).toEqual([1]);
  });

  it("names no more blocks of one group than could be certified", () => {
    const network = hubAndBoard(["own"]);
    const forge = createForge(network, crypto);
    const group = network.groups.get("own")!;
    const references = Array.from({ length: slotWindow + 1 }, (_, position) => ({
      ...{ group, position, firstEntry: position, count: 1 },
      block: crypto.sha256(Uint8Array.of(position)),
    }));
    network.inject("hub", "member", forge.metablock("member", { sequence: 0 }, references).message);
    expect(network.members.get("hub")!.notices.map(({ error }) => error.code)).toEqual(["metablock-references"]);
  });
});
