import "../../../manifests/noble/text-encoder";
import { firstSaga } from "./first-saga";

/** Prints as it is, without a line's end. */
declare function trace(text: string): void;

for (const line of firstSaga()) trace(`${line}\n`);
