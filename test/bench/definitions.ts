import { groupKey } from "../../firmware/core/block/records";
import { readStanding } from "../../firmware/core/chain/records";
import { definitionsGroup } from "../../firmware/core/definitions/definition";
import type { WorldProvision } from "../../firmware/core/identity/provision";
import { roomy } from "../../firmware/core/memory";
import { toHex } from "../../firmware/core/wire/bytes";
import type { Crypto } from "../../firmware/ports";
import { nodeCrypto } from "../../gateway/participant/crypto";
import { cheapCrypto } from "../core/cheap-crypto";
import { createNetwork, type Network } from "../core/network";
import { numbersFile, writeNumbers } from "./numbers";

/**
 * `npm run bench:definitions`: what a board that joins a world hears and keeps of all that was defined there before, into docs/numbers.md;
 * where its provision says from where on it follows that, and where it says nothing.
 */

const counts = [10, 100, 1_000, 10_000];
const mine = { name: "mine", owners: ["gateway", "board"] };

function row(count: number): string {
  const [told, untold] = [joining(count, true), joining(count, false)];
  const columns = [count, untold.heard, told.heard, told.said, told.kept, told.groups];
  return `| ${columns.map((each) => each.toLocaleString("en")).join(" | ")} |`;
}

function joining(count: number, told: boolean) {
  const crypto = cheapCrypto(nodeCrypto());
  const members = ["gateway", "board", "other1", "other2"];
  const bounds = { board: { ...roomy, finalTail: 16 } };
  let newcomer: Newcomer | undefined;
  const network = createNetwork({
    ...{ crypto, members, groups: [], stewards: ["gateway"], bounds },
    newcomer: (name) => (name === "board" ? newcomer : undefined),
  });
  for (const name of ["board", "other1", "other2"]) network.crash(name);
  for (let each = 0; each < count; each++) {
    network.define("gateway", { name: `group${each}`, owners: ["other1", "other2"] });
    network.run(network.now + 10);
  }
  if (told) newcomer = newcomerOf(crypto, network);
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
  const { defined, store } = network.members.get("board")!;
  while (defined.length === 0 && network.now < began + 3_600_000) network.run(network.now + 1_000);
  if (defined.join() !== "mine") throw new Error(`the board learned of ${defined.join() || "nothing"} among ${count}`);
  const kept = [...store].reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  const { groups } = network.members.get("board")!.participant.status(network.tag);
  return { heard, said, kept, groups: groups.length };
}

type Newcomer = Pick<WorldProvision, "stewards" | "definitions" | "definedFrom">;

/** What the gateway would tell one now. */
function newcomerOf(crypto: Crypto, { groups, members, tag }: Network): Newcomer {
  const { avatar, store } = members.get("gateway")!;
  const standing = readStanding(store.get(groupKey(tag, toHex(groups.get("definitions")!)))!);
  const definedFrom = { version: 1, first: 0, ...standing };
  return { stewards: [avatar], definitions: definitionsGroup(crypto, [avatar]), definedFrom };
}

writeNumbers(
  "definitions",
  [
    "| definitions of others before its own | bytes it hears where it hears all | where its provision says from where on | bytes it says | bytes it keeps | groups it holds |",
    "|--:|--:|--:|--:|--:|--:|",
    ...counts.map(row),
  ].join("\n"),
);
console.log(`written into ${numbersFile}`);
