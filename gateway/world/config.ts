import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { VertebraError } from "../../firmware/core/errors";
import type { GivenEpoch } from "../../firmware/core/identity/membership";
import type { SagasProvided } from "../../firmware/core/identity/provision";
import { fromHex, toHex } from "../../firmware/core/wire/bytes";
import { decodeText, encodeText } from "../../firmware/core/wire/text";
import { asVertebraError } from "../system/errors";
import type { Member } from "./catalog";

/** What `world.json` says: the world as this gateway was provisioned with it. Holds secrets. */
export interface WorldConfig {
  /** 32 bytes, secret: whoever holds it can be a member. */
  readonly worldId: Uint8Array;
  /** The gateway's participant, 32 bytes, secret. */
  readonly seed: Uint8Array;
  readonly stewards: readonly Uint8Array[];
  readonly pacts: readonly Uint8Array[];
  readonly sagas: SagasProvided;
  readonly groups: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  /** The encoded group in which its stewards define what else it has; absent in a world of an earlier version, which stays as it is. */
  readonly definitions?: Uint8Array;
  /** The gateway and the boards that it was made with, by name. */
  readonly members: readonly Member[];
  /** The epoch of the membership in which a gateway comes that was added after somebody was expelled. */
  readonly epoch?: GivenEpoch;
}

/** Raised when a later version can't read what this one wrote. */
const layout = 2;
const fileName = "world.json";

export function configPath(directory: string): string {
  return join(directory, fileName);
}

export function configText(config: WorldConfig): string {
  const text = {
    layout,
    worldId: toHex(config.worldId),
    seed: toHex(config.seed),
    stewards: config.stewards.map(toHex),
    pacts: config.pacts.map(toHex),
    sagas: {
      behaviors: config.sagas.behaviors.map(toHex),
      stages: config.sagas.stages.map(toHex),
      descriptions: config.sagas.descriptions.map(toHex),
      sources: config.sagas.sources.map(decodeText),
    },
    groups: config.groups.map(({ name, bytes }) => ({ name, bytes: toHex(bytes) })),
    ...(config.definitions && { definitions: toHex(config.definitions) }),
    ...(config.epoch && { epoch: { number: config.epoch.number, secret: toHex(config.epoch.secret) } }),
    members: config.members.map(({ name, avatar, key, board }) => ({
      name,
      avatar: toHex(avatar),
      ...(key && { key: toHex(key) }),
      ...(board && { board }),
    })),
  };
  return `${JSON.stringify(text, null, 2)}\n`;
}

/** Errors: `world-missing`, `world-open` where others may read the secrets, `world-damaged`. */
export function readConfig(directory: string): WorldConfig {
  const path = configPath(directory);
  const text = readSecret(path, directory);
  try {
    return readConfigText(text);
  } catch (error) {
    throw new VertebraError(
      "world-damaged",
      `${path} can't be read: ${(error as Error).message}`,
      "Put back the file as `vertebra world create` wrote it; it is never written again, so any copy of it will do.",
    );
  }
}

function readSecret(path: string, directory: string): string {
  try {
    if ((statSync(path).mode & 0o077) !== 0) {
      throw new VertebraError("world-open", `${path} holds secrets and others may read it`, `chmod 600 ${path}`);
    }
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof VertebraError) throw error;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new VertebraError(
        "world-missing",
        `There is no world in ${directory}`,
        "Make one with `vertebra world create`, or say where it is with --dir.",
      );
    }
    const { message, remedy } = asVertebraError(error, `${path} can't be read`);
    throw new VertebraError("world-damaged", message, remedy);
  }
}

/** Throws what is wrong with it, in words. */
export function readConfigText(text: string): WorldConfig {
  return parseConfig(JSON.parse(text));
}

// biome-ignore lint/suspicious/noExplicitAny: what a file holds is anything until this function has read it.
function parseConfig(text: any): WorldConfig {
  if (text.layout !== layout) throw new Error(`its layout is ${text.layout}, and this version reads layout ${layout}`);
  return {
    worldId: bytes32("worldId", text.worldId),
    seed: bytes32("seed", text.seed),
    stewards: text.stewards.map((steward: string) => bytes32("steward", steward)),
    pacts: text.pacts.map(fromHex),
    sagas: {
      behaviors: text.sagas.behaviors.map(fromHex),
      stages: text.sagas.stages.map(fromHex),
      descriptions: text.sagas.descriptions.map(fromHex),
      sources: text.sagas.sources.map(encodeText),
    },
    groups: text.groups.map((group: { name: string; bytes: string }) => ({
      name: group.name,
      bytes: fromHex(group.bytes),
    })),
    ...(text.definitions === undefined ? {} : { definitions: fromHex(text.definitions) }),
    ...(text.epoch === undefined
      ? {}
      : { epoch: { number: text.epoch.number, secret: bytes32("epoch", text.epoch.secret) } }),
    members: text.members.map((member: { name: string; avatar: string; key?: string; board?: string }) => ({
      name: member.name,
      avatar: bytes32("avatar", member.avatar),
      ...(member.key !== undefined && { key: bytes32("key", member.key) }),
      ...(member.board !== undefined && { board: member.board }),
    })),
  };
}

function bytes32(name: string, text: string): Uint8Array {
  const bytes = fromHex(text);
  if (bytes.length !== 32) throw new Error(`${name} has ${bytes.length} bytes, not 32`);
  return bytes;
}
