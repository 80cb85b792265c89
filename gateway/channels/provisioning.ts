import { setTimeout as sleep } from "node:timers/promises";
import { decodeBoard } from "../../firmware/core/capability/board";
import { VertebraError } from "../../firmware/core/errors";
import { encodeWorldProvision } from "../../firmware/core/identity/provision";
import { equal, fromHex } from "../../firmware/core/wire/bytes";
import { encodeText } from "../../firmware/core/wire/text";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { BlankBoard } from "../../firmware/link/provisioning";
import { nameOfLink } from "../avatars/address";
import type { Gateway } from "../gateway";
import { newcomersWorld, newMember } from "../world/growing";
import { readLinks, withLink, writeLinks } from "../world/links";
import { type MadeBoard, madeBoard, rememberMade } from "../world/making";
import { readDefinition } from "../world/world";
import { type DefinedJson, define, tried } from "./defining";
import { newcomerOf } from "./newcomer";
import { beforeEnd } from "./pushing";

/** A blank board that is to become a member over its own cable. */
export interface ProvisionAsked {
  readonly port: string;
  readonly baudRate: number;
  /** What the world is to call it; empty for a name after its kind. */
  readonly name: string;
  /** The text of its board.json; empty for that of its kind in boards/. */
  readonly board: string;
  readonly labels: readonly string[];
  readonly dry: boolean;
}

/** What `--json` prints of it. */
export interface ProvisionedJson extends DefinedJson {
  readonly name: string;
  readonly kind: string;
  readonly port: string;
}

/** How long a board that has its identity may take until it is heard as a member, ms: it begins anew, and shakes hands. */
const patienceMs = 30_000;

/**
 * Gives the blank board on a port an identity of this world, and makes it a member once it is heard as the one that it made itself. What was ended in
 * the middle is gone on with by whoever asks again. Throws `steward-needed`, `provision-…`, `board-…`, `name…` and `label`.
 */
export function provisionBoard(gateway: Gateway, asked: ProvisionAsked, ending: AbortSignal): Promise<ProvisionedJson> {
  return beforeEnd(provision(gateway, asked, ending), ending);
}

async function provision(gateway: Gateway, asked: ProvisionAsked, ending: AbortSignal): Promise<ProvisionedJson> {
  const { crypto, world, links } = gateway;
  tried(gateway, []);
  const address = { kind: "serial", path: asked.port, baudRate: asked.baudRate } as const;
  let there: Named | undefined;
  const blank = await links.provision(
    address,
    {
      worldFor(board) {
        there = named(gateway, asked, board);
        // Whatever of it can't be defined is found before the board is given anything.
        newMember(crypto, world, there.name, there.definition, asked.labels, unknownYet);
        return asked.dry ? undefined : encodeWorldProvision(newcomersWorld(newcomerOf(gateway)));
      },
      prepared: (made) => rememberMade(world, { ...there!, made }),
    },
    ending,
  );
  if (blank !== undefined) {
    return { ...tried(gateway, []), name: there!.name, kind: blank.kind, port: asked.port };
  }
  if (asked.dry) throw hasOne(asked.port, "an identity of this world already");
  links.open(address, false);
  const avatar = await heardOn(gateway, nameOfLink(address), ending);
  return { ...(await admit(gateway, asked, avatar, ending)), port: asked.port };
}

/** Keys for a look at what would be defined. */
const unknownYet = { avatar: new Uint8Array(32), key: new Uint8Array(32) };

type Named = Omit<MadeBoard, "made">;

/** Throws `board-other` for one of another kind than it was said to be, and `board-kind`. */
function named({ world }: Gateway, asked: ProvisionAsked, { kind }: BlankBoard): Named {
  // It names a file here.
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(kind)) throw noKind(asked.port, kind);
  const definition = asked.board === "" ? new Uint8Array(readDefinition(kind)) : encodeText(asked.board);
  const said = decodeBoard(definition).kind;
  if (said !== kind) {
    throw new VertebraError(
      "board-other",
      `The board on ${asked.port} is a ${kind}, and was said to be a ${said}`,
      "Look which board is on that port, or leave --kind out.",
    );
  }
  if (asked.name !== "") {
    if (world.catalog.members.some((member) => member.name === asked.name)) {
      throw new VertebraError(
        "name-taken",
        `There is a member '${asked.name}' in this world already`,
        "Choose another name.",
      );
    }
    return { name: asked.name, definition };
  }
  const taken = new Set(world.catalog.members.map((member) => member.name));
  for (let number = 1; ; number++)
    if (!taken.has(`${kind}-${number}`)) return { name: `${kind}-${number}`, definition };
}

function noKind(port: string, kind: string): VertebraError {
  return new VertebraError(
    "board-kind",
    `The board on ${port} says that it is a '${kind}', which is no name of a kind of boards`,
    "Flash it with firmware of this release.",
  );
}

/** The avatar at the other end of a link, once a session stands there. Throws `provision-unheard`. */
async function heardOn(gateway: Gateway, link: string, ending: AbortSignal): Promise<AvatarId> {
  const until = performance.now() + patienceMs;
  while (performance.now() < until) {
    const { avatar } = gateway.status().links.find(({ address }) => address === link) ?? {};
    if (avatar !== undefined) return fromHex(avatar);
    await sleep(50, undefined, { signal: ending });
  }
  throw new VertebraError(
    "provision-unheard",
    `The board on ${link} was not heard for ${patienceMs / 1_000} s after it was given its identity`,
    "See that it has power, then run the command again: it goes on where it was.",
  );
}

/** Makes it a member, and its port a link that is opened at each start. */
async function admit(
  gateway: Gateway,
  { port, baudRate, labels }: ProvisionAsked,
  avatar: AvatarId,
  ending: AbortSignal,
): Promise<Omit<ProvisionedJson, "port">> {
  const { crypto, world } = gateway;
  const found = madeBoard(world, avatar);
  if (found === undefined) throw hasOne(port, whoseItIs(gateway, avatar));
  const { name, made, definition } = found;
  const { kind } = decodeBoard(definition);
  const all = newMember(crypto, world, name, definition, labels, { avatar, key: made.staticKey });
  const missing = all.filter(
    (each) => each.kind !== "group" || world.catalog.groups.every((group) => group.name !== each.name),
  );
  if (missing.length === 0) throw hasOne(port, `an identity already: it is ${name}, a member of this world`);
  const defined = await define(gateway, missing, ending);
  keepLink(world.directory, port, baudRate);
  return { ...defined, name, kind };
}

function whoseItIs({ world: { catalog } }: Gateway, avatar: AvatarId): string {
  return catalog.members.some((member) => equal(member.avatar, avatar))
    ? `an identity already: it is ${catalog.memberName(avatar)}, a member of this world`
    : "an identity of this world that another gateway gave it, which is to make it a member";
}

function keepLink(directory: string, path: string, baudRate: number): void {
  const links = readLinks(directory);
  const address = { kind: "serial", path, baudRate } as const;
  if (!links.some((link) => nameOfLink(link) === nameOfLink(address))) writeLinks(directory, withLink(links, address));
}

function hasOne(port: string, what: string): VertebraError {
  return new VertebraError(
    "board-provisioned",
    `The board on ${port} has ${what}`,
    "If it is to be another, erase its flash by hand, and run the command again.",
  );
}
