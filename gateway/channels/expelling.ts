import type { Definition } from "../../firmware/core/definitions/definition";
import { type ExpelDefinition, sealEpoch } from "../../firmware/core/definitions/epoch-definition";
import { VertebraError } from "../../firmware/core/errors";
import { avatarSeed, noiseStatic } from "../../firmware/core/identity/avatar";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import type { AvatarId } from "../../firmware/core/wire/types";
import type { Gateway } from "../gateway";
import { nodeRandom } from "../participant/platform";
import { groupsOwnedBy, isExpelled, type Member } from "../world/catalog";
import { memberCalled } from "../world/growing";
import { stewardsNeeded, stewardsOf } from "../world/stewarding";
import { boardFiles, provisionAt, type World } from "../world/world";
import { type DefinedJson, propose, tried } from "./defining";

/** How a steward expels a member: all others get the secret of the next epoch first, and then the expulsion is defined (PROTOCOL 10). */

export interface ExpelAsked {
  readonly name: string;
  readonly dry: boolean;
}

/** What `--json` prints of it. */
export interface ExpelledJson extends DefinedJson {
  /** Groups that it owns: what others agree on there goes on as far as their quorum does without it. */
  readonly groups: readonly string[];
}

/** Another steward's expulsion may become final first: then what was sealed is void, and all is made anew. */
const mostTries = 4;

/**
 * Errors: `member-unknown`, `member-expelled`, `expel-self`, `expel-steward`, `member-key`, `expel-overtaken`, and those of `tried` and
 * `propose`.
 */
export async function expelMember(gateway: Gateway, asked: ExpelAsked, ending: AbortSignal): Promise<ExpelledJson> {
  const { catalog } = gateway.world;
  const avatar = checkExpulsion(gateway, asked.name);
  const groups = groupsOwnedBy(catalog, avatar).map(({ name }) => name);
  for (let tries = 0; tries < mostTries; tries++) {
    const definitions = expulsionOf(gateway, avatar);
    const would = tried(gateway, definitions);
    if (asked.dry) return { ...would, groups };
    const defined = await defineInTurn(gateway, definitions, ending);
    if (isExpelled(catalog, avatar)) return { ...defined, groups };
  }
  throw new VertebraError(
    "expel-overtaken",
    `${asked.name} was not expelled: other stewards expelled others at the same time, ${mostTries} times`,
    "Ask for it again.",
  );
}

/** Each once the one before is final: where a part of the secret is refused, nobody is expelled without it. */
async function defineInTurn(gateway: Gateway, definitions: readonly Definition[], ending: AbortSignal) {
  const defined: DefinedJson["defined"][number][] = [];
  for (const each of definitions) defined.push(...(await propose(gateway, [each], ending)).defined);
  return { dry: false, defined };
}

/** The member's avatar. Throws why it is not to be expelled. */
function checkExpulsion({ world, participant }: Gateway, name: string): AvatarId {
  const { catalog, tag } = world;
  const { avatar } = memberCalled(catalog, name);
  const before = catalog.expelled.find((each) => equal(each.avatar, avatar));
  if (before !== undefined) {
    throw new VertebraError(
      "member-expelled",
      `${name} was expelled already, in epoch ${before.epoch} of the membership`,
      "Nothing is left to be done: it neither connects nor reads what is new.",
    );
  }
  if (toHex(avatar) === participant.status(tag).avatar) {
    throw new VertebraError(
      "expel-self",
      "This gateway can't expel itself: what it defines next would be nobody's word",
      "Ask another steward to; in a world with one gateway make a new world.",
    );
  }
  const stewards = stewardsOf(world).owners;
  const left = stewards.filter((each) => !equal(each, avatar) && !isExpelled(catalog, each));
  const needed = stewardsNeeded(stewards.length);
  if (stewards.some((each) => equal(each, avatar)) && left.length < needed) {
    throw new VertebraError(
      "expel-steward",
      `${name} is a steward, and without it ${left.length} of ${stewards.length} are left, of whom ${needed} must agree on what is defined: nothing could be defined any more`,
      `Revoke it first, for which it must be there: \`vertebra steward revoke ${name}\`. Where it is gone for good, make a new world without it.`,
    );
  }
  return avatar;
}

/** What is to be defined, in this order. Throws `member-key`. */
export function expulsionOf({ crypto, world }: Gateway, avatar: AvatarId): Definition[] {
  const { catalog } = world;
  const remaining = catalog.members.filter(
    (member) => !equal(member.avatar, avatar) && !isExpelled(catalog, member.avatar),
  );
  const random = nodeRandom();
  const keys = remaining.map((member) => ({ avatar: member.avatar, key: keyOf(crypto, world, member) }));
  const parts = sealEpoch(crypto, random.bytes(32), random.bytes(32), keys);
  const epoch = catalog.expelled.length + 1;
  const expel: ExpelDefinition = { kind: "expel", avatar, epoch, secret: parts[0]!.secret, time: Date.now() };
  return [...parts, expel];
}

/** A member's static key: as it was defined; else from the provision that this gateway made for it, as earlier versions did not define it. Throws `member-key`. */
function keyOf(crypto: Gateway["crypto"], world: World, { name, avatar, key }: Member): Uint8Array {
  if (key !== undefined) return key;
  const { worldId } = world.provision;
  const { provisionFile } = boardFiles(world.directory, name);
  for (const seed of [world.seed, provisionAt(provisionFile)?.seed]) {
    if (seed === undefined) continue;
    const secret = avatarSeed(crypto, seed, worldId);
    if (equal(crypto.signer(secret).publicKey, avatar)) return crypto.x25519Public(noiseStatic(crypto, secret));
  }
  throw new VertebraError(
    "member-key",
    `The key of ${name} is not known here, so nothing can be sealed to it, and it would be left out`,
    `Put its provision back to ${provisionFile}; if it is gone for good, expel it first.`,
  );
}
