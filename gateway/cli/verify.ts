import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { type ProvenBlock, verifyFinalityProof } from "../../firmware/core/chain/proof";
import { VertebraError } from "../../firmware/core/errors";
import { decodeEntry, fieldsToObject, gapCount } from "../../firmware/core/pact/entry";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import { proofFileLimit } from "../../firmware/core/wire/limits";
import { decodeMessage } from "../../firmware/core/wire/messages";
import { decodeFinalityProof } from "../../firmware/core/wire/proofs";
import { entriesHash } from "../../firmware/core/wire/structures";
import type { Field } from "../../firmware/core/wire/types";
import { nodeCrypto } from "../participant/crypto";
import { asVertebraError } from "../system/errors";
import { writeJson } from "../system/json";
import { paint } from "../system/text";
import { readPacts } from "../world/catalog";
import { plainCommand, shownId } from "./options";
import { print, printJson, printTable } from "./output";

const collectIds = (text: string, before: readonly string[]) => [...before, shownId(text)];

interface VerifyOptions {
  readonly json?: boolean;
  readonly group?: string;
  readonly owner: readonly string[];
}

export function verifyCommand(): Command {
  return plainCommand("verify", "check a finality proof, offline and without a world", [
    "vertebra verify entry-17.proof",
    "vertebra verify entry-17.proof --group 8f434346648f6b96",
    "vertebra verify entry-17.proof --owner 5feceb66ffc86f38 --owner 6b86b273ff34fce1 --json",
  ])
    .argument("<file>", "what `vertebra proof` wrote")
    .option(
      "--group <id>",
      "the group that it must be of, as `vertebra world show` prints it: its id fixes pact and owners",
      shownId,
    )
    .option("--owner <avatar>", "one who must be an owner of its group; may be given several times", collectIds, [])
    .addHelpText(
      "after",
      "\nWithout --group or --owner it only shows that somebody agreed: anyone can make keys, a group and a proof.",
    )
    .action((file: string, options: VerifyOptions) => {
      const verified = verifyFile(file);
      compare(verified, options);
      if (options.json) printJson(verified);
      else showVerified(verified, options);
    });
}

export type Verified = ReturnType<typeof verifyFile>;

function verifyFile(file: string) {
  const crypto = nodeCrypto();
  const message = decodeMessage(read(file), proofFileLimit);
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

/** Fewer digits than this could be found again for another key by trying. */
const leastDigits = 16;

/** Throws `proof-group` and `proof-owner` where the proof is not of whom it should be. */
function compare({ file, group, owners }: Verified, options: VerifyOptions): void {
  for (const id of [...options.owner, ...(options.group === undefined ? [] : [options.group])]) {
    if (new RegExp(`^[0-9a-f]{${leastDigits},64}$`).test(id)) continue;
    throw new VertebraError("usage", `'${id}' is no id`, `Give ${leastDigits} or more of its digits.`);
  }
  if (options.group !== undefined && !group.startsWith(options.group)) {
    const message = `${file} proves a block of group ${group}, not of ${options.group}`;
    throw new VertebraError("proof-group", message, "Ask whoever gave you the file what it is a proof of.");
  }
  for (const owner of options.owner) {
    if (owners.some((each) => each.startsWith(owner))) continue;
    const message = `${owner} is no owner of the group that ${file} is of; these are: ${owners.join(", ")}`;
    throw new VertebraError("proof-owner", message, "Ask whoever gave you the file what it is a proof of.");
  }
}

function entryJson(fields: readonly Field[], entry: Uint8Array) {
  const gap = gapCount(entry);
  return gap === undefined ? fieldsToObject(fields, decodeEntry(fields, entry)) : { gap };
}

function read(file: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(file));
  } catch (error) {
    const { message, remedy } = asVertebraError(error, `${file} can't be read`);
    throw new VertebraError("proof-file", message, remedy);
  }
}

export function showVerified(verified: Verified, { group: asked, owner }: VerifyOptions): void {
  const { block, pact, group, firstEntry, count, certifiedBy, closedBy, owners, issuer, quorum } = verified;
  const last = (firstEntry ?? 0) + count - 1;
  const range = count === 1 ? `entry ${firstEntry}` : `entries ${firstEntry} to ${last}`;
  const entries = firstEntry === null ? `${count} entries` : range;
  print(paint("green", "final"), `: block ${block}, ${entries} of its group`);
  print(`  group ${group}, of pact ${pact}: ${quorum} of ${owners.length} owners`);
  const did = [
    ["issued", [issuer]],
    ["certified", certifiedBy],
    ["closed", closedBy],
  ] as const;
  printTable(
    owners.map((each) => {
      const signed = did.filter(([, who]) => who.includes(each)).map(([does]) => does);
      return ["  owner", each, signed.join(", ")];
    }),
  );
  if (!owners.includes(issuer)) print(`  issued by ${issuer}`);
  for (const [index, entry] of (verified.entries ?? []).entries()) {
    print(`  ${firstEntry === null ? "" : `${firstEntry + index} `}${writeJson(entry)}`);
  }
  if (asked !== undefined || owner.length > 0) return;
  print("Whose keys these are, a proof can't say: compare them, with --group or --owner.");
}
