import { join } from "node:path";
import { VertebraError } from "../../firmware/core/errors";
import { toHex } from "../../firmware/core/wire/bytes";

/** A store's directory, and what lies in it. */
export interface StorePlaces {
  readonly directory: string;
  /** What is not final. */
  readonly journal: string;
  /** A journal that can't be read, under the name by which a person says that what it promised may be forgotten. */
  readonly givenUp: string;
  /** What is. */
  readonly history: string;
  /** The pieces of what was deployed. */
  readonly content: string;
}

export function placesIn(directory: string): StorePlaces {
  return {
    directory,
    journal: join(directory, "journal"),
    givenUp: join(directory, "journal.given-up"),
    history: join(directory, "history"),
    content: join(directory, "content"),
  };
}

export function foreignStore(directory: string, found: Uint8Array, owner: Uint8Array): VertebraError {
  return new VertebraError(
    "store-foreign",
    `The store ${directory} belongs to participant ${toHex(found).slice(0, 16)}…, not to ${toHex(owner).slice(0, 16)}…`,
    "Point to the world directory that this store was made in, or move the store away to begin a new one.",
  );
}
