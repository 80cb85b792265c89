import { leastFor } from "../../firmware/core/memory";
import { cheapCrypto } from "../core/cheap-crypto";
import { createNetwork } from "../core/network";
import type { History, Write } from "./cuts";

/** What a board has its store do: as many batches as make it let go of the first that are final, and some more, which are cut. */
export function ofParticipant(writeSize: number): History {
  const crypto = cheapCrypto();
  const bounds = leastFor({ groups: [{ owners: 2, largestEntry: 256, mine: true }], sagas: 0, deployed: 0 });
  const network = createNetwork({
    crypto,
    members: ["board", "gateway"],
    groups: [{ name: "g", owners: ["board", "gateway"] }],
    bounds: { board: bounds },
  });
  network.run(2_000);
  const board = network.members.get("board")!;
  const { participant } = board;
  const writes: Write[] = [];
  board.participant = {
    handle(event, now) {
      const actions = participant.handle(event, now);
      for (const action of actions) if (action.kind === "write") writes.push(action);
      return actions;
    },
    avatars: () => participant.avatars(),
    status: (world) => participant.status(world),
    membership: (world) => participant.membership(world),
    knows: (world, avatar) => participant.knows(world, avatar),
    why: (world, target) => participant.why(world, target),
  };
  for (let batch = 0; batch < bounds.finalTail + 4; batch++) {
    network.push(batch % 3 === 0 ? "gateway" : "board", "g", batch);
    network.run(network.now + 1_000);
  }
  return { sectors: 22, sectorSize: 512, writeSize, writes, cutFrom: writes.length - 6, packing: network.packing };
}
