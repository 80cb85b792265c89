import { contentKey } from "../core/block/records";
import type { SagaDefinition } from "../core/definitions/definition";
import { VertebraError } from "../core/errors";
import { decodeParts } from "../core/saga/deployed";
import { decodeBehavior } from "../core/saga/structures";
import { equal, toHex } from "../core/wire/bytes";
import { hash, type Sha256 } from "../core/wire/hash";
import { decodeText } from "../core/wire/text";

/** A saga that was deployed for this participant, in all versions that it knows. */
export interface Deployment {
  /** In hex: that of its states; undefined of those that the world was made with, which share a conductor. */
  readonly stateGroup: string | undefined;
  /** Of its conductor (`ConductorOptions`). */
  readonly lane: number;
  readonly versions: SagaDefinition[];
  /** How many of these its conductor knows. */
  taken: number;
  /** The texts of modules by the hex of their hash, as far as they are here. */
  readonly sources: Map<string, string>;
}

/** Adds a version that was not known. */
export function addVersion({ versions }: Deployment, saga: SagaDefinition): void {
  if (!versions.some((each) => equal(each.parts, saga.parts))) versions.push(saga);
}

/** Whether its conductor has to be made anew: it doesn't know all versions. */
export function isOutdated({ versions, taken, stateGroup }: Deployment): boolean {
  return stateGroup !== undefined && taken < versions.length;
}

/**
 * The hash in hex and the text of its source, of the pieces in the store of the world of this tag. Throws `saga-source` where one is not
 * there, and `text-…` where it is no text.
 */
export function sourceFrom(
  crypto: Sha256,
  { name, version, size, chunks, parts }: SagaDefinition,
  read: (key: string) => Uint8Array | undefined,
  tag: string,
): readonly [hash: string, text: string] {
  const source = new Uint8Array(size);
  let at = 0;
  for (const each of chunks) {
    const piece = read(contentKey(tag, toHex(each)));
    if (piece === undefined || at + piece.length > size) throw notWhole(name, version);
    source.set(piece, at);
    at += piece.length;
  }
  const id = hash(crypto, "source", source);
  const { behaviors } = decodeParts(parts);
  if (at < size || !behaviors.every((each) => equal(decodeBehavior(each).source, id))) throw notWhole(name, version);
  return [toHex(id), decodeText(source)];
}

function notWhole(name: string, version: number): VertebraError {
  return new VertebraError(
    "saga-source",
    `The source of saga ${name} v${version} is not what its definition says of it`,
    "It runs nowhere. Deploy it anew, as another version.",
  );
}
