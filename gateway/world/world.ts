import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { VertebraError } from "../../firmware/core/errors";
import { avatarSeed } from "../../firmware/core/identity/avatar";
import { encodeProvision, type Reading, type WorldProvision } from "../../firmware/core/identity/provision";
import { worldTag } from "../../firmware/core/identity/world";
import { pactId, syncGroupId } from "../../firmware/core/pact/pact";
import { compare, toHex } from "../../firmware/core/wire/bytes";
import { encodeSyncGroup } from "../../firmware/core/wire/structures";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { Crypto, Random } from "../../firmware/ports";
import { type Catalog, createCatalog } from "./catalog";
import { configPath, configText, readConfig } from "./config";
import { syncDirectory, writeWhole } from "./files";
import { firstPacts } from "./pacts";

/** A gateway's world directory, opened. */
export interface World {
  readonly directory: string;
  /** The hex of the worldTag: public. */
  readonly tag: string;
  /** Secret. */
  readonly seed: Uint8Array;
  readonly provision: WorldProvision;
  readonly catalog: Catalog;
  readonly boards: readonly Board[];
}

/** A board that was made with the world, and the places of what belongs to it. */
export interface Board {
  readonly name: string;
  readonly avatar: AvatarId;
  readonly provisionFile: string;
  readonly flashFile: string;
  /** Where its pseudo-terminal is found while it runs on this machine. */
  readonly terminal: string;
}

export const gatewayName = "gateway";
/** More would make the shared group's quorum slow on a serial line; groups may have 64 owners. */
export const mostBoards = 16;

const ownReadingsEveryMs = 500;
const sharedReadingsEveryMs = 1000;

/** One whom the new world is made for. */
interface Newcomer {
  readonly name: string;
  readonly seed: Uint8Array;
  readonly avatar: AvatarId;
}

/**
 * Makes a world for a gateway and `boards` boards in `directory`, all of it or nothing. Each board shares a group of pact
 * `machine` with the gateway; all of them share one of pact `machine-shared`. Throws `world-exists`.
 */
export function createWorld(crypto: Crypto, random: Random, directory: string, boards: number): World {
  const target = resolve(directory);
  if (existsSync(target)) {
    throw new VertebraError(
      "world-exists",
      `${target} exists already`,
      "Give another --dir, or remove it if nobody needs what is in it: its store can't be made again.",
    );
  }
  mkdirSync(dirname(target), { recursive: true });
  const draft = mkdtempSync(`${target}.`);
  try {
    chmodSync(draft, 0o700);
    writeWorld(crypto, random, draft, boards);
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  }
  syncDirectory(dirname(target));
  return openWorld(crypto, target);
}

/** Reads the world of `directory`. Errors: those of `readConfig`. */
export function openWorld(crypto: Crypto, directory: string): World {
  const place = resolve(directory);
  const config = readConfig(place);
  const groups = config.groups.map((group) => group.bytes);
  return {
    directory: place,
    tag: toHex(worldTag(crypto, config.worldId)),
    seed: config.seed,
    provision: { worldId: config.worldId, stewards: config.stewards, pacts: config.pacts, groups, readings: [] },
    catalog: createCatalog(crypto, config.pacts, config.groups, config.members),
    boards: config.members
      .filter((member) => member.name !== gatewayName)
      .map(({ name, avatar }) => ({ name, avatar, ...boardFiles(place, name) })),
  };
}

/** The board called so. Throws `board-unknown`. */
export function boardOf(world: World, name: string): Board {
  const board = world.boards.find((each) => each.name === name);
  if (board) return board;
  const names = world.boards.map((each) => each.name).join(", ");
  throw new VertebraError(
    "board-unknown",
    `This world has no board '${name}'`,
    names ? `There are: ${names}. The owners of a group are fixed when it is made.` : "Make a world with --boards.",
  );
}

function boardFiles(directory: string, name: string) {
  const place = join(directory, "boards", name);
  return {
    provisionFile: join(place, "provision"),
    flashFile: join(place, "flash"),
    terminal: join(place, "terminal"),
  };
}

function writeWorld(crypto: Crypto, random: Random, directory: string, boardCount: number): void {
  const worldId = random.bytes(32);
  const newcomer = (name: string): Newcomer => {
    const seed = random.bytes(32);
    return { name, seed, avatar: crypto.signer(avatarSeed(crypto, seed, worldId)).publicKey };
  };
  const gateway = newcomer(gatewayName);
  const boards = Array.from({ length: boardCount }, (_, index) => newcomer(`board-${index + 1}`));
  const pacts = firstPacts(crypto);
  const groupOf = (pact: Uint8Array, owners: readonly Newcomer[]) =>
    encodeSyncGroup({ pact: pactId(crypto, pact), owners: owners.map((owner) => owner.avatar).sort(compare) });

  const shared = boards.length > 0 ? groupOf(pacts.shared, [gateway, ...boards]) : undefined;
  const own = boards.map((board) => ({ board, bytes: groupOf(pacts.machine, [gateway, board]) }));
  const world = { worldId, stewards: [gateway.avatar], pacts: [pacts.machine, pacts.shared] };
  for (const { board, bytes } of own) {
    const groups = [bytes, shared!];
    const readings: Reading[] = [
      { group: syncGroupId(crypto, bytes), everyMs: ownReadingsEveryMs },
      { group: syncGroupId(crypto, shared!), everyMs: sharedReadingsEveryMs },
    ];
    const place = join(directory, "boards", board.name);
    mkdirSync(place, { recursive: true, mode: 0o700 });
    const provision = encodeProvision({ seed: board.seed, worlds: [{ ...world, groups, readings }] });
    writeWhole(boardFiles(directory, board.name).provisionFile, provision, 0o600);
  }
  const groups = own.map(({ board, bytes }) => ({ name: `machine@${board.name}`, bytes }));
  if (shared) groups.push({ name: "machine-shared", bytes: shared });
  const members = [gateway, ...boards].map(({ name, avatar }) => ({ name, avatar }));
  writeWhole(configPath(directory), configText({ ...world, seed: gateway.seed, groups, members }), 0o600);
}
