import "../../../manifests/noble/text-encoder";
import { firstEntry } from "./first-entry";

/** Prints as it is, without a line's end. */
declare function trace(text: string): void;

for (const line of firstEntry()) trace(`${line}\n`);
