import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { definitionsName, definitionsPactBytes } from "../../firmware/core/definitions/definition";
import { VertebraError } from "../../firmware/core/errors";
import { avatarSeed } from "../../firmware/core/identity/avatar";
import {
  decodeProvision,
  encodeProvision,
  type Provision,
  type ProvisionedWorld,
} from "../../firmware/core/identity/provision";
import { worldTag } from "../../firmware/core/identity/world";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { Crypto, Random } from "../../firmware/ports";
import { asVertebraError } from "../system/errors";
import { type Catalog, createCatalog, isGateway } from "./catalog";
import { configPath, configText, readConfig } from "./config";
import { readDefined } from "./defined-cache";
import { putDirectory, writeWhole } from "./files";
import { type LaidOut, layOutWorld, type WorldPlan } from "./layout";

/** A gateway's world directory, opened. */
export interface World {
  readonly directory: string;
  /** The hex of the worldTag: public. */
  readonly tag: string;
  /** Secret. */
  readonly seed: Uint8Array;
  /** This gateway's name among the members. */
  readonly own: string;
  readonly provision: ProvisionedWorld;
  /** What it was made with, and what was defined since, as far as this gateway knows. */
  readonly catalog: Catalog;
  /** Those that are or were to run by this directory, in the order in which they came. */
  readonly boards: readonly Board[];
}

/** A board of the world, and the places of what belongs to it. */
export interface Board {
  readonly name: string;
  readonly avatar: AvatarId;
  readonly provisionFile: string;
  /** What it is: its `board.json`. */
  readonly definitionFile: string;
  readonly flashFile: string;
  /** Where its pseudo-terminal is found while it runs on this machine. */
  readonly terminal: string;
}

/**
 * Makes the world of a plan in `directory`, all of it or nothing. Throws `world-exists`, and what a plan that can't be laid out throws.
 */
export function createWorld(crypto: Crypto, random: Random, directory: string, plan: WorldPlan): World {
  const target = resolve(directory);
  if (existsSync(target)) {
    throw new VertebraError(
      "world-exists",
      `${target} exists already`,
      "Give another --dir, or remove it if nobody needs what is in it: its store can't be made again.",
    );
  }
  const laidOut = layOutWorld(crypto, random, plan);
  try {
    mkdirSync(dirname(target), { recursive: true });
    putDirectory(target, (draft) => writeWorld(draft, laidOut));
  } catch (error) {
    throw asVertebraError(error, `No world can be made in ${target}`);
  }
  return openWorld(crypto, target);
}

/** So many boards of the kind `linux`, and no sagas. */
export function plainWorld(boards: number): WorldPlan {
  return { boards: Array.from({ length: boards }, () => readDefinition("linux")), sagas: [] };
}

/** What a board of a kind is: the `board.json` of boards/KIND, or of the file of that name. Throws `board-kind`. */
export function readDefinition(kind: string): Uint8Array {
  const known = fileURLToPath(new URL(`../../boards/${kind}/board.json`, import.meta.url));
  const path = [known, kind].find((each) => existsSync(each));
  const remedy = "Give a board of boards/, or the path of a board.json.";
  if (path === undefined) {
    throw new VertebraError(
      "board-kind",
      `There is no board '${kind}': neither a folder of boards/, nor a file`,
      remedy,
    );
  }
  try {
    return readFileSync(path);
  } catch (error) {
    throw new VertebraError("board-kind", asVertebraError(error, `The board ${kind} can't be read`).message, remedy);
  }
}

/** Reads the world of `directory`. Errors: those of `readConfig`. */
export function openWorld(crypto: Crypto, directory: string): World {
  const place = resolve(directory);
  const config = readConfig(place);
  const { worldId, seed, stewards, pacts, sagas, definitions, epoch } = config;
  const groups = config.groups.map((group) => group.bytes);
  const named = [...config.groups, ...(definitions ? [{ name: definitionsName, bytes: definitions }] : [])];
  const catalog = createCatalog(crypto, [...pacts, definitionsPactBytes()], named, config.members);
  for (const entry of readDefined(place)) catalog.take(entry);
  const avatar = crypto.signer(avatarSeed(crypto, seed, worldId)).publicKey;
  const given = { ...(definitions && { definitions }), ...(epoch && { epoch }) };
  return {
    directory: place,
    tag: toHex(worldTag(crypto, worldId)),
    seed,
    own: catalog.memberName(avatar),
    provision: { ...{ worldId, stewards, pacts, sagas, groups, readings: [] }, ...given },
    catalog,
    get boards() {
      return boardsOf(catalog, place);
    },
  };
}

function boardsOf({ members }: Catalog, place: string): Board[] {
  return members
    .filter((member) => !isGateway(member))
    .map(({ name, avatar }) => ({ name, avatar, ...boardFiles(place, name) }));
}

/** The board called so. Throws `board-unknown`. */
export function boardOf(world: World, name: string): Board {
  const board = world.boards.find((each) => each.name === name);
  if (board) return board;
  const names = world.boards.map((each) => each.name).join(", ");
  throw new VertebraError(
    "board-unknown",
    `This world has no board '${name}'`,
    names
      ? `There are: ${names}. Add one with \`vertebra board add NAME\`.`
      : "Add one with `vertebra board add NAME`.",
  );
}

/** Puts a new board's files in their place, all of them or none. Throws `board-files` where those of another are there. */
export function placeBoard(world: World, name: string, provision: Provision, definition: Uint8Array): void {
  const files = boardFiles(world.directory, name);
  const encoded = encodeProvision(provision);
  const begun = provisionAt(files.provisionFile);
  if (begun !== undefined && equal(begun.seed, provision.seed)) {
    // Somebody may have been expelled since, and then it comes in a later epoch.
    writeWhole(files.provisionFile, encoded, 0o600);
    writeWhole(files.definitionFile, definition, 0o644);
    return;
  }
  if (existsSync(files.place)) {
    throw new VertebraError(
      "board-files",
      `${files.place} is there already, and the world has no board '${name}'`,
      "Move it away if nobody needs what is in it, or choose another name.",
    );
  }
  mkdirSync(dirname(files.place), { recursive: true, mode: 0o700 });
  try {
    putDirectory(files.place, (draft) => writeBoard(draft, provision, definition));
  } catch (error) {
    throw asVertebraError(error, `The files of ${name} can't be written`);
  }
}

/** What a board was provisioned with, where its file is here. Throws as `decodeProvision`. */
export function provisionAt(provisionFile: string): Provision | undefined {
  return existsSync(provisionFile) ? decodeProvision(new Uint8Array(readFileSync(provisionFile))) : undefined;
}

const fileNames = { definition: "board.json", provision: "provision" };

export function boardFiles(directory: string, name: string) {
  const place = join(directory, "boards", name);
  return {
    place,
    definitionFile: join(place, fileNames.definition),
    provisionFile: join(place, fileNames.provision),
    flashFile: join(place, "flash"),
    terminal: join(place, "terminal"),
  };
}

function writeWorld(draft: string, { config, boards }: LaidOut): void {
  for (const { name, provision, definition } of boards) {
    const { place } = boardFiles(draft, name);
    mkdirSync(place, { recursive: true, mode: 0o700 });
    writeBoard(place, provision, definition);
  }
  writeWhole(configPath(draft), configText(config), 0o600);
}

function writeBoard(place: string, provision: Provision, definition: Uint8Array): void {
  writeWhole(join(place, fileNames.provision), encodeProvision(provision), 0o600);
  writeWhole(join(place, fileNames.definition), definition, 0o644);
}
