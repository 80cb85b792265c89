import { ample } from "../../../firmware/core/bounds";
import { createGroup, type Group, indexPacts } from "../../../firmware/core/chain/group";
import { createMetablock } from "../../../firmware/core/chain/metablock";
import { takeReferences } from "../../../firmware/core/chain/references";
import type { Lock } from "../../../firmware/core/chain/slots";
import { decodeProvision, type ProvisionedWorld } from "../../../firmware/core/identity/provision";
import { createParticipant } from "../../../firmware/core/participant";
import { fromHex } from "../../../firmware/core/wire/bytes";
import { decodeMessage } from "../../../firmware/core/wire/messages";
import {
  decodeBlockReference,
  decodeCertificate,
  signedBlockHeader,
  signedMetablockHeader,
} from "../../../firmware/core/wire/structures";
import { decodeText } from "../../../firmware/core/wire/text";
import { hostCrypto } from "../../../firmware/device/ports";
import type { Native } from "../../../firmware/native/native";
import type { Held, Holding } from "./holding";

/** Prints what an engine of 16-byte slots takes to hold what is in the flash beside this program, in bytes of each. */

declare const native: Native & { readonly machine: { live(): number } };

const copies = 8;
const crypto = hostCrypto(native, ({ message }) => native.print(message));

/** What `make` makes stays until it was counted. */
function bytesOf(make: () => unknown): number {
  const kept: unknown[] = [];
  for (let copy = 0; copy < copies; copy++) kept.push(undefined);
  const before = native.machine.live();
  for (let copy = 0; copy < copies; copy++) kept[copy] = make();
  const after = native.machine.live();
  return kept.length === copies ? (after - before) / copies : 0;
}

const worldOf = (file: string): ProvisionedWorld => decodeProvision(native.readFile(file)).worlds[0]!;
const participant = (world: ProvisionedWorld) =>
  createParticipant({ crypto, seed: new Uint8Array(32), worlds: [world], bounds: ample, records: [] });

const [one, more, wide] = [worldOf("one"), worldOf("more"), worldOf("wide")];
const groups = (world: ProvisionedWorld) =>
  world.groups.map((bytes) => createGroup(crypto, bytes, indexPacts(crypto, world.pacts), [], ample));
const group: Group = groups(one)[0]!;
const held: Held = JSON.parse(decodeText(native.readFile("held")));
// Bytes of their own, as they come from a link.
const message = <T extends string>(hex: string, _type: T) =>
  decodeMessage(fromHex(hex)) as Extract<ReturnType<typeof decodeMessage>, { type: T }>;

const holding: Holding = {
  participant: bytesOf(() => participant(one)),
  moreGroups: bytesOf(() => participant(more)),
  moreOwners: bytesOf(() => participant(wide)),
  block: bytesOf(() => {
    const { header, signature, entries } = message(held.block, "block");
    const block = { header: signedBlockHeader(crypto, header, signature), entries };
    return new Map([[held.block.slice(0, 64), block]]);
  }),
  slot: bytesOf(() => {
    const block = fromHex(held.block).slice(0, 32);
    const view = { sequence: 1, attempt: 1 };
    const lock: Lock = { block, view, proof: fromHex(held.lock), history: [[0, block.slice()]] };
    return new Map([[1, { claim: { block: block.slice(), view: { ...view }, otherView: null }, lock, final: null }]]);
  }),
  metablock: bytesOf(() => {
    const { header, signature, references } = message(held.metablock, "metablock");
    const metablock = createMetablock(signedMetablockHeader(crypto, header, signature), 0);
    takeReferences(crypto, metablock, references, [
      group,
      ...references.map(({ bytes }) => ({ id: decodeBlockReference(bytes).group })),
    ]);
    return new Map([[metablock.key, metablock]]);
  }),
  certificate: bytesOf(() => {
    const certificate = decodeCertificate(message(held.certificate, "certificate").certificate);
    return new Map([[held.certificate.slice(0, 64), [certificate]]]);
  }),
  entry: bytesOf(() => [{ entry: fromHex(held.entry), token: 1, since: 1.5 }]),
  told: bytesOf(() => new Map(Array.from({ length: 64 }, (_, index) => [2 ** 47 + index, 1]))) / 64,
};
native.print(JSON.stringify(holding));
native.exit(0);
