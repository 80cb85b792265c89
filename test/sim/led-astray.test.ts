import { describe, expect, it } from "vitest";
import { ample } from "../../firmware/core/bounds";
import { leastFor } from "../../firmware/core/memory";
import { maxCount } from "../../firmware/core/wire/limits";
import type { View } from "../../firmware/core/wire/types";
import { cheapCrypto } from "../core/cheap-crypto";
import { createForge, type ForgedBlock, leadTo, listen } from "../core/forge";
import { createNetwork, everyPair, type Network } from "../core/network";

/**
 * One liar of four or more owners leads the honest to generations above the next, to which a participant follows others: some to one
 * block and some to another, so that nobody may certify what the others did. Upon parents that name a group which nobody knows.
 */

const crypto = cheapCrypto();

for (const count of [4, 5, 7]) {
  const honest = ["a", "b", "c", "d", "e", "f"].slice(0, count - 1);
  const owners = [...honest, "liar"];
  const least = leastFor({ groups: [{ owners: owners.length, largestEntry: 256, mine: true }], sagas: 0, deployed: 0 });
  for (const [held, bounds] of [
    ["much", ample],
    ["little", least],
  ] as const) {
    describe(`${count - 1} honest of ${count} owners that hold ${held}`, () => {
      function withLiar(delay = 10): Network {
        const network = createNetwork({
          crypto,
          delay,
          members: owners,
          groups: [{ name: "g", owners, policy: { quorum: "two-thirds" } }],
          links: everyPair(owners),
          bounds: Object.fromEntries(honest.map((name) => [name, bounds])),
        });
        network.run(2_000);
        listen(network, ({ from }) => from === "liar");
        return network;
      }

      /** Leads each part of them, with whom it has no quorum, to a metablock of this view. */
      function leader(network: Network): (view: View) => void {
        const forge = createForge(network, crypto);
        const parts =
          honest.length === 3 ? [["a"], ["b"], ["c"]] : [honest.slice(0, 2), honest.slice(2, 5), honest.slice(5)];
        const blocks = parts.map((_, part) => forge.block("liar", "g", [100 + part]));
        const tell = (part: number, { message }: Pick<ForgedBlock, "message">) => {
          for (const name of parts[part]!) network.inject(name, "liar", message);
        };
        for (const [part, block] of blocks.entries()) tell(part, block);
        return (view) => {
          for (const [part, block] of blocks.entries()) {
            const lead = leadTo(forge, "liar", view, forge.reference(block, 0), crypto.sha256(Uint8Array.of(part)));
            for (const each of lead) tell(part, each);
          }
        };
      }

      function allWrite(network: Network): void {
        for (const [value, name] of honest.entries()) network.push(name, "g", value);
      }

      /** While this goes on, each so many ms, everything that the honest wrote becomes final within two minutes. */
      function expectAllFinal(network: Network, goesOn: (round: number) => void, every = 50): void {
        const writtenAt = (name: string) => network.entriesOf(name, "g").filter((value) => value < 100);
        const allFinal = () => honest.every((name) => writtenAt(name).length >= honest.length);
        for (let round = 0; round * every < 120_000 && !allFinal(); round++) {
          goesOn(round);
          network.run(network.now + every);
        }
        for (const name of honest) expect(writtenAt(name).sort()).toEqual([...honest.keys()]);
      }

      it("go on above an attempt that they would not have come to in years, whether they wrote before or after", () => {
        for (const attempt of [200, 100_000, maxCount]) {
          for (const before of [true, false]) {
            const network = withLiar();
            const lead = leader(network);
            if (before) allWrite(network);
            lead({ sequence: 10, attempt });
            network.run(network.now + 2_000);
            if (!before) allWrite(network);
            expectAllFinal(network, () => {});
          }
        }
      });

      // On a line of 100 ms it is there again before what the honest put forward has come to each other.
      const slow = count === 4 ? [{ delay: 100, every: 20 }] : [];
      for (const { delay, every } of [{ delay: 10, every: 50 }, ...slow]) {
        it(`go on while it leads them to ever higher attempts of one generation, each ${every} ms on lines of ${delay} ms`, () => {
          const network = withLiar(delay);
          const lead = leader(network);
          allWrite(network);
          expectAllFinal(network, (round) => lead({ sequence: 10, attempt: round }), every);
        });

        it(`go on while it leads them to ever higher generations, each ${every} ms on lines of ${delay} ms`, () => {
          const network = withLiar(delay);
          const lead = leader(network);
          allWrite(network);
          expectAllFinal(network, (round) => lead({ sequence: 10 + 3 * round, attempt: 0 }), every);
        });
      }

      // So much that there was no room for the parents of what the honest put forward upon the last.
      if (count === 4)
        it("go on when it falls silent after it led them to ever higher generations for four seconds", () => {
          const network = withLiar(100);
          const lead = leader(network);
          allWrite(network);
          expectAllFinal(
            network,
            (round) => {
              if (round < 200) lead({ sequence: 10 + 3 * round, attempt: 0 });
            },
            20,
          );
        });
    });
  }
}

describe("an owner who shares a second group with a liar alone", () => {
  // The two need no one else to go on: its votes in the first group came when what they were for was outdated for it.
  it("is not led on there so fast that it can't vote with the others", () => {
    const honest = ["a", "b", "c", "d"];
    const owners = [...honest, "liar"];
    for (const [delay, leap] of [
      [10, 40],
      [200, 100],
    ] as const) {
      const network = createNetwork({
        crypto,
        delay,
        members: owners,
        groups: [
          { name: "g", owners, policy: { quorum: "two-thirds" } },
          { name: "pair", owners: ["a", "liar"] },
        ],
        links: everyPair(owners),
      });
      network.run(2_000);
      listen(network, ({ from }) => from === "liar");
      const forge = createForge(network, crypto);
      const block = forge.block("liar", "pair", [100]);
      const group = crypto.sha256(Uint8Array.of(0));
      network.inject("a", "liar", block.message);
      for (const [value, name] of honest.entries()) network.push(name, "g", value);
      for (let sequence = 100; network.now < 32_000; sequence += leap) {
        const lead = leadTo(forge, "liar", { sequence }, forge.reference(block, 0), group);
        for (const { message } of lead) network.inject("a", "liar", message);
        network.run(network.now + 2 * delay);
      }
      for (const name of honest) expect(network.entriesOf(name, "g").sort()).toEqual([0, 1, 2, 3]);
    }
  });
});
