import type { Bounds } from "../../firmware/core/bounds";
import type { GivenEpoch } from "../../firmware/core/identity/membership";
import type { WorldProvision } from "../../firmware/core/identity/provision";
import type { Pact, Policy } from "../../firmware/core/wire/types";
import type { Crypto } from "../../firmware/ports";

/** What a network of participants under virtual time is made of (`network`). */

export interface GroupPlan {
  readonly name: string;
  readonly owners: readonly string[];
  readonly policy?: Partial<Policy>;
  /** The group that is retired and goes on in this one. */
  readonly succeeds?: string;
  /** Of its entries, where they are other than a number. */
  readonly fields?: Pact["fields"];
  /** Entries have a text beside their number, so that they can be large. */
  readonly texts?: boolean;
}

export interface NetworkPlan {
  readonly members: readonly string[];
  readonly groups: readonly GroupPlan[];
  /** Pairs that are linked; all with the first, where absent. */
  readonly links?: readonly (readonly [string, string])[];
  readonly delay?: number;
  readonly crypto?: Crypto;
  /** Members that follow every group, and so relay between those that own them. */
  readonly followers?: readonly string[];
  /** Groups that members are provisioned with though they neither own nor follow them, by member. */
  readonly knowing?: Readonly<Record<string, readonly string[]>>;
  readonly delayOf?: (from: string, to: string) => number;
  /** Who own the group of definitions, which all members follow; without them nothing can be defined. */
  readonly stewards?: readonly string[];
  /** Who holds the World id, and is no member by name. */
  readonly strangers?: readonly string[];
  /** What the provision of a member says of the epoch in which it comes. */
  readonly given?: (name: string) => GivenEpoch | undefined;
  /** What the provision of a member says of the definitions, where it does not follow them from the first one. */
  readonly newcomer?: (name: string) => Pick<WorldProvision, "stewards" | "definitions" | "definedFrom"> | undefined;
  /** Bytes of memory that a member has for groups which are defined. */
  readonly spareBytes?: Readonly<Record<string, number>>;
  /** Members whose store is a journal in flash, of so many sectors of 4 KB. */
  readonly flash?: Readonly<Record<string, number>>;
  /** Members that hold less than a machine with memory by the megabyte. */
  readonly bounds?: Readonly<Record<string, Bounds>>;
}
