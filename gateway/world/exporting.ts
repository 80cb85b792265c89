import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Definition } from "../../firmware/core/definitions/definition";
import { VertebraError } from "../../firmware/core/errors";
import { avatarSeed, noiseStatic } from "../../firmware/core/identity/avatar";
import type { GivenEpoch } from "../../firmware/core/identity/membership";
import { noSagas } from "../../firmware/core/identity/provision";
import { equal } from "../../firmware/core/wire/bytes";
import type { Crypto, Random } from "../../firmware/ports";
import { asVertebraError } from "../system/errors";
import { gatewayKind } from "./catalog";
import { configPath, configText, readConfig, readConfigText, type WorldConfig } from "./config";
import { putDirectory, writeWhole } from "./files";
import { avatarOf, checkMemberName, growingWorld } from "./growing";
import { openWorld, type World } from "./world";

/**
 * A further gateway of a world: the one that exports makes it a member, with a seed of its own, and writes a file, of which it is laid
 * out on another machine. All that was defined since the world was made it hears there over its first link.
 */
export interface NewGateway {
  /** Nothing where it is a member already, and its file is written once more. */
  readonly definitions: readonly Definition[];
  readonly file: string;
  readonly config: WorldConfig;
}

/**
 * In this epoch of the membership. Throws `name`, `name-taken` where the name is a board's, `world-fixed`, `export-damaged`, and `member-expelled`: the
 * present epoch's secret would let that one in by another name.
 */
export function newGateway(
  crypto: Crypto,
  random: Random,
  world: World,
  name: string,
  epoch: GivenEpoch | undefined,
): NewGateway {
  checkMemberName(name);
  growingWorld(world);
  const file = join(world.directory, "gateways", `${name}.world`);
  const seed = begunSeed(file) ?? random.bytes(32);
  const made = readConfig(world.directory);
  const secret = avatarSeed(crypto, seed, made.worldId);
  const avatar = crypto.signer(secret).publicKey;
  const key = crypto.x25519Public(noiseStatic(crypto, secret));
  const member = { name, avatar, key, board: gatewayKind };
  const isMember =
    world.catalog.members.some((each) => each.name === name) && equal(avatarOf(world.catalog, name), avatar);
  const members = [...made.members.filter((each) => each.name !== name), member];
  const { worldId, stewards, pacts, definitions } = made;
  const its = { worldId, stewards, pacts, ...(definitions && { definitions }), ...(epoch && { epoch }) };
  return {
    definitions: isMember ? [] : [{ kind: "member", ...member, labels: [] }],
    file,
    config: { ...its, seed, groups: [], sagas: noSagas, members },
  };
}

/** Of one that was exported before, or that something ended before it was defined. */
function begunSeed(file: string): Uint8Array | undefined {
  return existsSync(file) ? readConfigText(readExport(file)).seed : undefined;
}

export function writeExport({ file, config }: NewGateway): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeWhole(file, configText(config), 0o600);
}

/**
 * Lays out the directory of a gateway of what another exported for it, all of it or nothing. Errors: `world-exists`, `export-missing`,
 * `export-open` where others may read its secrets, and `export-damaged`.
 */
export function importWorld(crypto: Crypto, file: string, directory: string): World {
  const target = resolve(directory);
  if (existsSync(target)) {
    throw new VertebraError(
      "world-exists",
      `${target} exists already`,
      "Give another --dir. One that was laid out of this file before goes on there: `vertebra up`.",
    );
  }
  const text = readExport(file);
  try {
    mkdirSync(dirname(target), { recursive: true });
    putDirectory(target, (draft) => writeWhole(configPath(draft), text, 0o600));
  } catch (error) {
    throw asVertebraError(error, `No world can be made in ${target}`);
  }
  return openWorld(crypto, target);
}

function readExport(file: string): string {
  if (!existsSync(file)) {
    throw new VertebraError(
      "export-missing",
      `There is no file ${file}`,
      "Name one that `vertebra world export NAME` wrote.",
    );
  }
  if ((statSync(file).mode & 0o077) !== 0) {
    throw new VertebraError("export-open", `${file} holds secrets and others may read it`, `chmod 600 ${file}`);
  }
  const text = readFileSync(file, "utf8");
  try {
    const config = readConfigText(text);
    return configText(config);
  } catch (error) {
    throw new VertebraError(
      "export-damaged",
      `${file} is no export of a world: ${(error as Error).message}`,
      "Copy it once more; where no whole copy is left, remove it, and export a gateway of another name.",
    );
  }
}
