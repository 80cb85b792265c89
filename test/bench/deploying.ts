import { hash } from "../../firmware/core/wire/hash";
import { chunkBytes } from "../../firmware/core/wire/limits";
import { encodeText } from "../../firmware/core/wire/text";
import { nodeCrypto } from "../../gateway/participant/crypto";
import { bundleSaga } from "../../gateway/saga/source";
import { cheapCrypto } from "../core/cheap-crypto";
import { deploy, putContent, type Source } from "../core/contents";
import { createNetwork, type Network } from "../core/network";
import { numbersFile, writeNumbers } from "./numbers";

/**
 * `npm run bench:deploying`: what comes over the line of a board when a saga of 10 KB is deployed to it, in full and after a change of one line,
 * and over the line of a gateway behind which so many boards are, into docs/numbers.md.
 */

const crypto = cheapCrypto(nodeCrypto());
const sagaBytes = 10 * 1_024;
/** Bits of a byte on a serial line, with its start and stop. */
const secondsAt = (bytes: number) => (bytes * 10) / 115_200;

/** The modules of the examples, one after the other, as far as they fit: a source as people write it. */
async function sourceText(): Promise<string> {
  const names = ["order", "thermostat", "swarm", "visitors"];
  const texts = await Promise.all(names.map(async (name) => (await bundleSaga(`examples/${name}/${name}.ts`)).text));
  let text = texts.join("\n");
  while (text.length < sagaBytes) text += `\n${text}`;
  return text.slice(0, sagaBytes);
}

function sourceOf(text: string): Source {
  const bytes = encodeText(text);
  const pieces = [];
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    const piece = bytes.slice(start, start + chunkBytes);
    pieces.push({ hash: hash(crypto, "source", piece), bytes: piece });
  }
  return { size: bytes.length, pieces };
}

/** A line more behind the last that ends before so many characters. */
function changed(text: string, after: number): string {
  const at = text.lastIndexOf(";", after) + 1;
  return `${text.slice(0, at)}log("a line more");${text.slice(at)}`;
}

/** A gateway, one that relays, and so many boards behind that, all of which own the state group. */
function fleet(count: number): Network {
  const boards = Array.from({ length: count }, (_, index) => `board${index}`);
  const members = ["gateway", "relay", ...boards];
  const links = [["gateway", "relay"] as const, ...boards.map((board) => ["relay", board] as const)];
  const network = createNetwork({ crypto, members, groups: [], stewards: ["gateway"], links });
  network.run(1_000);
  network.define("gateway", { name: "states", owners: ["gateway", ...boards] }, ["relay"]);
  network.run(10_000);
  return network;
}

/** Bytes that a board and the relay hear until all have it, of messages: the link adds its frames. */
function spread(network: Network, source: Source, version: number) {
  const heard = new Map<string, number>();
  network.filter = (_from, to, bytes) => {
    heard.set(to, (heard.get(to) ?? 0) + bytes.length);
    return true;
  };
  putContent(network, "gateway", source);
  deploy(network, "gateway", "states", source, { version });
  const boards = [...network.members.values()].filter(({ name }) => name.startsWith("board"));
  const isThere = () => boards.every(({ deployed }) => deployed.includes(`watch v${version}`));
  const began = network.now;
  while (!isThere() && network.now < began + 600_000) network.run(network.now + 50);
  if (!isThere()) throw new Error(`version ${version} did not come to all of ${boards.length} boards`);
  return { board: heard.get("board0")!, relay: heard.get("relay")! };
}

function row(what: string, count: number, pieces: number, { board, relay }: { board: number; relay: number }): string {
  const seconds = secondsAt(board).toFixed(2);
  return `| ${what} | ${count} | ${pieces} | ${board.toLocaleString("en")} | ${seconds} | ${relay.toLocaleString("en")} |`;
}

const text = await sourceText();
const first = sourceOf(text);
const rows = [1, 4, 16, 48].map((count) => row("in full", count, first.pieces.length, spread(fleet(count), first, 1)));
for (const [what, after] of [
  ["a line more at its beginning", 600],
  ["in its middle", text.length / 2],
  ["near its end", text.length - 600],
] as const) {
  const network = fleet(1);
  spread(network, first, 1);
  const next = sourceOf(changed(text, after));
  const known = new Set(first.pieces.map((piece) => piece.hash.join()));
  const others = next.pieces.filter((piece) => !known.has(piece.hash.join())).length;
  rows.push(row(what, 1, others, spread(network, next, 2)));
}
writeNumbers(
  "deploying",
  [
    "| version of a saga of 10 KB | boards behind the relay | pieces of 4 KB that are new | bytes that each board hears | seconds of its line at 115,200 baud | bytes that the relay hears |",
    "|---|--:|--:|--:|--:|--:|",
    ...rows,
  ].join("\n"),
);
console.log(`written into ${numbersFile}`);
