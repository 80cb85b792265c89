import { movingPins } from "./moving-pins";

/** Prints as it is, without a line's end. */
declare function trace(text: string): void;

for (const line of movingPins()) trace(`${line}\n`);
