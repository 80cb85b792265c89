import type { Crypto, Signer } from "../../ports";
import { VertebraError } from "../errors";
import { toHex } from "../wire/bytes";
import type { AvatarId } from "../wire/types";
import { attest, verifyAttestation } from "./attestation";
import { avatarSeed, noiseStatic } from "./avatar";
import { isExpelled, type Membership, secretOf } from "./membership";
import { worldPsk, worldTag } from "./world";

/** Who may be met, as a participant knows it. */
export interface Members {
  readonly membership: Membership;
  /** Whether it knows an avatar by name. */
  knows(avatar: AvatarId): boolean;
  /** What people call it. */
  nameOf(avatar: AvatarId): string;
}

/**
 * Who a participant is in a world, towards those at the other end of a link: what a handshake needs (PROTOCOL 2), and whom it lets in
 * (PROTOCOL 10). A class, whose methods take no RAM of a board.
 */
export class Credentials {
  readonly worldTag: Uint8Array;
  /** X25519. */
  readonly noiseSecret: Uint8Array;
  readonly attestation: Uint8Array;
  readonly avatar: Signer;
  /** As its participant knows them, which is there before its links. */
  members!: Members;

  /** `seed` and `worldId` are 32 bytes. */
  constructor(
    private readonly crypto: Crypto,
    seed: Uint8Array,
    private readonly worldId: Uint8Array,
  ) {
    const avatar = avatarSeed(crypto, seed, worldId);
    this.worldTag = worldTag(crypto, worldId);
    this.noiseSecret = noiseStatic(crypto, avatar);
    this.attestation = attest(crypto, seed, worldId);
    this.avatar = crypto.signer(avatar);
  }

  get epoch(): number {
    return this.members.membership.keyed;
  }

  psk(epoch: number): Uint8Array | undefined {
    const secret = secretOf(this.members.membership, epoch);
    return secret && worldPsk(this.crypto, this.worldId, secret);
  }

  /** Throws `attestation-…`. */
  verifyAttestation(attestation: Uint8Array): { readonly avatarId: AvatarId } {
    return verifyAttestation(this.crypto, this.worldId, attestation);
  }

  /** Why it is not let in by the key of this epoch: it was expelled; or it comes by a key that others who were have, too, and nobody here knows it. */
  refuses(avatar: AvatarId, epoch: number): VertebraError | undefined {
    const { members } = this;
    if (isExpelled(members.membership, avatar)) return expelled(members.nameOf(avatar));
    if (epoch >= members.membership.epoch || members.knows(avatar)) return undefined;
    return stranger(members.nameOf(avatar), epoch);
  }
}

/** Of who knows no names. */
export function shortName(avatar: AvatarId): string {
  return toHex(avatar).slice(0, 16);
}

function expelled(name: string): VertebraError {
  return new VertebraError(
    "link-expelled",
    `${name} was expelled from the world, and is not let in`,
    "If it is in your hands again, let a steward add it under another name, and provision it anew; else look for who is on the wire.",
  );
}

function stranger(name: string, epoch: number): VertebraError {
  return new VertebraError(
    "link-stranger",
    `${name} came by the key of epoch ${epoch} of the membership, which those have who were expelled since, and no member is known here by that avatar`,
    "Connect it to a gateway, which knows all members. If nobody of yours is that avatar, look for who is on the wire.",
  );
}
