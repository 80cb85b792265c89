import type { Room } from "../ports";
import type { GroupDefinition } from "./definitions/definition";
import type { RolloutDefinition, SagaDefinition } from "./definitions/saga-definition";
import type { VertebraError } from "./errors";
import type { AvatarId, Hash } from "./wire/types";

/** A link as the driver numbers it; never used again for another link while the participant lives. */
export type PeerId = number;

/** What drives a participant. Worlds are named by the hex of their worldTag. */
export type Event =
  /** The first after construction: raises the epoch, and sets the first alarm. */
  | { readonly kind: "boot" }
  /** A session stands with this avatar; its attestation was verified by the link. Without `room` the link takes everything at once. */
  | {
      readonly kind: "connected";
      readonly world: string;
      readonly peer: PeerId;
      readonly avatar: AvatarId;
      /** By the key of which epoch it was made (`link`); the present one where nothing is said. */
      readonly epoch?: number;
      readonly room?: Room;
    }
  /**
   * Much of what was sent to this peer has left, or its link is faster or slower than it was: `room` is what there is now. It counts
   * down by the bytes of each `send`; a link that is never full need not tell it again.
   */
  | { readonly kind: "room"; readonly peer: PeerId; readonly room: Room }
  | { readonly kind: "disconnected"; readonly peer: PeerId }
  | { readonly kind: "message"; readonly peer: PeerId; readonly bytes: Uint8Array }
  /**
   * An entry of encoded bytes (`pact/entry`), with its id where a saga produced it; `token` is chosen by the driver and given back
   * in `sealed` or `refused`.
   */
  | {
      readonly kind: "push";
      readonly world: string;
      readonly group: Hash;
      readonly entry: Uint8Array;
      readonly id: Hash | null;
      readonly token: number;
    }
  /**
   * The writer of a push has given it up. Where it is not in a block yet, it is taken out of the buffer and `refused` with
   * `entry-withdrawn`; where it is, it is sealed, and nothing comes of this.
   */
  | { readonly kind: "withdraw"; readonly world: string; readonly group: Hash; readonly token: number }
  /** Seal what is buffered now, in every group of every world. */
  | { readonly kind: "flush" }
  /** The answer to a `read` action: the value, or undefined where the store has none. */
  | { readonly kind: "record"; readonly request: number; readonly value: Uint8Array | undefined }
  /** The store can't give back this final block any more: the participant asks for it whoever has it. */
  | { readonly kind: "lost"; readonly world: string; readonly group: Hash; readonly position: number }
  /** All is over that was begun by a saga which was undeployed, as its driver finds: the participant lets go of it, or is told again. */
  | { readonly kind: "let-go"; readonly world: string; readonly stateGroup: Hash }
  /** The time given in the last `wake` has come. */
  | { readonly kind: "alarm" };

/** A final block, told once in the order of its group. */
export interface FinalBlock {
  readonly world: string;
  readonly group: Hash;
  readonly position: number;
  /** Sequence of its first entry in the group. */
  readonly firstEntry: number;
  readonly issuer: AvatarId;
  readonly counter: number;
  readonly time: number;
  readonly block: Hash;
  /** How many entries it has. */
  readonly count: number;
  /** Encoded entries, those of sagas with their ids (`pact/produced`); null where the pact is private and only the header is known. */
  readonly entries: readonly Uint8Array[] | null;
  /** Indexes of entries that repeat an id which was final before: they keep their sequence, and nobody is told of them. */
  readonly repeats: readonly number[];
}

/** A final block that was lost here, as another participant gave it: its proof was verified, and its entries are its own. */
export interface RecoveredBlock {
  readonly world: string;
  readonly group: Hash;
  readonly position: number;
  /** null in a group of one owner, whose proof does not say it. */
  readonly firstEntry: number | null;
  readonly count: number;
  /** An encoded FinalityProof. */
  readonly proof: Uint8Array;
  readonly entries: readonly Uint8Array[] | null;
}

/**
 * What a participant asks of its driver. Within one answer the order is a contract: writes, then sends, then what is
 * delivered, then the wake. The driver makes the writes durable, in one piece, before it does any of the rest.
 */
export type Action =
  | { readonly kind: "write"; readonly puts: ReadonlyMap<string, Uint8Array>; readonly deletes: ReadonlySet<string> }
  | { readonly kind: "send"; readonly peer: PeerId; readonly bytes: Uint8Array }
  /** Read one record of the store and answer with `record`. */
  | { readonly kind: "read"; readonly key: string; readonly request: number }
  /** Close this peer's session. */
  | { readonly kind: "cut"; readonly peer: PeerId; readonly reason: VertebraError }
  /** These pushes are durable, in this block: from here on they will become final. */
  | {
      readonly kind: "sealed";
      readonly world: string;
      readonly group: Hash;
      readonly block: Hash;
      readonly counter: number;
      readonly tokens: readonly number[];
    }
  /** This block of one's own was sealed in a group that was retired, and goes into the group that succeeds it: it will become final there. */
  | {
      readonly kind: "moved";
      readonly world: string;
      readonly group: Hash;
      readonly block: Hash;
      readonly to: { readonly group: Hash; readonly block: Hash };
    }
  /** This push was not taken, was withdrawn, or (policy `replace-oldest`, `keep-latest`) was dropped from the buffer. */
  | { readonly kind: "refused"; readonly token: number; readonly error: VertebraError }
  | { readonly kind: "final"; readonly block: FinalBlock }
  /** What was told to be `lost` is here again: put it back into the history. */
  | { readonly kind: "recovered"; readonly block: RecoveredBlock }
  /** A steward defined this group, which the participant owns or relays from now on. */
  | { readonly kind: "defined"; readonly world: string; readonly group: GroupDefinition }
  /** A steward retired this group; what is pushed into it goes to its successor, where this participant may write there. */
  | { readonly kind: "retired"; readonly world: string; readonly group: Hash; readonly successor: Hash | null }
  /**
   * A steward deployed this saga for a state group that the participant owns or relays: told when it is known, and again once all of its
   * source is in the store, from where it is to be read (`contentKey`).
   */
  | { readonly kind: "deployed"; readonly world: string; readonly saga: SagaDefinition; readonly whole: boolean }
  /**
   * So many rings of a rollout of such a saga are open from now on; none, where it was taken back. It is named by the sequence of its
   * definition, and told at each start.
   */
  | {
      readonly kind: "rollout";
      readonly world: string;
      readonly sequence: number;
      readonly rollout: RolloutDefinition;
      readonly open: number;
    }
  /** Nobody begins by the saga of this name and state group any more: told at each start, and at last that nothing of it is kept here (`gone`). */
  | {
      readonly kind: "undeployed";
      readonly world: string;
      readonly saga: string;
      readonly stateGroup: Hash;
      readonly gone: boolean;
    }
  /**
   * This avatar is in the world no more, which is in this epoch of its membership from now on. Sessions with it are to be ended, and all
   * others to be renewed (`link`).
   */
  | { readonly kind: "expelled"; readonly world: string; readonly avatar: AvatarId; readonly epoch: number }
  /** Something a person should know; the participant goes on. */
  | { readonly kind: "notice"; readonly world: string; readonly error: VertebraError }
  /** Send `alarm` at this monotonic time, in place of any earlier wish. */
  | { readonly kind: "wake"; readonly at: number };
