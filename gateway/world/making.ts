import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { VertebraError } from "../../firmware/core/errors";
import { equal, fromHex, toHex } from "../../firmware/core/wire/bytes";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { MadeIdentity } from "../avatars/provisioner";
import { asVertebraError } from "../system/errors";
import { putDirectory, writeWhole } from "./files";
import { boardFiles, type World } from "./world";

/**
 * Boards that made their seeds themselves: what this gateway knows of each lies beside its board.json, written before the board keeps who it is. So a board
 * that has an identity is one whose keys are known here, whatever ends the gateway or the board in between.
 */

/** One that is to become a member, or has. */
export interface MadeBoard {
  readonly name: string;
  readonly made: MadeIdentity;
  readonly definition: Uint8Array;
}

const fileName = "made.json";
const layout = 1;

/** Remembers who a board of this name is; another that was prepared under it before, and never kept that, is forgotten. Throws `board-files`. */
export function rememberMade({ directory }: World, { name, made, definition }: MadeBoard): void {
  const { place, provisionFile, definitionFile } = boardFiles(directory, name);
  const text = `${JSON.stringify({ layout, avatar: toHex(made.avatar), key: toHex(made.staticKey) }, null, 2)}\n`;
  const write = (into: string) => {
    writeWhole(join(into, "board.json"), definition, 0o644);
    writeWhole(join(into, fileName), text, 0o644);
  };
  if (existsSync(place) && (existsSync(provisionFile) || !existsSync(join(place, fileName)))) {
    throw new VertebraError(
      "board-files",
      `${dirname(definitionFile)} is there already, and is of another board`,
      "Move it away if nobody needs what is in it, or choose another name.",
    );
  }
  try {
    mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
    if (existsSync(place)) write(place);
    else putDirectory(place, write);
  } catch (error) {
    throw asVertebraError(error, `The files of ${name} can't be written`);
  }
}

/** The board of this avatar, where it was prepared by this gateway. */
export function madeBoard({ directory }: World, avatar: AvatarId): MadeBoard | undefined {
  const boards = join(directory, "boards");
  if (!existsSync(boards)) return undefined;
  for (const name of readdirSync(boards)) {
    const made = madeAt(join(boards, name, fileName));
    if (made === undefined || !equal(made.avatar, avatar)) continue;
    return { name, made, definition: new Uint8Array(readFileSync(boardFiles(directory, name).definitionFile)) };
  }
  return undefined;
}

/** Undefined where there is none, and where a person changed it into none. */
function madeAt(path: string): MadeIdentity | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const { avatar, key } = JSON.parse(readFileSync(path, "utf8"));
    return { avatar: fromHex(String(avatar)), staticKey: fromHex(String(key)) };
  } catch {
    return undefined;
  }
}
