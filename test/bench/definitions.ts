import { roomy } from "../../firmware/core/memory";
import { nodeCrypto } from "../../gateway/participant/crypto";
import { cheapCrypto } from "../core/cheap-crypto";
import { createNetwork } from "../core/network";
import { numbersFile, writeNumbers } from "./numbers";

/** `npm run bench:definitions`: what a board that joins a world hears and keeps of all that was defined there before, into docs/numbers.md. */

const counts = [10, 100, 1_000, 10_000];
const mine = { name: "mine", owners: ["gateway", "board"] };

function row(count: number): string {
  const crypto = cheapCrypto(nodeCrypto());
  const members = ["gateway", "board", "other1", "other2"];
  const bounds = { board: { ...roomy, finalTail: 16 } };
  const network = createNetwork({ crypto, members, groups: [], stewards: ["gateway"], bounds });
  for (const name of ["board", "other1", "other2"]) network.crash(name);
  for (let each = 0; each < count; each++) {
    network.define("gateway", { name: `group${each}`, owners: ["other1", "other2"] });
    network.run(network.now + 10);
  }
  network.define("gateway", mine);
  network.run(network.now + 1_000);
  let heard = 0;
  let said = 0;
  network.filter = (from, _to, bytes) => {
    if (from === "gateway") heard += bytes.length;
    else said += bytes.length;
    return true;
  };
  const began = network.now;
  network.boot("board");
  network.connect("board", "gateway");
  const { defined, participant, store } = network.members.get("board")!;
  while (defined.length === 0 && network.now < began + 3_600_000) network.run(network.now + 1_000);
  if (defined.join() !== "mine") throw new Error(`the board learned of ${defined.join() || "nothing"} among ${count}`);
  const kept = [...store].reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  const { groups } = participant.status(network.tag);
  return `| ${[count, heard, said, kept, groups.length].map((each) => each.toLocaleString("en")).join(" | ")} |`;
}

writeNumbers(
  "definitions",
  [
    "| definitions of others before its own | bytes it hears | bytes it says | bytes it keeps | groups it holds |",
    "|--:|--:|--:|--:|--:|",
    ...counts.map(row),
  ].join("\n"),
);
console.log(`written into ${numbersFile}`);
