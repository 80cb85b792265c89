import type { Native } from "../native/native";
import { patience, replyLine } from "./ends";
import { lockDown, perform } from "./perform";
import type { Request } from "./request";

/**
 * A machine for one run of one behavior: a request on the standard input, the reply on the standard output, and the end. What
 * loops, recurses or eats memory ends this process alone, with a status that says so (`native.ts`).
 */

declare const native: Native;

lockDown(native);
native.input((line) => {
  if (typeof line !== "string") return;
  const request = JSON.parse(line) as Request;
  native.print(replyLine(request, perform({ native, patience: patience.process }, request)));
  native.exit(0);
});
