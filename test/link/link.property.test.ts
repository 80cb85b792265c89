import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { equal } from "../../firmware/core/wire/bytes";
import { encodeFrame, type Kind } from "../../firmware/link/frames";
import { linkStats } from "../../firmware/link/link";
import { bothUp, createPair, message, type Pair } from "./pair";
import { toyCurves } from "./toy-curves";

const crypto = toyCurves();

type Fate =
  | { readonly what: "send"; readonly left: boolean; readonly length: number }
  | { readonly what: "run"; readonly ms: number }
  | { readonly what: "cut" }
  | { readonly what: "plug" }
  | { readonly what: "lose"; readonly every: number }
  | { readonly what: "garbage"; readonly left: boolean; readonly bytes: Uint8Array; readonly kind: number };

const fate: fc.Arbitrary<Fate> = fc.oneof(
  fc.record({ what: fc.constant("send" as const), left: fc.boolean(), length: fc.integer({ min: 2, max: 1500 }) }),
  fc.record({ what: fc.constant("run" as const), ms: fc.constantFrom(1, 2, 3, 7, 60, 400, 3000, 20_000) }),
  fc.record({ what: fc.constant("cut" as const) }),
  fc.record({ what: fc.constant("plug" as const) }),
  fc.record({ what: fc.constant("lose" as const), every: fc.constantFrom(0, 0, 2, 3, 7) }),
  fc.record({
    what: fc.constant("garbage" as const),
    left: fc.boolean(),
    bytes: fc.uint8Array({ maxLength: 100 }),
    kind: fc.nat({ max: 10 }),
  }),
);

function suffer(pair: Pair, each: Exclude<Fate, { what: "send" }>): void {
  if (each.what === "run") pair.run(each.ms);
  else if (each.what === "cut") pair.cut();
  else if (each.what === "plug") pair.plug();
  else if (each.what === "lose") {
    pair.wire = ({ bytes, count }) => (each.every > 0 && count % each.every === 0 ? [] : [{ bytes }]);
  } else {
    const to = each.left ? pair.left : pair.right;
    pair.inject(to, each.bytes);
    pair.inject(to, encodeFrame(each.kind as Kind, each.bytes));
  }
}

describe("a link, whatever its wire goes through,", () => {
  it("delivers what it took once and in order, as long as both ends have their RAM", () => {
    fc.assert(
      fc.property(fc.array(fate, { maxLength: 40 }), fc.nat(), (fates, seed) => {
        const pair = createPair(crypto, { seed });
        pair.start();
        pair.until(() => bothUp(pair), 1000);
        const sent: { left: Uint8Array[]; right: Uint8Array[] } = { left: [], right: [] };
        for (const [index, each] of fates.entries()) {
          if (each.what === "send") {
            const bytes = message(index, each.length);
            const end = each.left ? pair.left : pair.right;
            if (pair.send(end, bytes)) (each.left ? sent.left : sent.right).push(bytes);
          } else suffer(pair, each);
        }
        pair.wire = ({ bytes }) => [{ bytes }];
        pair.plug();
        pair.run(60_000);
        expect(bothUp(pair)).toBe(true);
        for (const [to, expected] of [
          [pair.right, sent.left],
          [pair.left, sent.right],
        ] as const) {
          const { handshakes } = linkStats(to.link);
          // A second handshake, where frames were lost for too long, drops what was on its way; never more than that.
          let at = 0;
          for (const bytes of to.messages) {
            while (at < expected.length && !equal(expected[at]!, bytes)) at++;
            expect(at++).toBeLessThan(expected.length);
          }
          if (handshakes === 1) expect(to.messages.length).toBe(expected.length);
        }
      }),
      { numRuns: 60 },
    );
  });
});
