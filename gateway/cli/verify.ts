import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { type ProvenBlock, verifyFinalityProof } from "../../firmware/core/chain/proof";
import { VertebraError } from "../../firmware/core/errors";
import { decodeEntry, fieldsToObject, gapCount } from "../../firmware/core/pact/entry";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { decodeMessage } from "../../firmware/core/wire/messages";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import { entriesHash } from "../../firmware/core/wire/structures";
import type { Field } from "../../firmware/core/wire/types";
import { nodeCrypto } from "../participant/crypto";
import { readPacts } from "../world/catalog";
import { plainCommand } from "./options";
import { paint, printJson } from "./terminal";

export function verifyCommand(): Command {
  return plainCommand("verify", "check a finality proof, offline and without a world", [
    "vertebra verify entry-17.proof",
    "vertebra verify entry-17.proof --json",
  ])
    .argument("<file>", "what `vertebra proof` wrote")
    .action((file: string, options: { json?: boolean }) => {
      const verified = verifyFile(file);
      if (options.json) printJson(verified);
      else show(verified);
    });
}

type Verified = ReturnType<typeof verifyFile>;

function verifyFile(file: string) {
  const crypto = nodeCrypto();
  const message = decodeMessage(read(file));
  if (message.type !== "proof") {
    throw new VertebraError("proof-file", `${file} is a ${message.type}, no proof`, "Give what `vertebra proof` wrote");
  }
  const proof = decodeFinalityProof(message.proof);
  const proven = verifyFinalityProof(crypto, proof);
  if (message.entries !== null && !equal(entriesHash(crypto, message.entries), proven.header.entriesHash)) {
    throw new VertebraError(
      "proof-entries",
      `The entries in ${file} are not those of the proven block`,
      "Ask whoever gave you the file for another; the block is final, with other entries",
    );
  }
  const [pact] = readPacts(crypto, proof.pacts);
  return { file, ...facts(proven), entries: message.entries?.map((entry) => entryJson(pact!.fields, entry)) ?? null };
}

function facts(proven: ProvenBlock) {
  const { pact, group, block, header, position, firstEntry } = proven;
  return {
    final: true,
    pact: `${pact.name} v${pact.version}`,
    quorum: pact.policy.quorum,
    group: toHex(group),
    owners: proven.definition.owners.map(toHex),
    block: toHex(block),
    issuer: toHex(header.issuer),
    counter: header.counter,
    position,
    firstEntry,
    count: header.count,
    time: header.time,
    certifiedBy: proven.certifiedBy.map(toHex),
    closedBy: proven.closedBy.map(toHex),
  };
}

function entryJson(fields: readonly Field[], entry: Uint8Array) {
  const gap = gapCount(entry);
  return gap === undefined ? fieldsToObject(fields, decodeEntry(fields, entry)) : { gap };
}

function read(file: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(file));
  } catch (error) {
    throw new VertebraError(
      "proof-file",
      `${file} can't be read: ${(error as Error).message}`,
      "Give a file that is there",
    );
  }
}

function show(verified: Verified): void {
  const { block, pact, group, firstEntry, count, certifiedBy, closedBy, owners, issuer } = verified;
  const last = (firstEntry ?? 0) + count - 1;
  const entries = firstEntry === null ? `${count} entries` : `entries ${firstEntry} to ${last}`;
  process.stdout.write(`${paint("green", "final")}: block ${block.slice(0, 16)}…, ${entries} of its group\n`);
  process.stdout.write(`  pact ${pact}, ${verified.quorum} of ${owners.length} owners; group ${group.slice(0, 16)}…\n`);
  process.stdout.write(
    `  issued by ${issuer.slice(0, 16)}…, certified by ${certifiedBy.length}, closed by ${closedBy.length}\n`,
  );
  for (const [index, entry] of (verified.entries ?? []).entries()) {
    process.stdout.write(`  ${firstEntry === null ? "" : `${firstEntry + index} `}${JSON.stringify(entry)}\n`);
  }
}
