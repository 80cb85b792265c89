import { decodeFinalRecord, finalKey } from "../../firmware/core/block/final-record";
import { closingQuorumSize } from "../../firmware/core/pact/pact";
import { toHex } from "../../firmware/core/wire/bytes";
import { nodeCrypto } from "../../gateway/participant/crypto";
import { cheapCrypto } from "../core/cheap-crypto";
import { createNetwork, type Network } from "../core/network";
import { numbersFile, writeNumbers } from "./numbers";

/** `npm run bench:wide`: what a group of many owners costs the gateway of their star, counted, into docs/numbers.md. */

const sizes = [2, 4, 7, 13, 24, 51, 64];
/** Batches of one entry, each of another owner, one after the other. */
const batches = 10;
const everyMs = 5_000;

interface Traffic {
  messages: number;
  bytes: number;
}

function star(owners: number): Network {
  const members = Array.from({ length: owners }, (_, index) => `m${index}`);
  const group = { name: "g", owners: members, policy: { quorum: "two-thirds" as const } };
  return createNetwork({ crypto: cheapCrypto(nodeCrypto()), members, groups: [group] });
}

function row(owners: number): string {
  const network = star(owners);
  const [out, into] = [
    { messages: 0, bytes: 0 },
    { messages: 0, bytes: 0 },
  ];
  network.run(2_000);
  const signed = signatures(network);
  network.filter = (from, _to, bytes) => {
    const traffic: Traffic = from === "m0" ? out : into;
    traffic.messages++;
    traffic.bytes += bytes.length;
    return true;
  };
  for (let batch = 0; batch < batches; batch++) {
    network.push(`m${1 + (batch % (owners - 1))}`, "g", batch);
    network.run(network.now + everyMs);
  }
  const final = network.entriesOf("m0", "g").length;
  if (final !== batches) throw new Error(`only ${final} of ${batches} batches became final among ${owners} owners`);
  const each = (count: number) => Math.round(count / batches).toLocaleString("en");
  const ofOwner = (count: number) => Math.round(count / batches / (owners - 1)).toLocaleString("en");
  return `| ${[
    owners,
    closingQuorumSize("two-thirds", owners),
    ((signatures(network) - signed) / batches / owners).toFixed(2),
    each(out.messages + into.messages),
    each(out.bytes + into.bytes),
    ofOwner(out.bytes),
    proofBytes(network).toLocaleString("en"),
  ].join(" | ")} |`;
}

function signatures({ members }: Network): number {
  return [...members.values()].reduce((sum, member) => sum + member.signatures, 0);
}

function proofBytes(network: Network): number {
  const key = finalKey(network.tag, toHex(network.groups.get("g")!), batches - 1);
  return decodeFinalRecord(network.members.get("m0")!.store.get(key)!).proof.length;
}

const section = [
  "| owners | quorum | signed by each | messages of the gateway | its bytes | bytes in, of another owner | a finality proof |",
  "|--:|--:|--:|--:|--:|--:|--:|",
  ...sizes.map(row),
].join("\n");
writeNumbers("wide", section);
process.stdout.write(`${section}\n\nWritten to ${numbersFile}.\n`);
